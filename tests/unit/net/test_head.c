/* The lines of a head. */
#include "net/internal.h"

#include <criterion/criterion.h>

struct line {
    struct text bytes;
    enum head_state state;
    size_t len;
};

static const struct line lines[] = {
    {TEXT(""), HEAD_MORE, 0},
    {TEXT("GET / HTTP/1.1"), HEAD_MORE, 0},
    {TEXT("GET / HTTP/1.1\r"), HEAD_MORE, 0},
    {TEXT("GET / HTTP/1.1\r\n"), HEAD_MORE, 0},
    {TEXT("GET / HTTP/1.1\r\n\r"), HEAD_MORE, 0},
    {TEXT("GET / HTTP/1.1\r\n\r\n"), HEAD_COMPLETE, 18},
    {TEXT("GET / HTTP/1.1\r\na:\tb\t\r\n\r\nbody\x01"), HEAD_COMPLETE, 25},
    {TEXT("a: \xc3\xa4\xff\r\n\r\n"), HEAD_COMPLETE, 10},
    {TEXT("GET / HTTP/1.1\n"), HEAD_BROKEN, 0},
    {TEXT("GET / HTTP/1.1\rX"), HEAD_BROKEN, 0},
    {TEXT("GET / HTTP/1.1\r\n\n"), HEAD_BROKEN, 0},
    {TEXT("GET / HTTP/1.1\r\n "), HEAD_BROKEN, 0},
    {TEXT("GET / HTTP/1.1\r\n\ta"), HEAD_BROKEN, 0},
    {TEXT("\x16"), HEAD_BROKEN, 0},
    {TEXT("01234567\0"), HEAD_BROKEN, 0},
    {TEXT("012345678\x7f"), HEAD_BROKEN, 0},
    {TEXT("0\x1f"
          "23456789"),
     HEAD_BROKEN, 0},
};

Test(head, ends_at_the_empty_line_and_breaks_at_stray_controls)
{
    for (size_t i = 0; i < countof(lines); i++) {
        size_t scanned = 0;
        size_t len = 0;

        cr_expect_eq(head_scan(lines[i].bytes, &scanned, &len), lines[i].state, "%zu", i);
        cr_expect_eq(len, lines[i].len, "%zu", i);
    }
}

/* However it is cut, the verdict is the same, and comes as soon as it can. */
Test(head, does_not_care_how_the_bytes_arrive)
{
    for (size_t i = 0; i < countof(lines); i++) {
        enum head_state state = HEAD_MORE;
        size_t scanned = 0;
        size_t len = 0;

        for (size_t end = 1; end <= lines[i].bytes.len && state == HEAD_MORE; end++) {
            state = head_scan(text_first(lines[i].bytes, end), &scanned, &len);
            cr_expect_leq(scanned, end);
        }
        cr_expect_eq(state, lines[i].state, "%zu", i);
        cr_expect_eq(len, lines[i].len, "%zu", i);
    }
}

Test(head, knows_the_bytes_of_a_name)
{
    const struct text allowed = TEXT("!#$%&'*+-.^_`|~09azAZ");

    cr_expect(head_is_token(allowed));
    cr_expect_not(head_is_token(T("")));
    for (int byte = 0; byte < 256; byte++) {
        char name = (char)byte;
        bool is_letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z')
                         || (byte >= '0' && byte <= '9');

        cr_expect_eq(head_is_token(text_make(&name, 1)),
                     is_letter || text_find(allowed, name) < allowed.len, "%d", byte);
    }
}
