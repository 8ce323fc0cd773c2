/* The deliverers, and an attempt's way through one of them to its outcome. */
#include "outbound/outbound.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/url.h"
#include "outbound/internal.h"
#include "outbound/plugins.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define WATCH_EVERY_MS 1000
#define BATCH_MAX      64 /* of one deliver(), whatever a deliverer says */

static void on_later(uv_idle_t *idle);
static void on_watchdog(uv_timer_t *timer);

/* --- Transports. */

static bool has_protocol(const struct deliverer *deliverer, struct text protocol)
{
    for (const char *const *next = deliverer->protocols; *next != NULL; next++) {
        if (text_equal(text_from(*next), protocol)) {
            return true;
        }
    }
    return false;
}

struct transport *transport_find(struct outbound *outbound, struct text protocol)
{
    list_each (node, &outbound->transports) {
        struct transport *transport = container_of(node, struct transport, node);

        if (has_protocol(transport->deliverer, protocol)) {
            return transport;
        }
    }
    return NULL;
}

static enum status transport_add(void *context, const struct deliverer *deliverer,
                                 const char *origin, struct why *why)
{
    struct outbound *outbound = context;

    for (const char *const *next = deliverer->protocols; *next != NULL; next++) {
        struct transport *rival = transport_find(outbound, text_from(*next));

        if (rival != NULL) {
            return fail(why, STATUS_INVALID,
                        "both %s (%s) and %s (%s) deliver to %s: take one of them away",
                        rival->deliverer->name, rival->origin, deliverer->name, origin, *next);
        }
    }
    struct transport *transport = memory_zero(sizeof *transport);

    transport->deliverer = deliverer;
    transport->origin = memory_copy_text(text_from(origin));
    transport->outbound = outbound;
    list_init(&transport->ready);
    transport_lend(transport);
    transport->is_open = deliverer->open(&transport->host, &transport->self) == 0;
    list_push(&outbound->transports, &transport->node);
    if (!transport->is_open) {
        log_warn("deliverer_unusable", "deliverer=%s origin=\"%s\"", deliverer->name, origin);
    }
    return STATUS_OK;
}

static void transports_close(struct outbound *outbound)
{
    list_each (node, &outbound->transports) {
        struct transport *transport = container_of(node, struct transport, node);

        if (transport->is_open) {
            transport->deliverer->close(transport->self);
            transport->is_open = false;
        }
    }
}

static void transports_free(struct outbound *outbound)
{
    struct list_node *node = NULL;

    while ((node = list_pop(&outbound->transports)) != NULL) {
        struct transport *transport = container_of(node, struct transport, node);

        memory_free(transport->origin);
        memory_free(transport);
    }
}

bool outbound_delivers(struct outbound *outbound, struct text protocol)
{
    return transport_find(outbound, protocol) != NULL;
}

#define MACHINE_MAX 256

void outbound_know_self(struct outbound *outbound, const char *listens_on, uint16_t port)
{
    char room[MACHINE_MAX][INET6_ADDRSTRLEN];
    struct text machine[MACHINE_MAX];
    struct egress_self self = {
        .listens_on = text_from(listens_on), .port = port, .machine = machine};
    uv_interface_address_t *interfaces = NULL;
    int count = 0;

    if (uv_interface_addresses(&interfaces, &count) != 0) {
        count = 0; /* what they are is not known: the rules about networks stand */
    }
    for (int i = 0; i < count && self.machine_count < MACHINE_MAX; i++) {
        const uv_interface_address_t *at = &interfaces[i];
        char *name = room[self.machine_count];
        int failed = at->address.address4.sin_family == AF_INET6
                         ? uv_ip6_name(&at->address.address6, name, INET6_ADDRSTRLEN)
                         : uv_ip4_name(&at->address.address4, name, INET6_ADDRSTRLEN);

        if (failed == 0) {
            machine[self.machine_count++] = text_from(name);
        }
    }
    uv_free_interface_addresses(interfaces, count);
    egress_know_self(outbound->egress, &self);
}

bool outbound_accepts(struct outbound *outbound, struct text protocol, struct text endpoint,
                      struct why *why)
{
    struct transport *transport = transport_find(outbound, protocol);
    struct arena arena = {0};
    const char *reason = "";

    if (transport == NULL || !transport->is_open) {
        (void)fail(why, STATUS_INVALID, "nothing here delivers to %.*s%s",
                   TEXT_PRINTF(protocol), transport == NULL ? "" : " until it is set up");
        return false;
    }
    if (text_find(endpoint, '\0') < endpoint.len) {
        (void)fail(why, STATUS_INVALID, "there is a NUL in the endpoint");
        return false;
    }
    bool accepts =
        transport->deliverer->accepts(transport->self, arena_copy(&arena, protocol).at,
                                      arena_copy(&arena, endpoint).at, &reason);

    if (!accepts) {
        (void)fail(why, STATUS_INVALID, "%s", reason);
    }
    arena_free(&arena);
    return accepts;
}

bool outbound_accepts_setting(struct outbound *outbound, struct text protocol, struct text name,
                              struct text value, struct why *why)
{
    struct transport *transport = transport_find(outbound, protocol);
    struct arena arena = {0};
    const char *reason = "";

    if (transport == NULL || !transport->is_open
        || transport->deliverer->accepts_setting == NULL) {
        return true;
    }
    if (text_find(value, '\0') < value.len) {
        (void)fail(why, STATUS_INVALID, "there is a NUL in it");
        return false;
    }
    bool accepts = transport->deliverer->accepts_setting(
        transport->self, arena_copy(&arena, name).at, arena_copy(&arena, value).at, &reason);

    if (!accepts) {
        (void)fail(why, STATUS_INVALID, "%s", reason);
    }
    arena_free(&arena);
    return accepts;
}

/* --- Outcomes. */

static void run_later(struct outbound *outbound)
{
    (void)uv_idle_start(&outbound->later, on_later);
}

void sending_settle(struct sending *sending, const struct outcome *outcome)
{
    struct outbound *outbound = sending->outbound;
    size_t kept =
        outcome->answer_size < ANSWER_KEPT_MAX ? outcome->answer_size : ANSWER_KEPT_MAX;

    sending->outcome = *outcome;
    if ((unsigned)outcome->verdict > (unsigned)VERDICT_GONE) {
        log_error("deliverer_bug", "delivery=%" PRIu64 " verdict=%d", sending->id,
                  (int)outcome->verdict);
        sending->outcome.verdict = VERDICT_RETRY;
    }
    (void)snprintf(sending->reason, sizeof sending->reason, "%s", outcome->reason);
    (void)snprintf(sending->peer, sizeof sending->peer, "%s",
                   outcome->peer == NULL ? "" : outcome->peer);
    if (kept > 0) {
        memcpy(sending->answer, outcome->answer, kept);
    }
    sending->outcome.reason = sending->reason;
    sending->outcome.peer = sending->peer;
    sending->outcome.answer = sending->answer;
    sending->outcome.answer_size = kept;
    sending->state = SENDING_SETTLED;
    list_remove(&sending->order);
    list_remove(&sending->node);
    list_push(&outbound->settled, &sending->node);
    run_later(outbound);
}

static void settle_as(struct sending *sending, enum verdict verdict, const char *reason)
{
    const struct outcome outcome = {
        .verdict = verdict, .reason = reason, .peer = "", .answer = ""};

    sending_settle(sending, &outcome);
}

/* Both enums are the same by the doors' promise. */
_Static_assert((int)VERDICT_DELIVERED == (int)ATTEMPT_DELIVERED
                   && (int)VERDICT_RETRY == (int)ATTEMPT_RETRY
                   && (int)VERDICT_REFUSED == (int)ATTEMPT_REFUSED
                   && (int)VERDICT_GONE == (int)ATTEMPT_GONE,
               "deliverer.h and delivery.h disagree");

static void report(struct sending *sending)
{
    struct outbound *outbound = sending->outbound;
    const struct outbound_options *options = &outbound->options;
    uint64_t *const counts[] = {
        [VERDICT_DELIVERED] = &outbound->counters.delivered,
        [VERDICT_RETRY] = &outbound->counters.retried,
        [VERDICT_REFUSED] = &outbound->counters.refused,
        [VERDICT_GONE] = &outbound->counters.refused,
    };
    const struct outcome *heard = &sending->outcome;
    const struct attempt_detail detail = {
        .status_code = heard->status_code,
        .dns_us = heard->dns_us,
        .connect_us = heard->connect_us,
        .tls_us = heard->tls_us,
        .first_byte_us = heard->first_byte_us,
        .total_us = heard->total_us,
        .peer = text_from(heard->peer),
        .answer = text_make(heard->answer, heard->answer_size),
    };
    const struct attempt_outcome outcome = {
        .detail = &detail,
        .verdict = (enum attempt_verdict)sending->outcome.verdict,
        .status_code = sending->outcome.status_code,
        .retry_after_ms = sending->outcome.retry_after_ms,
        .reason = text_from(sending->outcome.reason),
    };

    ++*counts[sending->outcome.verdict];
    outbound->counters.under_way--;
    if (sending->is_forgotten) {
        return;
    }
    options->outcome(options->context, sending->attempt_id, &outcome);
}

/* --- Starting. */

/* As many of the ready ones as go to the endpoint of the first and into one call. */
static size_t gather(struct transport *transport, const struct delivery **deliveries)
{
    uint32_t max = transport->deliverer->max_batch < BATCH_MAX ? transport->deliverer->max_batch
                                                               : BATCH_MAX;
    struct sending *first = container_of(list_first(&transport->ready), struct sending, node);
    struct text endpoint = first->subscription.endpoint;
    size_t count = 0;

    list_each (node, &transport->ready) {
        struct sending *sending = container_of(node, struct sending, node);

        if (count < max && text_equal(sending->subscription.endpoint, endpoint)) {
            list_remove(&sending->node);
            sending->state = SENDING_FLYING;
            deliveries[count++] = &sending->delivery;
        }
    }
    return count;
}

static void deliver_ready(struct transport *transport)
{
    const struct delivery *deliveries[BATCH_MAX];

    while (!list_is_empty(&transport->ready)) {
        size_t count = gather(transport, deliveries);

        transport->deliverer->deliver(transport->self, deliveries, count);
    }
}

static void dispatch(struct sending *sending, struct text signature)
{
    struct transport *transport = sending->transport;
    const struct delivery *delivery = &sending->delivery;
    const char *why = "";

    if (!payload_render(sending, signature, &why)) { /* may be set before the retries end */
        settle_as(sending, VERDICT_RETRY, why);
        return;
    }
    if (sending->payload.overflown) {
        settle_as(sending, VERDICT_REFUSED, "the message is too long to be written as JSON");
        return;
    }
    sending_describe(sending);
    if (!payload_sign(sending, &why)) {
        settle_as(sending, VERDICT_RETRY, why);
        return;
    }
    if (transport->deliverer->max_batch > 1) {
        sending->state = SENDING_READY;
        list_push(&transport->ready, &sending->node);
        run_later(sending->outbound);
        return;
    }
    sending->state = SENDING_FLYING;
    transport->deliverer->deliver(transport->self, &delivery, 1);
}

static void on_signed(struct signing *signing, struct text signature)
{
    struct sending *sending = signing->context;

    if (signature.len == 0) {
        settle_as(sending, VERDICT_RETRY, "there is no key to sign with, see the log");
        return;
    }
    dispatch(sending, signature);
}

static void sending_sign(struct sending *sending)
{
    envelope_string_to_sign(&sending->to_sign, &sending->message, &sending->target);
    sending->signing = (struct signing){
        .text = buffer_text(&sending->to_sign),
        .version = sending->message.signature_version == 2 ? 2 : 1,
        .done = on_signed,
        .context = sending,
    };
    signer_sign(sending->outbound->options.signer, &sending->signing);
}

/* Of the subscription; in seconds. */
static int64_t own_timeout_ms(const struct sending *sending)
{
    struct text value = subscription_attribute(&sending->subscription, T("Fanfare.Timeout"));
    int64_t seconds = 0;

    return text_to_int64(value, &seconds) && seconds > 0 ? seconds * 1000 : 0;
}

/* Some transports know better how long their work takes; a subscription may want less of it. */
static void take_own_limit(struct sending *sending)
{
    const struct transport *transport = sending->transport;
    const struct deliverer *deliverer = transport->deliverer;
    int64_t limit_ms = 0;

    if (deliverer->limit_ms != NULL) {
        limit_ms =
            deliverer->limit_ms(transport->self, sending->target.protocol.at,
                                arena_copy(&sending->arena, sending->subscription.endpoint).at);
    }
    int64_t own_ms = own_timeout_ms(sending);

    if (own_ms > 0 && (limit_ms == 0 || own_ms < limit_ms)) {
        limit_ms = own_ms;
    }
    if (limit_ms > 0) {
        sending_limit(sending, limit_ms);
    }
}

void outbound_start(struct outbound *outbound, const struct attempt_start *take_start)
{
    struct sending *sending = sending_take(outbound, take_start);

    outbound->counters.under_way++;
    if (!uv_is_active((uv_handle_t *)&outbound->watchdog)) {
        (void)uv_timer_start(&outbound->watchdog, on_watchdog, WATCH_EVERY_MS, WATCH_EVERY_MS);
    }
    if (!sending_decode(sending)) {
        settle_as(sending, VERDICT_REFUSED, "what is stored of it cannot be read");
        return;
    }
    sending->transport = transport_find(outbound, sending->target.protocol);
    if (sending->transport == NULL) { /* its plug-in may come back */
        char reason[128];

        (void)snprintf(reason, sizeof reason, "nothing here delivers to %.64s",
                       sending->target.protocol.at);
        settle_as(sending, VERDICT_RETRY, reason);
        return;
    }
    if (!sending->transport->is_open) { /* may be mended before the retries end */
        settle_as(sending, VERDICT_RETRY, "its deliverer could not be opened, see the log");
        return;
    }
    take_own_limit(sending);
    payload_choose(sending);
    if (payload_wants_signature(sending)) {
        sending_sign(sending);
    } else {
        dispatch(sending, T(""));
    }
}

/* --- Each turn of the loop in which there is something. */

static void on_later(uv_idle_t *idle)
{
    struct outbound *outbound = idle->data;
    struct list settled;
    struct list_node *node = NULL;

    (void)uv_idle_stop(&outbound->later);
    list_each (transport_node, &outbound->transports) {
        deliver_ready(container_of(transport_node, struct transport, node));
    }
    list_init(&settled);
    list_move_all(&settled, &outbound->settled);
    while ((node = list_pop(&settled)) != NULL) {
        struct sending *sending = container_of(node, struct sending, node);

        report(sending);
        sending_give_back(sending);
    }
}

/* --- Deliverers that keep nobody informed. */

static void give_up(struct sending *sending)
{
    struct outbound *outbound = sending->outbound;
    struct transport *transport = sending->transport;

    if (sending->state == SENDING_SIGNING) {
        signer_cancel(outbound->options.signer, &sending->signing);
        settle_as(sending, VERDICT_RETRY, "no signature in time");
        return;
    }
    outbound->counters.overdue++;
    log_error("deliverer_overdue", "deliverer=%s delivery=%" PRIu64 " endpoint=\"%.*s\"",
              transport->deliverer->name, sending->id,
              TEXT_PRINTF(
                  url_without_secrets(&sending->arena, text_from(sending->delivery.endpoint))));
    sending->state = SENDING_OVERDUE;
    list_remove(&sending->order);
    sending->outcome = (struct outcome){.verdict = VERDICT_RETRY,
                                        .reason = "the deliverer missed its own time limit",
                                        .peer = "",
                                        .answer = ""};
    report(sending);
    transport->deliverer->cancel(transport->self, sending->id);
}

static struct sending *overdue_find(const struct outbound *outbound)
{
    uint64_t now_ms = uv_now(outbound->options.loop);

    list_each (node, &outbound->under_way) {
        struct sending *sending = container_of(node, struct sending, order);

        if (sending->deadline_ms <= now_ms) {
            return sending;
        }
    }
    return NULL;
}

static void on_watchdog(uv_timer_t *timer)
{
    struct outbound *outbound = timer->data;
    struct sending *sending = NULL;

    while ((sending = overdue_find(outbound)) != NULL) {
        give_up(sending); /* it leaves the list */
    }
    if (list_is_empty(&outbound->under_way)) {
        (void)uv_timer_stop(&outbound->watchdog);
    }
}

/* --- Its life. */

enum status outbound_create(const struct outbound_options *options,
                            struct outbound **ret_outbound, struct why *why)
{
    struct outbound *outbound = memory_zero(sizeof *outbound);
    const struct plugin_visitor visitor = {.visit = transport_add, .context = outbound};

    outbound->options = *options;
    list_init(&outbound->transports);
    list_init(&outbound->under_way);
    list_init(&outbound->settled);
    list_init(&outbound->spare);
    (void)uv_idle_init(options->loop, &outbound->later);
    (void)uv_timer_init(options->loop, &outbound->watchdog);
    outbound->later.data = outbound;
    outbound->watchdog.data = outbound;
    enum status status = egress_create(&options->egress, &outbound->egress, why);

    if (status == STATUS_OK) {
        status = resolver_create(options->loop, outbound->egress, options->dns_servers,
                                 &outbound->resolver, why);
    }
    if (status == STATUS_OK) {
        status = plugins_each(options->plugin_directory, &visitor, why);
    }
    if (status != STATUS_OK) {
        outbound_stop(outbound);
        return status;
    }
    *ret_outbound = outbound;
    return STATUS_OK;
}

void outbound_forget(struct outbound *outbound)
{
    for (struct map_node *node = map_next(&outbound->sendings, NULL); node != NULL;
         node = map_next(&outbound->sendings, node)) {
        container_of(node, struct sending, map)->is_forgotten = true;
    }
}

static void sendings_drop(struct outbound *outbound)
{
    struct map_node *node = NULL;
    struct list_node *spare = NULL;

    while ((node = map_any(&outbound->sendings)) != NULL) {
        struct sending *sending = container_of(node, struct sending, map);

        if (sending->state == SENDING_SIGNING) {
            signer_cancel(outbound->options.signer, &sending->signing);
        }
        sending_give_back(sending);
    }
    while ((spare = list_pop(&outbound->spare)) != NULL) {
        sending_free(container_of(spare, struct sending, node));
    }
    map_free(&outbound->sendings);
}

static void on_closed(uv_handle_t *handle)
{
    struct outbound *outbound = handle->data;

    outbound->closing--;
    if (outbound->closing == 0) {
        memory_free(outbound);
    }
}

void outbound_stop(struct outbound *outbound)
{
    if (outbound == NULL) {
        return;
    }
    outbound->is_closed = true;
    transports_close(outbound);
    sendings_drop(outbound);
    resolver_close(outbound->resolver);
    transports_free(outbound);
    egress_free(outbound->egress);
    outbound->closing = 2;
    uv_close((uv_handle_t *)&outbound->later, on_closed);
    uv_close((uv_handle_t *)&outbound->watchdog, on_closed);
}

struct outbound_counters outbound_counters(const struct outbound *outbound)
{
    struct outbound_counters counters = outbound->counters;

    counters.names_asked = resolver_asked(outbound->resolver);
    return counters;
}
