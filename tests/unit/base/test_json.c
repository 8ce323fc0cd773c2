/* The JSON reader. */
#include "base/json.h"

#include <criterion/criterion.h>

#include <string.h>

static struct arena arena;
static struct json_reader reader;

static void stop(void)
{
    arena_free(&arena);
}

TestSuite(json, .fini = stop);

static void read_from(struct text text)
{
    json_reader_init(&reader, text, &arena);
}

static bool next_is(enum json_token token)
{
    return json_next(&reader) == token;
}

static bool next_is_text(enum json_token token, struct text value)
{
    return json_next(&reader) == token && text_equal(reader.value, value);
}

Test(json, gives_tokens_in_order)
{
    read_from(T(" {\"a\" : [1, -2.5e+3 ,true,false,null,{}, [] ],\"\":\"x\"}\r\n\t "));
    cr_expect(next_is(JSON_OBJECT));
    cr_expect(next_is_text(JSON_NAME, T("a")));
    cr_expect(next_is(JSON_ARRAY));
    cr_expect(next_is_text(JSON_NUMBER, T("1")));
    cr_expect(next_is_text(JSON_NUMBER, T("-2.5e+3")));
    cr_expect(next_is(JSON_TRUE));
    cr_expect(next_is(JSON_FALSE));
    cr_expect(next_is(JSON_NULL));
    cr_expect(next_is(JSON_OBJECT));
    cr_expect(next_is(JSON_OBJECT_END));
    cr_expect(next_is(JSON_ARRAY));
    cr_expect(next_is(JSON_ARRAY_END));
    cr_expect(next_is(JSON_ARRAY_END));
    cr_expect(next_is_text(JSON_NAME, T("")));
    cr_expect(next_is_text(JSON_STRING, T("x")));
    cr_expect(next_is(JSON_OBJECT_END));
    cr_expect(next_is(JSON_END));
    cr_expect(next_is(JSON_END), "and again");
}

Test(json, borrows_strings_without_escapes)
{
    struct text text = T("\"borrowed, and longer than a word\"");

    read_from(text);
    cr_expect(next_is(JSON_STRING));
    cr_expect_eq(reader.value.at, text.at + 1);
    cr_expect_eq(arena.used, 0);
}

Test(json, unescapes_strings)
{
    static const struct {
        struct text json;
        struct text value;
    } rows[] = {
        {TEXT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), TEXT("\"\\/\b\f\n\r\t")},
        {TEXT("\"a long plain start, then \\n and a long plain end\""),
         TEXT("a long plain start, then \n and a long plain end")},
        {TEXT("\"\\u0041\\u00e9\\u20AC\\u0000\\uFFFF\""),
         TEXT("A\xc3\xa9\xe2\x82\xac\0\xef\xbf\xbf")},
        {TEXT("\"\\ud83d\\ude00\\uDBFF\\uDFFF\""), TEXT("\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf")},
        {TEXT("\"{\\\"a\\\":\\\"b\\\"}\""), TEXT("{\"a\":\"b\"}")},
        {TEXT("\"1234567\\n\""), TEXT("1234567\n")},
        {TEXT("\"gr\xc3\xbc\xc3\x9f\\u0065\""), TEXT("gr\xc3\xbc\xc3\x9f"
                                                     "e")},
    };

    for (size_t i = 0; i < countof(rows); i++) {
        read_from(rows[i].json);
        cr_expect(next_is_text(JSON_STRING, rows[i].value), "row %zu", i);
        cr_expect_eq(reader.value.at[reader.value.len], '\0');
        cr_expect(next_is(JSON_END), "row %zu", i);
    }
    read_from(T("{\"\\u0061\":1}"));
    cr_expect(next_is(JSON_OBJECT));
    cr_expect(next_is_text(JSON_NAME, T("a")), "names are strings too");
}

static const struct text valid[] = {
    TEXT("0"),
    TEXT("-0"),
    TEXT("-0.0"),
    TEXT("10"),
    TEXT("1E5"),
    TEXT("1e-05"),
    TEXT("123456789012345678901234567890.5"),
    TEXT("\"\""),
    TEXT("\"\x7f\""),
    TEXT("\"\xed\x9f\xbf\""),
    TEXT("[]"),
    TEXT("{}"),
    TEXT(" [ ] "),
    TEXT("\ttrue\n"),
    TEXT("null"),
    TEXT("{\"a\":1,\"a\":2}"),
    TEXT("[[[[]]],{\"a\":{\"b\":[{}]}}]"),
};

static const struct text invalid[] = {
    TEXT(""),
    TEXT("  "),
    TEXT("nul"),
    TEXT("nulL"),
    TEXT("True"),
    TEXT("truefalse"),
    TEXT("undefined"),
    TEXT("NaN"),
    TEXT("Infinity"),
    /* numbers */
    TEXT("-"),
    TEXT("+1"),
    TEXT("01"),
    TEXT("-01"),
    TEXT(".5"),
    TEXT("5."),
    TEXT("5.e1"),
    TEXT("1e"),
    TEXT("1e+"),
    TEXT("0x10"),
    TEXT("1 2"),
    TEXT("1a"),
    TEXT("--1"),
    /* strings */
    TEXT("\""),
    TEXT("\"abc"),
    TEXT("\"abc\\"),
    TEXT("\"\\\""),
    TEXT("\"\\x41\""),
    TEXT("\"\\'\""),
    TEXT("'a'"),
    TEXT("\"\\u\""),
    TEXT("\"\\u12\""),
    TEXT("\"\\u123"),
    TEXT("\"\\u12g4\""),
    TEXT("\"\\u-123\""),
    TEXT("\"\\ud83d\""),
    TEXT("\"\\ud83dx\""),
    TEXT("\"\\ud83d\\n\""),
    TEXT("\"\\ud83d\\u0041\""),
    TEXT("\"\\ud83d\\ud83d\""),
    TEXT("\"\\ude00\""),
    TEXT("\"\\ude00\\ud83d\""),
    TEXT("\"\\ud83d\\ude0"),
    TEXT("\"a\nb\""),
    TEXT("\"a\tb, behind more than one word\""),
    TEXT("\"12345678\x1f\""),
    TEXT("\"\0\""),
    TEXT("\"\x80\""),
    TEXT("\"\xc3\""),
    TEXT("\"\xed\xa0\x80\""),
    TEXT("\"plain ASCII before \xff\""),
    TEXT("{\"\xff\":1}"),
    /* structure */
    TEXT("["),
    TEXT("[1"),
    TEXT("[1,"),
    TEXT("[1,]"),
    TEXT("[,1]"),
    TEXT("[1 2]"),
    TEXT("[1}"),
    TEXT("]"),
    TEXT("[]]"),
    TEXT("{"),
    TEXT("{]"),
    TEXT("{\"a\""),
    TEXT("{\"a\"}"),
    TEXT("{\"a\":"),
    TEXT("{\"a\":}"),
    TEXT("{\"a\":1,}"),
    TEXT("{,}"),
    TEXT("{a:1}"),
    TEXT("{1:1}"),
    TEXT("{\"a\" 1}"),
    TEXT("{\"a\":1 \"b\":2}"),
    TEXT("{\"a\":1]"),
    TEXT("{}{}"),
    TEXT("{} x"),
    TEXT("[] ,"),
    TEXT("1,"),
    TEXT("\xef\xbb\xbf{}"),
    TEXT("\x0c{}"),
    TEXT("[1,// no\n2]"),
    TEXT("{}\0"),
};

static bool reads_to_the_end(struct text text)
{
    enum json_token token;

    read_from(text);
    do {
        token = json_next(&reader);
    } while (token != JSON_END && token != JSON_ERROR);
    return token == JSON_END;
}

Test(json, takes_what_the_rfc_takes)
{
    for (size_t i = 0; i < countof(valid); i++) {
        cr_expect(json_is_valid(valid[i]), "%.*s", TEXT_PRINTF(valid[i]));
        cr_expect(reads_to_the_end(valid[i]), "%.*s", TEXT_PRINTF(valid[i]));
        cr_expect_null(reader.error);
    }
}

Test(json, refuses_everything_else_with_a_reason)
{
    for (size_t i = 0; i < countof(invalid); i++) {
        cr_expect_not(json_is_valid(invalid[i]), "row %zu: %.*s", i, TEXT_PRINTF(invalid[i]));
        cr_expect_not(reads_to_the_end(invalid[i]), "row %zu: %.*s", i,
                      TEXT_PRINTF(invalid[i]));
        cr_expect_not_null(reader.error);
        cr_expect(next_is(JSON_ERROR), "an error stays");
    }
}

/* No part of a valid text but the whole is valid here, so every cut must be found. */
Test(json, finds_every_cut)
{
    struct text text =
        T("{\"name\":[1.5e3,\"a\\u00e9\xc3\xa9\\ud83d\\ude00\",true,null],\"b\":{}}");

    cr_expect(json_is_valid(text));
    for (size_t len = 0; len < text.len; len++) {
        char cut[128];

        memcpy(cut, text.at, len);
        cr_expect_not(json_is_valid(text_make(cut, len)), "cut at %zu", len);
    }
}

Test(json, nests_to_the_maximum_and_no_deeper)
{
    char text[2 * (JSON_DEPTH_MAX + 1)];

    memset(text, '[', sizeof(text) / 2);
    memset(text + sizeof(text) / 2, ']', sizeof(text) / 2);
    cr_expect(json_is_valid(text_make(text + 1, sizeof(text) - 2)));
    cr_expect_not(json_is_valid(text_make(text, sizeof(text))));
}

Test(json, skips_whole_values)
{
    read_from(T("{\"a\":{\"x\":[1,{\"y\":\"}]\\\"\"}]},\"b\":1,\"c\":\"s\"}"));
    cr_expect(next_is(JSON_OBJECT));
    cr_expect(next_is_text(JSON_NAME, T("a")));
    cr_expect(json_skip(&reader));
    cr_expect(next_is_text(JSON_NAME, T("b")));
    cr_expect(json_skip(&reader));
    cr_expect(next_is_text(JSON_NAME, T("c")));
    cr_expect(json_skip(&reader));
    cr_expect(next_is(JSON_OBJECT_END));
    cr_expect(next_is(JSON_END));
    cr_expect_eq(arena.used, 0, "what is skipped is not unescaped");
}

Test(json, gives_values_as_they_were_written)
{
    struct text raw;

    read_from(T("{ \"a\" : [ 1, \"\\u0041\" ] , \"b\": -1.50 }"));
    cr_expect(next_is(JSON_OBJECT));
    cr_expect(next_is(JSON_NAME));
    cr_expect(json_raw(&reader, &raw));
    cr_expect(text_equal(raw, T("[ 1, \"\\u0041\" ]")));
    cr_expect(next_is(JSON_NAME));
    cr_expect(json_raw(&reader, &raw));
    cr_expect(text_equal(raw, T("-1.50")));
    cr_expect(next_is(JSON_OBJECT_END));
    read_from(T("  \"whole\"  "));
    cr_expect(json_raw(&reader, &raw));
    cr_expect(text_equal(raw, T("\"whole\"")));
    cr_expect(next_is(JSON_END));
}

Test(json, raw_values_of_an_array_end_without_an_error)
{
    static const struct text expected[] = {TEXT("1"), TEXT("[2, 3]"), TEXT("{\"a\":4}")};
    struct text raw;
    size_t count = 0;

    read_from(T("[[ 1 , [2, 3],{\"a\":4} ],[],5]"));
    cr_expect(next_is(JSON_ARRAY));
    cr_expect(next_is(JSON_ARRAY));
    while (json_raw(&reader, &raw)) {
        cr_assert_lt(count, countof(expected));
        cr_expect(text_equal(raw, expected[count]));
        count++;
    }
    cr_expect_eq(count, countof(expected));
    cr_expect_null(reader.error);
    cr_expect(next_is(JSON_ARRAY));
    cr_expect_not(json_skip(&reader));
    cr_expect_null(reader.error);
    cr_expect(next_is_text(JSON_NUMBER, T("5")));
    cr_expect(next_is(JSON_ARRAY_END));
    cr_expect(next_is(JSON_END));
}

Test(json, skipping_finds_errors_too)
{
    static const struct text rows[] = {TEXT("[[1,]]"), TEXT("[,1]"), TEXT("[{\"a\":tru}]"),
                                       TEXT("[\"\\ud800\"]"), TEXT("[")};

    for (size_t i = 0; i < countof(rows); i++) {
        read_from(rows[i]);
        cr_expect(next_is(JSON_ARRAY));
        cr_expect_not(json_skip(&reader), "row %zu", i);
        cr_expect_not_null(reader.error);
        cr_expect(next_is(JSON_ERROR));
    }
    read_from(T("[1,]"));
    cr_expect(next_is(JSON_ARRAY));
    cr_expect(json_skip(&reader));
    cr_expect_not(json_skip(&reader), "a comma promises a value");
    cr_expect_not_null(reader.error);
}
