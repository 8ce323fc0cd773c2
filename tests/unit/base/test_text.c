/* Borrowed text. */
#include "base/text.h"

#include <criterion/criterion.h>

#include <string.h>

#define T_NULL ((struct text){0})

Test(text, equals_by_bytes_and_knows_empty_from_nothing)
{
    cr_expect(text_equal(T("abc"), T("abc")));
    cr_expect_not(text_equal(T("abc"), T("abd")));
    cr_expect_not(text_equal(T("abc"), T("ab")));
    cr_expect(text_equal(T(""), T_NULL));
    cr_expect(text_equal(text_from(NULL), T("")));
    cr_expect(text_equal_ignore_case(T("Content-TYPE"), T("content-type")));
    cr_expect_not(text_equal_ignore_case(T("@"), T("`")), "only letters have a case");
}

Test(text, orders_by_bytes_with_the_shorter_first)
{
    cr_expect_lt(text_compare(T("a"), T("b")), 0);
    cr_expect_lt(text_compare(T("a"), T("aa")), 0);
    cr_expect_gt(text_compare(T("\xff"), T("a")), 0);
    cr_expect_eq(text_compare(T("same"), T("same")), 0);
    cr_expect_lt(text_compare(T_NULL, T("a")), 0);
}

Test(text, slices_are_clamped)
{
    cr_expect(text_equal(text_after(T("hello"), 2), T("llo")));
    cr_expect_eq(text_after(T("hello"), 9).len, 0);
    cr_expect_eq(text_after(T_NULL, 3).len, 0);
    cr_expect(text_equal(text_first(T("hello"), 2), T("he")));
    cr_expect(text_equal(text_first(T("hello"), 99), T("hello")));
    cr_expect(text_starts_with(T("arn:aws:sns"), T("arn:")));
    cr_expect_not(text_starts_with(T("arn"), T("arn:")));
    cr_expect(text_ends_with(T("name.fifo"), T(".fifo")));
    cr_expect_not(text_ends_with(T("fifo"), T(".fifo")));
    cr_expect(text_ends_with(T_NULL, T("")));
}

Test(text, cuts_at_the_first_separator)
{
    struct text rest = T("a:b::c");

    cr_expect(text_equal(text_cut(&rest, ':'), T("a")));
    cr_expect(text_equal(text_cut(&rest, ':'), T("b")));
    cr_expect(text_equal(text_cut(&rest, ':'), T("")));
    cr_expect(text_equal(text_cut(&rest, ':'), T("c")));
    cr_expect_eq(rest.len, 0);
    cr_expect_eq(text_cut(&rest, ':').len, 0);
    cr_expect_eq(text_find(T("abc"), 'c'), 2);
    cr_expect_eq(text_find(T("abc"), 'x'), 3);
}

Test(text, reads_strict_decimals)
{
    static const struct {
        const char *text;
        bool is_number;
        int64_t value;
    } rows[] = {
        {"0", true, 0},
        {"-0", true, 0},
        {"007", true, 7},
        {"-42", true, -42},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"99999999999999999999", false, 0},
        {"", false, 0},
        {"-", false, 0},
        {"+1", false, 0},
        {" 1", false, 0},
        {"1 ", false, 0},
        {"1.0", false, 0},
        {"0x10", false, 0},
    };

    for (size_t i = 0; i < countof(rows); i++) {
        int64_t value = 77;
        bool is_number = text_to_int64(text_from(rows[i].text), &value);

        cr_expect_eq(is_number, rows[i].is_number, "\"%s\"", rows[i].text);
        cr_expect_eq(value, is_number ? rows[i].value : 77, "\"%s\"", rows[i].text);
    }
}

Test(text, knows_utf8)
{
    static const struct {
        struct text text;
        bool is_utf8;
    } rows[] = {
        {TEXT(""), true},
        {TEXT("plain ASCII that is longer than a word"), true},
        {TEXT("\x7f\0x"), true},
        {TEXT("gr\xc3\xbc\xc3\x9f"), true},
        {TEXT("\xe2\x82\xac and much ASCII behind it"), true},
        {TEXT("\xf0\x9f\x98\x80"), true},
        {TEXT("\xf4\x8f\xbf\xbf"), true},
        {TEXT("\xed\x9f\xbf\xee\x80\x80"), true},
        {TEXT("\x80"), false},
        {TEXT("\xc0\xaf"), false},
        {TEXT("\xc1\xbf"), false},
        {TEXT("\xe0\x9f\xbf"), false},
        {TEXT("\xf0\x8f\xbf\xbf"), false},
        {TEXT("\xed\xa0\x80"), false},
        {TEXT("\xed\xbf\xbf"), false},
        {TEXT("\xf4\x90\x80\x80"), false},
        {TEXT("\xf5\x80\x80\x80"), false},
        {TEXT("\xff"), false},
        {TEXT("\xc3"), false},
        {TEXT("\xe2\x82"), false},
        {TEXT("\xe2\x28\xa1"), false},
        {TEXT("\xe2\x82\x28"), false},
        {TEXT("12345678\xf0\x9f\x98"), false},
        {TEXT("1234567\xff"), false},
    };

    for (size_t i = 0; i < countof(rows); i++) {
        cr_expect_eq(text_is_utf8(rows[i].text), rows[i].is_utf8, "row %zu", i);
    }
    cr_expect(text_is_utf8(T_NULL));
}

/* The same answer as reading the definition literally, for every two- and three-byte start. */
static bool is_utf8_by_definition(const uint8_t *at)
{
    uint32_t code;

    if ((at[0] & 0xf0) != 0xe0 || (at[1] & 0xc0) != 0x80 || (at[2] & 0xc0) != 0x80) {
        return false;
    }
    code = (uint32_t)(at[0] & 0x0f) << 12 | (uint32_t)(at[1] & 0x3f) << 6 | (at[2] & 0x3f);
    return code >= 0x800 && (code < 0xd800 || code > 0xdfff);
}

Test(text, agrees_with_the_definition_on_every_three_byte_form)
{
    size_t wrong = 0;

    for (unsigned first = 0xe0; first < 0xf0; first++) {
        for (unsigned rest = 0; rest < 0x10000; rest++) {
            uint8_t bytes[3] = {(uint8_t)first, (uint8_t)(rest >> 8), (uint8_t)rest};

            wrong += text_is_utf8(text_make(bytes, 3)) != is_utf8_by_definition(bytes) ? 1 : 0;
        }
    }
    cr_expect_eq(wrong, 0);
}

Test(text, counts_a_byte_wherever_it_stands)
{
    cr_expect_eq(text_count(T(""), '&'), 0U);
    cr_expect_eq(text_count(T("&"), '&'), 1U);
    cr_expect_eq(text_count(T("a=b&c=d&e=f&g=h&"), '&'), 4U);
    cr_expect_eq(text_count(T("&&&&&&&&&"), '&'), 9U);
    cr_expect_eq(text_count(T("no such byte, in more than a word"), '&'), 0U);
}

Test(text, finds_controls_but_not_white_space)
{
    char text[] = "a text of some length,\twith\r\nwhite space";

    cr_expect(!text_has_control((struct text){0}));
    cr_expect(!text_has_control(text_from(text)));
    cr_expect(!text_has_control(T("\t\n\r\t\n\r\t\n\r \x7f\x80\xff")));
    for (size_t place = 0; place < sizeof text - 1; place++) {
        char kept = text[place];

        text[place] = '\x1f';
        cr_expect(text_has_control(text_make(text, sizeof text - 1)), "at %zu", place);
        text[place] = '\0';
        cr_expect(text_has_control(text_make(text, sizeof text - 1)), "at %zu", place);
        text[place] = kept;
    }
}
