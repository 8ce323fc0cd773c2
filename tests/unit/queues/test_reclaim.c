/* Purge, deletion and retention: gone at once, and the space follows. */
#include "rig.h"

static const char *const queue = "plain";

static void open_filled(struct rig *rig, size_t count)
{
    rig_open(rig);
    (void)rig_create(rig, queue, &queue_settings_default);
    for (size_t i = 0; i < count; i++) {
        struct rig_call call = {
            .queue = queue, .run = rig_run_send, .message = {.body = T("x"), .delay_ms = -1}};

        call.message.delay_ms = i % 10 == 9 ? 1000 : -1;
        rig_call(rig, &call);
    }
    rig_settle(rig);
}

static struct queue_reference reference_to(uint64_t message)
{
    return (struct queue_reference){.message = message, .raw = true};
}

Test(purge, empties_at_once_what_is_in_flight_included)
{
    struct rig rig;

    open_filled(&rig, 3000);
    struct rig_batch batch = rig_receive(&rig, queue, 10, -1);

    cr_assert_eq(batch.count, 10);
    queue_purge(&rig.step, rig_queue(&rig, queue));
    rig_expect_counts(&rig, queue, 0, 0, 0);
    cr_expect_eq(rig_delete(&rig, queue, batch.handles[0]), STATUS_OK);
    cr_expect_eq(rig_change(&rig, queue, batch.handles[1], 10), STATUS_NOT_FOUND);
    rig_pass(&rig, 60000);
    rig_expect_counts(&rig, queue, 0, 0, 0);
    cr_expect_eq(rig_rows(&rig, TABLE_READY), 0);
    cr_expect_eq(rig_rows(&rig, TABLE_DELAYED), 0);
    cr_expect_eq(rig_rows(&rig, TABLE_QUEUE_GARBAGE), 0);
    cr_expect_gt(rig.batches, 6, "in bounded batches");
    (void)rig_send(&rig, queue, "after");
    batch = rig_receive(&rig, queue, 10, -1);
    cr_expect_str_eq(rig_body(&rig, &batch, 0), "after");
    rig_close(&rig);
}

Test(purge, does_not_read_again_where_all_is_deleted)
{
    struct rig rig;

    open_filled(&rig, 3000);
    queue_purge(&rig.step, rig_queue(&rig, queue));
    rig.ready_backwards = 0;
    rig_pass(&rig, 60000);
    cr_expect_eq(rig_rows(&rig, TABLE_READY), 0);
    cr_expect_eq(rig.ready_backwards, 0);
    rig_close(&rig);
}

Test(retention, looks_for_the_oldest_from_where_it_last_was)
{
    struct rig rig;

    open_filled(&rig, 0);
    for (size_t i = 0; i < 100; i++) {
        (void)rig_send(&rig, queue, "x");
    }
    rig_pass(&rig, 3000);
    rig.ready_backwards = 0;
    for (size_t i = 0; i < 5; i++) {
        struct rig_batch batch = rig_receive(&rig, queue, 10, -1);
        struct key before = rig.ready_from;

        cr_assert_eq(batch.count, 10);
        for (size_t k = 0; k < batch.count; k++) {
            cr_assert_eq(rig_delete(&rig, queue, batch.handles[k]), STATUS_OK);
        }
        rig_pass(&rig, 2000);
        cr_expect(!text_equal(key_text(&before), key_text(&rig.ready_from)), "it has looked");
    }
    cr_expect_eq(rig.ready_backwards, 0);
    rig_close(&rig);
}

Test(purge, takes_what_was_sent_in_the_same_batch)
{
    struct rig rig;
    struct rig_call call = {
        .queue = queue, .run = rig_run_send, .message = {.body = T("x"), .delay_ms = -1}};

    open_filled(&rig, 0);
    rig_call(&rig, &call);
    queue_purge(&rig.step, rig_queue(&rig, queue));
    rig_call(&rig, &call);
    rig_settle(&rig);
    rig_expect_counts(&rig, queue, 1, 0, 0);
    cr_expect_eq(rig_rows(&rig, TABLE_READY), 1);
    cr_expect_eq(rig_receive(&rig, queue, 10, -1).count, 1);
    rig_close(&rig);
}

Test(purge, goes_on_after_a_crash)
{
    struct rig rig;

    open_filled(&rig, 3000);
    queue_purge(&rig.step, rig_queue(&rig, queue));
    cr_assert(rig_commit(&rig));
    rig_crash(&rig);
    rig_expect_counts(&rig, queue, 0, 0, 0);
    cr_expect_eq(rig_rows(&rig, TABLE_READY), 0);
    cr_expect_eq(rig_rows(&rig, TABLE_QUEUE_GARBAGE), 0);
    rig_close(&rig);
}

Test(delete, takes_the_queue_and_all_its_rows)
{
    struct rig rig;
    struct queue_settings settings = queue_settings_default;

    open_filled(&rig, 100);
    settings.is_fifo = true;
    (void)rig_create(&rig, "orders.fifo", &settings);
    (void)rig_send_group(&rig, "orders.fifo", "g", "one");
    queue_delete(&rig.step, rig_queue(&rig, queue));
    queue_delete(&rig.step, rig_queue(&rig, "orders.fifo"));
    cr_expect_null(rig_queue(&rig, queue));
    rig_settle(&rig);

    static const enum table tables[] = {TABLE_QUEUE,  TABLE_READY,         TABLE_DELAYED,
                                        TABLE_COUNTS, TABLE_DEDUPLICATION, TABLE_QUEUE_GARBAGE};

    for (size_t i = 0; i < countof(tables); i++) {
        cr_expect_eq(rig_rows(&rig, tables[i]), 0, "table %c", tables[i]);
    }
    (void)rig_create(&rig, queue, &queue_settings_default);
    rig_settle(&rig);
    rig_expect_counts(&rig, queue, 0, 0, 0);
    rig_close(&rig);
}

Test(delete, survives_reads_that_are_under_way)
{
    struct rig rig;

    open_filled(&rig, 5000);
    rig_stop(&rig);
    rig_start(&rig);
    while (!queues_is_ready(rig.queues)) {
        (void)rig_read_one(&rig);
    }
    queue_delete(&rig.step, rig_queue(&rig, queue));
    rig_settle(&rig);
    cr_expect_eq(rig_rows(&rig, TABLE_READY), 0);
    rig_close(&rig);
}

Test(references, are_released_however_the_message_goes)
{
    struct rig rig;

    open_filled(&rig, 0);
    struct key body = key_u64(TABLE_BODY, 7);

    record_put(&rig.step, &body, blob_copy(T("the stored body")));
    for (size_t i = 0; i < 4; i++) {
        struct queue_reference reference = reference_to(7);

        cr_expect_eq(queue_send_reference(&rig.step, rig_queue(&rig, queue), &reference,
                                          rig.step.now_ms),
                     STATUS_OK);
    }
    rig_settle(&rig);
    rig_crash(&rig);
    struct rig_batch batch = rig_receive(&rig, queue, 2, 1000);

    cr_assert_eq(batch.count, 2);
    cr_expect_eq(batch.references[0], 7);
    cr_expect_eq(rig_delete(&rig, queue, batch.handles[0]), STATUS_OK);
    cr_expect_eq(rig_released[7], 1);
    rig_pass(&rig, 5000);
    rig_crash(&rig);
    cr_expect_eq(rig_delete(&rig, queue, batch.handles[1]), STATUS_OK);
    cr_expect_eq(rig_released[7], 2);
    queue_purge(&rig.step, rig_queue(&rig, queue));
    rig_settle(&rig);
    cr_expect_eq(rig_released[7], 4);
    rig_close(&rig);
}

Test(retention, removes_what_is_too_old_and_knows_the_oldest)
{
    struct rig rig;
    struct queue_reference reference = reference_to(7);
    int64_t retention = INT64_C(345600) * 1000;

    open_filled(&rig, 3000);
    cr_expect_eq(queue_oldest_ms(rig_queue(&rig, queue)), RIG_START_MS);
    cr_expect_eq(
        queue_send_reference(&rig.step, rig_queue(&rig, queue), &reference, rig.step.now_ms),
        STATUS_OK);
    rig_pass(&rig, 60000);
    (void)rig_send(&rig, queue, "young");
    cr_assert_eq(rig_receive(&rig, queue, 10, 1000).count, 10);
    rig_pass(&rig, retention - 60001);
    rig_expect_counts(&rig, queue, 3002, 0, 0);
    rig_pass(&rig, 1);
    rig_expect_counts(&rig, queue, 1, 0, 0);
    cr_expect_eq(rig_released[7], 1);
    cr_expect_eq(rig_rows(&rig, TABLE_READY), 1);
    cr_expect_eq(queue_oldest_ms(rig_queue(&rig, queue)), RIG_START_MS + 60000);
    rig_stop(&rig);
    rig.step.now_ms += 60000;
    rig_start(&rig);
    rig_settle(&rig);
    rig_expect_counts(&rig, queue, 0, 0, 0);
    cr_expect_eq(queue_oldest_ms(rig_queue(&rig, queue)), 0);
    rig_close(&rig);
}

Test(retention, of_a_moved_message_counts_from_its_first_send)
{
    struct rig rig;
    struct queue_settings settings = queue_settings_default;
    struct queue_name name = rig_name("live");
    static const struct queue_attribute policy = {
        TEXT("RedrivePolicy"),
        TEXT("{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:dead\"}")};
    struct queue *live = NULL;

    rig_open(&rig);
    settings.message_retention_s = 100;
    (void)rig_create(&rig, "dead", &settings);
    settings.max_receive_count = 1;
    cr_assert_eq(queue_create(&rig.step, &name, &settings, &policy, 1, &live, NULL), STATUS_OK);
    (void)rig_send(&rig, "live", "poison");
    rig_pass(&rig, 50000);
    (void)rig_send(&rig, "dead", "younger, but first in the queue");
    cr_assert_eq(rig_receive(&rig, "live", 1, 1000).count, 1);
    rig_pass(&rig, 1000);
    cr_assert_eq(rig_receive(&rig, "live", 1, 1000).count, 0);
    rig_expect_counts(&rig, "dead", 2, 0, 0);
    cr_expect_eq(queue_oldest_ms(rig_queue(&rig, "dead")), RIG_START_MS);
    rig_pass(&rig, 48999);
    rig_expect_counts(&rig, "dead", 2, 0, 0);
    rig_pass(&rig, 1);
    rig_expect_counts(&rig, "dead", 1, 0, 0);
    cr_expect_eq(queue_oldest_ms(rig_queue(&rig, "dead")), RIG_START_MS + 50000);
    cr_expect_eq(rig_rows(&rig, TABLE_EXPIRY), 0);
    rig_close(&rig);
}

Test(retention, shortened_takes_effect_at_once)
{
    struct rig rig;

    open_filled(&rig, 50);
    rig_pass(&rig, 120000);
    struct queue *found = rig_queue(&rig, queue);
    struct queue_settings settings = found->settings;

    settings.message_retention_s = 60;
    queue_update(&rig.step, found, &settings, NULL, 0);
    cr_expect_eq(rig_receive(&rig, queue, 10, 1000).count, 0);
    rig_settle(&rig);
    rig_expect_counts(&rig, queue, 0, 0, 0);
    rig_close(&rig);
}
