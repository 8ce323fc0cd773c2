/* Numbers and texts as bytes, there and back. */
#include "base/buffer.h"
#include "base/bytes.h"

#include <criterion/criterion.h>

Test(bytes, numbers_are_big_endian_and_as_wide_as_said)
{
    unsigned char room[8] = {0xEE, 0xEE, 0xEE, 0xEE, 0xEE, 0xEE, 0xEE, 0xEE};

    cr_assert(bytes_put_number(room, 0xA1B2C3D4, 3) == (char *)room + 3);
    cr_assert(memcmp(room, "\xB2\xC3\xD4\xEE", 4) == 0);
    cr_assert(bytes_number(room, 3) == 0xB2C3D4);
    for (size_t width = 1; width <= 8; width++) {
        uint64_t value = UINT64_MAX - 17;

        value = width == 8 ? value : value & ((UINT64_C(1) << 8 * width) - 1);
        bytes_put_number(room, value, width);
        cr_expect(bytes_number(room, width) == value, "%zu bytes wide", width);
    }
}

Test(bytes, a_cursor_reads_what_was_put)
{
    char room[64];
    char *at = bytes_put_number(room, 7, 1);

    at = bytes_put_counted(at, T("seven"));
    at = bytes_put_counted(at, (struct text){0});
    at = bytes_put(at, NULL, 0);
    at = bytes_put(at, "end", 3);

    struct cursor cursor = cursor_over(text_make(room, (size_t)(at - room)));

    cr_expect(cursor_u8(&cursor) == 7);
    cr_expect(text_equal(cursor_counted(&cursor), T("seven")));
    cr_expect(cursor_counted(&cursor).len == 0);
    cr_expect(text_equal(cursor_take(&cursor, 3), T("end")));
    cr_expect(cursor_done(&cursor));
}
