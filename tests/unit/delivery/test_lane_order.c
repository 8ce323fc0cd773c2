#include "rig.h"

static uint64_t bad_message;
static uint32_t bad_times;

static struct attempt_outcome one_fails(struct rig *rig, const struct rig_tried *tried)
{
    return tried->message == bad_message && tried->attempt <= bad_times
               ? rig_fails(rig, tried)
               : rig_takes_all(rig, tried);
}

static void open_ordered(struct rig *rig, uint64_t message, uint32_t times)
{
    rig_open(rig);
    rig_is_ordered = true;
    rig->answer = one_fails;
    rig->answer_after_ms = 10;
    bad_message = message;
    bad_times = times;
    rig_subscribe(rig, 1, 1);
}

static const char *group_of(uint64_t message)
{
    static const char *const groups[] = {"a", "b", "c"};

    return groups[message % 3];
}

/* Each message of a group is first tried when the one before has been delivered. */
static void expect_order(const struct rig *rig, uint64_t first, uint64_t last)
{
    for (uint64_t message = first + 3; message <= last; message++) {
        struct rig_tried before = {0};
        struct rig_tried after = {0};
        uint32_t tries = 0;

        cr_assert_gt(rig_tries(rig, message - 3, &before), 0);
        for (uint32_t i = 0; i < rig->tried_count && tries == 0; i++) {
            if (rig->tried[i].message == message) {
                after = rig->tried[i];
                tries++;
            }
        }
        cr_assert_eq(tries, 1);
        cr_expect_geq(after.at_ms, before.at_ms + rig->answer_after_ms,
                      "%llu was tried while %llu was on its way", (unsigned long long)message,
                      (unsigned long long)message - 3);
    }
}

Test(lane_order, a_group_waits_for_its_message_that_is_tried_again)
{
    struct rig rig;
    struct rig_tried last = {0};

    open_ordered(&rig, 4, 2);
    for (uint64_t i = 1; i <= 30; i++) {
        cr_assert_eq(rig_publish(&rig, group_of(i), 1, 1), i);
    }
    rig_pass(&rig, 5000);
    /* The two other groups have all theirs; this one the first. */
    cr_expect_eq(rig.delivered, 21);
    cr_expect_eq(rig_tries(&rig, 7, &last), 0);
    rig_pass(&rig, INT64_C(120) * 1000);
    cr_expect_eq(rig.delivered, 30);
    cr_expect_eq(rig_tries(&rig, 4, &last), 3);
    expect_order(&rig, 1, 30);
    rig_expect_over(&rig);
    rig_close(&rig);
}

Test(lane_order, more_than_memory_holds_keeps_it_over_restarts)
{
    struct rig rig;
    struct rig_tried last = {0};

    open_ordered(&rig, 5, 3);
    for (uint64_t i = 1; i <= 400; i++) {
        (void)rig_publish(&rig, group_of(i), 1, 1);
        if (i % 8 == 0) {
            rig_pass(&rig, 25);
        }
    }
    rig_pass(&rig, 2000);
    cr_expect_eq(rig_tries(&rig, 8, &last), 0);
    rig_restart(&rig);
    rig_pass(&rig, 10000);
    cr_expect_eq(rig_tries(&rig, 8, &last), 0);
    for (uint64_t i = 401; i <= 460; i++) {
        (void)rig_publish(&rig, group_of(i), 1, 1);
    }
    rig_pass(&rig, 7000);
    rig_restart(&rig);
    rig_pass(&rig, INT64_C(600) * 1000);
    for (uint64_t i = 1; i <= 460; i++) {
        cr_expect_gt(rig_tries(&rig, i, &last), 0, "%llu was never tried",
                     (unsigned long long)i);
    }
    cr_expect_eq(rig_tries(&rig, 5, &last), 4);
    expect_order(&rig, 1, 460);
    rig_expect_over(&rig);
    rig_close(&rig);
}

/* Where it waits is shown as when it is tried next, not as where its row is. */
Test(lane_order, what_waits_says_until_when)
{
    struct rig rig;
    struct delivery_search search = {.message = 1, .lane = {RIG_TOPIC, 1}};

    open_ordered(&rig, 1, 1);
    (void)rig_publish(&rig, "a", 1, 1);
    rig_pass(&rig, 1000);
    rig_is_ordered = true;
    rig_restart(&rig);
    for (enum status status = STATUS_WAIT; status == STATUS_WAIT; rig_settle(&rig)) {
        status = delivery_find(&rig.step, &search);
        cr_assert(status == STATUS_OK || status == STATUS_WAIT);
    }
    cr_expect_eq(search.place, DELIVERY_WAITING);
    rig_close(&rig);
}

/* One that is given up lets the next go. */
Test(lane_order, a_group_goes_on_after_a_dead_one)
{
    struct rig rig;

    open_ordered(&rig, 1, UINT32_MAX);
    for (uint64_t i = 1; i <= 9; i++) {
        (void)rig_publish(&rig, "a", 1, 1);
    }
    rig_pass(&rig, INT64_C(3600) * 1000);
    cr_expect_eq(rig_dead, 1);
    cr_expect_eq(rig.delivered, 8);
    rig_expect_over(&rig);
    rig_close(&rig);
}
