#include "tests/unit/router/rig.h"

static enum status replay_run(struct rig_call *call, struct step *step)
{
    struct replay_wish wish = {.until_ms = call->rig->now_ms + 1, .pick = REPLAY_ALL};

    memcpy(wish.subscription, call->subscription.id, sizeof wish.subscription);
    return replay_start(step, &wish, call->id, &call->why);
}

static enum status list_run(struct rig_call *call, struct step *step)
{
    struct replay replay = {0};

    cr_assert_eq(replay_list(step, &replay, 1), 1);
    cr_expect_eq(replay.state, REPLAY_COMPLETED);
    call->number = replay.sent;
    return STATUS_OK;
}

static enum status receive_run(struct rig_call *call, struct step *step)
{
    call->receive.arena = &call->rig->arena;
    call->receive.lent = call->lent;
    return queue_receive(step, rig_queue(call->rig, call->name), &call->receive);
}

/* The bodies of up to ten messages of the queue, one letter each; they are deleted. */
static enum status delete_run(struct rig_call *call, struct step *step)
{
    return queue_delete_message(step, rig_queue(call->rig, call->name), text_from(call->text));
}

static void receive_all(struct rig *rig, const char *queue, char *ret_letters)
{
    struct rig_call call = {
        .run = receive_run, .name = queue, .receive = {.max = 10, .visibility_ms = -1}};

    cr_assert_eq(rig_do(rig, &call), STATUS_OK);
    for (size_t i = 0; i < call.receive.lent_count; i++) {
        struct queue_lent *lent = &call.lent[i];
        struct rig_call gone = {
            .run = delete_run, .name = queue, .text = arena_copy(&rig->arena, lent->handle).at};
        struct message message;

        cr_assert(message_decode(arena_copy(&rig->arena, blob_text(lent->body)), &rig->arena,
                                 &message));
        ret_letters[i] = message.body.at[0];
        cr_assert_eq(rig_do(rig, &gone), STATUS_OK);
        queue_lent_free(lent);
    }
    ret_letters[call.receive.lent_count] = '\0';
}

/* Five minutes have not passed, and all of it comes again, in its order. */
Test(replay, into_a_fifo_queue_is_no_duplicate)
{
    static const char *const letters[] = {"a", "b", "c", "d", "e", "f"};
    struct subscription wanted = {
        .protocol = PROTOCOL_SQS, .endpoint = T(RIG_QUEUE "news.fifo"), .is_confirmed = true};
    char heard[11] = "";
    struct rig rig;

    rig_open(&rig);
    rig_make(&rig, "news.fifo");
    struct rig_call replay = {.run = replay_run,
                              .subscription = rig_subscribe(&rig, "news.fifo", wanted)};
    struct rig_call list = {.run = list_run};

    for (size_t i = 0; i < sizeof letters / sizeof letters[0]; i++) {
        (void)rig_publish(&rig, "news.fifo", letters[i], "g");
        rig_pass(&rig, 10);
    }
    receive_all(&rig, "news.fifo", heard);
    cr_assert_str_eq(heard, "abcdef");
    cr_assert_eq(rig_do(&rig, &replay), STATUS_OK);
    rig_pass(&rig, 2000);
    cr_assert_eq(rig_do(&rig, &list), STATUS_OK);
    cr_expect_eq(list.number, 6);
    receive_all(&rig, "news.fifo", heard);
    cr_expect_str_eq(heard, "abcdef");
    rig_close(&rig);
}
