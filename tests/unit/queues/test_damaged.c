/* Messages whose rows are missing or cannot be read leave their queue, and that is said. */
#include "rig.h"

static const char *const queue = "plain";

static struct queue_sent open_with_three(struct rig *rig)
{
    struct queue_sent sent;

    rig_open(rig);
    (void)rig_create(rig, queue, &queue_settings_default);
    (void)rig_send(rig, queue, "one");
    sent = rig_send(rig, queue, "two");
    (void)rig_send(rig, queue, "three");
    return sent;
}

/* `sent`'s row says nothing any more (NULL: is not there any more). */
static void entry_damage(struct rig *rig, const struct queue_sent *sent, const char *nonsense,
                         uint8_t part)
{
    struct key key =
        key_u32_u64_u8(TABLE_READY, rig_queue(rig, queue)->store, sent->sequence, part);

    if (nonsense != NULL) {
        record_put(&rig->step, &key, blob_copy(text_from(nonsense)));
    } else {
        record_delete(&rig->step, &key);
    }
    rig_settle(rig);
}

static void expect_said(struct rig *rig, uint64_t count)
{
    cr_expect_eq(records_damaged(rig->step.records), count);
    cr_expect_eq(rig_rows(rig, TABLE_DAMAGED), count, "kept aside");
}

static void expect_others(struct rig *rig)
{
    struct rig_batch batch = rig_receive(rig, queue, 10, 60000);

    cr_assert_eq(batch.count, 2);
    cr_expect_str_eq(rig_body(rig, &batch, 0), "one");
    cr_expect_str_eq(rig_body(rig, &batch, 1), "three");
    rig_expect_counts(rig, queue, 0, 2, 0);
    expect_said(rig, 1);
    for (size_t i = 0; i < batch.count; i++) {
        cr_expect_eq(rig_delete(rig, queue, batch.handles[i]), STATUS_OK);
    }
    rig_expect_counts(rig, queue, 0, 0, 0);
    cr_expect_eq(rig_rows(rig, TABLE_READY), 0);
    rig_close(rig);
}

Test(damaged, a_row_that_cannot_be_read_when_it_is_received)
{
    struct rig rig;
    struct queue_sent sent = open_with_three(&rig);

    entry_damage(&rig, &sent, "nonsense", 0);
    expect_others(&rig);
}

Test(damaged, a_row_that_is_missing_when_it_is_received)
{
    struct rig rig;
    struct queue_sent sent = open_with_three(&rig);

    entry_damage(&rig, &sent, NULL, 0);
    expect_others(&rig);
}

Test(damaged, a_row_that_cannot_be_read_at_the_start)
{
    struct rig rig;
    struct queue_sent sent = open_with_three(&rig);

    entry_damage(&rig, &sent, "nonsense", 0);
    rig_crash(&rig);
    expect_others(&rig);
}

Test(damaged, a_row_that_a_checksum_hides_at_the_start)
{
    struct rig rig;
    struct queue_sent sent = open_with_three(&rig);

    entry_damage(&rig, &sent, ROW_DAMAGED, 0);
    rig_crash(&rig);
    expect_others(&rig);
}

Test(damaged, what_a_checksum_hides_goes_with_a_purge)
{
    struct rig rig;
    struct queue_sent sent = open_with_three(&rig);

    entry_damage(&rig, &sent, ROW_DAMAGED, 0);
    queue_purge(&rig.step, rig_queue(&rig, queue));
    rig_pass(&rig, 60000);
    cr_expect_eq(rig_rows(&rig, TABLE_READY), 0);
    rig_close(&rig);
}

Test(damaged, a_state_that_cannot_be_read_lends_again)
{
    struct rig rig;

    (void)open_with_three(&rig);
    struct rig_batch batch = rig_receive(&rig, queue, 3, 60000);
    struct queue_sent sent = {.sequence = batch.sequences[1]};

    entry_damage(&rig, &sent, "nonsense", 1);
    rig_crash(&rig);
    struct rig_batch again = rig_receive(&rig, queue, 10, 60000);

    cr_assert_eq(again.count, 1);
    cr_expect_str_eq(rig_body(&rig, &again, 0), "two");
    expect_said(&rig, 1);
    rig_close(&rig);
}

Test(damaged, what_retention_finds_goes)
{
    static const char *const nonsense[] = {"nonsense", ROW_DAMAGED};

    for (size_t i = 0; i < countof(nonsense); i++) {
        struct rig rig;
        struct queue_sent sent = open_with_three(&rig);

        entry_damage(&rig, &sent, nonsense[i], 0);
        rig_pass(&rig, INT64_C(345610) * 1000);
        rig_expect_counts(&rig, queue, 0, 0, 0);
        cr_expect_eq(rig_rows(&rig, TABLE_READY), 0);
        expect_said(&rig, 1);
        rig_close(&rig);
    }
}

Test(damaged, a_receipt_finds_only_nonsense)
{
    struct rig rig;

    (void)open_with_three(&rig);
    struct rig_batch batch = rig_receive(&rig, queue, 1, 0);
    struct queue_sent sent = {.sequence = batch.sequences[0]};

    entry_damage(&rig, &sent, "nonsense", 0);
    rig_crash(&rig);
    cr_expect_eq(rig_delete(&rig, queue, batch.handles[0]), STATUS_OK);
    rig_expect_counts(&rig, queue, 2, 0, 0);
    expect_said(&rig, 1);
    rig_close(&rig);
}

Test(damaged, a_topics_message_whose_body_is_missing)
{
    struct rig rig;
    struct queue_reference reference = {.message = 7, .raw = true};

    rig_open(&rig);
    (void)rig_create(&rig, queue, &queue_settings_default);
    cr_assert_eq(
        queue_send_reference(&rig.step, rig_queue(&rig, queue), &reference, rig.step.now_ms),
        STATUS_OK);
    rig_settle(&rig);
    cr_expect_eq(rig_receive(&rig, queue, 10, 1000).count, 0);
    rig_expect_counts(&rig, queue, 0, 0, 0);
    expect_said(&rig, 1);
    rig_close(&rig);
}
