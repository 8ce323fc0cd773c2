/* What the daemon lends to a deliverer. */
#include "base/log.h"
#include "base/must.h"
#include "outbound/internal.h"

#include <inttypes.h>
#include <string.h>

static struct transport *transport_of(struct deliverer_host *host)
{
    return host->private_data;
}

static void report_bug(struct transport *transport, uint64_t id, const char *what)
{
    transport->outbound->counters.bugs++;
    log_error("deliverer_bug", "deliverer=%s delivery=%" PRIu64 " what=\"%s\"",
              transport->deliverer->name, id, what);
}

static void host_settle(struct deliverer_host *host, uint64_t delivery_id,
                        const struct outcome *outcome)
{
    struct transport *transport = transport_of(host);
    struct map_node *node =
        map_find(&transport->outbound->sendings, text_make(&delivery_id, sizeof delivery_id));
    struct sending *sending = node == NULL ? NULL : container_of(node, struct sending, map);

    if (sending == NULL || sending->transport != transport || sending->state == SENDING_SIGNING
        || sending->state == SENDING_READY) {
        report_bug(transport, delivery_id, "settled what it does not have");
    } else if (sending->state == SENDING_SETTLED) {
        report_bug(transport, delivery_id, "settled it twice");
    } else if (sending->state == SENDING_OVERDUE) {
        sending_give_back(sending); /* reported already; now its memory is free */
    } else {
        sending_settle(sending, outcome);
    }
}

static void host_log(struct deliverer_host *host, int level, const char *line)
{
    enum log_level known =
        level < LOG_ERROR || level > LOG_DEBUG ? LOG_INFO : (enum log_level)level;

    log_line(known, "deliverer", "deliverer=%s %s", transport_of(host)->deliverer->name, line);
}

static bool is_numeric(const char *address)
{
    return strchr(address, ':') != NULL || strspn(address, "0123456789.") == strlen(address);
}

static bool host_may_connect(struct deliverer_host *host, const char *address, uint16_t port,
                             const char **ret_why)
{
    struct transport *transport = transport_of(host);
    const struct egress *egress = transport->outbound->egress;
    struct text text = text_from(address);
    bool is_allowed = is_numeric(address)
                          ? egress_allows(egress, text, port, &transport->why)
                          : egress_judge_name(egress, text, &transport->why) != EGRESS_DENIED;

    if (!is_allowed) {
        *ret_why = transport->why.text;
    }
    return is_allowed;
}

static void host_resolve(struct deliverer_host *host, const char *name, uint16_t port,
                         void (*found)(void *self, uint64_t id,
                                       const struct resolved *resolved),
                         void *self, uint64_t id)
{
    const struct resolver_question question = {
        .name = name, .port = port, .found = found, .self = self, .id = id};

    resolver_ask(transport_of(host)->outbound->resolver, &question);
}

static const char *default_option(const struct deliverer *deliverer, const char *name)
{
    const struct deliverer_option *option = deliverer->options;

    while (option->name != NULL && strcmp(option->name, name) != 0) {
        option++;
    }
    must(option->name != NULL); /* a deliverer asks for its own options only */
    return option->value;
}

static const char *host_option(struct deliverer_host *host, const char *name)
{
    struct transport *transport = transport_of(host);
    const struct outbound_options *options = &transport->outbound->options;
    const char *configured = NULL;

    if (options->option != NULL) {
        configured = options->option(options->context, transport->deliverer->name, name);
    }
    return configured != NULL ? configured : default_option(transport->deliverer, name);
}

void transport_lend(struct transport *transport)
{
    transport->host = (struct deliverer_host){
        .abi = DELIVERER_ABI,
        .loop = transport->outbound->options.loop,
        .settle = host_settle,
        .log = host_log,
        .may_connect = host_may_connect,
        .resolve = host_resolve,
        .option = host_option,
        .private_data = transport,
    };
}
