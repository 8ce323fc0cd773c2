#include "rig.h"

#define VALID_MS (48 * HOUR_MS)

static const struct subscription web = {.protocol = PROTOCOL_HTTP,
                                        .endpoint = TEXT("http://e.example/")};

static enum status confirm_run(struct rig_call *call, struct step *step)
{
    subscription_send_confirmation(step, rig_topic(call->rig, call->name), &call->subscription);
    return STATUS_OK;
}

static enum status find_run(struct rig_call *call, struct step *step)
{
    return subscription_find_token(step, text_from(call->text), &call->rig->arena,
                                   &call->subscription);
}

static enum status find(struct rig *rig, struct text token)
{
    struct rig_call call = {.run = find_run, .text = token.at};

    call.call.only_reads = true;
    return rig_do(rig, &call);
}

Test(tokens, are_good_for_two_days)
{
    struct rig rig;

    rig_open(&rig);
    rig_make(&rig, "news");
    struct rig_call confirm = {
        .run = confirm_run, .name = "news", .subscription = rig_subscribe(&rig, "news", web)};

    cr_assert_eq(rig_do(&rig, &confirm), STATUS_OK);
    int64_t made_ms = rig.now_ms;

    rig_settle(&rig);
    struct text token = rig.heard.token;

    cr_assert_gt(token.len, 0);
    cr_expect_eq(find(&rig, token), STATUS_OK);
    rig_pass(&rig, made_ms + VALID_MS - rig.now_ms);
    cr_expect_eq(find(&rig, token), STATUS_OK);
    rig_pass(&rig, 1);
    cr_expect_eq(find(&rig, token), STATUS_INVALID);
    rig_pass(&rig, HOUR_MS);
    cr_expect_eq(rig_rows(&rig, TABLE_TOKEN), 0);
    cr_expect_eq(rig_rows(&rig, TABLE_SUBSCRIPTION), 1); /* pending still */
    rig_close(&rig);
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

/* What only the token could bring back ends with it, and no earlier. */
Test(tokens, a_deleted_subscription_ends_with_its_token)
{
    struct rig rig;

    rig_open(&rig);
    rig_make(&rig, "news");
    struct subscription wanted = web;

    wanted.is_confirmed = true;
    struct rig_call leave = {.run = unsubscribe_run,
                             .name = "news",
                             .subscription = rig_subscribe(&rig, "news", wanted)};

    cr_assert_eq(rig_do(&rig, &leave), STATUS_OK);
    rig_settle(&rig);
    struct text token = rig.heard.token;

    rig_pass(&rig, VALID_MS - MINUTE_MS);
    cr_expect_eq(find(&rig, token), STATUS_OK);
    cr_expect_eq(rig_rows(&rig, TABLE_SUBSCRIPTION), 1);
    rig_pass(&rig, HOUR_MS + 2 * MINUTE_MS);
    cr_expect_eq(find(&rig, token), STATUS_INVALID);
    cr_expect_eq(rig_rows(&rig, TABLE_SUBSCRIPTION), 0);
    cr_expect_eq(rig_rows(&rig, TABLE_TOKEN), 0);
    rig_close(&rig);
}

static enum status garble_run(struct rig_call *call, struct step *step)
{
    struct key key = key_name(TABLE_TOKEN, text_from(call->text));

    record_put(step, &key, blob_copy(T("?")));
    return STATUS_OK;
}

Test(tokens, a_damaged_row_is_set_aside)
{
    struct rig rig;
    struct rig_call garble = {.run = garble_run, .text = "0123456789abcdef"};

    rig_open(&rig);
    cr_assert_eq(rig_do(&rig, &garble), STATUS_OK);
    rig_pass(&rig, HOUR_MS + MINUTE_MS);
    cr_expect_eq(rig_rows(&rig, TABLE_TOKEN), 0);
    cr_expect_eq(rig_rows(&rig, TABLE_DAMAGED), 1);
    cr_expect_eq(cell_damaged(rig.cell), 1);
    rig_close(&rig);
}
