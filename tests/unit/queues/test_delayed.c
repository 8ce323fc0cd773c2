/* Delayed messages: hidden until due, in memory or not, across a crash. */
#include "rig.h"

static const char *const queue = "late";

static void open_late(struct rig *rig, uint32_t delay_s, bool is_fifo)
{
    struct queue_settings settings = queue_settings_default;

    rig_open(rig);
    settings.delay_s = delay_s;
    settings.is_fifo = is_fifo;
    (void)rig_create(rig, queue, &settings);
    rig_settle(rig);
}

static void send_later(struct rig *rig, const char *body, int64_t delay_ms)
{
    struct queue_message message = {.body = text_from(body), .delay_ms = delay_ms};

    (void)rig_send_call(rig, queue, &message);
}

Test(delayed, hides_a_message_until_it_is_due_and_then_wakes_a_receiver)
{
    struct rig rig;
    struct rig_call call;
    struct rig_batch batch;

    open_late(&rig, 5, false);
    (void)rig_send(&rig, queue, "the queue's delay");
    send_later(&rig, "its own", 2000);
    send_later(&rig, "none", 0);
    rig_expect_counts(&rig, queue, 1, 0, 2);
    cr_expect_eq(rig_receive(&rig, queue, 10, -1).count, 1);
    rig_receive_begin(&rig, &call, queue, 20000);
    rig_call(&rig, &call);
    rig_pass(&rig, 1999);
    cr_expect_eq(call.status, STATUS_WAIT);
    rig_pass(&rig, 1);
    cr_assert_eq(call.status, STATUS_OK);
    rig_keep(&rig, &call, &batch);
    cr_expect_str_eq(rig_body(&rig, &batch, 0), "its own");
    rig_expect_counts(&rig, queue, 0, 2, 1);
    rig_pass(&rig, 3000);
    batch = rig_receive(&rig, queue, 10, -1);
    cr_expect_str_eq(rig_body(&rig, &batch, 0), "the queue's delay");
    cr_expect_eq(rig_rows(&rig, TABLE_DELAYED), 0);
    rig_close(&rig);
}

Test(delayed, survives_a_crash_before_and_after_it_is_due)
{
    struct rig rig;
    struct rig_batch batch;

    open_late(&rig, 0, false);
    send_later(&rig, "soon", 1000);
    send_later(&rig, "late", 60000);
    rig_crash(&rig);
    rig_expect_counts(&rig, queue, 0, 0, 2);
    cr_expect_eq(rig_receive(&rig, queue, 10, -1).count, 0);
    rig_pass(&rig, 1000);
    rig_expect_counts(&rig, queue, 1, 0, 1);
    rig_crash(&rig);
    rig_expect_counts(&rig, queue, 1, 0, 1);
    batch = rig_receive(&rig, queue, 10, -1);
    cr_assert_eq(batch.count, 1);
    cr_expect_str_eq(rig_body(&rig, &batch, 0), "soon");
    rig_stop(&rig);
    rig.step.now_ms += 100000; /* due while the daemon is down */
    rig_start(&rig);
    rig_settle(&rig);
    rig_expect_counts(&rig, queue, 2, 0, 0);
    cr_expect_eq(rig_receive(&rig, queue, 10, -1).count, 2);
    rig_close(&rig);
}

Test(delayed, keeps_only_the_soonest_in_memory)
{
    enum {
        MESSAGES = 12000
    };
    struct rig rig;
    size_t received = 0;

    open_late(&rig, 0, false);
    /* The long ones first, so that the soon ones do not find room. */
    for (size_t i = 0; i < MESSAGES; i++) {
        struct rig_call call = {
            .queue = queue, .run = rig_run_send, .message = {.body = T("x"), .delay_ms = 0}};

        call.message.delay_ms = i < MESSAGES / 2 ? 800000 : (int64_t)(1 + i % 600) * 1000;
        rig_call(&rig, &call);
        if (i % 100 == 0) {
            rig_settle(&rig);
        }
    }
    rig_settle(&rig);
    rig_expect_counts(&rig, queue, 0, 0, MESSAGES);
    for (size_t second = 1; second <= 600; second++) {
        rig_pass(&rig, 1000);
        /* After the crash a receive takes what the first read brings. */
        for (size_t turn = 0; turn < 10 && received < second * 10; turn++) {
            struct rig_batch batch = rig_receive(&rig, queue, 10, -1);

            received += batch.count;
            for (size_t i = 0; i < batch.count; i++) {
                cr_assert_eq(rig_delete(&rig, queue, batch.handles[i]), STATUS_OK);
            }
        }
        cr_assert_eq(received, second * 10, "second %zu: %zu", second, received);
        if (second == 300) {
            rig_crash(&rig);
        }
    }
    rig_pass(&rig, 200000);
    rig_expect_counts(&rig, queue, MESSAGES / 2, 0, 0);
    while (received < MESSAGES) {
        struct rig_batch batch = rig_receive(&rig, queue, 10, 43200000);

        cr_assert_eq(batch.count, 10);
        received += batch.count;
    }
    cr_expect_eq(rig_rows(&rig, TABLE_DELAYED), 0);
    rig_close(&rig);
}

Test(delayed, a_fifo_queue_keeps_its_order_when_its_delay_is_shortened)
{
    struct rig rig;

    open_late(&rig, 10, true);
    (void)rig_send_group(&rig, queue, "g", "one");
    struct queue *found = rig_queue(&rig, queue);
    struct queue_settings settings = found->settings;

    settings.delay_s = 0;
    queue_update(&rig.step, found, &settings, NULL, 0);
    (void)rig_send_group(&rig, queue, "g", "two");
    cr_expect_eq(rig_receive(&rig, queue, 10, -1).count, 0);
    rig_pass(&rig, 10000);
    struct rig_batch batch = rig_receive(&rig, queue, 10, -1);

    cr_assert_eq(batch.count, 2);
    cr_expect_str_eq(rig_body(&rig, &batch, 0), "one");
    (void)rig_send_group(&rig, queue, "h", "three");
    cr_expect_eq(rig_receive(&rig, queue, 10, -1).count, 1);
    rig_close(&rig);
}

Test(delayed, survives_a_clock_that_goes_back)
{
    struct rig rig;

    open_late(&rig, 0, false);
    send_later(&rig, "one", 1000);
    rig_pass(&rig, 5000);
    rig.step.now_ms -= 4000;
    send_later(&rig, "two", 1000);
    rig_crash(&rig);
    rig_pass(&rig, 6000);
    rig_expect_counts(&rig, queue, 2, 0, 0);
    cr_expect_eq(rig_receive(&rig, queue, 10, -1).count, 2);
    rig_close(&rig);
}
