/* The reference deliverer: takes everything and keeps nothing (protocol "null").  Copy this
 * folder to begin another. */
#include "deliverers/deliverer.h"

static int null_open(struct deliverer_host *host, void **ret_self)
{
    *ret_self = host;
    return 0;
}

static bool null_accepts(void *self, const char *protocol, const char *endpoint,
                         const char **ret_why)
{
    (void)self;
    (void)protocol;
    (void)endpoint;
    (void)ret_why;
    return true;
}

static void null_deliver(void *self, const struct delivery *const *deliveries, size_t count)
{
    struct deliverer_host *host = self;
    const struct outcome taken = {
        .verdict = VERDICT_DELIVERED, .reason = "taken", .peer = "", .answer = ""};

    for (size_t i = 0; i < count; i++) {
        host->settle(host, deliveries[i]->id, &taken);
    }
}

static void null_cancel(void *self, uint64_t delivery_id)
{
    (void)self; /* nothing is ever under way */
    (void)delivery_id;
}

static void null_close(void *self)
{
    (void)self;
}

static const char *const null_protocols[] = {"null", NULL};
static const struct deliverer_option null_options[] = {{.name = NULL}};

extern const struct deliverer deliverer_null;

const struct deliverer deliverer_null = {
    .abi = DELIVERER_ABI,
    .name = "null",
    .protocols = null_protocols,
    .options = null_options,
    .max_batch = 16,
    .open = null_open,
    .accepts = null_accepts,
    .deliver = null_deliver,
    .cancel = null_cancel,
    .close = null_close,
};
