#include "rig.h"

#define ROWS 3000

static bool is_down;

static struct attempt_outcome while_down(struct rig *rig, const struct rig_tried *tried)
{
    return is_down ? rig_fails(rig, tried) : rig_takes_all(rig, tried);
}

static void park(struct rig *rig, uint32_t count)
{
    is_down = true;
    rig->answer = while_down;
    rig->options.breaker_min = 4;
    rig_restart(rig);
    rig_subscribe(rig, 1, 1);
    for (uint32_t i = 0; i < count; i++) {
        (void)rig_publish(rig, "a", 1, 1);
        rig_settle(rig);
        rig->step.now_ms += i % 4 == 0;
    }
    rig_settle(rig);
    cr_assert(lane_status(rig->step.deliveries, (struct lane_id){RIG_TOPIC, 1}).is_open);
}

/* What was delivered leaves deletions behind: a lane does not walk over them again and again.
 */
Test(lane_rows, a_drain_reads_on_from_where_it_was)
{
    struct rig rig;

    rig_open(&rig);
    park(&rig, ROWS);
    is_down = false;
    rig.lane_reads = 0;
    rig.lane_reads_back = 0;
    rig_pass(&rig, INT64_C(600) * 1000);
    cr_expect_eq(rig.delivered, ROWS);
    cr_expect_gt(rig.lane_reads, ROWS / 100);
    cr_expect_leq(rig.lane_reads_back, 12, "%llu of %llu reads began no further",
                  (unsigned long long)rig.lane_reads_back, (unsigned long long)rig.lane_reads);
    rig_expect_over(&rig);
    rig_close(&rig);
}

static struct attempt_outcome every_third_fails(struct rig *rig, const struct rig_tried *tried)
{
    return tried->message % 3 == 0 && tried->attempt == 1 ? rig_fails(rig, tried)
                                                          : rig_takes_all(rig, tried);
}

/* Rows that come while others are read, in front of them and behind, are found. */
Test(lane_rows, what_is_written_during_a_drain_is_delivered)
{
    struct rig rig;
    uint32_t published = ROWS;

    rig_open(&rig);
    park(&rig, ROWS);
    is_down = false;
    rig.answer = every_third_fails;
    rig.answer_after_ms = 3;
    rig.read_ms = 4;
    rig.commit_pause_ms = 6;
    for (uint32_t i = 0; i < 2000; i++) {
        rig_pass(&rig, 7);
        published += i % 2;
        if (i % 2 != 0) {
            (void)rig_publish(&rig, "a", 1, 1);
        }
    }
    rig_pass(&rig, INT64_C(3600) * 1000);
    cr_expect_eq(rig.delivered, published);
    cr_expect_eq(rig_dead, 0);
    rig_expect_over(&rig);
    rig_close(&rig);
}

static uint64_t second_bad;

static struct attempt_outcome two_fail(struct rig *rig, const struct rig_tried *tried)
{
    bool is_bad = tried->message == second_bad || tried->message == second_bad - 1;

    return is_bad && tried->attempt == 1 ? rig_fails(rig, tried) : rig_takes_all(rig, tried);
}

/* The read saw the lane's end before this row was there. */
Test(lane_rows, a_row_that_comes_during_a_read_is_found)
{
    struct rig rig;

    rig_open(&rig);
    rig_subscribe(&rig, 1, 1);
    for (int i = 0; i < 10; i++) { /* a window for more than one */
        (void)rig_publish(&rig, "a", 1, 1);
        rig_pass(&rig, 10);
    }
    rig.answer = two_fail;
    rig.answer_after_ms = 30;
    rig.read_ms = 25;
    second_bad = rig_publish(&rig, "a", 1, 1) + 1;
    rig_pass(&rig, 1000);
    struct rig_found row = rig_find(&rig, TABLE_LANE);

    cr_assert_eq(row.count, 1);
    blob_unref(row.value);
    rig_pass(&rig, (int64_t)key_get_u64(&row.last, 5) - 10 - rig.step.now_ms);
    cr_assert_eq(rig_publish(&rig, "a", 1, 1), second_bad);
    rig_pass(&rig, INT64_C(60) * 1000); /* it fails while the first one's row is being read */
    cr_expect_eq(rig.delivered, 12);
    rig_expect_over(&rig);
    rig_close(&rig);
}

/* A breaker that opens gives rows back that were in memory already. */
Test(lane_rows, what_goes_back_to_its_row_comes_again)
{
    struct rig rig;

    rig_open(&rig);
    park(&rig, 500);
    rig.answer_after_ms = 5;
    for (int i = 0; i < 12; i++) {
        is_down = i % 2 == 0;
        rig_pass(&rig, INT64_C(61) * 1000);
    }
    is_down = false;
    rig_pass(&rig, INT64_C(3600) * 1000);
    cr_expect_eq(rig.delivered + rig_dead, 500);
    rig_expect_over(&rig);
    rig_close(&rig);
}

/* A row that cannot be read is said, kept aside, and lets its message go. */
Test(lane_rows, a_damaged_row_is_set_aside)
{
    struct rig rig;

    rig_open(&rig);
    park(&rig, 20);
    struct rig_found found = rig_find(&rig, TABLE_LANE);

    record_put(&rig.step, &found.last, blob_copy(text_first(blob_text(found.value), 6)));
    blob_unref(found.value);
    rig_settle(&rig);
    is_down = false;
    rig_pass(&rig, INT64_C(600) * 1000);
    cr_expect_eq(rig.delivered, 19);
    cr_expect_eq(records_damaged(rig.step.records), 1);
    cr_expect_eq(rig_rows(&rig, TABLE_DAMAGED), 1);
    cr_expect_eq(delivery_counters(rig.step.deliveries).lost, 1);
    rig_expect_over(&rig);
    rig_close(&rig);
}

/* The first row of a lane cannot be read when the process starts: the others are of the topic
 * that they say, and what hung on that one goes, wherever the process dies again. */
static void expect_lane_survives(uint32_t count, const char *nonsense)
{
    for (int64_t cut_ms = 0; cut_ms < 20; cut_ms++) {
        struct rig rig;

        rig_open(&rig);
        is_down = true;
        rig.answer = while_down;
        rig_subscribe(&rig, 1, 1);
        for (uint32_t i = 0; i < count; i++) {
            (void)rig_publish(&rig, "a", 1, 1);
        }
        rig_pass(&rig, 100);
        struct rig_found found = rig_find(&rig, TABLE_LANE);

        cr_assert_eq(found.count, count);
        record_put(&rig.step, &found.first, blob_copy(text_from(nonsense)));
        blob_unref(found.value);
        rig_settle(&rig);
        is_down = false;
        rig.commit_pause_ms = 1;
        rig.read_ms = 2;
        rig_restart(&rig);
        rig_pass(&rig, cut_ms);
        rig_restart(&rig);
        rig_pass(&rig, INT64_C(600) * 1000);
        cr_expect_geq(rig.delivered, count - 1);
        cr_expect_eq(rig_rows(&rig, TABLE_DAMAGED), 1);
        rig_expect_over(&rig);
        rig_close(&rig);
    }
}

Test(lane_rows, a_lane_goes_on_behind_a_row_that_cannot_be_read_at_the_start)
{
    expect_lane_survives(5, "?");
    expect_lane_survives(5, ROW_DAMAGED);
}

Test(lane_rows, a_row_that_cannot_be_read_is_the_only_one_of_its_lane)
{
    expect_lane_survives(1, "?");
    expect_lane_survives(1, ROW_DAMAGED);
}

/* Rows as they were written before they had flags. */
Test(lane_rows, the_old_form_is_read)
{
    struct rig rig;
    struct rig_tried last = {0};

    rig_open(&rig);
    rig.answer = rig_fails;
    rig_subscribe(&rig, 1, 1);
    uint64_t message = rig_publish(&rig, "a", 1, 1);

    rig_pass(&rig, 100);
    struct rig_found found = rig_find(&rig, TABLE_LANE);

    cr_assert_eq(found.count, 1);
    struct blob *old = blob_copy(text_first(blob_text(found.value), 17));

    old->at[0] = 1;
    record_put(&rig.step, &found.last, old);
    blob_unref(found.value);
    rig_settle(&rig);
    rig.answer = rig_takes_all;
    rig_restart(&rig);
    rig_pass(&rig, INT64_C(30) * 1000);
    cr_expect_eq(rig_tries(&rig, message, &last), 2);
    cr_expect_eq(last.attempt, 2);
    cr_expect_eq(records_damaged(rig.step.records), 0);
    rig_expect_over(&rig);
    rig_close(&rig);
}

/* For the metric: how long the longest waits, over lists and lanes. */
Test(lane_rows, the_oldest_of_all_lanes_is_known)
{
    struct rig rig;

    rig_open(&rig);
    is_down = true;
    rig.answer = while_down;
    cr_expect_eq(deliveries_oldest_ms(rig.step.deliveries), 0);
    for (uint32_t lane = 1; lane <= 3; lane++) {
        rig_subscribe(&rig, lane, 1);
        (void)rig_publish(&rig, "a", lane, 1);
        rig_pass(&rig, 100);
    }
    cr_expect_eq(deliveries_oldest_ms(rig.step.deliveries), RIG_START_MS);
    rig_restart(&rig);
    rig_pass(&rig, INT64_C(25) * 1000);
    cr_expect_eq(deliveries_oldest_ms(rig.step.deliveries), RIG_START_MS, "after a start, too");
    is_down = false;
    rig_pass(&rig, INT64_C(3600) * 1000);
    cr_expect_eq(deliveries_oldest_ms(rig.step.deliveries), 0);
    rig_expect_over(&rig);
    rig_close(&rig);
}
