/* Counters that cannot be true are counted again at start, and that is said. */
#include "rig.h"

static const char *const queue = "plain";

enum {
    TOTAL_AT = 5, /* in a row of TABLE_COUNTS */
    DELAYED_AT = 13
};

static void open_filled(struct rig *rig)
{
    struct queue_message late = {.body = T("late"), .delay_ms = 5000};

    rig_open(rig);
    (void)rig_create(rig, queue, &queue_settings_default);
    for (size_t i = 0; i < 5; i++) {
        (void)rig_send(rig, queue, "x");
    }
    (void)rig_send_call(rig, queue, &late);
    cr_assert_eq(rig_receive(rig, queue, 2, 60000).count, 2);
    rig_pass(rig, 10);
}

static bool keep_value(void *context, const struct engine_row *row)
{
    *(struct blob **)context = blob_copy(row->value);
    return false;
}

/* The stored counter says `value`, and the process starts again. */
static void counter_damage(struct rig *rig, size_t at, uint64_t value)
{
    struct key key = key_u32(TABLE_COUNTS, rig_queue(rig, queue)->store);
    struct key to = key_next(&key);
    struct blob *row = NULL;

    cr_assert_eq(
        rig->engine->scan(rig->disk, key_text(&key), key_text(&to), false, keep_value, &row),
        STATUS_OK);
    cr_assert_not_null(row);
    for (size_t i = 0; i < 8; i++) {
        row->at[at + i] = (char)(value >> (56 - 8 * i));
    }
    record_put(&rig->step, &key, row);
    rig_settle(rig);
    rig_crash(rig);
}

static void expect_mended(struct rig *rig)
{
    rig_expect_counts(rig, queue, 3, 2, 1);
    cr_expect_eq(records_mended(rig->step.records), 1U);
    cr_expect_eq(records_damaged(rig->step.records), 0U, "nothing is lost");
    rig_pass(rig, 100000);
    for (size_t count = 0; count < 6;) {
        struct rig_batch batch = rig_receive(rig, queue, 10, 60000);

        cr_assert_gt(batch.count, 0);
        for (size_t i = 0; i < batch.count; i++, count++) {
            cr_expect_eq(rig_delete(rig, queue, batch.handles[i]), STATUS_OK);
        }
    }
    rig_expect_counts(rig, queue, 0, 0, 0);
    rig_crash(rig);
    cr_expect_eq(records_mended(rig->step.records), 0U, "nothing to mend any more");
    rig_close(rig);
}

Test(recount, a_total_below_zero)
{
    struct rig rig;

    open_filled(&rig);
    counter_damage(&rig, TOTAL_AT, UINT64_MAX - 12);
    expect_mended(&rig);
}

Test(recount, more_delayed_than_there_are)
{
    struct rig rig;

    open_filled(&rig);
    counter_damage(&rig, DELAYED_AT, 7);
    expect_mended(&rig);
}

Test(recount, a_total_of_zero_is_not_believed)
{
    struct rig rig;

    open_filled(&rig);
    counter_damage(&rig, TOTAL_AT, 0);
    expect_mended(&rig);
}

Test(recount, counters_that_are_not_there)
{
    struct rig rig;

    open_filled(&rig);
    struct key key = key_u32(TABLE_COUNTS, rig_queue(&rig, queue)->store);

    record_delete(&rig.step, &key);
    rig_settle(&rig);
    rig_crash(&rig);
    expect_mended(&rig);
}

Test(recount, what_is_right_stays_and_nothing_is_said)
{
    struct rig rig;

    open_filled(&rig);
    rig_crash(&rig);
    rig_expect_counts(&rig, queue, 3, 2, 1);
    cr_expect_eq(records_mended(rig.step.records), 0U);
    queue_purge(&rig.step, rig_queue(&rig, queue));
    rig_settle(&rig);
    rig_crash(&rig);
    rig_expect_counts(&rig, queue, 0, 0, 0);
    cr_expect_eq(records_mended(rig.step.records), 0U);
    rig_close(&rig);
}

/* Nothing shows that it is wrong until it would have to go below zero: then the process goes
 * on, and the next one counts. */
Test(recount, a_counter_that_is_too_low_ends_nothing)
{
    struct rig rig;

    open_filled(&rig);
    counter_damage(&rig, TOTAL_AT, 3);
    counter_damage(&rig, DELAYED_AT, 1);
    cr_expect_eq(records_mended(rig.step.records), 0U);
    rig_pass(&rig, 100000);
    struct rig_batch batch = rig_receive(&rig, queue, 5, 60000);

    cr_assert_eq(batch.count, 5);
    for (size_t i = 0; i < batch.count; i++) {
        cr_expect_eq(rig_delete(&rig, queue, batch.handles[i]), STATUS_OK);
    }
    cr_expect_eq(records_mended(rig.step.records), 1U, "said once");
    (void)rig_send(&rig, queue, "later");
    rig_crash(&rig);
    cr_expect_eq(records_mended(rig.step.records), 1U);
    rig_expect_counts(&rig, queue, 2, 0, 0);
    rig_pass(&rig, INT64_C(345700) * 1000);
    rig_expect_counts(&rig, queue, 0, 0, 0);
    cr_expect_eq(rig_rows(&rig, TABLE_READY), 0U, "retention has found them");
    rig_close(&rig);
}

/* Also while the total says that there is nothing, retention goes on. */
Test(recount, a_counter_at_zero_keeps_retention_from_nothing)
{
    struct rig rig;

    open_filled(&rig);
    counter_damage(&rig, TOTAL_AT, 3);
    rig_pass(&rig, 100000);
    struct rig_batch batch = rig_receive(&rig, queue, 4, 60000);

    for (size_t i = 0; i < batch.count; i++) {
        cr_expect_eq(rig_delete(&rig, queue, batch.handles[i]), STATUS_OK);
    }
    rig_expect_counts(&rig, queue, 0, 0, 0);
    rig_pass(&rig, INT64_C(345700) * 1000);
    cr_expect_eq(rig_rows(&rig, TABLE_READY), 0U);
    rig_close(&rig);
}
