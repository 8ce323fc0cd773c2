/* FIFO queues: order, one holder per group, no duplicates for five minutes. */
#include "rig.h"

static const char *const queue = "orders.fifo";

static void open_fifo(struct rig *rig, bool per_group)
{
    struct queue_settings settings = queue_settings_default;

    rig_open(rig);
    settings.is_fifo = true;
    settings.deduplicate_per_group = per_group;
    (void)rig_create(rig, queue, &settings);
    rig_settle(rig);
}

Test(fifo, a_group_with_a_message_in_flight_yields_no_other)
{
    struct rig rig;

    open_fifo(&rig, false);
    (void)rig_send_group(&rig, queue, "a", "a1");
    (void)rig_send_group(&rig, queue, "b", "b1");
    (void)rig_send_group(&rig, queue, "a", "a2");
    struct rig_batch first = rig_receive(&rig, queue, 1, 10000);

    cr_expect_str_eq(rig_body(&rig, &first, 0), "a1");
    struct rig_batch second = rig_receive(&rig, queue, 10, 10000);

    cr_assert_eq(second.count, 1);
    cr_expect_str_eq(rig_body(&rig, &second, 0), "b1");
    cr_expect_eq(rig_delete(&rig, queue, first.handles[0]), STATUS_OK);
    second = rig_receive(&rig, queue, 10, 10000);
    cr_assert_eq(second.count, 1);
    cr_expect_str_eq(rig_body(&rig, &second, 0), "a2");
    rig_close(&rig);
}

Test(fifo, one_receive_takes_several_of_a_group_in_order)
{
    struct rig rig;

    open_fifo(&rig, false);
    (void)rig_send_group(&rig, queue, "a", "a1");
    (void)rig_send_group(&rig, queue, "b", "b1");
    (void)rig_send_group(&rig, queue, "a", "a2");
    struct rig_batch batch = rig_receive(&rig, queue, 10, 10000);

    cr_assert_eq(batch.count, 3);
    cr_expect_str_eq(rig_body(&rig, &batch, 0), "a1");
    cr_expect_str_eq(rig_body(&rig, &batch, 1), "a2");
    cr_expect_str_eq(rig_body(&rig, &batch, 2), "b1");
    cr_expect_eq(rig_change(&rig, queue, batch.handles[1], 0), STATUS_OK);
    cr_expect_eq(rig_receive(&rig, queue, 10, 10000).count, 0, "a1 still holds the group");
    cr_expect_eq(rig_change(&rig, queue, batch.handles[0], 0), STATUS_OK);
    batch = rig_receive(&rig, queue, 10, 10000);
    cr_assert_eq(batch.count, 2);
    cr_expect_str_eq(rig_body(&rig, &batch, 0), "a1");
    rig_close(&rig);
}

/* Batch consumers give back what failed, and get just that again. */
Test(fifo, what_came_back_comes_again_while_a_later_one_is_lent)
{
    struct rig rig;

    open_fifo(&rig, false);
    (void)rig_send_group(&rig, queue, "a", "a1");
    (void)rig_send_group(&rig, queue, "a", "a2");
    (void)rig_send_group(&rig, queue, "a", "a3");
    (void)rig_send_group(&rig, queue, "a", "a4");
    struct rig_batch batch = rig_receive(&rig, queue, 3, 10000);

    cr_assert_eq(batch.count, 3);
    cr_expect_eq(rig_change(&rig, queue, batch.handles[0], 0), STATUS_OK);
    cr_expect_eq(rig_change(&rig, queue, batch.handles[2], 30000), STATUS_OK);
    struct rig_batch again = rig_receive(&rig, queue, 10, 10000);

    cr_assert_eq(again.count, 1, "not a2, nor what stands behind it");
    cr_expect_str_eq(rig_body(&rig, &again, 0), "a1");
    cr_expect_eq(rig_receive(&rig, queue, 10, 10000).count, 0);
    cr_expect_eq(rig_change(&rig, queue, batch.handles[1], 0), STATUS_OK);
    cr_expect_eq(rig_receive(&rig, queue, 10, 10000).count, 0, "a1 is out");
    cr_expect_eq(rig_delete(&rig, queue, again.handles[0]), STATUS_OK);
    rig_crash(&rig);
    again = rig_receive(&rig, queue, 10, 10000);
    cr_assert_eq(again.count, 1);
    cr_expect_str_eq(rig_body(&rig, &again, 0), "a2");
    cr_expect_eq(rig_delete(&rig, queue, again.handles[0]), STATUS_OK);
    cr_expect_eq(rig_delete(&rig, queue, batch.handles[2]), STATUS_OK);
    again = rig_receive(&rig, queue, 10, 10000);
    cr_assert_eq(again.count, 1);
    cr_expect_str_eq(rig_body(&rig, &again, 0), "a4");
    rig_close(&rig);
}

Test(fifo, a_purged_queue_takes_the_same_again)
{
    for (int crashes = 0; crashes < 2; crashes++) {
        struct rig rig;

        open_fifo(&rig, false);
        (void)rig_send_group(&rig, queue, "a", "one");
        rig_pass(&rig, 70000);
        (void)rig_send_group(&rig, queue, "a", "two");
        queue_purge(&rig.step, rig_queue(&rig, queue));
        if (crashes > 0) {
            (void)rig_commit(
                &rig); /* of the rows that go in batches of their own none is gone */
            rig_crash(&rig);
        }
        (void)rig_send_group(&rig, queue, "a", "one");
        (void)rig_send_group(&rig, queue, "a", "two");
        (void)rig_send_group(&rig, queue, "a", "two");
        rig_expect_counts(&rig, queue, 2, 0, 0);
        cr_expect_eq(rig_rows(&rig, TABLE_DEDUPLICATION), 2);
        rig_crash(&rig);
        (void)rig_send_group(&rig, queue, "a", "one");
        rig_expect_counts(&rig, queue, 2, 0, 0);
        rig_pass(&rig, INT64_C(7) * 60000);
        cr_expect_eq(rig_rows(&rig, TABLE_DEDUPLICATION), 0);
        rig_close(&rig);
    }
}

Test(fifo, a_freed_group_wakes_a_waiting_receiver)
{
    struct rig rig;
    struct rig_call call;
    struct rig_batch batch;

    open_fifo(&rig, false);
    (void)rig_send_group(&rig, queue, "a", "a1");
    (void)rig_send_group(&rig, queue, "a", "a2");
    struct rig_batch first = rig_receive(&rig, queue, 1, 10000);

    rig_receive_begin(&rig, &call, queue, 20000);
    rig_call(&rig, &call);
    rig_settle(&rig);
    cr_expect_eq(call.status, STATUS_WAIT);
    cr_expect_eq(rig_delete(&rig, queue, first.handles[0]), STATUS_OK);
    cr_assert_eq(call.status, STATUS_OK);
    rig_keep(&rig, &call, &batch);
    cr_expect_str_eq(rig_body(&rig, &batch, 0), "a2");
    rig_close(&rig);
}

Test(fifo, an_expired_handle_deletes_nothing)
{
    struct rig rig;

    open_fifo(&rig, false);
    (void)rig_send_group(&rig, queue, "a", "a1");
    struct rig_batch batch = rig_receive(&rig, queue, 1, 1000);

    rig_pass(&rig, 1000);
    cr_expect_eq(rig_delete(&rig, queue, batch.handles[0]), STATUS_EXISTS);
    rig_crash(&rig);
    cr_expect_eq(rig_delete(&rig, queue, batch.handles[0]), STATUS_EXISTS);
    batch = rig_receive(&rig, queue, 1, 1000);
    cr_assert_eq(batch.count, 1);
    cr_expect_eq(rig_delete(&rig, queue, batch.handles[0]), STATUS_OK);
    cr_expect_eq(rig_delete(&rig, queue, batch.handles[0]), STATUS_OK);
    rig_close(&rig);
}

/* Its receives are answered when they are durable: nobody has a receipt that a crash has
 * undone. */
Test(fifo, a_receipt_that_was_never_answered_is_none)
{
    struct rig rig;
    struct rig_batch lost = {0};

    open_fifo(&rig, false);
    (void)rig_send_group(&rig, queue, "a", "a1");
    for (int i = 0; i < 2; i++) {
        struct rig_call receive;

        rig_receive_begin(&rig, &receive, queue, 0);
        receive.receive.visibility_ms = 0;
        rig_call(&rig, &receive);
        cr_assert_eq(receive.status, STATUS_OK);
        rig_keep(&rig, &receive, &lost);
    }
    rig_crash(&rig);
    struct rig_batch batch = rig_receive(&rig, queue, 1, 10000);

    cr_assert_eq(batch.count, 1);
    cr_assert_eq(batch.receive_counts[0], 1);
    cr_expect_eq(rig_change(&rig, queue, lost.handles[0], 5000), STATUS_EXISTS);
    cr_expect_eq(rig_delete(&rig, queue, batch.handles[0]), STATUS_OK);
    rig_close(&rig);
}

Test(fifo, a_group_stays_taken_across_a_crash)
{
    struct rig rig;

    open_fifo(&rig, false);
    (void)rig_send_group(&rig, queue, "a", "a1");
    (void)rig_send_group(&rig, queue, "a", "a2");
    struct rig_batch batch = rig_receive(&rig, queue, 1, 10000);

    rig_crash(&rig);
    cr_expect_eq(rig_receive(&rig, queue, 10, 10000).count, 0);
    cr_expect_eq(rig_delete(&rig, queue, batch.handles[0]), STATUS_OK);
    batch = rig_receive(&rig, queue, 10, 10000);
    cr_assert_eq(batch.count, 1);
    cr_expect_str_eq(rig_body(&rig, &batch, 0), "a2");
    rig_close(&rig);
}

Test(fifo, answers_a_duplicate_with_the_first_ones_ids_for_five_minutes)
{
    struct rig rig;

    open_fifo(&rig, false);
    struct queue_sent first = rig_send_group(&rig, queue, "a", "once");
    struct rig_batch batch = rig_receive(&rig, queue, 1, 1000);

    cr_expect_eq(rig_delete(&rig, queue, batch.handles[0]), STATUS_OK);
    rig_pass(&rig, 4LL * 60000);
    rig_crash(&rig);
    struct queue_sent second = rig_send_group(&rig, queue, "b", "once");

    cr_expect_eq(second.sequence, first.sequence);
    cr_expect_arr_eq(second.id, first.id, sizeof first.id);
    rig_expect_counts(&rig, queue, 0, 0, 0);
    rig_pass(&rig, 60000 - 1);
    cr_expect_eq(rig_send_group(&rig, queue, "b", "once").sequence, first.sequence);
    rig_pass(&rig, 1);
    cr_expect_neq(rig_send_group(&rig, queue, "b", "once").sequence, first.sequence);
    rig_expect_counts(&rig, queue, 1, 0, 0);
    rig_pass(&rig, 10LL * 60000);
    cr_expect_eq(rig_rows(&rig, TABLE_DEDUPLICATION), 0);
    rig_close(&rig);
}

Test(fifo, finds_a_duplicate_in_the_same_batch)
{
    struct rig rig;
    struct rig_call calls[2];

    open_fifo(&rig, false);
    for (size_t i = 0; i < countof(calls); i++) {
        calls[i] = (struct rig_call){.queue = queue,
                                     .run = rig_run_send,
                                     .message = {.body = T("x"),
                                                 .group_id = T("g"),
                                                 .deduplication_id = T("d"),
                                                 .delay_ms = -1}};
        rig_call(&rig, &calls[i]);
    }
    cr_expect_eq(calls[1].status, STATUS_OK);
    cr_expect_eq(calls[0].sent.sequence, calls[1].sent.sequence);
    rig_settle(&rig);
    rig_expect_counts(&rig, queue, 1, 0, 0);
    rig_close(&rig);
}

/* Also when the queue says so only later: AWS was seen to go on with the old scope for a while,
 * which looks like the change on its way, and nobody can rely on. */
Test(fifo, deduplicates_per_group_where_the_queue_says_so)
{
    struct rig rig;

    open_fifo(&rig, true);
    struct queue_sent first = rig_send_group(&rig, queue, "a", "once");

    cr_expect_eq(rig_send_group(&rig, queue, "a", "once").sequence, first.sequence);
    cr_expect_neq(rig_send_group(&rig, queue, "b", "once").sequence, first.sequence);
    rig_close(&rig);
}

Test(fifo, takes_the_bodys_digest_where_the_queue_deduplicates_by_content)
{
    struct rig rig;
    struct queue_message message = {.body = T("same"), .group_id = T("g"), .delay_ms = -1};
    struct rig_call call = {.queue = queue, .run = rig_run_send, .message = message};

    open_fifo(&rig, false);
    rig_call(&rig, &call);
    cr_expect_eq(call.status, STATUS_INVALID);
    struct queue *found = rig_queue(&rig, queue);
    struct queue_settings settings = found->settings;

    settings.content_based_deduplication = true;
    queue_update(&rig.step, found, &settings, NULL, 0);
    struct queue_sent first = rig_send_call(&rig, queue, &message);

    message.attributes = T("other");
    cr_expect_eq(rig_send_call(&rig, queue, &message).sequence, first.sequence);
    rig_close(&rig);
}

Test(fifo, the_same_attempt_gets_the_same_messages_again)
{
    struct rig rig;
    struct rig_call calls[2];
    struct rig_batch batches[2];

    open_fifo(&rig, false);
    (void)rig_send_group(&rig, queue, "a", "a1");
    (void)rig_send_group(&rig, queue, "b", "b1");
    for (size_t i = 0; i < countof(calls); i++) {
        rig_receive_begin(&rig, &calls[i], queue, 0);
        calls[i].receive.attempt_id = T("attempt");
        rig_call(&rig, &calls[i]);
        rig_settle(&rig);
        cr_assert_eq(calls[i].status, STATUS_OK);
        rig_keep(&rig, &calls[i], &batches[i]);
        rig_pass(&rig, 20000);
    }
    cr_assert_eq(batches[0].count, 2);
    cr_assert_eq(batches[1].count, 2);
    cr_expect_eq(batches[1].receive_counts[0], 1);
    cr_expect(text_equal(batches[0].handles[0], batches[1].handles[0]));
    rig_pass(&rig, 5000);
    rig_expect_counts(&rig, queue, 0, 2, 0);
    rig_close(&rig);
}

/* Their bodies are their numbers. */
static void send_many(struct rig *rig, const char *group, size_t count)
{
    char body[32];

    for (size_t i = 0; i < count; i++) {
        struct rig_call call = {.queue = queue, .run = rig_run_send};

        (void)snprintf(body, sizeof body, "%zu", i);
        call.message = (struct queue_message){.body = text_from(body),
                                              .group_id = text_from(group),
                                              .deduplication_id = text_from(body),
                                              .delay_ms = -1};
        rig_call(rig, &call);
        if (i % 100 == 0) {
            rig_settle(rig);
        }
    }
    rig_settle(rig);
}

Test(fifo, busy_groups_do_not_fill_the_window)
{
    enum {
        BUSY = 5000
    };
    struct rig rig;

    open_fifo(&rig, false);
    (void)rig_send_group(&rig, queue, "busy", "first");
    cr_assert_eq(rig_receive(&rig, queue, 1, 60000).count, 1);
    send_many(&rig, "busy", BUSY);
    rig_settle(&rig);
    (void)rig_send_group(&rig, queue, "quiet", "found");
    rig_crash(&rig);
    struct rig_batch batch = rig_receive(&rig, queue, 10, 60000);

    cr_assert_eq(batch.count, 1);
    cr_expect_str_eq(rig_body(&rig, &batch, 0), "found");
    rig_close(&rig);
}

Test(fifo, a_backlog_that_the_cache_cannot_hold_is_not_read_one_by_one)
{
    enum {
        MESSAGES = 20000
    };
    struct rig rig;
    char body[32];

    open_fifo(&rig, false);
    rig_stop(&rig);
    rig.cache_bytes = 1 << 20;
    rig_start(&rig);
    send_many(&rig, "one", MESSAGES);
    rig_crash(&rig);
    rig.reads = 0;
    for (size_t i = 0; i < MESSAGES; i += 10) {
        struct rig_batch batch = rig_receive(&rig, queue, 10, 60000);

        cr_assert_eq(batch.count, 10);
        (void)snprintf(body, sizeof body, "%zu", i);
        cr_assert_str_eq(rig_body(&rig, &batch, 0), body);
        cr_expect_eq(rig_receive(&rig, queue, 10, 60000).count, 0, "it looks for other groups");
        for (size_t j = 0; j < batch.count; j++) {
            cr_assert_eq(rig_delete(&rig, queue, batch.handles[j]), STATUS_OK);
        }
    }
    cr_expect_lt(rig.reads, MESSAGES / 10, "%llu reads", (unsigned long long)rig.reads);
    rig_close(&rig);
}
