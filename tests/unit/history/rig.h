/* A history over the memory engine, in virtual time: commits and reads happen when the test
 * says. */
#ifndef TESTS_HISTORY_RIG_H
#define TESTS_HISTORY_RIG_H

#include "base/memory.h"
#include "history/history.h"
#include "notification/notification.h"
#include "tests/support/damaged_rows.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#define HOUR_MS INT64_C(3600000)

static const uint8_t rig_secret[16] = "0123456789abcde";

struct rig {
    struct step step;
    const struct engine *engine;
    void *disk;
    struct random *random;
    struct history_options options;
    struct key attempts_from; /* where the last read of many attempts began */
};

static inline bool rig_take(void *context, const struct engine_row *row)
{
    *(struct blob **)context = blob_copy(row->value);
    return false;
}

static inline struct blob *rig_row(struct rig *rig, struct key key)
{
    struct key to = key;
    struct blob *value = NULL;

    to.at[to.len++] = 0;
    cr_assert_eq(
        rig->engine->scan(rig->disk, key_text(&key), key_text(&to), false, rig_take, &value),
        STATUS_OK);
    return value;
}

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

static inline bool rig_has(struct rig *rig, enum table table, uint64_t message)
{
    struct blob *row = rig_row(rig, key_u64(table, message));
    bool has = row != NULL;

    blob_unref(row);
    return has;
}

static inline bool rig_commit(struct rig *rig)
{
    bool fatal = false;

    if (!records_has_batch(rig->step.records)) {
        return false;
    }
    struct batch *batch = records_take_batch(&rig->step);

    if (batch != NULL) {
        cr_assert_eq(rig->engine->commit(rig->disk, batch, &fatal, NULL), STATUS_OK);
        records_committed(&rig->step, batch, STATUS_OK);
    }
    return true;
}

static inline bool rig_read(struct rig *rig)
{
    struct read *read = records_next_read(rig->step.records);

    if (read == NULL) {
        return false;
    }
    if (read->from.at[0] == TABLE_ATTEMPT && read->row_max > 1) {
        rig->attempts_from = read->from;
    }
    read_execute(read, rig->engine, rig->disk);
    read_show_damage(read);
    records_read_done(&rig->step, read);
    return true;
}

static inline void rig_settle(struct rig *rig)
{
    bool goes_on = true;

    for (size_t turns = 0; goes_on; turns++) {
        cr_assert_lt(turns, 100000, "it never comes to rest");
        records_run(&rig->step);
        bool has_read = rig_read(rig);

        goes_on = rig_commit(rig) || has_read;
    }
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

static inline void rig_boot(struct rig *rig)
{
    struct blob *counters = rig_row(rig, key_name(TABLE_META, T("counters")));
    struct blob *row = rig_row(rig, history_key());

    rig->step.records = records_create(1 << 20);
    rig->step.history = history_create(&rig->options);
    records_load_counters(rig->step.records, blob_text(counters));
    history_start(&rig->step, blob_text(row), rig_secret);
    blob_unref(counters);
    blob_unref(row);
}

static inline void rig_open(struct rig *rig, const struct history_options *options)
{
    *rig = (struct rig){.engine = engine_find("memory"), .options = *options};
    rig->random = random_seeded(1);
    rig->step.random = rig->random;
    rig->step.now_ms = INT64_C(1700000000000);
    cr_assert_eq(rig->engine->open("", 0, &rig->disk, NULL), STATUS_OK);
    rig_boot(rig);
    rig_settle(rig);
}

static inline void rig_stop(struct rig *rig)
{
    history_free(rig->step.history);
    records_free(rig->step.records);
}

/* The process dies and starts again, perhaps with other options. */
static inline void rig_restart(struct rig *rig, const struct history_options *options)
{
    rig_stop(rig);
    rig->options = *options;
    rig_boot(rig);
    rig_settle(rig);
}

static inline void rig_close(struct rig *rig)
{
    rig_stop(rig);
    rig->engine->close(rig->disk);
    memory_free(rig->random);
}

/* A message that `references` need; its number. */
static inline uint64_t rig_publish(struct rig *rig, struct text body, uint32_t references)
{
    uint64_t number = step_number(&rig->step, COUNTER_MESSAGE);
    struct key key = key_u64(TABLE_BODY, number);
    struct message message = {
        .time_ms = rig->step.now_ms, .body = body, .signature_version = 1};

    message_id_make(&rig->step, number, message.id);
    record_put(&rig->step, &key, message_encode(&message));
    body_set_references(&rig->step, number, references);
    return number;
}

static inline enum status rig_release_run(struct task *task, struct step *step);

struct rig_release {
    struct task task;
    uint64_t message;
    enum status status;
};

static inline enum status rig_release_run(struct task *task, struct step *step)
{
    return body_release(step, container_of(task, struct rig_release, task)->message);
}

static inline void rig_release_done(struct task *task, struct step *step, enum status status)
{
    (void)step;
    container_of(task, struct rig_release, task)->status = status;
}

static inline void rig_release(struct rig *rig, uint64_t message)
{
    struct rig_release release = {.message = message, .status = STATUS_WAIT};

    release.task = (struct task){.run = rig_release_run, .done = rig_release_done};
    task_start(&release.task, &rig->step);
    rig_settle(rig);
    cr_assert_eq(release.status, STATUS_OK);
}

#endif
