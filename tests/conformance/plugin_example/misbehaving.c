/* A plug-in that does what none may do, as its endpoint says: "twice", "never", "stranger". */
#include "deliverers/deliverer.h"

#include <string.h>

static const struct outcome taken = {
    .verdict = VERDICT_DELIVERED, .reason = "taken", .peer = "", .answer = ""};

static int misbehaving_open(struct deliverer_host *host, void **ret_self)
{
    *ret_self = host;
    return 0;
}

static bool misbehaving_accepts(void *self, const char *protocol, const char *endpoint,
                                const char **ret_why)
{
    (void)self;
    (void)protocol;
    (void)endpoint;
    (void)ret_why;
    return true;
}

static void misbehaving_deliver(void *self, const struct delivery *const *deliveries,
                                size_t count)
{
    struct deliverer_host *host = self;

    (void)count; /* max_batch is 1 */
    if (strcmp(deliveries[0]->endpoint, "never") == 0) {
        return;
    }
    if (strcmp(deliveries[0]->endpoint, "stranger") == 0) {
        host->settle(host, 4711, &taken);
    }
    host->settle(host, deliveries[0]->id, &taken);
    if (strcmp(deliveries[0]->endpoint, "twice") == 0) {
        host->settle(host, deliveries[0]->id, &taken);
    }
}

static void misbehaving_cancel(void *self, uint64_t delivery_id)
{
    (void)self;
    (void)delivery_id;
}

static void misbehaving_close(void *self)
{
    (void)self;
}

static const char *const protocols[] = {"application", NULL};
static const struct deliverer_option options[] = {{.name = NULL}};

const struct deliverer deliverer_plugin = {
    .abi = DELIVERER_ABI,
    .name = "misbehaving",
    .protocols = protocols,
    .options = options,
    .max_batch = 1,
    .open = misbehaving_open,
    .accepts = misbehaving_accepts,
    .deliver = misbehaving_deliver,
    .cancel = misbehaving_cancel,
    .close = misbehaving_close,
};
