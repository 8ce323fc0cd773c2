/* Dead letters, and the way back. */
#include "rig.h"

#define DEAD_ARN "arn:aws:sqs:us-east-1:000000000000:"

static void open_pair(struct rig *rig, bool is_fifo, uint32_t max_receive_count)
{
    struct queue_settings settings = queue_settings_default;
    static const struct queue_attribute policy = {
        TEXT("RedrivePolicy"),
        TEXT("{\"maxReceiveCount\":\"2\",\"deadLetterTargetArn\":\"" DEAD_ARN "dead\"}")};
    struct queue_name name = rig_name("live");
    struct queue *live = NULL;

    rig_open(rig);
    settings.is_fifo = is_fifo;
    (void)rig_create(rig, "dead", &settings);
    settings.max_receive_count = max_receive_count;
    cr_assert_eq(queue_create(&rig->step, &name, &settings, &policy, 1, &live, NULL),
                 STATUS_OK);
    rig_settle(rig);
}

static void receive_and_drop(struct rig *rig, const char *queue, size_t expected)
{
    struct rig_batch batch = rig_receive(rig, queue, 10, 1000);

    cr_expect_eq(batch.count, expected, "%zu, not %zu", batch.count, expected);
    rig_pass(rig, 1000);
}

Test(redrive, moves_a_message_when_it_would_be_received_too_often)
{
    struct rig rig;

    open_pair(&rig, false, 2);
    (void)rig_send(&rig, "live", "poison");
    receive_and_drop(&rig, "live", 1);
    receive_and_drop(&rig, "live", 1);
    rig_expect_counts(&rig, "live", 1, 0, 0);
    receive_and_drop(&rig, "live", 0);
    rig_expect_counts(&rig, "live", 0, 0, 0);
    rig_expect_counts(&rig, "dead", 1, 0, 0);
    rig_crash(&rig);
    struct rig_batch batch = rig_receive(&rig, "dead", 10, 1000);

    cr_assert_eq(batch.count, 1);
    cr_expect_str_eq(rig_body(&rig, &batch, 0), "poison");
    cr_expect_eq(batch.receive_counts[0], 3);
    cr_expect_eq(batch.sent_ms[0], RIG_START_MS);
    cr_expect(text_equal(batch.sources[0], T(DEAD_ARN "live")));
    cr_expect_eq(rig_delete(&rig, "dead", batch.handles[0]), STATUS_OK);
    cr_expect_eq(rig_rows(&rig, TABLE_EXPIRY), 0);
    cr_expect_eq(rig_rows(&rig, TABLE_READY), 0);
    rig_close(&rig);
}

Test(redrive, lends_the_good_ones_behind_the_poison)
{
    struct rig rig;

    open_pair(&rig, false, 1);
    for (size_t i = 0; i < 10; i++) {
        (void)rig_send(&rig, "live", "poison");
    }
    receive_and_drop(&rig, "live", 10);
    (void)rig_send(&rig, "live", "good");
    struct rig_batch batch = rig_receive(&rig, "live", 10, 1000);

    cr_assert_eq(batch.count, 1);
    cr_expect_str_eq(rig_body(&rig, &batch, 0), "good");
    rig_expect_counts(&rig, "dead", 10, 0, 0);
    rig_close(&rig);
}

Test(redrive, keeps_a_groups_order)
{
    struct rig rig;
    char body[32];

    open_pair(&rig, true, 1);
    for (size_t i = 0; i < 5; i++) {
        (void)snprintf(body, sizeof body, "%zu", i);
        (void)rig_send_group(&rig, "live", "g", body);
    }
    receive_and_drop(&rig, "live", 5);
    receive_and_drop(&rig, "live", 0);
    struct rig_batch batch = rig_receive(&rig, "dead", 10, 1000);

    cr_assert_eq(batch.count, 5);
    for (size_t i = 0; i < 5; i++) {
        (void)snprintf(body, sizeof body, "%zu", i);
        cr_expect_str_eq(rig_body(&rig, &batch, i), body);
        cr_expect_eq(batch.sent_ms[i], RIG_START_MS + 1000, "FIFO: sent anew");
    }
    rig_close(&rig);
}

Test(redrive, without_a_queue_to_go_to_a_message_is_received_on)
{
    struct rig rig;

    open_pair(&rig, false, 1);
    queue_delete(&rig.step, rig_queue(&rig, "dead"));
    (void)rig_send(&rig, "live", "poison");
    receive_and_drop(&rig, "live", 1);
    receive_and_drop(&rig, "live", 1);
    receive_and_drop(&rig, "live", 1);
    rig_close(&rig);
}

/* --- Move tasks. */

static void open_dead(struct rig *rig, size_t count)
{
    char body[32];

    open_pair(rig, false, 1);
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(body, sizeof body, "%zu", i);
        (void)rig_send(rig, "live", body);
    }
    for (size_t i = 0; i < count; i += 10) {
        (void)rig_receive(rig, "live", 10, 1000);
    }
    rig_pass(rig, 1000);
    receive_and_drop(rig, "live", 0);
    rig_expect_counts(rig, "dead", count, 0, 0);
}

static void start_move(struct rig *rig, const char *destination, uint32_t rate)
{
    uint8_t id[16];

    cr_assert_eq(queue_move_start(&rig->step, rig_queue(rig, "dead"), text_from(destination),
                                  rate, id, NULL),
                 STATUS_OK);
    cr_expect_eq(queue_move_start(&rig->step, rig_queue(rig, "dead"), text_from(destination),
                                  rate, id, NULL),
                 STATUS_EXISTS);
}

static struct queue_move move_of(struct rig *rig)
{
    struct queue_move moves[2];

    cr_assert_eq(queue_move_list(rig_queue(rig, "dead"), moves, 2), 1);
    return moves[0];
}

Test(move, takes_everything_back_to_where_it_died)
{
    struct rig rig;

    open_dead(&rig, 250);
    start_move(&rig, "", 0);
    rig_settle(&rig);
    struct queue_move move = move_of(&rig);

    cr_expect_eq(move.state, QUEUE_MOVE_COMPLETED);
    cr_expect_eq(move.moved, 250);
    cr_expect_eq(move.to_move, 250);
    rig_expect_counts(&rig, "dead", 0, 0, 0);
    rig_expect_counts(&rig, "live", 250, 0, 0);
    struct rig_batch batch = rig_receive(&rig, "live", 10, 1000);

    cr_expect_eq(batch.receive_counts[0], 1, "like new");
    rig_close(&rig);
}

Test(move, keeps_to_its_rate_and_goes_on_after_a_crash)
{
    struct rig rig;

    open_dead(&rig, 100);
    start_move(&rig, "", 10);
    rig_pass(&rig, 3000);
    uint64_t moved = move_of(&rig).moved;

    cr_expect(moved >= 25 && moved <= 30, "%llu", (unsigned long long)moved);
    rig_crash(&rig);
    cr_expect_eq(move_of(&rig).state, QUEUE_MOVE_RUNNING);
    rig_pass(&rig, 2000);
    cr_expect_lt(move_of(&rig).moved, 60);
    rig_pass(&rig, 8000);
    cr_expect_eq(move_of(&rig).state, QUEUE_MOVE_COMPLETED);
    cr_expect_eq(move_of(&rig).moved, 100);
    rig_expect_counts(&rig, "live", 100, 0, 0);
    rig_close(&rig);
}

Test(move, can_be_cancelled_or_fail)
{
    struct rig rig;
    uint64_t moved = 0;

    open_dead(&rig, 20);
    uint8_t id[16];

    cr_assert_eq(queue_move_start(&rig.step, rig_queue(&rig, "dead"), T(DEAD_ARN "nowhere"), 0,
                                  id, NULL),
                 STATUS_OK);
    rig_settle(&rig);
    cr_expect_eq(move_of(&rig).state, QUEUE_MOVE_FAILED);
    cr_expect_str_eq(move_of(&rig).failure, "AWS.SimpleQueueService.NonExistentQueue");
    start_move(&rig, "", 1);
    rig_pass(&rig, 2000);
    struct queue_move moves[2];

    cr_assert_eq(queue_move_list(rig_queue(&rig, "dead"), moves, 2), 2);
    cr_expect_eq(queue_move_cancel(&rig.step, rig_queue(&rig, "dead"), moves[1].id, &moved),
                 STATUS_NOT_FOUND);
    cr_expect_eq(queue_move_cancel(&rig.step, rig_queue(&rig, "dead"), moves[0].id, &moved),
                 STATUS_OK);
    cr_expect_eq(moved, 2);
    rig_pass(&rig, 5000);
    rig_expect_counts(&rig, "dead", 18, 0, 0);
    rig_crash(&rig);
    cr_assert_eq(queue_move_list(rig_queue(&rig, "dead"), moves, 2), 2);
    cr_expect_eq(moves[0].state, QUEUE_MOVE_CANCELLED);
    rig_expect_counts(&rig, "dead", 18, 0, 0);
    rig_close(&rig);
}
