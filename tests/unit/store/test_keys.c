/* Keys: their bytes, their order, and the numbers back out of them. */
#include "store/keys.h"

#include <criterion/criterion.h>

#include <string.h>

static bool comes_before(struct key a, struct key b)
{
    return text_compare(key_text(&a), key_text(&b)) < 0;
}

Test(keys, are_a_letter_and_big_endian_numbers)
{
    struct key key = key_u32_u64_u8(TABLE_READY, 0x01020304, 0x05060708090a0b0cU, 13);
    static const uint8_t expected[] = {'d', 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13};

    cr_expect(text_equal(key_text(&key), text_make(expected, sizeof expected)));
    cr_expect_eq(key_get_u32(&key, 1), 0x01020304);
    cr_expect_eq(key_get_u64(&key, 5), 0x05060708090a0b0cU);
}

Test(keys, sort_as_their_numbers_do)
{
    static const uint64_t numbers[] = {0, 1, 255, 256, 65535, 65536, UINT32_MAX};

    for (size_t i = 1; i < countof(numbers); i++) {
        uint64_t low = numbers[i - 1];
        uint64_t high = numbers[i];

        cr_expect(comes_before(key_u64(TABLE_BODY, low), key_u64(TABLE_BODY, high)));
        cr_expect(
            comes_before(key_u32_u64(TABLE_LANE, 5, low), key_u32_u64(TABLE_LANE, 5, high)));
        cr_expect(comes_before(key_u32_u64(TABLE_LANE, (uint32_t)low, UINT64_MAX),
                               key_u32_u64(TABLE_LANE, (uint32_t)high, 0)));
        cr_expect(comes_before(key_u32_u64_u64(TABLE_LANE, 1, low, UINT64_MAX),
                               key_u32_u64_u64(TABLE_LANE, 1, high, 0)));
        cr_expect(comes_before(key_u64_u32(TABLE_OWED, low, UINT32_MAX),
                               key_u64_u32(TABLE_OWED, high, 0)));
        cr_expect(comes_before(key_u32_u32(TABLE_SUBSCRIPTION, 9, (uint32_t)low),
                               key_u32_u32(TABLE_SUBSCRIPTION, 9, (uint32_t)high)));
        cr_expect(comes_before(key_u32(TABLE_TOPIC, (uint32_t)low),
                               key_u32(TABLE_TOPIC, (uint32_t)high)));
    }
}

Test(keys, of_names_hold_the_name)
{
    struct key key = key_name(TABLE_META, T("format"));

    cr_expect(text_equal(key_text(&key), T("mformat")));
    key = key_name(TABLE_META, T(""));
    cr_expect(text_equal(key_text(&key), T("m")));
    key = key_table(TABLE_META);
    cr_expect(text_equal(key_text(&key), T("m")));
    key = key_name(TABLE_META, T("12345678901234567890123456789012345678"));
    cr_expect_eq(key.len, 39);
}

Test(keys, end_behind_their_prefix)
{
    struct key prefix = key_u32(TABLE_LANE, 0x01ffffff);
    struct key end = key_after_prefix(&prefix);

    cr_expect(text_equal(key_text(&end), text_make("l\x02", 2)));
    cr_expect(comes_before(key_u32_u64(TABLE_LANE, 0x01ffffff, UINT64_MAX), end));
    cr_expect_not(comes_before(key_u32_u64(TABLE_LANE, 0x02000000, 0), end));
    prefix = (struct key){.len = 2, .at = {0xff, 0xff}};
    end = key_after_prefix(&prefix);
    cr_expect_eq(end.len, 0, "nothing comes behind: to the end");
}

Test(keys, what_is_just_behind_a_key)
{
    struct key key = key_u32(TABLE_TOPIC, 7);
    struct key behind = key_next(&key);
    struct key next = key_u32(TABLE_TOPIC, 8);
    struct key full = {.len = sizeof full.at};

    cr_expect(text_compare(key_text(&behind), key_text(&key)) > 0);
    cr_expect(text_compare(key_text(&behind), key_text(&next)) < 0);
    memset(full.at, 'x', sizeof full.at);
    behind = key_next(&full);
    cr_expect(text_compare(key_text(&behind), key_text(&full)) > 0, "a key of full length too");
    cr_expect(behind.len <= sizeof behind.at);
}
