#include "rig.h"

#include "delivery/internal.h"

#define MANY 70000 /* more than one chunk */

/* The chunk of a message that is on disk. */
static struct key chunk_key(uint64_t message, uint32_t chunk)
{
    return key_u64_u32(TABLE_OWED, message, chunk);
}

/* Published, and the process died before anything was dispatched. */
static uint64_t publish_and_die(struct rig *rig, uint32_t count)
{
    uint64_t message = rig_publish(rig, "a", 1, count);
    bool fatal = false;
    struct batch *batch = records_take_batch(&rig->step);

    cr_assert_eq(rig->engine->commit(rig->disk, batch, &fatal, NULL), STATUS_OK);
    rig_stop(rig);
    batch_free(batch); /* what waits for it has gone */
    rig_boot(rig);
    return message;
}

/* NULL: it is missing. */
static void overwrite(struct rig *rig, struct key key, struct blob *value)
{
    bool fatal = false;
    struct batch *batch = batch_create(1000000);

    (void)batch_add(batch, &key, value, NULL);
    cr_assert_eq(rig->engine->commit(rig->disk, batch, &fatal, NULL), STATUS_OK);
    batch_free(batch);
}

/* NULL: it is missing. */
static void damage(struct rig *rig, struct key key, const char *nonsense)
{
    struct blob *value = nonsense == NULL ? NULL : blob_copy(text_from(nonsense));

    overwrite(rig, key, value);
    blob_unref(value);
}

/* What is in it cannot be told; the others get theirs, and nothing is held for ever. */
static void expect_survives(uint32_t chunk, const char *nonsense, uint32_t least, uint32_t most)
{
    struct rig rig;

    rig_open(&rig);
    rig_subscribe(&rig, 1, MANY);
    uint64_t message = publish_and_die(&rig, MANY);

    damage(&rig, chunk_key(message, chunk), nonsense);
    rig_restart(&rig);
    rig_pass(&rig, 2000);
    (void)rig_publish(&rig, "b", 1, 1);
    rig_pass(&rig, 1000);
    cr_expect_geq(rig.delivered, least);
    cr_expect_leq(rig.delivered, most);
    cr_expect_eq(records_damaged(rig.step.records), 1);
    cr_expect_eq(rig_rows(&rig, TABLE_DAMAGED), 1);
    cr_expect_eq(delivery_counters(rig.step.deliveries).active_messages, 0);
    cr_expect_eq(records_next_wake(rig.step.records), INT64_MAX, "nothing is looked for");
    rig_expect_over(&rig);
    rig_close(&rig);
}

Test(owed, a_damaged_first_part_does_not_hold_the_others)
{
    expect_survives(0, "?", 2, MANY / 2);
    expect_survives(0, ROW_DAMAGED, 2, MANY / 2);
}

Test(owed, a_damaged_last_part_ends_the_list)
{
    expect_survives(1, "?", MANY / 2, MANY);
    expect_survives(1, ROW_DAMAGED, MANY / 2, MANY);
}

Test(owed, a_missing_part_ends_the_list)
{
    expect_survives(1, NULL, MANY / 2, MANY);
}

/* The process dies again while a list of three with that first part ends, after one commit more
 * each time. */
static void expect_ends_whole(struct blob *take_part)
{
    for (int64_t cut_ms = 0; cut_ms < 40; cut_ms++) {
        struct rig rig;

        rig_open(&rig);
        rig_subscribe(&rig, 1, 3);
        struct key key = chunk_key(publish_and_die(&rig, 3), 0);

        rig.answer_after_ms = 1;
        rig.commit_pause_ms = 1;
        rig.read_ms = 3;
        overwrite(&rig, key, take_part);
        rig_restart(&rig);
        rig_pass(&rig, cut_ms);
        rig_restart(&rig);
        rig_pass(&rig, 4000);
        cr_expect_eq(rig_rows(&rig, TABLE_DAMAGED), 1, "died after %d ms", (int)cut_ms);
        rig_expect_over(&rig);
        rig_close(&rig);
    }
    blob_unref(take_part);
}

Test(owed, a_damaged_part_ends_its_list_wherever_the_process_dies)
{
    expect_ends_whole(blob_copy(T("?")));
    expect_ends_whole(blob_copy(text_from(ROW_DAMAGED)));
}

Test(owed, a_missing_part_ends_its_list_wherever_the_process_dies)
{
    static const uint32_t subscriptions[] = {1, 2, 3};
    size_t taken = 0;

    expect_ends_whole(
        owed_chunk_encode(RIG_TOPIC, RIG_START_MS, false, subscriptions, 3, &taken));
}
