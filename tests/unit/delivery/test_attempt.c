#include "rig.h"

static int64_t asked_ms;

static struct attempt_outcome asks_for_time(struct rig *rig, const struct rig_tried *tried)
{
    struct attempt_outcome outcome =
        tried->attempt < 3 ? rig_fails(rig, tried) : rig_takes_all(rig, tried);

    outcome.retry_after_ms = asked_ms;
    return outcome;
}

/* Retry-After: nobody comes earlier, and a policy's longer delay stays. */
Test(attempt, comes_no_earlier_than_the_endpoint_asks)
{
    struct rig rig;

    for (asked_ms = 1000; asked_ms <= 300000; asked_ms *= 300) {
        rig_open(&rig);
        rig.answer = asks_for_time;
        rig_subscribe(&rig, 1, 1);
        (void)rig_publish(&rig, "a", 1, 1);
        rig_pass(&rig, INT64_C(3600) * 1000);
        cr_assert_eq(rig.tried_count, 3);
        for (uint32_t i = 1; i < 3; i++) {
            int64_t waited_ms = rig.tried[i].at_ms - rig.tried[i - 1].at_ms;

            cr_expect_geq(waited_ms, asked_ms);
            cr_expect_geq(waited_ms, 18000); /* 20 s, a tenth less at most */
            cr_expect_leq(waited_ms, (asked_ms > 22000 ? asked_ms : 22000) + 1000);
        }
        rig_close(&rig);
    }
}

/* Of the last row of attempts. */
static struct attempt_record last_record(struct rig *rig, struct rig_found *found)
{
    struct attempt_row row;
    struct attempt_record record = {0};

    *found = rig_find(rig, TABLE_ATTEMPT);
    cr_assert_gt(found->count, 0);
    cr_assert(attempt_row_open(blob_text(found->value), &row));
    while (attempt_row_next(&row, &record)) {
    }
    return record;
}

/* A message that is not there: counted, told, in the history, and nothing is left behind. */
Test(attempt, a_missing_message_is_a_lost_delivery)
{
    struct rig rig;
    struct rig_found found;

    rig_open(&rig);
    rig_subscribe(&rig, 1, 3);
    uint64_t message = rig_publish(&rig, "a", 1, 3);
    struct key body = key_u64(TABLE_BODY, message);

    record_delete(&rig.step, &body);
    rig_pass(&rig, 1000);
    cr_expect_eq(rig.tried_count, 0);
    cr_expect_eq(delivery_counters(rig.step.deliveries).lost, 3);
    cr_expect_geq(records_damaged(rig.step.records), 1);
    struct damage *damage = records_next_damage(rig.step.records);

    cr_assert_not_null(damage);
    cr_expect_eq(key_get_u64(&damage->key, 1), message);
    memory_free(damage);
    struct attempt_record record = last_record(&rig, &found);

    cr_expect_eq(record.message, message);
    cr_expect_eq(record.fate, FATE_LOST);
    blob_unref(found.value);
    rig_expect_over(&rig);
    rig_close(&rig);
}

/* Whether a confirmation arrives says nothing of what is owed. */
Test(attempt, control_messages_do_not_open_a_breaker)
{
    struct rig rig;

    for (int is_control = 0; is_control < 2; is_control++) {
        rig_open(&rig);
        rig.options.breaker_min = 4;
        rig_restart(&rig);
        rig.answer = rig_fails;
        rig_subscribe(&rig, 1, 1);
        for (int i = 0; i < 12; i++) {
            (void)rig_publish(&rig, is_control ? "!" : "a", 1, 1);
            rig_pass(&rig, 1000);
        }
        struct lane_status status =
            lane_status(rig.step.deliveries, (struct lane_id){RIG_TOPIC, 1});

        cr_expect_eq(status.is_open, is_control == 0);
        rig_close(&rig);
    }
}

/* A subscription that is no more ends its deliveries without a word. */
Test(attempt, of_a_deleted_subscription_just_ends)
{
    struct rig rig;

    rig_open(&rig);
    (void)rig_publish(&rig, "a", 1, 1);
    rig_pass(&rig, 1000);
    cr_expect_eq(delivery_counters(rig.step.deliveries).lost, 0);
    cr_expect_eq(records_damaged(rig.step.records), 0);
    rig_expect_over(&rig);
    rig_close(&rig);
}
