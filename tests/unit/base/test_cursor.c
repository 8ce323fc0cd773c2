/* Reading what a buffer wrote. */
#include "base/buffer.h"

#include <criterion/criterion.h>

Test(cursor, reads_back_what_was_written)
{
    struct buffer buffer;
    struct cursor cursor;

    buffer_init(&buffer, 1000);
    buffer_add_u8(&buffer, 200);
    buffer_add_u16(&buffer, 60000);
    buffer_add_counted(&buffer, T("counted"));
    buffer_add_u32(&buffer, 4000000000U);
    buffer_add_u64(&buffer, UINT64_MAX - 1);
    buffer_add_counted(&buffer, (struct text){0});
    buffer_add(&buffer, T("tail"));
    cursor = cursor_over(buffer_text(&buffer));
    cr_expect_eq(cursor_u8(&cursor), 200);
    cr_expect_eq(cursor_u16(&cursor), 60000);
    cr_expect(text_equal(cursor_counted(&cursor), T("counted")));
    cr_expect_eq(cursor_u32(&cursor), 4000000000U);
    cr_expect_eq(cursor_u64(&cursor), UINT64_MAX - 1);
    cr_expect_eq(cursor_counted(&cursor).len, 0);
    cr_expect_not(cursor_done(&cursor));
    cr_expect(text_equal(cursor_take(&cursor, 4), T("tail")));
    cr_expect(cursor_done(&cursor));
    buffer_free(&buffer);
}

Test(cursor, past_the_end_is_zero_and_broken_for_good)
{
    struct cursor cursor = cursor_over(T("\1\2\3"));

    cr_expect_eq(cursor_u32(&cursor), 0);
    cr_expect(cursor.broken);
    cr_expect_eq(cursor_u8(&cursor), 0, "what would fit is not read either");
    cr_expect_eq(cursor_take(&cursor, 0).len, 0);
    cr_expect_not(cursor_done(&cursor));
}

Test(cursor, a_count_that_lies_breaks_it)
{
    struct cursor cursor = cursor_over(T("\xff\xff\xff\xffshort"));

    cr_expect_eq(cursor_counted(&cursor).len, 0);
    cr_expect(cursor.broken);
}

Test(cursor, nothing_is_read_from_nothing)
{
    struct cursor cursor = cursor_over((struct text){0});

    cr_expect(cursor_done(&cursor));
    cr_expect_eq(cursor_u64(&cursor), 0);
    cr_expect_not(cursor_done(&cursor));
}
