/* The example of a plug-in: appends every message to the file that the endpoint names, a line
 * each (protocol "append", endpoint "file:/path"). */
#include "deliverers/deliverer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char scheme[] = "file:";

static int append_open(struct deliverer_host *host, void **ret_self)
{
    *ret_self = host;
    return 0;
}

static bool append_accepts(void *self, const char *protocol, const char *endpoint,
                           const char **ret_why)
{
    (void)self;
    (void)protocol;
    *ret_why = "the endpoint must be file: and an absolute path";
    return strncmp(endpoint, scheme, strlen(scheme)) == 0 && endpoint[strlen(scheme)] == '/';
}

static int append(const struct delivery *delivery)
{
    FILE *file = fopen(delivery->endpoint + strlen(scheme), "a");

    if (file == NULL) {
        return -1;
    }
    size_t written = fwrite(delivery->payload, 1, delivery->payload_size, file);
    int is_bad = written != delivery->payload_size || fputc('\n', file) == EOF;

    return fclose(file) != 0 || is_bad ? -1 : 0;
}

static void append_deliver(void *self, const struct delivery *const *deliveries, size_t count)
{
    struct deliverer_host *host = self;

    for (size_t i = 0; i < count; i++) {
        struct outcome outcome = {
            .verdict = VERDICT_DELIVERED, .reason = "appended", .peer = "", .answer = ""};

        if (append(deliveries[i]) != 0) {
            outcome.verdict = errno == ENOENT ? VERDICT_REFUSED : VERDICT_RETRY;
            outcome.reason = "the file cannot be written";
        }
        host->settle(host, deliveries[i]->id, &outcome);
    }
}

static void append_cancel(void *self, uint64_t delivery_id)
{
    (void)self; /* nothing is ever under way */
    (void)delivery_id;
}

static void append_close(void *self)
{
    (void)self;
}

static const char *const protocols[] = {"append", NULL};
static const struct deliverer_option options[] = {{.name = NULL}};

const struct deliverer deliverer_plugin = {
    .abi = DELIVERER_ABI,
    .name = "append",
    .protocols = protocols,
    .options = options,
    .max_batch = 8,
    .open = append_open,
    .accepts = append_accepts,
    .deliver = append_deliver,
    .cancel = append_cancel,
    .close = append_close,
};
