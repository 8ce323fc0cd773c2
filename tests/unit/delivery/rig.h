/* Deliveries over the memory engine, in virtual time: commits, reads and answers happen when
 * the test says.  A message's body is its group's letter; '!' makes it a control message. */
#ifndef TESTS_DELIVERY_RIG_H
#define TESTS_DELIVERY_RIG_H

#include "base/memory.h"
#include "delivery/delivery.h"
#include "tests/support/damaged_rows.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#define RIG_START_MS  INT64_C(1700000000000)
#define RIG_TOPIC     7
#define RIG_TRIED_MAX 300000

struct rig_tried { /* an attempt that was handed out */
    uint32_t subscription;
    uint64_t message;
    uint32_t attempt;
    int64_t at_ms, again_ms;
};

struct rig_flying {
    uint64_t id;
    struct rig_tried tried;
    int64_t answer_ms;
};

struct rig_reading { /* looked at, not back */
    struct read *read;
    int64_t back_ms;
};

struct rig {
    struct step step;
    const struct engine *engine;
    void *disk;
    struct random *random;
    struct deliveries_options options;
    /* The endpoint: how it answers, and after how long. */
    struct attempt_outcome (*answer)(struct rig *rig, const struct rig_tried *tried);
    int64_t answer_after_ms;
    struct rig_flying *flying;
    uint32_t flying_count, flying_most;
    struct rig_tried *tried;
    uint32_t tried_count;
    /* What was seen. */
    uint32_t delivered;
    size_t batch_most, step_most; /* changes in one batch, in one step */
    struct rig_reading reading[64];
    uint32_t reading_count;
    int64_t read_ms; /* how long a read takes */
    int64_t commit_ms,
        commit_pause_ms; /* when the disk is ready again, and how long it takes */
    uint64_t lane_reads, lane_reads_back; /* and of these: not behind the one before */
    struct key lane_from;
};

/* What the hooks answer: set by the test, forgotten by rig_open. */
static struct lane_limits rig_limits;
static struct retry_policy rig_policy;
static bool rig_is_ordered;
static uint32_t rig_dead;
static struct text rig_dead_reason = TEXT("no queue");

static inline enum status rig_deliver_here(struct step *step, const struct delivery_here *here,
                                           struct why *why)
{
    (void)step;
    (void)here;
    (void)why;
    return STATUS_NOT_FOUND;
}

static inline bool rig_hook_is_ordered(struct step *step, struct lane_id lane)
{
    (void)step;
    (void)lane;
    return rig_is_ordered;
}

static inline struct message_traits rig_traits(struct text record)
{
    char first = '\0';

    if (record.len > 0) {
        first = record.at[0];
    }
    return (struct message_traits){.is_control = first == '!', .group = (uint8_t)first};
}

static inline void rig_hook_policy(struct step *step, struct text record,
                                   struct retry_policy *ret_policy)
{
    (void)step;
    (void)record;
    *ret_policy = rig_policy;
}

static inline bool rig_hook_limits(struct step *step, struct lane_id lane, struct text record,
                                   struct lane_limits *ret_limits)
{
    (void)step;
    (void)lane;
    (void)record;
    *ret_limits = rig_limits;
    return true;
}

static inline bool rig_hook_disable(struct step *step, struct text record, struct text reason)
{
    (void)step;
    (void)record;
    (void)reason;
    return false;
}

/* NOLINTBEGIN(readability-function-size,readability-non-const-parameter): a hook's shape */
static inline enum status rig_dead_letter(struct step *step, struct lane_id lane,
                                          uint64_t message, struct text subscription_record,
                                          struct text message_record, uint32_t *ret_references,
                                          struct why *why)
{
    (void)step;
    (void)lane;
    (void)message;
    (void)subscription_record;
    (void)message_record;
    (void)ret_references;
    rig_dead++;
    return fail(why, STATUS_NOT_FOUND, "%.*s", TEXT_PRINTF(rig_dead_reason));
}

/* NOLINTEND(readability-function-size,readability-non-const-parameter) */

/* --- The disk. */

struct rig_found {
    enum table table;
    uint32_t count;
    struct key first, last;
    struct blob *value; /* of the last */
};

static inline bool rig_visit(void *context, const struct engine_row *row)
{
    struct rig_found *found = context;

    if (row->is_deleted) {
        return true;
    }
    found->count++;
    found->last.len = (uint8_t)row->key.len;
    memcpy(found->last.at, row->key.at, row->key.len);
    found->first = found->count == 1 ? found->last : found->first;
    blob_unref(found->value);
    found->value = blob_copy(row->value);
    return true;
}

static inline struct rig_found rig_find(struct rig *rig, enum table table)
{
    struct rig_found found = {.table = table};
    struct key from = key_table(table);
    struct key to = key_after_prefix(&from);

    cr_assert_eq(
        rig->engine->scan(rig->disk, key_text(&from), key_text(&to), false, rig_visit, &found),
        STATUS_OK);
    return found;
}

static inline uint32_t rig_rows(struct rig *rig, enum table table)
{
    struct rig_found found = rig_find(rig, table);

    blob_unref(found.value);
    return found.count;
}

/* --- The steps. */

static inline void rig_run(struct rig *rig)
{
    size_t before = step_batch_size(&rig->step);

    records_run(&rig->step);
    size_t after = step_batch_size(&rig->step);

    if (after > before && after - before > rig->step_most) {
        rig->step_most = after - before;
    }
}

static inline bool rig_commit(struct rig *rig)
{
    bool fatal = false;

    if (!records_has_batch(rig->step.records) || rig->commit_ms > rig->step.now_ms) {
        return false;
    }
    rig->commit_ms = rig->step.now_ms + rig->commit_pause_ms;
    struct batch *batch = records_take_batch(&rig->step);

    if (batch != NULL) {
        rig->batch_most = batch->count > rig->batch_most ? batch->count : rig->batch_most;
        cr_assert_eq(rig->engine->commit(rig->disk, batch, &fatal, NULL), STATUS_OK);
        records_committed(&rig->step, batch, STATUS_OK);
    }
    rig_run(rig);
    return true;
}

static inline void rig_look(struct rig *rig, struct read *read)
{
    if (read->from.at[0] == TABLE_LANE && read->from.len > 5 && read->row_max > 1) {
        rig->lane_reads++;
        rig->lane_reads_back +=
            text_compare(key_text(&read->from), key_text(&rig->lane_from)) <= 0;
        rig->lane_from = read->from;
    }
    read_execute(read, rig->engine, rig->disk);
    read_show_damage(read);
    cr_assert_lt(rig->reading_count, 64);
    rig->reading[rig->reading_count++] =
        (struct rig_reading){read, rig->step.now_ms + rig->read_ms};
}

static inline bool rig_read(struct rig *rig)
{
    struct read *read = NULL;

    while (rig->reading_count < 64 && (read = records_next_read(rig->step.records)) != NULL) {
        rig_look(rig, read);
    }
    if (rig->reading_count == 0 || rig->reading[0].back_ms > rig->step.now_ms) {
        return false;
    }
    read = rig->reading[0].read;
    rig->reading_count--;
    memmove(&rig->reading[0], &rig->reading[1], rig->reading_count * sizeof rig->reading[0]);
    records_read_done(&rig->step, read);
    rig_run(rig);
    return true;
}

static inline bool rig_take_starts(struct rig *rig)
{
    struct attempt_start start;
    bool has_one = false;

    while (deliveries_next_start(rig->step.deliveries, &start)) {
        struct rig_tried tried = {.subscription = start.lane.subscription,
                                  .message = start.message,
                                  .attempt = start.attempt,
                                  .at_ms = rig->step.now_ms,
                                  .again_ms = start.again_ms};

        cr_assert_lt(rig->tried_count, RIG_TRIED_MAX);
        cr_assert_lt(rig->flying_count, 4096);
        rig->tried[rig->tried_count++] = tried;
        rig->flying[rig->flying_count++] =
            (struct rig_flying){start.id, tried, rig->step.now_ms + rig->answer_after_ms};
        rig->flying_most =
            rig->flying_count > rig->flying_most ? rig->flying_count : rig->flying_most;
        blob_unref(start.subscription_record);
        blob_unref(start.message_record);
        has_one = true;
    }
    return has_one;
}

static inline bool rig_answer_one(struct rig *rig)
{
    for (uint32_t i = 0; i < rig->flying_count; i++) {
        if (rig->flying[i].answer_ms <= rig->step.now_ms) {
            struct rig_flying flying = rig->flying[i];
            struct attempt_outcome outcome = rig->answer(rig, &flying.tried);

            memmove(&rig->flying[i], &rig->flying[i + 1],
                    (rig->flying_count - i - 1) * sizeof *rig->flying);
            rig->flying_count--;
            rig->delivered += outcome.verdict == ATTEMPT_DELIVERED;
            deliveries_outcome(&rig->step, flying.id, &outcome);
            rig_run(rig);
            return true;
        }
    }
    return false;
}

/* Everything that can happen now. */
static inline void rig_settle(struct rig *rig)
{
    bool goes_on = true;

    for (size_t turns = 0; goes_on; turns++) {
        cr_assert_lt(turns, 1000000, "it never comes to rest");
        rig_run(rig);
        goes_on = rig_take_starts(rig);
        goes_on = rig_answer_one(rig) || goes_on;
        goes_on = rig_read(rig) || goes_on;
        goes_on = rig_commit(rig) || goes_on;
    }
}

static inline int64_t rig_next_ms(const struct rig *rig)
{
    int64_t next_ms = records_next_wake(rig->step.records);

    if (records_has_batch(rig->step.records) && rig->commit_ms < next_ms) {
        next_ms = rig->commit_ms;
    }
    if (rig->reading_count > 0 && rig->reading[0].back_ms < next_ms) {
        next_ms = rig->reading[0].back_ms;
    }
    for (uint32_t i = 0; i < rig->flying_count; i++) {
        next_ms = rig->flying[i].answer_ms < next_ms ? rig->flying[i].answer_ms : next_ms;
    }
    return next_ms;
}

static inline void rig_pass(struct rig *rig, int64_t ms)
{
    int64_t end_ms = rig->step.now_ms + ms;

    rig_settle(rig);
    for (int64_t next_ms = rig_next_ms(rig); next_ms <= end_ms; next_ms = rig_next_ms(rig)) {
        rig->step.now_ms = next_ms > rig->step.now_ms ? next_ms : rig->step.now_ms;
        rig_settle(rig);
    }
    rig->step.now_ms = end_ms;
    rig_settle(rig);
}

/* --- Its life. */

static inline struct attempt_outcome rig_takes_all(struct rig *rig,
                                                   const struct rig_tried *tried)
{
    (void)rig;
    (void)tried;
    return (struct attempt_outcome){.verdict = ATTEMPT_DELIVERED};
}

static inline struct attempt_outcome rig_fails(struct rig *rig, const struct rig_tried *tried)
{
    (void)rig;
    (void)tried;
    return (struct attempt_outcome){
        .verdict = ATTEMPT_RETRY, .status_code = 500, .reason = T("HTTP 500")};
}

static inline void rig_boot(struct rig *rig)
{
    static const struct delivery_hooks hooks = {
        .deliver_here = rig_deliver_here,
        .is_ordered = rig_hook_is_ordered,
        .traits = rig_traits,
        .policy = rig_hook_policy,
        .limits = rig_hook_limits,
        .disable = rig_hook_disable,
        .dead_letter = rig_dead_letter,
    };
    static const uint8_t secret[16] = "0123456789abcde";
    static const struct history_options history = {.attempts_max_count = 1000000};
    struct rig_found counters = rig_find(rig, TABLE_META);

    rig->step.records = records_create(64 << 20);
    rig->step.history = history_create(&history);
    rig->step.deliveries = deliveries_create(&rig->options, &hooks);
    records_load_counters(rig->step.records,
                          counters.count == 1 ? blob_text(counters.value) : (struct text){0});
    blob_unref(counters.value);
    history_start(&rig->step, (struct text){0}, secret);
    deliveries_start(&rig->step, rig->step.deliveries);
}

static inline void rig_open(struct rig *rig)
{
    *rig = (struct rig){.engine = engine_find("memory"), .answer = rig_takes_all};
    rig_limits = (struct lane_limits){0};
    rig_policy = retry_policy_http;
    rig_is_ordered = false;
    rig_dead = 0;
    rig->options = (struct deliveries_options){
        .in_flight_max = 1000, .lane_window_max = 64, .active_message_max = 4096};
    rig->random = random_seeded(1);
    rig->step.random = rig->random;
    rig->step.now_ms = RIG_START_MS;
    rig->flying = memory_array(4096, sizeof *rig->flying);
    rig->tried = memory_array(RIG_TRIED_MAX, sizeof *rig->tried);
    cr_assert_eq(rig->engine->open("", 0, &rig->disk, NULL), STATUS_OK);
    rig_boot(rig);
    rig_settle(rig);
}

static inline void rig_stop(struct rig *rig)
{
    deliveries_free(rig->step.deliveries);
    history_free(rig->step.history);
    records_free(rig->step.records);
    while (rig->reading_count > 0) { /* as a store does that is closed after the cell */
        read_free(rig->reading[--rig->reading_count].read);
    }
}

/* The process dies: what is not durable, and what was under way, is forgotten. */
static inline void rig_restart(struct rig *rig)
{
    rig_stop(rig);
    rig->flying_count = 0;
    rig_boot(rig);
    rig_settle(rig);
}

static inline void rig_close(struct rig *rig)
{
    rig_stop(rig);
    rig->engine->close(rig->disk);
    memory_free(rig->random);
    memory_free(rig->flying);
    memory_free(rig->tried);
}

/* --- What clients do. */

static inline void rig_subscribe(struct rig *rig, uint32_t first, uint32_t count)
{
    for (uint32_t i = first; i < first + count; i++) {
        struct key key = key_u32_u32(TABLE_SUBSCRIPTION, RIG_TOPIC, i);

        record_put(&rig->step, &key, blob_copy(T("s")));
    }
    rig_settle(rig);
}

/* To subscriptions first .. first + count - 1; its number.  Nothing has happened yet. */
static inline uint64_t rig_publish(struct rig *rig, const char *body, uint32_t first,
                                   uint32_t count)
{
    uint64_t number = step_number(&rig->step, COUNTER_MESSAGE);
    struct key key = key_u64(TABLE_BODY, number);
    uint32_t *subscriptions = memory_array(count, sizeof *subscriptions);

    for (uint32_t i = 0; i < count; i++) {
        subscriptions[i] = first + i;
    }
    record_put(&rig->step, &key, blob_copy(text_from(body)));
    body_set_references(&rig->step, number, 1);
    deliveries_owe(&rig->step, RIG_TOPIC, number, subscriptions, count);
    memory_free(subscriptions);
    return number;
}

/* How often a message was handed out; the last of these in *ret_last, when there is one. */
static inline uint32_t rig_tries(const struct rig *rig, uint64_t message,
                                 struct rig_tried *ret_last)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < rig->tried_count; i++) {
        if (rig->tried[i].message == message) {
            count++;
            *ret_last = rig->tried[i];
        }
    }
    return count;
}

/* Nothing is owed, nothing waits, no body is left. */
static inline void rig_expect_over(struct rig *rig)
{
    cr_expect_eq(rig_rows(rig, TABLE_OWED), 0);
    cr_expect_eq(rig_rows(rig, TABLE_CURSOR), 0);
    cr_expect_eq(rig_rows(rig, TABLE_LANE), 0);
    cr_expect_eq(rig_rows(rig, TABLE_BODY), 0);
    cr_expect_eq(rig_rows(rig, TABLE_REFERENCES), 0);
}

#endif
