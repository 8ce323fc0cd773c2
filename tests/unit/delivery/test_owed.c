#include "rig.h"

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
    batch_free(batch);
    return message;
}

static void damage(struct rig *rig, struct key key, bool is_missing)
{
    bool fatal = false;
    struct batch *batch = batch_create(1000000);
    struct blob *value = is_missing ? NULL : blob_copy(T("?"));

    (void)batch_add(batch, &key, value, NULL);
    cr_assert_eq(rig->engine->commit(rig->disk, batch, &fatal, NULL), STATUS_OK);
    batch_free(batch);
    blob_unref(value);
}

/* What is in it cannot be told; the others get theirs, and nothing is held for ever. */
static void expect_survives(uint32_t chunk, bool is_missing, uint32_t least, uint32_t most)
{
    struct rig rig;

    rig_open(&rig);
    rig_subscribe(&rig, 1, MANY);
    uint64_t message = publish_and_die(&rig, MANY);

    damage(&rig, chunk_key(message, chunk), is_missing);
    rig_restart(&rig);
    rig_pass(&rig, 2000);
    (void)rig_publish(&rig, "b", 1, 1);
    rig_pass(&rig, 1000);
    cr_expect_geq(rig.delivered, least);
    cr_expect_leq(rig.delivered, most);
    cr_expect_eq(records_damaged(rig.step.records), 1);
    cr_expect_eq(rig_rows(&rig, TABLE_DAMAGED), 1);
    cr_expect_eq(delivery_counters(rig.step.deliveries).active_messages, 0);
    rig_expect_over(&rig);
    rig_close(&rig);
}

Test(owed, a_damaged_first_part_does_not_hold_the_others)
{
    expect_survives(0, false, 2, MANY / 2);
}

Test(owed, a_damaged_last_part_ends_the_list)
{
    expect_survives(1, false, MANY / 2, MANY);
}

Test(owed, a_missing_part_ends_the_list)
{
    expect_survives(1, true, MANY / 2, MANY);
}
