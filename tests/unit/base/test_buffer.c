/* Growable bytes with a mandatory maximum. */
#include "base/buffer.h"
#include "base/memory.h"

#include <criterion/criterion.h>

#include <string.h>

Test(buffer, grows_as_things_are_added)
{
    struct buffer buffer;

    buffer_init(&buffer, 1 << 20);
    cr_expect(text_equal(buffer_text(&buffer), T("")));
    for (int i = 0; i < 1000; i++) {
        buffer_add(&buffer, T("0123456789"));
    }
    cr_expect_eq(buffer.len, 10000);
    cr_expect(text_ends_with(buffer_text(&buffer), T("90123456789")));
    cr_expect_not(buffer.overflown);
    buffer_free(&buffer);
    cr_expect_eq(buffer.len, 0);
}

Test(buffer, takes_nothing_more_once_over_the_maximum)
{
    struct buffer buffer;

    buffer_init(&buffer, 10);
    buffer_add(&buffer, T("0123456789"));
    cr_expect_not(buffer.overflown, "exactly full is fine");
    buffer_add(&buffer, T(""));
    cr_expect_not(buffer.overflown);
    buffer_clear(&buffer);
    buffer_add(&buffer, T("01234567"));
    buffer_add(&buffer, T("too long"));
    cr_expect(buffer.overflown);
    buffer_add_byte(&buffer, 'x');
    cr_expect(text_equal(buffer_text(&buffer), T("01234567")), "a hole would be worse");
    buffer_clear(&buffer);
    cr_expect_not(buffer.overflown);
    cr_expect_null(buffer_extend(&buffer, SIZE_MAX));
    buffer_free(&buffer);
}

Test(buffer, prints_texts_and_numbers)
{
    struct buffer buffer;

    buffer_init(&buffer, 1 << 20);
    buffer_printf(&buffer, "%s-%d;", "a", 7);
    buffer_add_string(&buffer, "b");
    buffer_add_string(&buffer, NULL);
    buffer_add_byte(&buffer, ';');
    buffer_add_int64(&buffer, INT64_MIN);
    buffer_add_byte(&buffer, ';');
    buffer_add_int64(&buffer, 0);
    buffer_add_int64(&buffer, INT64_MAX);
    cr_expect(
        text_equal(buffer_text(&buffer), T("a-7;b;-9223372036854775808;09223372036854775807")));
    buffer_clear(&buffer);
    buffer_printf(&buffer, "%06000d", 3);
    cr_expect_eq(buffer.len, 6000);
    cr_expect_eq(buffer.at[5999], '3');
    buffer_free(&buffer);
}

Test(buffer, consumes_from_the_front)
{
    struct buffer buffer;

    buffer_init(&buffer, 100);
    buffer_consume(&buffer, 3);
    buffer_add(&buffer, T("abcdef"));
    buffer_consume(&buffer, 2);
    cr_expect(text_equal(buffer_text(&buffer), T("cdef")));
    buffer_consume(&buffer, 4);
    cr_expect_eq(buffer.len, 0);
    buffer_free(&buffer);
}

Test(buffer, gives_its_bytes_away)
{
    struct buffer buffer;
    size_t len;
    char *at;

    buffer_init(&buffer, 100);
    buffer_add(&buffer, T("mine"));
    at = buffer_steal(&buffer, &len);
    cr_expect_eq(len, 4);
    cr_expect_eq(memcmp(at, "mine", 4), 0);
    cr_expect_eq(buffer.len, 0);
    buffer_add(&buffer, T("new"));
    cr_expect(text_equal(buffer_text(&buffer), T("new")));
    memory_free(at);
    buffer_free(&buffer);
}

Test(buffer, numbers_are_big_endian)
{
    struct buffer buffer;

    buffer_init(&buffer, 100);
    buffer_add_u8(&buffer, 1);
    buffer_add_u16(&buffer, 0x0203);
    buffer_add_u32(&buffer, 0x04050607);
    buffer_add_u64(&buffer, UINT64_C(0x08090a0b0c0d0e0f));
    cr_expect(
        text_equal(buffer_text(&buffer), T("\1\2\3\4\5\6\7\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f")));
    buffer_free(&buffer);
}

Test(buffer, over_borrowed_bytes_never_outgrows_them)
{
    char space[4];
    struct buffer buffer = buffer_over(space, sizeof space);

    buffer_add(&buffer, T("four"));
    cr_expect(!buffer.overflown);
    cr_expect_eq(buffer.at, (char *)space);
    buffer_add_byte(&buffer, '!');
    cr_expect(buffer.overflown);
    cr_expect(text_equal(buffer_text(&buffer), T("four")));
}
