/* The sweeper waits for reference counts that are on disk, and the world goes on meanwhile. */
#include "rig.h"

static const char *const queue = "plain";

/* Six references that are received one second before they are too old, with nothing cached. */
static struct rig_batch open_at_the_edge(struct rig *rig)
{
    struct queue_settings settings = queue_settings_default;

    settings.message_retention_s = 60;
    rig_open(rig);
    (void)rig_create(rig, queue, &settings);
    for (uint64_t i = 1; i <= 6; i++) {
        struct queue_reference reference = {.message = i, .raw = true};
        struct key body = key_u64(TABLE_BODY, i);

        record_put(&rig->step, &body, blob_copy(T("body")));
        cr_assert_eq(queue_send_reference(&rig->step, rig_queue(rig, queue), &reference,
                                          rig->step.now_ms),
                     STATUS_OK);
    }
    rig_settle(rig);
    rig->cache_bytes = 0;
    rig_release_waits = true;
    rig_crash(rig);
    rig_pass(rig, 59000);
    struct rig_batch batch = rig_receive(rig, queue, 10, 30000);

    cr_assert_eq(batch.count, 6);
    return batch;
}

/* Everything but the reads of counts, which stay on their way; how many those are. */
static size_t settle_but_counts(struct rig *rig, struct read *held[8])
{
    size_t count = 0;
    struct read *read = NULL;

    for (size_t turn = 0; turn < 100; turn++) {
        records_run(&rig->step);
        while ((read = records_next_read(rig->step.records)) != NULL) {
            if (read->from.at[0] == TABLE_REFERENCES && count < 8) {
                held[count++] = read;
                continue;
            }
            read_execute(read, rig->engine, rig->disk);
            records_read_done(&rig->step, read);
            records_run(&rig->step);
        }
        (void)rig_commit(rig);
    }
    return count;
}

static void let_go(struct rig *rig, struct read *read)
{
    read_execute(read, rig->engine, rig->disk);
    records_read_done(&rig->step, read);
}

Test(sweeper, discards_nothing_twice_while_consumers_delete_at_the_head)
{
    struct rig rig;
    struct rig_batch batch = open_at_the_edge(&rig);
    struct read *held[8] = {0};

    rig.step.now_ms += 1500;
    size_t count = settle_but_counts(&rig, held);

    cr_assert_gt(count, 1U, "the counts of many are read at once");
    /* The fourth's count comes first: its receipt deletes it, which becomes durable. */
    struct rig_call call = {.queue = queue, .run = rig_run_delete, .handle = batch.handles[3]};

    rig_call(&rig, &call);
    (void)settle_but_counts(&rig, (struct read *[8]){0});
    let_go(&rig, held[3]);
    (void)settle_but_counts(&rig, (struct read *[8]){0});
    cr_assert_eq(call.status, STATUS_OK);
    for (size_t i = 0; i < count; i++) {
        if (i != 3) {
            let_go(&rig, held[i]);
        }
    }
    rig_pass(&rig, 5000);
    for (size_t i = 1; i <= 6; i++) {
        cr_expect_eq(rig_released[i], 1U, "message %zu was given back %d times", i,
                     (int)rig_released[i]);
    }
    rig_expect_counts(&rig, queue, 0, 0, 0);
    rig_close(&rig);
}

/* A dead letter keeps its send time.  Here it is on its way to the disk while the table of such
 * messages is read for the first time. */
Test(sweeper, remembers_what_was_moved_while_it_looked)
{
    struct rig rig;
    struct queue_settings settings = queue_settings_default;
    struct rig_call call;

    rig_open(&rig);
    settings.message_retention_s = 100;
    (void)rig_create(&rig, "dead", &settings);
    settings.message_retention_s = 1000;
    settings.max_receive_count = 1;
    struct queue_name name = rig_name(queue);
    struct queue_attribute policy = {
        T("RedrivePolicy"),
        T("{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:dead\"}")};
    struct queue *source = NULL;

    cr_assert_eq(queue_create(&rig.step, &name, &settings, &policy, 1, &source, NULL),
                 STATUS_OK);
    rig_settle(&rig);
    (void)rig_send(&rig, queue, "poison");
    (void)rig_receive(&rig, queue, 1, 0);
    rig_pass(&rig, 60000);
    (void)rig_send(&rig, "dead", "younger");
    rig_pass(&rig, 1000);
    rig_receive_begin(&rig, &call, queue, 0);
    rig_call(&rig, &call); /* moves it; the batch is filling */
    cr_assert_eq(call.status, STATUS_OK);
    queue_update(&rig.step, rig_queue(&rig, "dead"), &rig_queue(&rig, "dead")->settings, NULL,
                 0);
    records_run(&rig.step); /* the look begins, and its reads come back before the commit */
    while (rig_read_one(&rig)) {
        records_run(&rig.step);
    }
    rig_settle(&rig);
    rig_expect_counts(&rig, "dead", 2, 0, 0);
    rig_pass(&rig, 40000);
    rig_expect_counts(&rig, "dead", 1, 0, 0);
    rig_close(&rig);
}

Test(sweeper, reads_ahead_only_for_what_goes)
{
    struct rig rig;
    struct queue_reference young = {.message = 7, .raw = true};
    struct read *held[8] = {0};

    (void)open_at_the_edge(&rig);
    cr_assert_eq(
        queue_send_reference(&rig.step, rig_queue(&rig, queue), &young, rig.step.now_ms),
        STATUS_OK);
    rig_settle(&rig);
    rig.step.now_ms += 1500;
    size_t count = settle_but_counts(&rig, held);

    cr_expect_eq(count, 4U, "of the first look's rows");
    for (size_t i = 0; i < count; i++) {
        let_go(&rig, held[i]);
    }
    rig_pass(&rig, 5000);
    cr_expect_eq(rig_released[7], 0U);
    rig_expect_counts(&rig, queue, 1, 0, 0);
    rig_close(&rig);
}
