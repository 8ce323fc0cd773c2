#include "rig.h"

#define LANES 60000

/* However many deliveries a message has, a step makes so many changes and no more, and a batch,
 * also while the disk takes its time. */
Test(turn, a_broadcast_to_parked_lanes_is_worked_off_in_parts)
{
    struct rig rig;

    rig_open(&rig);
    rig_subscribe(&rig, 1, LANES);
    rig_limits.per_second = 1;
    (void)rig_publish(&rig, "a", 1, LANES);
    rig_pass(&rig, 600); /* each has had its one of this second */
    cr_assert_eq(rig.delivered, LANES);
    rig.batch_most = 0;
    rig.step_most = 0;
    rig.commit_pause_ms = 40;
    (void)rig_publish(&rig, "b", 1, LANES);
    rig_pass(&rig, 300);
    cr_expect_gt(rig.step_most, 0);
    cr_expect_leq(rig.step_most, 1024);
    cr_expect_leq(rig.batch_most, 8192);
    rig.commit_pause_ms = 0;
    rig_pass(&rig, 5000);
    cr_expect_eq(rig.delivered, 2 * LANES);
    cr_expect_eq(rig_rows(&rig, TABLE_LANE), 0);
    rig_close(&rig);
}

/* A message to one subscription does not wait for all of a broadcast before it. */
Test(turn, a_small_message_overtakes_the_rest_of_a_broadcast)
{
    struct rig rig;
    struct rig_tried last = {0};

    rig_open(&rig);
    rig_subscribe(&rig, 1, LANES + 1);
    uint64_t large = rig_publish(&rig, "a", 1, LANES);
    uint64_t small = rig_publish(&rig, "b", LANES + 1, 1);

    rig_pass(&rig, 1000);
    cr_assert_eq(rig_tries(&rig, small, &last), 1);
    int64_t small_ms = last.at_ms;

    cr_assert_eq(rig_tries(&rig, large, &last), LANES);
    cr_expect_lt(small_ms - RIG_START_MS, (last.at_ms - RIG_START_MS) / 4);
    rig_expect_over(&rig);
    rig_close(&rig);
}

/* Without work nothing wakes the loop, and a lane that is forgotten while it waits is gone. */
Test(turn, rests_when_there_is_nothing_to_do)
{
    struct rig rig;

    rig_open(&rig);
    rig_subscribe(&rig, 1, 1);
    (void)rig_publish(&rig, "a", 1, 1);
    rig_pass(&rig, 2000);
    cr_expect_eq(rig.delivered, 1);
    cr_expect_eq(records_next_wake(rig.step.records), INT64_MAX);
    deliveries_drop(&rig.step, (struct lane_id){RIG_TOPIC, 1});
    rig_settle(&rig);
    struct lane_id lane = {0};

    cr_expect_not(lane_next(rig.step.deliveries, &lane));
    rig_close(&rig);
}
