/* Looked at without being received, and dropped without a receipt. */
#include "rig.h"

#define ROOM 16

static const char the_queue[] = "q";

struct look {
    struct rig_call call;
    struct queue_peek peek;
    struct queue_peeked list[ROOM];
    uint64_t sequence; /* to be dropped */
};

static void open_queue(struct rig *rig, bool is_fifo)
{
    struct queue_settings settings = queue_settings_default;

    settings.is_fifo = is_fifo;
    rig_open(rig);
    (void)rig_create(rig, the_queue, &settings);
    rig_settle(rig);
}

static enum status run_peek(struct rig_call *call, struct queue *queue)
{
    return queue_peek(&call->rig->step, queue, &container_of(call, struct look, call)->peek);
}

static enum status run_drop(struct rig_call *call, struct queue *queue)
{
    return queue_delete_entry(&call->rig->step, queue,
                              container_of(call, struct look, call)->sequence);
}

static void look(struct rig *rig, struct look *look, uint64_t after, uint32_t max)
{
    *look = (struct look){.call = {.queue = the_queue, .run = run_peek}};
    look->peek = (struct queue_peek){
        .after = after, .max = max, .arena = &rig->arena, .list = look->list};
    rig_call(rig, &look->call);
    rig_settle(rig);
    cr_assert_eq(look->call.status, STATUS_OK);
}

static enum status drop(struct rig *rig, uint64_t sequence)
{
    struct look look = {.call = {.queue = the_queue, .run = run_drop}, .sequence = sequence};

    rig_call(rig, &look.call);
    rig_settle(rig);
    return look.call.status;
}

static void send_numbers(struct rig *rig, size_t count, const char *group)
{
    char body[32];

    for (size_t i = 0; i < count; i++) {
        (void)snprintf(body, sizeof body, "%zu", i);
        (void)(group == NULL ? rig_send(rig, the_queue, body)
                             : rig_send_group(rig, the_queue, group, body));
    }
}

static void expect_bodies(const struct look *look, const char *bodies)
{
    cr_assert_eq(look->peek.count, strlen(bodies), "%u, not %zu", look->peek.count,
                 strlen(bodies));
    for (size_t i = 0; bodies[i] != '\0'; i++) {
        cr_expect(text_equal(look->list[i].text, text_make(&bodies[i], 1)), "at %zu", i);
    }
}

Test(peek, shows_in_order_and_changes_nothing)
{
    struct rig rig;
    struct look seen;

    open_queue(&rig, false);
    send_numbers(&rig, 5, NULL);
    cr_expect_eq(rig_receive(&rig, the_queue, 1, 60000).count, 1);
    for (size_t round = 0; round < 3; round++) {
        look(&rig, &seen, 0, ROOM);
        expect_bodies(&seen, "01234");
        cr_expect(seen.list[0].is_in_flight && !seen.list[1].is_in_flight);
        cr_expect_eq(seen.list[0].receive_count, 1);
        cr_expect_eq(seen.list[1].receive_count, 0);
        queue_peek_end(&seen.peek);
    }
    rig_expect_counts(&rig, the_queue, 4, 1, 0);
    rig_close(&rig);
}

Test(peek, goes_on_behind_what_was_seen)
{
    struct rig rig;
    struct look seen;

    open_queue(&rig, false);
    send_numbers(&rig, 5, NULL);
    look(&rig, &seen, 0, 2);
    expect_bodies(&seen, "01");
    queue_peek_end(&seen.peek);
    look(&rig, &seen, seen.peek.after, 2);
    expect_bodies(&seen, "23");
    queue_peek_end(&seen.peek);
    look(&rig, &seen, seen.peek.after, 2);
    expect_bodies(&seen, "4");
    queue_peek_end(&seen.peek);
    rig_close(&rig);
}

Test(peek, asked_again_after_its_end_shows_nothing_twice)
{
    struct rig rig;
    struct look seen;

    open_queue(&rig, false);
    send_numbers(&rig, 3, NULL);
    look(&rig, &seen, 0, ROOM);
    rig_call(&rig, &seen.call); /* as a task does that had to wait for something else */
    rig_settle(&rig);
    cr_expect_eq(seen.call.status, STATUS_OK);
    expect_bodies(&seen, "012");
    queue_peek_end(&seen.peek);
    rig_close(&rig);
}

Test(peek, drops_a_message_in_flight_for_good)
{
    struct rig rig;
    struct look seen;

    open_queue(&rig, false);
    send_numbers(&rig, 3, NULL);
    struct rig_batch batch = rig_receive(&rig, the_queue, 1, 1000);

    cr_expect_eq(drop(&rig, batch.sequences[0]), STATUS_OK);
    cr_expect_eq(drop(&rig, batch.sequences[0]), STATUS_NOT_FOUND);
    cr_expect_eq(rig_delete(&rig, the_queue, batch.handles[0]), STATUS_OK);
    rig_pass(&rig, 2000);
    rig_expect_counts(&rig, the_queue, 2, 0, 0);
    rig_crash(&rig);
    rig_expect_counts(&rig, the_queue, 2, 0, 0);
    look(&rig, &seen, 0, ROOM);
    expect_bodies(&seen, "12");
    for (uint32_t i = 0; i < seen.peek.count; i++) {
        cr_expect_eq(drop(&rig, seen.list[i].sequence), STATUS_OK);
    }
    queue_peek_end(&seen.peek);
    cr_expect_eq(rig_rows(&rig, TABLE_READY), 0);
    rig_close(&rig);
}

Test(peek, drops_a_delayed_message)
{
    struct rig rig;
    struct queue_message message = {.body = T("later"), .delay_ms = 5000};

    open_queue(&rig, false);
    (void)rig_send_call(&rig, the_queue, &message);

    rig_expect_counts(&rig, the_queue, 0, 0, 1);
    struct look seen;

    look(&rig, &seen, 0, ROOM);
    cr_assert_eq(seen.peek.count, 1);
    cr_expect_eq(drop(&rig, seen.list[0].sequence), STATUS_OK);
    queue_peek_end(&seen.peek);
    rig_expect_counts(&rig, the_queue, 0, 0, 0);
    cr_expect_eq(rig_rows(&rig, TABLE_DELAYED), 0);
    rig_pass(&rig, 10000);
    cr_expect_eq(rig_receive(&rig, the_queue, 1, 1000).count, 0);
    rig_close(&rig);
}

Test(peek, a_dropped_message_frees_its_fifo_group)
{
    struct rig rig;

    open_queue(&rig, true);
    send_numbers(&rig, 3, "g");
    struct rig_batch batch = rig_receive(&rig, the_queue, 1, 60000);

    cr_assert_eq(batch.count, 1);
    cr_expect_eq(rig_receive(&rig, the_queue, 1, 1000).count, 0);
    cr_expect_eq(drop(&rig, batch.sequences[0]), STATUS_OK);
    batch = rig_receive(&rig, the_queue, 10, 1000);
    cr_assert_eq(batch.count, 2);
    cr_expect_str_eq(rig_body(&rig, &batch, 0), "1");
    rig_close(&rig);
}

/* --- What cannot be read: said, and out of the counts, as when it is received. */

static void row_damage(struct rig *rig, uint64_t sequence, uint8_t part, const char *nonsense)
{
    struct key key =
        key_u32_u64_u8(TABLE_READY, rig_queue(rig, the_queue)->store, sequence, part);

    record_put(&rig->step, &key, blob_copy(text_from(nonsense)));
    rig_settle(rig);
}

Test(peek, sets_aside_what_cannot_be_read)
{
    static const char *const nonsense[] = {"nonsense", ROW_DAMAGED};

    for (size_t i = 0; i < countof(nonsense); i++) {
        struct rig rig;
        struct look seen;

        open_queue(&rig, false);
        send_numbers(&rig, 3, NULL);
        row_damage(&rig, 2, 0, nonsense[i]);
        rig_crash(&rig);
        look(&rig, &seen, 0, ROOM);
        expect_bodies(&seen, "02");
        queue_peek_end(&seen.peek);
        rig_settle(&rig);
        rig_expect_counts(&rig, the_queue, 2, 0, 0);
        cr_expect_eq(records_damaged(rig.step.records), 1U);
        cr_expect_eq(rig_receive(&rig, the_queue, 10, 1000).count, 2);
        rig_close(&rig);
    }
}

Test(peek, sets_aside_a_state_that_cannot_be_read)
{
    struct rig rig;
    struct look seen;

    open_queue(&rig, false);
    send_numbers(&rig, 2, NULL);
    cr_assert_eq(rig_receive(&rig, the_queue, 1, 0).count, 1);
    rig_settle(&rig);
    row_damage(&rig, 1, 1, "nonsense");
    look(&rig, &seen, 0, ROOM);
    expect_bodies(&seen, "01");
    queue_peek_end(&seen.peek);
    rig_settle(&rig);
    cr_expect_eq(records_damaged(rig.step.records), 1U);
    cr_expect_eq(rig_rows(&rig, TABLE_DAMAGED), 1U);
    rig_close(&rig);
}
