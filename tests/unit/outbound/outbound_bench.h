/* An outbound on a loop of its own, with a signer, and attempts for it. */
#ifndef TESTS_UNIT_OUTBOUND_BENCH_H
#define TESTS_UNIT_OUTBOUND_BENCH_H

#include "outbound/outbound.h"
#include "router/internal.h"
#include "tests/support/need.h"
#include "tests/support/temp_dir.h"

#include <string.h>

#define BENCH_ATTEMPTS 4096

struct bench {
    uv_loop_t loop;
    uv_async_t wake;
    uv_timer_t limit;
    bool is_over;
    struct temp_dir dir;
    struct signer *signer;
    struct outbound *outbound;
    uint32_t started;
    uint32_t ended;
    uint32_t times[BENCH_ATTEMPTS]; /* outcomes of each attempt */
    enum attempt_verdict verdict;   /* of the last */
    char reason[256];
    char peer[64];
};

/* What bench_start makes an attempt of. */
struct bench_wish {
    enum protocol protocol;
    const char *endpoint;
    const char *body;
    const char *subject;
    enum message_kind kind;
    const struct attribute *attributes;
    size_t attribute_count;
};

static inline void bench_on_outcome(void *context, uint64_t id,
                                    const struct attempt_outcome *outcome)
{
    struct bench *bench = context;

    NEED(id < BENCH_ATTEMPTS);
    bench->times[id]++;
    bench->ended++;
    bench->verdict = outcome->verdict;
    (void)snprintf(bench->reason, sizeof bench->reason, "%.*s", TEXT_PRINTF(outcome->reason));
    (void)snprintf(bench->peer, sizeof bench->peer, "%.*s", TEXT_PRINTF(outcome->detail->peer));
}

static inline void bench_on_wake(void *context)
{
    struct bench *bench = context;

    (void)uv_async_send(&bench->wake);
}

static inline void bench_on_signed(uv_async_t *wake)
{
    struct bench *bench = wake->data;

    signer_poll(bench->signer);
}

static inline void bench_on_limit(uv_timer_t *timer)
{
    struct bench *bench = timer->data;

    bench->is_over = true;
}

static inline enum status bench_open(struct bench *bench, const char *plugins, struct why *why)
{
    struct signer_options signing = {
        .threads = 1, .remembered = 64, .wake = bench_on_wake, .wake_context = bench};

    memset(bench, 0, sizeof *bench);
    bench->dir = temp_dir_make();
    signing.directory = bench->dir.path;
    NEED(uv_loop_init(&bench->loop) == 0);
    NEED(uv_async_init(&bench->loop, &bench->wake, bench_on_signed) == 0);
    NEED(uv_timer_init(&bench->loop, &bench->limit) == 0);
    bench->wake.data = bench;
    bench->limit.data = bench;
    NEED(signer_open(&signing, &bench->signer, why) == STATUS_OK);
    struct outbound_options options = {
        .loop = &bench->loop,
        .signer = bench->signer,
        .plugin_directory = plugins,
        .public_url = T("http://fanfare.test"),
        .egress = {.loopback = true},
        .timeout_ms = 1000,
        .outcome = bench_on_outcome,
        .context = bench,
    };

    return outbound_create(&options, &bench->outbound, why);
}

/* Ends the attempts under way, too. */
static inline void bench_close(struct bench *bench)
{
    outbound_stop(bench->outbound);
    signer_close(bench->signer);
    uv_close((uv_handle_t *)&bench->wake, NULL);
    uv_close((uv_handle_t *)&bench->limit, NULL);
    NEED(uv_run(&bench->loop, UV_RUN_DEFAULT) == 0);
    NEED(uv_loop_close(&bench->loop) == 0);
    temp_dir_remove(&bench->dir);
}

static inline struct blob *bench_message(const struct bench_wish *wish)
{
    const struct message message = {
        .kind = wish->kind,
        .id = {0x22, 0xb8},
        .time_ms = 1335920046655,
        .topic_arn = T("arn:aws:sns:us-east-1:000000000000:t"),
        .subject = text_from(wish->subject),
        .body = text_from(wish->body),
        .signature_version = 2,
        .token = T("2336412f37"),
    };

    return message_encode(&message);
}

static inline struct blob *bench_subscription(const struct bench_wish *wish)
{
    const struct subscription subscription = {
        .number = 7,
        .topic = 3,
        .id = {0xaa, 0xbb},
        .protocol = wish->protocol,
        .endpoint = text_from(wish->endpoint),
        .base_url = T("http://127.0.0.1:4566"),
        .attributes = wish->attributes,
        .attribute_count = wish->attribute_count,
    };

    return subscription_encode(&subscription);
}

static inline void bench_start(struct bench *bench, const struct bench_wish *wish)
{
    const struct attempt_start start = {.id = bench->started++,
                                        .attempt = 1,
                                        .subscription_record = bench_subscription(wish),
                                        .message_record = bench_message(wish)};
    uint32_t ended = bench->ended;

    outbound_start(bench->outbound, &start);
    NEED(bench->ended == ended); /* never from inside */
}

/* Until all that was started has ended, or for `limit_ms`. */
static inline void bench_run(struct bench *bench, uint64_t limit_ms)
{
    bench->is_over = false;
    (void)uv_timer_start(&bench->limit, bench_on_limit, limit_ms, 0);
    while (bench->ended < bench->started && !bench->is_over) {
        (void)uv_run(&bench->loop, UV_RUN_ONCE);
    }
    (void)uv_timer_stop(&bench->limit);
}

/* Whatever has ended. */
static inline void bench_pass(struct bench *bench, uint64_t ms)
{
    bench->is_over = false;
    (void)uv_timer_start(&bench->limit, bench_on_limit, ms, 0);
    while (!bench->is_over) {
        (void)uv_run(&bench->loop, UV_RUN_ONCE);
    }
}

#endif
