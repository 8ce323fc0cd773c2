/* What a publish to very many subscriptions costs whose endpoints are known to be dead: all of
 * it is parked.  park_bench [subscriptions]
 *
 * At the cell's door, on a virtual clock, with the memory engine: each input is one step, and
 * the longest of them is what everybody else has to wait for.  One line: the first publish,
 * whose attempts all fail, and one when every breaker is open. */
/* link: core queues delivery router history story step store notification base */
#include "base/arena.h"
#include "base/clock.h"
#include "base/memory.h"
#include "core/core.h"
#include "store/engine.h"

#include <stdio.h>
#include <stdlib.h>

#define PER_CALL     1000
#define PASSES       30
#define PASS_MS      3000
#define STEPS_MAX    1000000000
#define DAY_MS       (INT64_C(24) * 3600 * 1000)
#define BEGINNING_MS INT64_C(1700000000000)

struct bench {
    const struct engine *engine;
    void *disk;
    struct cell *cell;
    struct topic *topic;
    int64_t now_ms;
    uint32_t wanted, made;
    uint64_t failed;
    /* Since they were last forgotten. */
    uint64_t steps;
    int64_t longest_us, all_us, began_us;
    size_t batch_ops, batch_bytes;
};

static void require(bool holds, const char *what)
{
    if (!holds) {
        (void)fprintf(stderr, "park_bench: %s\n", what);
        abort();
    }
}

/* --- Steps, each timed. */

static void step_begin(struct bench *bench)
{
    bench->began_us = clock_monotonic_us();
}

static void step_end(struct bench *bench)
{
    int64_t took_us = clock_monotonic_us() - bench->began_us;

    bench->steps++;
    bench->all_us += took_us;
    bench->longest_us = took_us > bench->longest_us ? took_us : bench->longest_us;
}

static bool pump_batch(struct bench *bench)
{
    bool is_fatal = false;
    struct why why = {""};

    step_begin(bench);
    struct batch *batch = cell_next_batch(bench->cell, bench->now_ms);

    step_end(bench);
    if (batch == NULL) {
        return false;
    }
    bench->batch_ops = batch->count > bench->batch_ops ? batch->count : bench->batch_ops;
    bench->batch_bytes = batch->bytes > bench->batch_bytes ? batch->bytes : bench->batch_bytes;
    require(bench->engine->commit(bench->disk, batch, &is_fatal, &why) == STATUS_OK, why.text);
    step_begin(bench);
    cell_committed(bench->cell, bench->now_ms, batch, STATUS_OK);
    step_end(bench);
    return true;
}

static bool pump_read(struct bench *bench)
{
    struct read *read = cell_next_read(bench->cell);

    if (read == NULL) {
        return false;
    }
    read_execute(read, bench->engine, bench->disk);
    step_begin(bench);
    cell_read_done(bench->cell, bench->now_ms, read);
    step_end(bench);
    return true;
}

/* Every endpoint is dead. */
static bool pump_attempt(struct bench *bench)
{
    static const struct attempt_outcome outcome = {
        .verdict = ATTEMPT_RETRY, .status_code = 500, .reason = TEXT("HTTP 500")};
    struct attempt_start start;

    if (!cell_next_attempt(bench->cell, &start)) {
        return false;
    }
    blob_unref(start.subscription_record);
    blob_unref(start.message_record);
    bench->failed++;
    step_begin(bench);
    cell_outcome(bench->cell, bench->now_ms, start.id, &outcome);
    step_end(bench);
    return true;
}

static void tick(struct bench *bench)
{
    step_begin(bench);
    cell_tick(bench->cell, bench->now_ms);
    step_end(bench);
}

static void settle(struct bench *bench)
{
    for (uint64_t i = 0; i < STEPS_MAX; i++) {
        bool did = pump_batch(bench);

        did = pump_read(bench) || did;
        did = pump_attempt(bench) || did;
        if (!did) {
            if (cell_next_wake(bench->cell) > bench->now_ms) {
                return;
            }
            tick(bench);
        }
    }
    require(false, "it never came to rest");
}

static void pass(struct bench *bench, int64_t ms)
{
    int64_t end_ms = bench->now_ms + ms;

    settle(bench);
    while (cell_next_wake(bench->cell) <= end_ms) {
        int64_t wake_ms = cell_next_wake(bench->cell);

        bench->now_ms = wake_ms > bench->now_ms ? wake_ms : bench->now_ms;
        tick(bench);
        settle(bench);
    }
    bench->now_ms = end_ms;
    settle(bench);
}

/* --- What is asked. */

struct request {
    struct call call;
    struct bench *bench;
    bool is_over;
};

static enum status create_run(struct call *call, struct step *step)
{
    struct request *request = container_of(call, struct request, call);
    const struct topic_name name = {T("000000000000"), T("us-east-1"), T("parked")};
    struct why why = {""};

    return topic_create(step, &name, NULL, 0, &request->bench->topic, &why);
}

static enum status subscribe_run(struct call *call, struct step *step)
{
    struct bench *bench = container_of(call, struct request, call)->bench;
    struct why why = {""};
    char endpoint[64];

    for (int i = 0; i < PER_CALL && bench->made < bench->wanted; i++, bench->made++) {
        (void)snprintf(endpoint, sizeof endpoint, "http://h%u.example/", bench->made);
        struct subscription wanted = {.protocol = PROTOCOL_HTTP,
                                      .endpoint = text_from(endpoint),
                                      .owner = T("000000000000"),
                                      .base_url = T("http://localhost:4566"),
                                      .is_confirmed = true};

        require(subscription_create(step, bench->topic, &wanted, &why) == STATUS_OK, why.text);
    }
    return STATUS_OK;
}

static enum status publish_run(struct call *call, struct step *step)
{
    struct bench *bench = container_of(call, struct request, call)->bench;
    struct publish publish = {.message = {.kind = MESSAGE_NOTIFICATION,
                                          .body = T("to everybody"),
                                          .signature_version = 1}};
    struct why why = {""};

    return topic_publish(step, bench->topic, &publish, &why);
}

static void on_done(struct call *call, enum status status)
{
    require(status == STATUS_OK, status_name(status));
    container_of(call, struct request, call)->is_over = true;
}

static void ask(struct bench *bench, enum status (*run)(struct call *, struct step *))
{
    struct request request = {.call = {.run = run, .done = on_done}, .bench = bench};

    step_begin(bench);
    cell_call(bench->cell, bench->now_ms, &request.call);
    step_end(bench);
    settle(bench);
    require(request.is_over, "a call was not answered");
}

/* --- The bench. */

static void bench_open(struct bench *bench, struct random *random)
{
    const struct cell_options options = {
        .random = random,
        .cache_bytes = 32 << 20,
        .deliveries = {.in_flight_max = 1000,
                       .lane_window_max = 64,
                       .active_message_max = 4096,
                       .breaker_min = 1,
                       .park_max_ms = 7 * DAY_MS},
        .history = {.max_age_ms = DAY_MS, .max_bytes = 1 << 30, .attempts_max_count = 100000},
    };
    struct why why = {""};

    bench->engine = engine_find("memory");
    require(bench->engine->open("", 0, &bench->disk, &why) == STATUS_OK, why.text);
    bench->cell = cell_create(&options);
    cell_set_space(bench->cell, UINT64_MAX);
    cell_start(bench->cell, bench->now_ms);
    settle(bench);
    ask(bench, create_run);
    while (bench->made < bench->wanted) {
        ask(bench, subscribe_run);
    }
}

static void forget(struct bench *bench)
{
    bench->steps = 0;
    bench->longest_us = bench->all_us = 0;
    bench->batch_ops = bench->batch_bytes = 0;
}

static void show(const struct bench *bench, const char *what)
{
    struct delivery_counters counters = delivery_counters(cell_deliveries(bench->cell));

    (void)printf("{\"publish\": \"%s\", \"subscriptions\": %u, \"breakers_open\": %llu, "
                 "\"attempts_failed\": %llu, \"steps\": %llu, \"longest_step_ms\": %.2f, "
                 "\"all_ms\": %.1f, \"largest_batch_rows\": %zu, \"its_bytes\": %zu}\n",
                 what, bench->wanted, (unsigned long long)counters.open_breakers,
                 (unsigned long long)bench->failed, (unsigned long long)bench->steps,
                 (double)bench->longest_us / 1000, (double)bench->all_us / 1000,
                 bench->batch_ops, bench->batch_bytes);
    (void)fflush(stdout);
}

int main(int count, char **arguments)
{
    struct bench bench = {.now_ms = BEGINNING_MS,
                          .wanted =
                              count > 1 ? (uint32_t)strtoul(arguments[1], NULL, 10) : 2000};
    struct random *random = random_seeded(7);

    bench_open(&bench, random);
    forget(&bench);
    ask(&bench, publish_run);
    pass(&bench, PASS_MS);
    show(&bench, "first");
    for (int i = 0;
         i < PASSES
         && delivery_counters(cell_deliveries(bench.cell)).open_breakers < bench.wanted;
         i++) {
        pass(&bench, PASS_MS);
    }
    forget(&bench);
    ask(&bench, publish_run);
    show(&bench, "parked");
    cell_end(bench.cell);
    cell_free(bench.cell);
    bench.engine->close(bench.disk);
    memory_free(random);
    return 0;
}
