#include "rig.h"

static struct attribute with_letters[] = {
    {TEXT("RedrivePolicy"), TEXT("{\"deadLetterTargetArn\":\"" RIG_QUEUE "letters\"}")},
};

static const struct subscription web = {.protocol = PROTOCOL_HTTP,
                                        .endpoint = TEXT("http://e.example/"),
                                        .attributes = with_letters,
                                        .attribute_count = 1};

static enum status confirm_run(struct rig_call *call, struct step *step)
{
    subscription_send_confirmation(step, rig_topic(call->rig, call->name), &call->subscription);
    return STATUS_OK;
}

static enum status unsubscribe_run(struct rig_call *call, struct step *step)
{
    struct subscription found;
    enum status status =
        subscription_find(step, call->subscription.id, &call->rig->arena, &found);

    return status != STATUS_OK ? status
                               : subscription_delete_undoably(
                                   step, rig_topic(call->rig, call->name), &found, &call->why);
}

static void open_with_letters(struct rig *rig)
{
    rig_open(rig);
    rig_make(rig, "news");
    rig_make(rig, "letters");
    rig->verdict = ATTEMPT_REFUSED;
}

/* What is about a subscription, not for it, is no dead letter; it is counted as lost. */
Test(fanout, a_confirmation_is_not_dead_lettered)
{
    struct rig rig;

    open_with_letters(&rig);
    struct subscription pending = rig_subscribe(&rig, "news", web);
    struct rig_call confirm = {.run = confirm_run, .name = "news", .subscription = pending};

    cr_assert_eq(rig_do(&rig, &confirm), STATUS_OK);
    rig_pass(&rig, 1000);
    cr_expect_eq(rig.attempts, 1);
    cr_expect_eq(rig_visible(&rig, "letters"), 0);
    cr_expect_eq(delivery_counters(cell_deliveries(rig.cell)).lost, 1);
    rig_close(&rig);
}

Test(fanout, neither_is_the_question_after_an_unsubscribe)
{
    struct rig rig;

    open_with_letters(&rig);
    struct subscription wanted = web;

    wanted.is_confirmed = true;
    struct rig_call leave = {.run = unsubscribe_run,
                             .name = "news",
                             .subscription = rig_subscribe(&rig, "news", wanted)};

    (void)rig_publish(&rig, "news", "a message", NULL);
    rig_pass(&rig, 1000);
    cr_assert_eq(rig_visible(&rig, "letters"), 1); /* as a message is */
    cr_assert_eq(rig_do(&rig, &leave), STATUS_OK);
    rig_pass(&rig, 1000);
    cr_expect_eq(rig.attempts, 2);
    cr_expect_eq(rig.heard.kind, MESSAGE_UNSUBSCRIBE_CONFIRMATION);
    cr_expect_eq(rig_visible(&rig, "letters"), 1);
    rig_close(&rig);
}

static enum status again_run(struct rig_call *call, struct step *step)
{
    struct lane_id lane = {call->subscription.topic, call->subscription.number};

    return delivery_again(step, lane, call->number, call->rig->now_ms);
}

static enum status garble_run(struct rig_call *call, struct step *step)
{
    struct key body = key_u64(TABLE_BODY, call->number);

    record_put(step, &body, blob_copy(T("?")));
    return STATUS_OK;
}

/* A message that cannot be read does not count as delivered to a queue of ours. */
Test(fanout, a_damaged_message_is_lost_and_said)
{
    struct rig rig;

    rig_open(&rig);
    rig_make(&rig, "news");
    struct subscription wanted = {
        .protocol = PROTOCOL_SQS, .endpoint = T(RIG_QUEUE "news"), .is_confirmed = true};
    struct rig_call again = {.run = again_run,
                             .subscription = rig_subscribe(&rig, "news", wanted)};
    struct rig_call garble = {.run = garble_run};

    garble.number = rig_publish(&rig, "news", "a message", NULL).number;
    again.number = garble.number;
    cr_assert_eq(rig_visible(&rig, "news"), 1);
    cr_assert_eq(rig_do(&rig, &garble), STATUS_OK);
    cr_assert_eq(rig_do(&rig, &again), STATUS_OK);
    rig_pass(&rig, 1000);
    cr_expect_eq(rig_visible(&rig, "news"), 1);
    cr_expect_eq(delivery_counters(cell_deliveries(rig.cell)).lost, 1);
    cr_expect_eq(cell_damaged(rig.cell), 1);
    cr_expect_eq(rig_rows(&rig, TABLE_LANE), 0);
    rig_close(&rig);
}
