/* Writing JSON strings. */
#include "base/json.h"
#include "base/memory.h"
#include "base/random.h"

#include <criterion/criterion.h>

static struct buffer buffer;

static void start(void)
{
    buffer_init(&buffer, 100000);
}

static void stop(void)
{
    buffer_free(&buffer);
}

TestSuite(json_write, .init = start, .fini = stop);

Test(json_write, escapes_what_must_be_escaped)
{
    static const struct {
        struct text text;
        struct text json;
    } rows[] = {
        {TEXT(""), TEXT("\"\"")},
        {TEXT("plain and longer than a word /"), TEXT("\"plain and longer than a word /\"")},
        {TEXT("a\"b\\c"), TEXT("\"a\\\"b\\\\c\"")},
        {TEXT("\b\f\n\r\t"), TEXT("\"\\b\\f\\n\\r\\t\"")},
        {TEXT("\0\x1f\x7f"), TEXT("\"\\u0000\\u001f\x7f\"")},
        {TEXT("gr\xc3\xbc\xc3\x9f"), TEXT("\"gr\xc3\xbc\xc3\x9f\"")},
        {TEXT("\"\"\"\"\"\"\"\"\"\"\"\""),
         TEXT("\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\"")},
    };

    for (size_t i = 0; i < countof(rows); i++) {
        json_write_string(&buffer, rows[i].text);
        cr_expect(text_equal(buffer_text(&buffer), rows[i].json), "row %zu", i);
        buffer_clear(&buffer);
    }
}

Test(json_write, over_the_maximum_writes_nothing)
{
    struct buffer small;

    buffer_init(&small, 5);
    json_write_string(&small, T("abcd"));
    cr_expect(small.overflown);
    cr_expect_eq(small.len, 0);
    buffer_clear(&small);
    json_write_string(&small, T("abc"));
    cr_expect(text_equal(buffer_text(&small), T("\"abc\"")));
    buffer_free(&small);
}

/* Any ASCII bytes, dense with what needs an escape, must come back through the reader. */
Test(json_write, the_reader_reads_it_back)
{
    static const char alphabet[] = "\"\\\n\x01"
                                   "abcdefgh\x7f/";
    struct random *random = random_seeded(5);
    struct arena arena = {0};
    struct json_reader reader;
    char bytes[120];

    for (size_t len = 0; len < sizeof(bytes); len++) {
        for (size_t i = 0; i < len; i++) {
            bytes[i] = alphabet[random_below(random, sizeof(alphabet))]; /* its NUL too */
        }
        json_write_string(&buffer, text_make(bytes, len));
        json_reader_init(&reader, buffer_text(&buffer), &arena);
        cr_assert_eq(json_next(&reader), JSON_STRING);
        cr_assert(text_equal(reader.value, text_make(bytes, len)), "length %zu", len);
        cr_assert_eq(json_next(&reader), JSON_END);
        buffer_clear(&buffer);
    }
    arena_free(&arena);
    memory_free(random);
}
