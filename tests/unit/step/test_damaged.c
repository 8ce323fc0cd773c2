#include "base/buffer.h"
#include "base/memory.h"
#include "step/step.h"

#include <criterion/criterion.h>

#include <string.h>

static struct step step;

static void open_records(void)
{
    step = (struct step){.now_ms = 1000};
    step.records = records_create(4096);
}

static void close_records(void)
{
    struct batch *batch = records_take_batch(&step);

    if (batch != NULL) {
        records_committed(&step, batch, STATUS_OK);
    }
    records_free(step.records);
}

static enum status known(const struct key *key, struct blob **ret_value)
{
    return record_peek(&step, key, ret_value);
}

TestSuite(damaged, .init = open_records, .fini = close_records);

Test(damaged, a_row_that_cannot_be_read_is_kept_aside_counted_and_told_of_once)
{
    struct key key = key_u32(TABLE_QUEUE, 7);
    struct key aside = key_name(TABLE_DAMAGED, key_text(&key));
    struct blob *value = blob_copy(T("nonsense"));
    struct blob *kept = NULL;

    record_put(&step, &key, blob_ref(value));
    record_set_aside(&step, &key, value, "a queue that cannot be decoded");
    record_set_aside(&step, &key, value, "a queue that cannot be decoded");
    cr_expect_eq(known(&key, &kept), STATUS_NOT_FOUND);
    cr_assert_eq(known(&aside, &kept), STATUS_OK);
    struct cursor cursor = cursor_over(blob_text(kept));

    cr_expect_eq(cursor_u8(&cursor), 1);
    cr_expect_eq(cursor_u64(&cursor), 1000U);
    cr_expect(text_equal(cursor_counted(&cursor), key_text(&key)));
    cr_expect(text_equal(cursor_counted(&cursor), T("a queue that cannot be decoded")));
    cr_expect(text_equal(cursor_take(&cursor, 8), T("nonsense")));
    cr_expect(cursor_done(&cursor));
    cr_expect_eq(records_damaged(step.records), 1U);
    struct damage *damage = records_next_damage(step.records);

    cr_assert_not_null(damage);
    cr_expect_str_eq(damage->what, "a queue that cannot be decoded");
    cr_expect_eq(damage->len, 8U);
    memory_free(damage);
    cr_expect_null(records_next_damage(step.records));
    blob_unref(value);
}

Test(damaged, what_is_missing_is_told_of_without_a_value)
{
    struct key key = key_u64(TABLE_BODY, 5);
    struct blob *kept = NULL;

    record_set_aside(&step, &key, NULL, "a body that is referred to");
    cr_expect_eq(known(&key, &kept), STATUS_WAIT, "nothing is written where nothing was");
    struct damage *damage = records_next_damage(step.records);

    cr_assert_not_null(damage);
    cr_expect_eq(damage->len, 0U);
    memory_free(damage);
}

Test(damaged, of_a_flood_the_first_are_told_and_all_are_counted)
{
    unsigned told = 0;

    for (uint32_t i = 0; i < 6000; i++) {
        struct key key = key_u32(TABLE_QUEUE, i);

        record_set_aside(&step, &key, NULL, "gone");
    }
    for (struct damage *damage = records_next_damage(step.records); damage != NULL;
         damage = records_next_damage(step.records)) {
        told++;
        memory_free(damage);
    }
    cr_expect_eq(told, 64U);
    cr_expect_eq(records_damaged(step.records), 6000U);
}

Test(damaged, a_key_as_long_as_keys_can_be_is_kept_under_its_digest)
{
    struct key key = key_name(TABLE_META, T("12345678901234567890123456789012345678"));

    cr_assert_eq(key.len, KEY_MAX - 1);
    record_set_aside(&step, &key, NULL, "gone");
    cr_expect_eq(records_damaged(step.records), 1U);
}
