/* A whole cell over the memory engine, in virtual time: topics, queues, and an endpoint that
 * answers as the test wants. */
#ifndef TESTS_ROUTER_RIG_H
#define TESTS_ROUTER_RIG_H

#include "base/memory.h"
#include "core/core.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#define RIG_ACCOUNT "000000000000"
#define RIG_REGION  "us-east-1"
#define RIG_QUEUE   "arn:aws:sqs:us-east-1:000000000000:"
#define MINUTE_MS   INT64_C(60000)
#define HOUR_MS     (60 * MINUTE_MS)

struct rig {
    struct cell *cell;
    struct cell_options options;
    const struct engine *engine;
    void *disk;
    int64_t now_ms;
    enum attempt_verdict verdict; /* of each attempt that leaves the cell */
    uint32_t attempts;
    struct message heard; /* the last one, in `arena` */
    struct arena arena;   /* of all that is looked up; until the rig is closed */
};

/* A call of the test's: its members are what `run` needs and finds. */
struct rig_call {
    struct call call;
    struct rig *rig;
    enum status (*run)(struct rig_call *call, struct step *step);
    enum status status;
    bool is_done;
    const char *name, *text, *group;
    struct attribute *attributes;
    size_t attribute_count;
    struct subscription subscription;
    struct queue_receive receive;
    struct queue_lent lent[10];
    uint8_t id[16];
    uint64_t number;
    struct why why;
};

static inline bool rig_pump(struct rig *rig)
{
    struct batch *batch = cell_next_batch(rig->cell, rig->now_ms);
    struct attempt_start start;
    struct read *read = NULL;
    struct why why;
    bool fatal = false;
    bool did = batch != NULL;

    if (batch != NULL) {
        cr_assert_eq(rig->engine->commit(rig->disk, batch, &fatal, &why), STATUS_OK);
        cell_committed(rig->cell, rig->now_ms, batch, STATUS_OK);
    }
    while ((read = cell_next_read(rig->cell)) != NULL) {
        read_execute(read, rig->engine, rig->disk);
        cell_read_done(rig->cell, rig->now_ms, read);
        did = true;
    }
    while (cell_next_attempt(rig->cell, &start)) {
        const struct attempt_outcome outcome = {.verdict = rig->verdict, .reason = T("no")};

        rig->attempts++;
        cr_assert(message_decode(arena_copy(&rig->arena, blob_text(start.message_record)),
                                 &rig->arena, &rig->heard));
        blob_unref(start.subscription_record);
        blob_unref(start.message_record);
        cell_outcome(rig->cell, rig->now_ms, start.id, &outcome);
        did = true;
    }
    return did;
}

static inline void rig_settle(struct rig *rig)
{
    for (int turns = 0; rig_pump(rig); turns++) {
        cr_assert_lt(turns, 100000, "it never comes to rest");
    }
}

static inline void rig_pass(struct rig *rig, int64_t ms)
{
    int64_t end_ms = rig->now_ms + ms;

    rig_settle(rig);
    for (int64_t wake_ms = cell_next_wake(rig->cell); wake_ms <= end_ms;
         wake_ms = cell_next_wake(rig->cell)) {
        rig->now_ms = wake_ms > rig->now_ms ? wake_ms : rig->now_ms;
        cell_tick(rig->cell, rig->now_ms);
        rig_settle(rig);
    }
    rig->now_ms = end_ms;
    cell_tick(rig->cell, rig->now_ms);
    rig_settle(rig);
}

static inline void rig_open(struct rig *rig)
{
    *rig = (struct rig){.engine = engine_find("memory"), .now_ms = INT64_C(1700000000000)};
    rig->options = (struct cell_options){
        .random = random_seeded(7),
        .cache_bytes = 1 << 20,
        .deliveries = {.in_flight_max = 100, .lane_window_max = 8, .active_message_max = 100},
        .history = {.max_age_ms = 24 * HOUR_MS,
                    .max_bytes = 1 << 30,
                    .attempts_max_count = 100},
    };
    cr_assert_eq(rig->engine->open("", 0, &rig->disk, NULL), STATUS_OK);
    rig->cell = cell_create(&rig->options);
    cell_set_space(rig->cell, UINT64_MAX);
    cell_start(rig->cell, rig->now_ms);
    rig_settle(rig);
    cr_assert(cell_is_ready(rig->cell));
}

static inline void rig_close(struct rig *rig)
{
    cell_end(rig->cell);
    cell_free(rig->cell);
    rig->engine->close(rig->disk);
    memory_free(rig->options.random);
    arena_free(&rig->arena);
}

/* --- Calls. */

static inline enum status rig_on_run(struct call *call, struct step *step)
{
    struct rig_call *this = container_of(call, struct rig_call, call);

    return this->run(this, step);
}

static inline void rig_on_done(struct call *call, enum status status)
{
    struct rig_call *this = container_of(call, struct rig_call, call);

    this->status = status;
    this->is_done = true;
}

static inline enum status rig_do(struct rig *rig, struct rig_call *call)
{
    call->rig = rig;
    call->call.run = rig_on_run;
    call->call.done = rig_on_done;
    cell_call(rig->cell, rig->now_ms, &call->call);
    for (int i = 0; i < 10000 && !call->is_done; i++) {
        rig_settle(rig);
    }
    cr_assert(call->is_done);
    return call->status;
}

static inline struct topic *rig_topic(struct rig *rig, const char *name)
{
    const struct topic_name topic_name = {T(RIG_ACCOUNT), T(RIG_REGION), text_from(name)};

    return topic_find(cell_router(rig->cell), &topic_name);
}

static inline struct queue *rig_queue(struct rig *rig, const char *name)
{
    const struct queue_name queue_name = {T(RIG_ACCOUNT), T(RIG_REGION), text_from(name)};

    return queue_find(cell_queues(rig->cell), &queue_name);
}

static inline enum status rig_make_run(struct rig_call *call, struct step *step)
{
    const struct topic_name topic_name = {T(RIG_ACCOUNT), T(RIG_REGION), text_from(call->name)};
    const struct queue_name queue_name = {T(RIG_ACCOUNT), T(RIG_REGION), text_from(call->name)};
    struct queue_settings settings = queue_settings_default;
    struct topic *topic = NULL;
    struct queue *queue = NULL;

    settings.is_fifo = text_ends_with(queue_name.name, T(".fifo"));
    enum status status =
        queue_create(step, &queue_name, &settings, NULL, 0, &queue, &call->why);

    return status != STATUS_OK ? status
                               : topic_create(step, &topic_name, NULL, 0, &topic, &call->why);
}

/* A topic and a queue of that name. */
static inline void rig_make(struct rig *rig, const char *name)
{
    struct rig_call call = {.run = rig_make_run, .name = name};

    cr_assert_eq(rig_do(rig, &call), STATUS_OK);
}

static inline enum status rig_subscribe_run(struct rig_call *call, struct step *step)
{
    return subscription_create(step, rig_topic(call->rig, call->name), &call->subscription,
                               &call->why);
}

/* To the topic; `attributes` sorted, NULL: none. */
static inline struct subscription rig_subscribe(struct rig *rig, const char *topic,
                                                struct subscription wanted)
{
    struct rig_call call = {.run = rig_subscribe_run, .name = topic, .subscription = wanted};

    call.subscription.owner = T(RIG_ACCOUNT);
    call.subscription.base_url = T("http://localhost");
    cr_assert_eq(rig_do(rig, &call), STATUS_OK);
    return call.subscription;
}

static inline enum status rig_publish_run(struct rig_call *call, struct step *step)
{
    struct topic *topic = rig_topic(call->rig, call->name);
    struct publish publish = {.message = {.kind = MESSAGE_NOTIFICATION,
                                          .body = text_from(call->text),
                                          .signature_version = 1}};

    if (call->group != NULL) {
        publish.message.group_id = text_from(call->group);
        publish.message.deduplication_id = text_from(call->text);
    }
    enum status status = topic_publish(step, topic, &publish, &call->why);

    memcpy(call->id, publish.message.id, sizeof call->id);
    call->number = step_counter(step, COUNTER_MESSAGE);
    return status;
}

/* `group` NULL: to a standard topic; else the text is the deduplication id, too. */
static inline struct rig_call rig_publish(struct rig *rig, const char *topic, const char *text,
                                          const char *group)
{
    struct rig_call call = {
        .run = rig_publish_run, .name = topic, .text = text, .group = group};

    cr_assert_eq(rig_do(rig, &call), STATUS_OK);
    return call;
}

static inline uint64_t rig_visible(struct rig *rig, const char *queue)
{
    return queue_counts(rig_queue(rig, queue)).visible;
}

/* --- The disk. */

static inline bool rig_count(void *context, const struct engine_row *row)
{
    *(uint32_t *)context += !row->is_deleted;
    return true;
}

static inline uint32_t rig_rows(struct rig *rig, enum table table)
{
    struct key from = key_table(table);
    struct key to = key_after_prefix(&from);
    uint32_t count = 0;

    cr_assert_eq(
        rig->engine->scan(rig->disk, key_text(&from), key_text(&to), false, rig_count, &count),
        STATUS_OK);
    return count;
}

#endif
