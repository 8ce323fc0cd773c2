/* Sending, receiving, deleting; across a crash. */
#include "rig.h"

static const char *const queue = "plain";

static void open_plain(struct rig *rig)
{
    rig_open(rig);
    (void)rig_create(rig, queue, &queue_settings_default);
    rig_settle(rig);
}

Test(receive, lends_in_order_and_hides_until_the_visibility_timeout_is_over)
{
    struct rig rig;

    open_plain(&rig);
    (void)rig_send(&rig, queue, "one");
    (void)rig_send(&rig, queue, "two");
    struct rig_batch batch = rig_receive(&rig, queue, 10, -1);

    cr_assert_eq(batch.count, 2);
    cr_expect_str_eq(rig_body(&rig, &batch, 0), "one");
    cr_expect_str_eq(rig_body(&rig, &batch, 1), "two");
    cr_expect_eq(batch.receive_counts[0], 1);
    rig_expect_counts(&rig, queue, 0, 2, 0);
    cr_expect_eq(rig_receive(&rig, queue, 10, -1).count, 0);
    rig_pass(&rig, 29999);
    cr_expect_eq(rig_receive(&rig, queue, 10, -1).count, 0);
    rig_pass(&rig, 1);
    rig_expect_counts(&rig, queue, 2, 0, 0);
    batch = rig_receive(&rig, queue, 10, -1);
    cr_assert_eq(batch.count, 2);
    cr_expect_eq(batch.receive_counts[0], 2);
    rig_close(&rig);
}

Test(receive, does_not_lend_what_is_not_durable)
{
    struct rig rig;
    struct rig_call send = {
        .queue = queue, .run = rig_run_send, .message = {.body = T("early"), .delay_ms = -1}};
    struct rig_call receive;
    struct rig_batch batch;

    open_plain(&rig);
    rig_call(&rig, &send);
    cr_assert_eq(send.status, STATUS_OK);
    rig_receive_begin(&rig, &receive, queue, 0);
    rig_call(&rig, &receive);
    cr_expect_eq(receive.status, STATUS_OK);
    cr_expect_eq(receive.receive.lent_count, 0);
    rig_settle(&rig);
    batch = rig_receive(&rig, queue, 10, -1);
    cr_expect_eq(batch.count, 1);
    rig_close(&rig);
}

Test(receive, forgets_what_was_deleted)
{
    struct rig rig;

    open_plain(&rig);
    (void)rig_send(&rig, queue, "one");
    struct rig_batch batch = rig_receive(&rig, queue, 10, -1);

    cr_expect_eq(rig_delete(&rig, queue, batch.handles[0]), STATUS_OK);
    cr_expect_eq(rig_delete(&rig, queue, batch.handles[0]), STATUS_OK, "twice is fine");
    rig_expect_counts(&rig, queue, 0, 0, 0);
    rig_pass(&rig, 60000);
    cr_expect_eq(rig_receive(&rig, queue, 10, -1).count, 0);
    cr_expect_eq(rig_rows(&rig, TABLE_READY), 0);
    rig_close(&rig);
}

Test(receive, keeps_leases_counts_and_handles_across_a_crash)
{
    struct rig rig;

    open_plain(&rig);
    (void)rig_send(&rig, queue, "one");
    (void)rig_send(&rig, queue, "two");
    (void)rig_send(&rig, queue, "three");
    struct rig_batch first = rig_receive(&rig, queue, 2, 60000);

    cr_assert_eq(first.count, 2);
    rig_crash(&rig);
    rig_expect_counts(&rig, queue, 1, 2, 0);
    rig_pass(&rig, 1);
    struct rig_batch second = rig_receive(&rig, queue, 10, 60000);

    cr_assert_eq(second.count, 1);
    cr_expect_str_eq(rig_body(&rig, &second, 0), "three");
    cr_expect_eq(rig_delete(&rig, queue, first.handles[0]), STATUS_OK);
    rig_pass(&rig, 60000);
    second = rig_receive(&rig, queue, 10, 60000);
    cr_assert_eq(second.count, 2);
    cr_expect_str_eq(rig_body(&rig, &second, 0), "two");
    cr_expect_eq(second.receive_counts[0], 2);
    rig_close(&rig);
}

Test(receive, handles_from_before_the_crash_work_when_the_lease_is_over)
{
    struct rig rig;

    open_plain(&rig);
    (void)rig_send(&rig, queue, "one");
    struct rig_batch batch = rig_receive(&rig, queue, 1, 1000);

    rig_pass(&rig, 5000);
    rig_crash(&rig);
    rig_expect_counts(&rig, queue, 1, 0, 0);
    cr_expect_eq(rig_change(&rig, queue, batch.handles[0], 1000), STATUS_OK);
    rig_expect_counts(&rig, queue, 0, 1, 0);
    rig_pass(&rig, 1000);
    cr_expect_eq(rig_delete(&rig, queue, batch.handles[0]), STATUS_OK);
    rig_expect_counts(&rig, queue, 0, 0, 0);
    cr_expect_eq(rig_receive(&rig, queue, 1, 1000).count, 0);
    cr_expect_eq(rig_change(&rig, queue, batch.handles[0], 1000), STATUS_NOT_FOUND);
    rig_close(&rig);
}

/* Lends everything, and dies before the leases are durable. */
static struct rig_batch receive_and_crash(struct rig *rig)
{
    struct rig_call receive;
    struct rig_batch batch;

    rig_receive_begin(rig, &receive, queue, 0);
    rig_call(rig, &receive);
    cr_assert_eq(receive.status, STATUS_OK);
    rig_keep(rig, &receive, &batch);
    rig_crash(rig);
    return batch;
}

Test(receive, deletes_with_a_receipt_whose_lease_the_crash_has_lost)
{
    struct rig rig;

    open_plain(&rig);
    (void)rig_send(&rig, queue, "one");
    (void)rig_send(&rig, queue, "two");
    struct rig_batch lost = receive_and_crash(&rig);

    cr_assert_eq(lost.count, 2);
    rig_expect_counts(&rig, queue, 2, 0, 0);
    cr_expect_eq(rig_delete(&rig, queue, lost.handles[0]), STATUS_OK, "it is on disk only");
    rig_expect_counts(&rig, queue, 1, 0, 0);
    struct rig_batch again = rig_receive(&rig, queue, 1, 0); /* visible again at once */

    cr_assert_eq(again.count, 1);
    cr_expect_str_eq(rig_body(&rig, &again, 0), "two");
    lost = receive_and_crash(&rig);
    cr_assert_eq(lost.count, 1);
    cr_expect_eq(rig_receive(&rig, queue, 10, 0).receive_counts[0], 2);
    lost = receive_and_crash(&rig);
    (void)rig_send(&rig, queue, "three");
    cr_expect_eq(rig_receive(&rig, queue, 1, 0).count, 1, "it is in the window");
    cr_expect_eq(rig_delete(&rig, queue, lost.handles[0]), STATUS_OK);
    rig_expect_counts(&rig, queue, 1, 0, 0);
    rig_close(&rig);
}

/* Whoever has ever received it may settle it: while somebody else has it, while nobody has it,
 * and after a restart. */
Test(receive, every_receipt_of_a_message_works)
{
    for (int round = 0; round < 3; round++) {
        struct rig rig;

        open_plain(&rig);
        (void)rig_send(&rig, queue, "one");
        struct rig_batch old = rig_receive(&rig, queue, 1, 0);
        struct rig_batch new = rig_receive(&rig, queue, 1, round == 0 ? 10000 : 0);

        cr_assert_eq(new.count, 1);
        if (round == 2) {
            rig_crash(&rig); /* it is on disk only */
        }
        cr_expect_eq(rig_change(&rig, queue, old.handles[0], 20000), STATUS_OK);
        rig_expect_counts(&rig, queue, 0, 1, 0);
        rig_pass(&rig, 19999);
        cr_expect_eq(rig_receive(&rig, queue, 1, 1000).count, 0);
        cr_expect_eq(rig_change(&rig, queue, old.handles[0], 0), STATUS_OK);
        rig_expect_counts(&rig, queue, 1, 0, 0);
        cr_expect_eq(rig_change(&rig, queue, new.handles[0], 0), STATUS_OK, "as it is");
        cr_expect_eq(rig_delete(&rig, queue, old.handles[0]), STATUS_OK);
        rig_expect_counts(&rig, queue, 0, 0, 0);
        cr_expect_eq(rig_delete(&rig, queue, new.handles[0]), STATUS_OK);
        rig_pass(&rig, 1000);
        cr_expect_eq(rig_rows(&rig, TABLE_READY), 0);
        rig_close(&rig);
    }
}

Test(receive, hiding_what_a_crash_has_forgotten_leaves_no_row_behind)
{
    struct rig rig;

    open_plain(&rig);
    (void)rig_send(&rig, queue, "one");
    struct rig_batch batch = receive_and_crash(&rig);

    cr_assert_eq(batch.count, 1);
    rig_expect_counts(&rig, queue, 1, 0, 0);
    cr_expect_eq(rig_change(&rig, queue, batch.handles[0], 5000), STATUS_OK);
    rig_expect_counts(&rig, queue, 0, 1, 0);
    rig_crash(&rig);
    rig_expect_counts(&rig, queue, 0, 1, 0);
    rig_pass(&rig, 5000);
    struct rig_batch again = rig_receive(&rig, queue, 1, 1000);

    cr_assert_eq(again.count, 1);
    cr_expect_eq(again.receive_counts[0], 2, "the receipt proves the first");
    cr_expect_eq(rig_delete(&rig, queue, batch.handles[0]), STATUS_OK);
    rig_pass(&rig, 1000);
    cr_expect_eq(rig_rows(&rig, TABLE_READY), 0);
    rig_close(&rig);
}

Test(receive, refuses_forged_handles_and_those_of_other_queues)
{
    struct rig rig;

    open_plain(&rig);
    (void)rig_create(&rig, "other", &queue_settings_default);
    (void)rig_send(&rig, "other", "one");
    struct rig_batch batch = rig_receive(&rig, "other", 1, 1000);
    struct text forged = arena_copy(&rig.arena, batch.handles[0]);
    char *at = arena_take(&rig.arena, forged.len);

    cr_expect_eq(rig_delete(&rig, queue, batch.handles[0]), STATUS_INVALID);
    for (size_t i = 0; i < forged.len; i++) {
        memcpy(at, forged.at, forged.len);
        at[i] = at[i] == 'A' ? 'B' : 'A';
        cr_expect_eq(rig_delete(&rig, "other", text_make(at, forged.len)), STATUS_INVALID);
    }
    cr_expect_eq(rig_delete(&rig, queue, T("")), STATUS_INVALID);
    cr_expect_eq(rig_delete(&rig, queue, T("garbage")), STATUS_INVALID);
    rig_close(&rig);
}

Test(receive, changes_the_moment_a_message_comes_back)
{
    struct rig rig;

    open_plain(&rig);
    (void)rig_send(&rig, queue, "one");
    struct rig_batch batch = rig_receive(&rig, queue, 1, 10000);

    rig_pass(&rig, 9000);
    cr_expect_eq(rig_change(&rig, queue, batch.handles[0], 20000), STATUS_OK);
    rig_pass(&rig, 19999);
    cr_expect_eq(rig_receive(&rig, queue, 1, 0).count, 0);
    cr_expect_eq(rig_change(&rig, queue, batch.handles[0], 43200000), STATUS_DENIED);
    cr_expect_eq(rig_change(&rig, queue, batch.handles[0], 0), STATUS_OK);
    cr_expect_eq(rig_change(&rig, queue, batch.handles[0], 10), STATUS_OK, "hidden again");
    cr_expect_eq(rig_receive(&rig, queue, 1, 0).count, 0);
    rig_pass(&rig, 10);
    batch = rig_receive(&rig, queue, 1, 0);
    cr_assert_eq(batch.count, 1);
    cr_expect_eq(batch.receive_counts[0], 2);
    batch = rig_receive(&rig, queue, 1, 0);
    cr_assert_eq(batch.count, 1, "a timeout of zero leaves it visible");
    cr_expect_eq(batch.receive_counts[0], 3);
    rig_close(&rig);
}

Test(receive, waits_for_an_arrival_a_return_or_the_end_of_its_time)
{
    struct rig rig;
    struct rig_call calls[3];
    struct rig_batch batch;

    open_plain(&rig);
    for (size_t i = 0; i < countof(calls); i++) {
        rig_receive_begin(&rig, &calls[i], queue, 20000);
        calls[i].receive.visibility_ms = 5000;
        rig_call(&rig, &calls[i]);
    }
    rig_pass(&rig, 1000);
    cr_expect_eq(calls[0].status, STATUS_WAIT);
    (void)rig_send(&rig, queue, "one");
    cr_assert_eq(calls[0].status, STATUS_OK);
    cr_expect_eq(calls[0].receive.lent_count, 1);
    cr_expect_eq(calls[1].status, STATUS_WAIT);
    rig_keep(&rig, &calls[0], &batch);
    rig_pass(&rig, 5000);
    cr_assert_eq(calls[1].status, STATUS_OK, "it came back");
    rig_keep(&rig, &calls[1], &batch);
    cr_expect_eq(batch.count, 1);
    cr_expect_eq(rig_delete(&rig, queue, batch.handles[0]), STATUS_OK);
    rig_pass(&rig, 13999);
    cr_expect_eq(calls[2].status, STATUS_WAIT);
    rig_pass(&rig, 1);
    cr_expect_eq(calls[2].status, STATUS_OK);
    cr_expect_eq(calls[2].receive.lent_count, 0);
    rig_close(&rig);
}

Test(receive, ten_thousand_waiting_receivers_are_served_one_by_one)
{
    enum {
        RECEIVERS = 10000
    };
    struct rig rig;
    struct rig_call *calls = memory_array(RECEIVERS, sizeof *calls);
    struct rig_batch batch;
    size_t served = 0;

    open_plain(&rig);
    for (size_t i = 0; i < RECEIVERS; i++) {
        rig_receive_begin(&rig, &calls[i], queue, 20000);
        rig_call(&rig, &calls[i]);
    }
    for (size_t i = 0; i < 3; i++) {
        (void)rig_send(&rig, queue, "one");
    }
    for (size_t i = 0; i < RECEIVERS; i++) {
        served += calls[i].status == STATUS_OK;
        if (calls[i].status == STATUS_OK) {
            rig_keep(&rig, &calls[i], &batch);
        }
    }
    cr_expect_eq(served, 3);
    rig_pass(&rig, 20000);
    for (size_t i = 0; i < RECEIVERS; i++) {
        cr_assert_eq(calls[i].status, STATUS_OK);
    }
    memory_free(calls);
    rig_close(&rig);
}

Test(receive, a_cancelled_receiver_passes_its_wake_on)
{
    struct rig rig;
    struct rig_call calls[2];
    struct rig_batch batch;

    open_plain(&rig);
    for (size_t i = 0; i < countof(calls); i++) {
        rig_receive_begin(&rig, &calls[i], queue, 20000);
        rig_call(&rig, &calls[i]);
    }
    task_cancel(&calls[0].task);
    queue_receive_end(&rig.step, &calls[0].receive);
    (void)rig_send(&rig, queue, "one");
    cr_assert_eq(calls[1].status, STATUS_OK);
    rig_keep(&rig, &calls[1], &batch);
    cr_expect_eq(batch.count, 1);
    rig_close(&rig);
}

Test(receive, a_waiting_receiver_is_told_when_the_queue_is_deleted)
{
    struct rig rig;
    struct rig_call call;

    open_plain(&rig);
    rig_receive_begin(&rig, &call, queue, 20000);
    rig_call(&rig, &call);
    queue_delete(&rig.step, rig_queue(&rig, queue));
    rig_settle(&rig);
    cr_expect_eq(call.status, STATUS_NOT_FOUND);
    rig_close(&rig);
}

Test(receive, reads_a_backlog_through_a_window)
{
    enum {
        MESSAGES = 20000
    };
    struct rig rig;
    char body[32];

    open_plain(&rig);
    for (size_t i = 0; i < MESSAGES; i++) {
        struct rig_call call = {
            .queue = queue, .run = rig_run_send, .message = {.body = T(""), .delay_ms = -1}};

        (void)snprintf(body, sizeof body, "%zu", i);
        call.message.body = text_from(body);
        rig_call(&rig, &call);
        if (i % 100 == 0) {
            rig_settle(&rig);
        }
    }
    rig_settle(&rig);
    rig_expect_counts(&rig, queue, MESSAGES, 0, 0);
    for (size_t i = 0; i < MESSAGES; i += 10) {
        if (i == MESSAGES / 2) {
            rig_crash(&rig);
        }
        struct rig_batch batch = rig_receive(&rig, queue, 10, -1);

        cr_assert_eq(batch.count, 10);
        (void)snprintf(body, sizeof body, "%zu", i);
        cr_assert_str_eq(rig_body(&rig, &batch, 0), body);
        for (size_t j = 0; j < batch.count; j++) {
            cr_assert_eq(rig_delete(&rig, queue, batch.handles[j]), STATUS_OK);
        }
    }
    rig_expect_counts(&rig, queue, 0, 0, 0);
    cr_expect_lt(rig.reads, 100, "%llu reads", (unsigned long long)rig.reads);
    cr_expect_eq(rig_rows(&rig, TABLE_READY), 0);
    rig_close(&rig);
}

Test(receive, finds_rows_that_the_cache_has_lost)
{
    struct rig rig;

    open_plain(&rig);
    rig_stop(&rig);
    rig.cache_bytes = 0;
    rig_start(&rig);
    for (size_t i = 0; i < 10; i++) {
        (void)rig_send(&rig, queue, "body");
    }
    for (size_t gone = 0; gone < 10;) {
        struct rig_batch batch = rig_receive(&rig, queue, 10, -1);

        cr_assert_gt(batch.count, 0);
        for (size_t i = 0; i < batch.count; i++, gone++) {
            cr_expect_str_eq(rig_body(&rig, &batch, i), "body");
            cr_expect_eq(rig_delete(&rig, queue, batch.handles[i]), STATUS_OK);
        }
    }
    rig_expect_counts(&rig, queue, 0, 0, 0);
    rig_close(&rig);
}
