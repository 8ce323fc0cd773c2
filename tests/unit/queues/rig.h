/* Queues over the memory engine, in virtual time: commits and reads happen when the test says.
 */
#ifndef TESTS_QUEUES_RIG_H
#define TESTS_QUEUES_RIG_H

#include "base/arena.h"
#include "base/memory.h"
#include "queues/queues.h"
#include "tests/support/damaged_rows.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#define RIG_START_MS INT64_C(1700000000000)

struct rig {
    struct step step;
    struct queues *queues;
    const struct engine *engine;
    void *disk;
    struct random *random;
    struct arena arena; /* of the calls; until the rig is closed */
    uint64_t cache_bytes;
    struct queues_limits limits;
    uint64_t reads; /* ranged and single ones, since the rig was opened */
    uint64_t batches;
    struct key ready_from;    /* where the last read of TABLE_READY began ... */
    uint64_t ready_backwards; /* ... and how many began no further than the one before */
};

/* Bodies that were released, by number: the rig's topic side. */
static uint64_t rig_released[64];

/* True: the counts are rows of their own, as the cell's are. */
static bool rig_release_waits;

static inline enum status rig_release(struct step *step, uint64_t message)
{
    struct key key = key_u64(TABLE_REFERENCES, message);
    struct blob *value = NULL;

    if (rig_release_waits && record_get(step, &key, &value) == STATUS_WAIT) {
        return STATUS_WAIT;
    }
    rig_released[message % countof(rig_released)]++;
    return STATUS_OK;
}

static inline void rig_expect_release(struct step *step, uint64_t message)
{
    struct key key = key_u64(TABLE_REFERENCES, message);

    if (rig_release_waits) {
        record_prefetch(step, &key);
    }
}

static inline bool rig_read_one(struct rig *rig)
{
    struct read *read = records_next_read(rig->step.records);

    if (read == NULL) {
        return false;
    }
    rig->reads++;
    if (read->from.at[0] == TABLE_READY) {
        rig->ready_backwards +=
            text_compare(key_text(&read->from), key_text(&rig->ready_from)) <= 0;
        rig->ready_from = read->from;
    }
    read_execute(read, rig->engine, rig->disk);
    read_show_damage(read);
    records_read_done(&rig->step, read);
    return true;
}

static inline bool rig_commit(struct rig *rig)
{
    bool fatal = false;

    if (!records_has_batch(rig->step.records)) {
        return false;
    }
    struct batch *batch = records_take_batch(&rig->step);

    if (batch != NULL) { /* else there were only hooks, and they have run */
        rig->batches++;
        cr_assert_eq(rig->engine->commit(rig->disk, batch, &fatal, NULL), STATUS_OK);
        records_committed(&rig->step, batch, STATUS_OK);
    }
    return true;
}

/* Everything that can happen now. */
static inline void rig_settle(struct rig *rig)
{
    bool goes_on = true;

    for (size_t turns = 0; goes_on; turns++) {
        cr_assert_lt(turns, 100000, "it never comes to rest");
        records_run(&rig->step);
        bool has_read = rig_read_one(rig);

        goes_on = rig_commit(rig) || has_read;
    }
    records_run(&rig->step);
}

static inline void rig_pass(struct rig *rig, int64_t ms)
{
    int64_t end_ms = rig->step.now_ms + ms;

    rig_settle(rig);
    while (records_next_wake(rig->step.records) <= end_ms) {
        int64_t wake_ms = records_next_wake(rig->step.records);

        rig->step.now_ms = wake_ms > rig->step.now_ms ? wake_ms : rig->step.now_ms;
        rig_settle(rig);
    }
    rig->step.now_ms = end_ms;
    rig_settle(rig);
}

struct rig_rows {
    struct rig *rig;
    uint32_t count;
    bool is_loading;
};

static inline bool rig_visit(void *context, const struct engine_row *row)
{
    struct rig_rows *rows = context;
    struct key key = {.len = (uint8_t)row->key.len};

    memcpy(key.at, row->key.at, row->key.len);
    if (rows->is_loading) {
        cr_assert_eq(queues_load(rows->rig->queues, &key, row->value), STATUS_OK);
    }
    rows->count++;
    return true;
}

/* How many rows of a table are on disk. */
static inline uint32_t rig_rows(struct rig *rig, enum table table)
{
    struct rig_rows rows = {.rig = rig};
    struct key from = key_table(table);
    struct key to = key_after_prefix(&from);

    cr_assert_eq(
        rig->engine->scan(rig->disk, key_text(&from), key_text(&to), false, rig_visit, &rows),
        STATUS_OK);
    return rows.count;
}

static inline bool rig_value(void *context, const struct engine_row *row)
{
    records_load_counters(context, row->value);
    return false;
}

static inline void rig_start(struct rig *rig)
{
    static const struct queues_hooks hooks = {.release = rig_release,
                                              .expect_release = rig_expect_release};
    static const uint8_t secret[16] = "0123456789abcde";
    struct rig_rows rows = {.rig = rig, .is_loading = true};
    struct key counters = key_name(TABLE_META, T("counters"));
    struct key from = key_table(TABLE_QUEUE);
    struct key to = key_after_prefix(&from);

    rig->step.records = records_create(rig->cache_bytes);
    rig->queues = queues_create(&hooks, &rig->limits);
    rig->step.queues = rig->queues;
    rig->step.random = rig->random;
    rig->step.running = NULL;
    (void)rig->engine->scan(rig->disk, key_text(&counters), (struct text){0}, false, rig_value,
                            rig->step.records);
    (void)rig->engine->scan(rig->disk, key_text(&from), key_text(&to), false, rig_visit, &rows);
    queues_start(&rig->step, rig->queues, secret);
}

static inline void rig_open_with(struct rig *rig, const struct queues_limits *limits)
{
    *rig = (struct rig){
        .engine = engine_find("memory"), .cache_bytes = 1 << 24, .limits = *limits};
    rig->random = random_seeded(1);
    rig->step.now_ms = RIG_START_MS;
    memset(rig_released, 0, sizeof rig_released);
    rig_release_waits = false;
    cr_assert_eq(rig->engine->open("", 0, &rig->disk, NULL), STATUS_OK);
    rig_start(rig);
    rig_settle(rig);
    cr_assert(queues_is_ready(rig->queues));
}

static inline void rig_open(struct rig *rig)
{
    rig_open_with(rig, &(struct queues_limits){0});
}

static inline void rig_stop(struct rig *rig)
{
    queues_free(rig->queues);
    records_free(rig->step.records);
}

/* The process dies and starts again; what was not committed is gone. */
static inline void rig_crash(struct rig *rig)
{
    rig_stop(rig);
    rig_start(rig);
    rig_settle(rig);
}

static inline void rig_close(struct rig *rig)
{
    rig_stop(rig);
    rig->engine->close(rig->disk);
    arena_free(&rig->arena);
    memory_free(rig->random);
}

/* --- Calls: each a task, as the cell makes one of every request. */

struct rig_call {
    struct task task;
    struct rig *rig;
    const char *queue;
    enum status (*run)(struct rig_call *call, struct queue *queue);
    enum status status; /* STATUS_WAIT until it is over */
    struct why why;

    struct queue_message message;
    struct queue_sent sent;
    struct queue_receive receive;
    struct queue_lent lent[10];
    struct text handle;
    int64_t visible_ms;
};

static inline struct queue_name rig_name(const char *name)
{
    return (struct queue_name){T("000000000000"), T("us-east-1"), text_from(name)};
}

static inline struct queue *rig_queue(struct rig *rig, const char *name)
{
    struct queue_name full = rig_name(name);

    return queue_find(rig->queues, &full);
}

static inline enum status rig_call_run(struct task *task, struct step *step)
{
    struct rig_call *call = container_of(task, struct rig_call, task);
    struct queue *queue = rig_queue(call->rig, call->queue);

    (void)step;
    return queue == NULL ? STATUS_NOT_FOUND : call->run(call, queue);
}

static inline void rig_call_done(struct task *task, struct step *step, enum status status)
{
    struct rig_call *call = container_of(task, struct rig_call, task);

    call->status = status;
    if (call->receive.task != NULL) {
        queue_receive_end(step, &call->receive);
    }
}

static inline void rig_call(struct rig *rig, struct rig_call *call)
{
    call->rig = rig;
    call->status = STATUS_WAIT;
    call->task = (struct task){.run = rig_call_run, .done = rig_call_done};
    task_start(&call->task, &rig->step);
}

static inline enum status rig_run_send(struct rig_call *call, struct queue *queue)
{
    return queue_send(&call->rig->step, queue, &call->message, &call->sent, &call->why);
}

static inline enum status rig_run_receive(struct rig_call *call, struct queue *queue)
{
    return queue_receive(&call->rig->step, queue, &call->receive);
}

static inline enum status rig_run_delete(struct rig_call *call, struct queue *queue)
{
    return queue_delete_message(&call->rig->step, queue, call->handle);
}

static inline enum status rig_run_visibility(struct rig_call *call, struct queue *queue)
{
    return queue_change_visibility(&call->rig->step, queue, call->handle, call->visible_ms);
}

static inline struct queue *rig_create(struct rig *rig, const char *name,
                                       const struct queue_settings *settings)
{
    struct queue_name full = rig_name(name);
    struct queue *queue = NULL;

    cr_assert_eq(queue_create(&rig->step, &full, settings, NULL, 0, &queue, NULL), STATUS_OK);
    return queue;
}

/* --- The usual calls, in short; each runs until all has come to rest. */

static inline struct queue_sent rig_send_call(struct rig *rig, const char *queue,
                                              const struct queue_message *message)
{
    struct rig_call call = {.queue = queue, .run = rig_run_send, .message = *message};

    rig_call(rig, &call);
    rig_settle(rig);
    cr_assert_eq(call.status, STATUS_OK, "send: %s", call.why.text);
    return call.sent;
}

static inline struct queue_sent rig_send(struct rig *rig, const char *queue, const char *body)
{
    struct queue_message message = {
        .body = text_from(body), .sender_id = T("000000000000"), .delay_ms = -1};

    return rig_send_call(rig, queue, &message);
}

static inline struct queue_sent rig_send_group(struct rig *rig, const char *queue,
                                               const char *group, const char *body)
{
    struct queue_message message = {.body = text_from(body),
                                    .group_id = text_from(group),
                                    .deduplication_id = text_from(body),
                                    .delay_ms = -1};

    return rig_send_call(rig, queue, &message);
}

struct rig_batch {
    size_t count;
    struct text handles[10];
    struct text bodies[10];
    uint32_t receive_counts[10];
    uint64_t sequences[10];
    struct text sources[10];
    int64_t sent_ms[10];
    uint64_t references[10];
};

static inline void rig_keep(struct rig *rig, struct rig_call *call, struct rig_batch *ret_batch)
{
    *ret_batch = (struct rig_batch){.count = call->receive.lent_count};
    for (size_t i = 0; i < call->receive.lent_count; i++) {
        struct queue_lent *lent = &call->lent[i];

        ret_batch->handles[i] = lent->handle;
        ret_batch->bodies[i] = arena_copy(&rig->arena, lent->text);
        ret_batch->receive_counts[i] = lent->receive_count;
        ret_batch->sequences[i] = lent->sequence;
        ret_batch->sources[i] = arena_copy(&rig->arena, lent->dead_letter_source);
        ret_batch->sent_ms[i] = lent->sent_ms;
        ret_batch->references[i] = lent->reference.message;
        queue_lent_free(lent);
    }
    call->receive.lent_count = 0;
}

static inline void rig_receive_begin(struct rig *rig, struct rig_call *call, const char *queue,
                                     int64_t wait_ms)
{
    *call = (struct rig_call){.queue = queue, .run = rig_run_receive};
    call->receive = (struct queue_receive){.max = 10,
                                           .visibility_ms = -1,
                                           .wait_ms = wait_ms,
                                           .arena = &rig->arena,
                                           .lent = call->lent};
}

static inline struct rig_batch rig_receive(struct rig *rig, const char *queue, uint32_t max,
                                           int64_t visibility_ms)
{
    struct rig_call call;
    struct rig_batch batch;

    rig_receive_begin(rig, &call, queue, 0);
    call.receive.max = max;
    call.receive.visibility_ms = visibility_ms;
    rig_call(rig, &call);
    rig_settle(rig);
    cr_assert_eq(call.status, STATUS_OK);
    rig_keep(rig, &call, &batch);
    return batch;
}

static inline enum status rig_delete(struct rig *rig, const char *queue, struct text handle)
{
    struct rig_call call = {.queue = queue, .run = rig_run_delete, .handle = handle};

    rig_call(rig, &call);
    rig_settle(rig);
    return call.status;
}

static inline enum status rig_change(struct rig *rig, const char *queue, struct text handle,
                                     int64_t visible_ms)
{
    struct rig_call call = {
        .queue = queue, .run = rig_run_visibility, .handle = handle, .visible_ms = visible_ms};

    rig_call(rig, &call);
    rig_settle(rig);
    return call.status;
}

static inline void rig_expect_counts(struct rig *rig, const char *queue, uint64_t visible,
                                     uint64_t in_flight, uint64_t delayed)
{
    struct queue_counts counts = queue_counts(rig_queue(rig, queue));

    cr_expect_eq(counts.visible, visible, "visible %llu, not %llu",
                 (unsigned long long)counts.visible, (unsigned long long)visible);
    cr_expect_eq(counts.in_flight, in_flight, "in flight %llu, not %llu",
                 (unsigned long long)counts.in_flight, (unsigned long long)in_flight);
    cr_expect_eq(counts.delayed, delayed, "delayed %llu, not %llu",
                 (unsigned long long)counts.delayed, (unsigned long long)delayed);
}

static inline const char *rig_body(struct rig *rig, const struct rig_batch *batch, size_t i)
{
    return i < batch->count
               ? arena_printf(&rig->arena, "%.*s", TEXT_PRINTF(batch->bodies[i])).at
               : "nothing";
}

#endif
