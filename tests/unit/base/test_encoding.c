/* Text forms of bytes. */
#include "base/encoding.h"
#include "base/memory.h"
#include "base/random.h"

#include <criterion/criterion.h>

enum {
    MAX = 100000
};

struct pair {
    struct text plain;
    struct text encoded;
};

static struct buffer buffer;

static void start(void)
{
    buffer_init(&buffer, MAX);
}

static void stop(void)
{
    buffer_free(&buffer);
}

static bool holds(struct text expected)
{
    bool equal = text_equal(buffer_text(&buffer), expected);

    buffer_clear(&buffer);
    return equal;
}

TestSuite(encoding, .init = start, .fini = stop);

static const struct pair base64_rows[] = {
    {TEXT(""), TEXT("")},
    {TEXT("f"), TEXT("Zg==")},
    {TEXT("fo"), TEXT("Zm8=")},
    {TEXT("foo"), TEXT("Zm9v")},
    {TEXT("foob"), TEXT("Zm9vYg==")},
    {TEXT("fooba"), TEXT("Zm9vYmE=")},
    {TEXT("foobar"), TEXT("Zm9vYmFy")},
    {TEXT("\0\xff\xfe\xfb"), TEXT("AP/++w==")},
};

Test(encoding, base64_goes_both_ways)
{
    for (size_t i = 0; i < countof(base64_rows); i++) {
        base64_encode(&buffer, base64_rows[i].plain);
        cr_expect(holds(base64_rows[i].encoded), "row %zu", i);
        cr_expect(base64_decode(&buffer, base64_rows[i].encoded), "row %zu", i);
        cr_expect(holds(base64_rows[i].plain), "row %zu", i);
    }
}

Test(encoding, base64_is_strict_and_leaves_the_buffer_alone)
{
    static const char *const wrong[] = {
        "Z",      "Zg",   "Zg=",      "Zm9",      "=",        "==",
        "===",    "====", "Zg==Zg==", "Zh==",     "Zm9=",     "Zm-_",
        "Zm9v\n", "Zm 9", "A=A=",     "Zm9v====", "Zg==\xc3", "\xff\xff\xff\xff",
        "=g==",   "Z===", "Zg=v",
    };

    buffer_add(&buffer, T("kept"));
    for (size_t i = 0; i < countof(wrong); i++) {
        cr_expect_not(base64_decode(&buffer, text_from(wrong[i])), "%s", wrong[i]);
    }
    cr_expect(holds(T("kept")));
}

Test(encoding, base64_of_chance_comes_back)
{
    struct random *random = random_seeded(3);
    struct buffer decoded;
    char bytes[200];

    buffer_init(&decoded, MAX);
    for (size_t len = 0; len < sizeof(bytes); len++) {
        random->fill(random, bytes, len);
        base64_encode(&buffer, text_make(bytes, len));
        cr_assert(base64_decode(&decoded, buffer_text(&buffer)));
        cr_assert(text_equal(buffer_text(&decoded), text_make(bytes, len)));
        buffer_clear(&buffer);
        buffer_clear(&decoded);
    }
    buffer_free(&decoded);
    memory_free(random);
}

Test(encoding, over_the_maximum_is_false_and_marked)
{
    struct buffer small;

    buffer_init(&small, 2);
    cr_expect_not(base64_decode(&small, T("Zm9v")));
    cr_expect(small.overflown);
    buffer_clear(&small);
    cr_expect_not(percent_decode(&small, T("abc"), false));
    cr_expect(small.overflown);
    buffer_clear(&small);
    cr_expect_not(hex_decode(&small, T("616263")));
    cr_expect(small.overflown);
    buffer_clear(&small);
    cr_expect(percent_decode(&small, T("%41%42"), false), "only what comes out counts");
    buffer_clear(&small);
    base64_encode(&small, T("foo"));
    cr_expect(small.overflown);
    buffer_free(&small);
}

Test(encoding, hex_goes_both_ways)
{
    hex_encode(&buffer, T("\x00\x7f\x80\xff"));
    cr_expect(holds(T("007f80ff")));
    cr_expect(hex_decode(&buffer, T("007F80fF")));
    cr_expect(holds(T("\x00\x7f\x80\xff")));
    cr_expect_not(hex_decode(&buffer, T("0")));
    cr_expect_not(hex_decode(&buffer, T("0g")));
    cr_expect_not(hex_decode(&buffer, T("41 4")));
    cr_expect(holds(T("")));
}

Test(encoding, percent_encodes_all_but_the_unreserved)
{
    percent_encode(&buffer, T("aZ09-._~ /%+\xc3\xbc\n"));
    cr_expect(holds(T("aZ09-._~%20%2F%25%2B%C3%BC%0A")));
}

Test(encoding, percent_decodes)
{
    static const struct pair rows[] = {
        {TEXT(""), TEXT("")},
        {TEXT("plain text longer than one word"),
         TEXT("plain%20text%20longer%20than%20one%20word")},
        {TEXT("arn:aws:sns"), TEXT("arn%3Aaws%3asns")},
        {TEXT("a+b"), TEXT("a+b")},
        {TEXT("\0\xff%"), TEXT("%00%ff%25")},
        {TEXT("1234567%"), TEXT("1234567%25")},
        {TEXT("12345678%9"), TEXT("12345678%259")},
    };

    for (size_t i = 0; i < countof(rows); i++) {
        cr_expect(percent_decode(&buffer, rows[i].encoded, false), "row %zu", i);
        cr_expect(holds(rows[i].plain), "row %zu", i);
    }
    cr_expect(percent_decode(&buffer, T("a+b+c+d+e+f+g+h+%2b+i"), true));
    cr_expect(holds(T("a b c d e f g h + i")));
}

Test(encoding, a_bad_percent_escape_is_false)
{
    static const char *const wrong[] = {
        "%",    "%4",         "%4g",      "%g4",        "abc%", "%%41%41",
        "%41%", "12345678%1", "%41%4%41", "a%\xff\xff", "%%%",  "%4142%%42",
    };

    buffer_add(&buffer, T("kept"));
    for (size_t i = 0; i < countof(wrong); i++) {
        cr_expect_not(percent_decode(&buffer, text_from(wrong[i]), true), "%s", wrong[i]);
    }
    cr_expect(holds(T("kept")));
}

Test(encoding, percent_of_chance_comes_back)
{
    struct random *random = random_seeded(9);
    struct buffer decoded;
    char bytes[100];

    buffer_init(&decoded, MAX);
    for (size_t len = 0; len < sizeof(bytes); len++) {
        random->fill(random, bytes, len);
        percent_encode(&buffer, text_make(bytes, len));
        cr_assert(percent_decode(&decoded, buffer_text(&buffer), true));
        cr_assert(text_equal(buffer_text(&decoded), text_make(bytes, len)));
        buffer_clear(&buffer);
        buffer_clear(&decoded);
    }
    buffer_free(&decoded);
    memory_free(random);
}

Test(encoding, a_uuid_is_version_4)
{
    static const uint8_t ones[16] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    static const uint8_t zeros[16];
    char text[UUID_SIZE];

    uuid_format(ones, text);
    cr_expect_str_eq(text, "ffffffff-ffff-4fff-bfff-ffffffffffff");
    uuid_format(zeros, text);
    cr_expect_str_eq(text, "00000000-0000-4000-8000-000000000000");
}

Test(encoding, uuids_are_read_in_their_one_form)
{
    static const char *const wrong[] = {
        "",
        "01234567-89ab-cdef-0123-456789abcde",
        "01234567-89ab-cdef-0123-456789abcdef0",
        "0123456789ab-cdef-0123-456789abcdef--",
        "01234567_89ab-cdef-0123-456789abcdef",
        "01234567-89ab-cdef-0123-456789abcdeg",
        "01234567-89ab-cdef-01234-56789abcdef",
        "{1234567-89ab-cdef-0123-456789abcde}",
    };
    uint8_t bytes[16] = {0};

    cr_expect(uuid_parse(T("01234567-89AB-cdef-0123-456789abcdef"), bytes));
    cr_expect(text_equal(text_make(bytes, 16), T("\x01\x23\x45\x67\x89\xab\xcd\xef"
                                                 "\x01\x23\x45\x67\x89\xab\xcd\xef")));
    for (size_t i = 0; i < countof(wrong); i++) {
        cr_expect_not(uuid_parse(text_from(wrong[i]), bytes), "%s", wrong[i]);
    }
    cr_expect_eq(bytes[15], 0xef, "untouched");
}

Test(encoding, cleans_what_is_no_utf8)
{
    static const struct pair rows[] = {
        {TEXT("plain \xc3\xa9"), TEXT("plain \xc3\xa9")},
        {TEXT("a\xff"
              "b"),
         TEXT("a\xef\xbf\xbd"
              "b")},
        {TEXT("\xc3"), TEXT("\xef\xbf\xbd")},
        {TEXT("a\0b"), TEXT("a\xef\xbf\xbd"
                            "b")},
        {TEXT(""), TEXT("")},
    };

    for (size_t i = 0; i < countof(rows); i++) {
        struct buffer clean;

        buffer_init(&clean, MAX);
        utf8_add_clean(&clean, rows[i].plain);
        cr_expect(text_equal(buffer_text(&clean), rows[i].encoded), "row %zu", i);
        buffer_free(&clean);
    }
}
