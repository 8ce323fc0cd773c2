/* A host for a deliverer under test. */
#include "rig.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct late_answer {
    uv_timer_t timer;
    struct rig *rig;
    void (*found)(void *self, uint64_t id, const struct resolved *resolved);
    void *self;
    uint64_t id;
};

static struct rig *rig_of(struct deliverer_host *host)
{
    return host->private_data;
}

static void rig_settle(struct deliverer_host *host, uint64_t id, const struct outcome *outcome)
{
    struct rig *rig = rig_of(host);

    if (id == 0 || id > rig->count) {
        rig->strangers++;
        return;
    }
    struct rig_delivery *delivery = &rig->deliveries[id - 1];

    delivery->settled++;
    delivery->outcome = *outcome;
    (void)snprintf(delivery->reason, sizeof delivery->reason, "%s", outcome->reason);
    (void)snprintf(delivery->peer, sizeof delivery->peer, "%s", outcome->peer);
    memcpy(delivery->answer, outcome->answer, outcome->answer_size);
    delivery->outcome.reason = delivery->reason;
    delivery->outcome.answer = delivery->answer;
    /* What was lent is gone: whoever reads it now is caught by the sanitizer. */
    free(delivery->payload);
    delivery->payload = NULL;
}

static void rig_log(struct deliverer_host *host, int level, const char *line)
{
    (void)host;
    (void)level;
    (void)line;
}

static bool rig_may_connect(struct deliverer_host *host, const char *address, uint16_t port,
                            const char **ret_why)
{
    const char *denied = rig_of(host)->denied;

    (void)port;
    *ret_why = "the rig denies it";
    return denied == NULL || strcmp(denied, address) != 0;
}

static void on_late_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void on_late(uv_timer_t *timer)
{
    struct late_answer *late = timer->data;
    struct resolved resolved = {.addresses = &late->rig->addresses,
                                .count = late->rig->addresses == NULL ? 0 : 1,
                                .denied = late->rig->addresses == NULL,
                                .why = "the rig denies that name"};

    if (late->rig->self != NULL) {
        late->found(late->self, late->id, &resolved);
    }
    uv_close((uv_handle_t *)timer, on_late_closed);
}

static void rig_resolve(struct deliverer_host *host, const char *name, uint16_t port,
                        void (*found)(void *self, uint64_t id, const struct resolved *resolved),
                        void *self, uint64_t id)
{
    struct late_answer *late = calloc(1, sizeof *late);

    (void)name;
    (void)port;
    if (late == NULL) {
        abort();
    }
    *late = (struct late_answer){.rig = rig_of(host), .found = found, .self = self, .id = id};
    (void)uv_timer_init(host->loop, &late->timer);
    late->timer.data = late;
    (void)uv_timer_start(&late->timer, on_late, 1, 0);
}

static const char *rig_option(struct deliverer_host *host, const char *name)
{
    struct rig *rig = rig_of(host);
    const struct deliverer_option *option = rig->deliverer->options;

    if (rig->ca_file != NULL && strcmp(name, "ca_file") == 0) {
        return rig->ca_file;
    }
    if (rig->commands != NULL && strcmp(name, "commands") == 0) {
        return rig->commands;
    }
    if (rig->option != NULL && rig->option(name) != NULL) {
        return rig->option(name);
    }
    while (strcmp(option->name, name) != 0) {
        option++;
    }
    return option->value;
}

const struct deliverer *rig_find(const char *name)
{
    for (const struct deliverer *const *next = deliverers_builtin; *next != NULL; next++) {
        if (strcmp((*next)->name, name) == 0) {
            return *next;
        }
    }
    return NULL;
}

void rig_open(struct rig *rig, const struct deliverer *deliverer)
{
    (void)uv_loop_init(&rig->loop);
    (void)uv_timer_init(&rig->loop, &rig->limit);
    rig->limit.data = rig;
    rig->deliverer = deliverer;
    rig->host = (struct deliverer_host){.abi = DELIVERER_ABI,
                                        .loop = &rig->loop,
                                        .settle = rig_settle,
                                        .log = rig_log,
                                        .may_connect = rig_may_connect,
                                        .resolve = rig_resolve,
                                        .option = rig_option,
                                        .private_data = rig};
    if (deliverer->open(&rig->host, &rig->self) != 0) {
        (void)fprintf(stderr, "%s does not open\n", deliverer->name);
        abort();
    }
}

void rig_close_deliverer(struct rig *rig)
{
    if (rig->self != NULL) {
        rig->deliverer->close(rig->self);
        rig->self = NULL;
    }
}

void rig_close(struct rig *rig)
{
    rig_close_deliverer(rig);
    uv_close((uv_handle_t *)&rig->limit, NULL);
    (void)uv_run(&rig->loop, UV_RUN_DEFAULT);
    if (uv_loop_close(&rig->loop) != 0) {
        (void)fprintf(stderr, "%s left handles on the loop\n", rig->deliverer->name);
        abort();
    }
    for (size_t i = 0; i < rig->count; i++) {
        free(rig->deliveries[i].payload);
    }
}

struct rig_delivery *rig_prepare(struct rig *rig, const char *format, ...)
{
    static const char body[] = "{\n  \"Type\" : \"Notification\"\n}";
    struct rig_delivery *delivery = &rig->deliveries[rig->count++];
    char *payload = malloc(sizeof body - 1);
    va_list arguments;

    if (payload == NULL || rig->count > RIG_DELIVERIES) {
        abort();
    }
    va_start(arguments, format);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): it was started above */
    (void)vsnprintf(delivery->endpoint, sizeof delivery->endpoint, format, arguments);
    va_end(arguments);
    memcpy(payload, body, sizeof body - 1);
    delivery->payload = payload;
    delivery->delivery = (struct delivery){
        .id = rig->count,
        .endpoint = delivery->endpoint,
        .protocol = rig->deliverer->protocols[0],
        .message_type = "Notification",
        .message_id = "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        .topic_arn = "arn:aws:sns:us-east-1:000000000000:t",
        .subscription_arn = "arn:aws:sns:us-east-1:000000000000:t:s",
        .attempt = 1,
        .subject = "",
        .body = payload,
        .body_size = sizeof body - 1,
        .content_type = "text/plain; charset=UTF-8",
        .payload = payload,
        .payload_size = sizeof body - 1,
        .format = "sns",
        .timeout_ms = 2000,
    };
    return delivery;
}

void rig_deliver(struct rig *rig, struct rig_delivery *delivery)
{
    const struct delivery *one = &delivery->delivery;

    rig->deliverer->deliver(rig->self, &one, 1);
}

static void on_limit(uv_timer_t *timer)
{
    struct rig *rig = timer->data;

    rig->is_over = true;
}

static bool is_settled(const struct rig *rig)
{
    for (size_t i = 0; i < rig->count; i++) {
        if (rig->deliveries[i].settled == 0) {
            return false;
        }
    }
    return true;
}

void rig_run(struct rig *rig, uint64_t limit_ms)
{
    rig->is_over = false;
    (void)uv_timer_start(&rig->limit, on_limit, limit_ms, 0);
    while (!is_settled(rig) && !rig->is_over) {
        (void)uv_run(&rig->loop, UV_RUN_ONCE);
    }
    (void)uv_timer_stop(&rig->limit);
}

void rig_run_for(struct rig *rig, uint64_t ms)
{
    rig->is_over = false;
    (void)uv_timer_start(&rig->limit, on_limit, ms, 0);
    while (!rig->is_over) {
        (void)uv_run(&rig->loop, UV_RUN_ONCE);
    }
}
