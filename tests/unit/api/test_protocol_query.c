/* The Query protocol against the JSON one: the same struct comes of both. */
#include "sample.h"

#include <criterion/criterion.h>

#define EXPECT_TEXT(expected, actual)                                                   \
    do {                                                                                \
        struct text text_ = (actual);                                                   \
        cr_expect(text_equal(text_from(expected), text_), "\"%.*s\" instead of \"%s\"", \
                  TEXT_PRINTF(text_), (expected));                                      \
    } while (0)

static const struct twin {
    const char *name;
    const char *query;
    const char *json; /* and what JSON is rendered of either */
} twins[] = {
    {"nothing", "", "{\"Pair\":{}}"},
    {"scalars", "Name=n&Number=-7&Flag=true&Bytes=aGk%3D",
     "{\"Name\":\"n\",\"Bytes\":\"aGk=\",\"Number\":-7,\"Flag\":true,\"Pair\":{}}"},
    {"an empty string", "Name=", "{\"Name\":\"\",\"Pair\":{}}"},
    {"escapes", "Name=%22a+b%26%C3%A9%0A", "{\"Name\":\"\\\"a b&\xc3\xa9\\n\",\"Pair\":{}}"},
    {"lists", "Words.member.2=b&Words.member.1=a&Word.1=x&Word.2=y",
     "{\"Words\":[\"a\",\"b\"],\"FlatWords\":[\"x\",\"y\"],\"Pair\":{}}"},
    {"eleven",
     "Word.1=1&Word.2=2&Word.3=3&Word.4=4&Word.5=5&Word.6=6&Word.7=7&Word.8=8&Word.9=9"
     "&Word.10=10&Word.11=11",
     "{\"FlatWords\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\",\"11\"],"
     "\"Pair\":{}}"},
    {"an empty list", "Words=&Word=", "{\"Words\":[],\"FlatWords\":[],\"Pair\":{}}"},
    {"maps",
     "Map.entry.1.key=k&Map.entry.1.value=v&Entry.1.Name=a&Entry.1.Value=b"
     "&Entry.2.Name=c&Entry.2.Value=",
     "{\"Map\":{\"k\":\"v\"},\"FlatMap\":{\"a\":\"b\",\"c\":\"\"},\"Pair\":{}}"},
    {"structs",
     "Pair.Id=p&Pair.Number=1&Pairs.member.1.Id=q&Pairs.member.2.Number=2"
     "&FlatPair.1.Bytes=aGk%3D",
     "{\"Pair\":{\"Id\":\"p\",\"Number\":1},\"Pairs\":[{\"Id\":\"q\"},{\"Number\":2}],"
     "\"FlatPairs\":[{\"Bytes\":\"aGk=\"}]}"},
    {"maps of structs",
     "PairMap.entry.1.Name=one&PairMap.entry.1.Value.Id=i"
     "&Flat.1.Key=two&Flat.1.Value.Number=2&Flat.2.Key=three&Flat.2.Value.Id=t",
     "{\"Pair\":{},\"PairMap\":{\"one\":{\"Id\":\"i\"}},"
     "\"FlatPairMap\":{\"two\":{\"Number\":2},\"three\":{\"Id\":\"t\"}}}"},
};

Test(protocol_query, decodes_the_same_as_json)
{
    for (size_t i = 0; i < countof(twins); i++) {
        struct sample_request sample;

        sample_open(&sample);
        struct sample *query = sample_decode(&sample, WIRE_QUERY, text_from(twins[i].query));
        struct sample *json = sample_decode(&sample, WIRE_JSON, text_from(twins[i].json));

        cr_assert(query != NULL && json != NULL, "%s", twins[i].name);
        EXPECT_TEXT(twins[i].json, sample_render(&sample, WIRE_JSON, query));
        EXPECT_TEXT(twins[i].json, sample_render(&sample, WIRE_JSON, json));
        sample_close(&sample);
    }
}

Test(protocol_query, takes_a_flat_item_without_a_number)
{
    struct sample_request sample;

    sample_open(&sample);
    struct sample *input =
        sample_decode(&sample, WIRE_QUERY, T("Word=All&Entry.Name=a&Entry.Value=b"));

    cr_assert_not_null(input);
    EXPECT_TEXT("{\"FlatWords\":[\"All\"],\"FlatMap\":{\"a\":\"b\"},\"Pair\":{}}",
                sample_render(&sample, WIRE_JSON, input));
    sample_close(&sample);
}

Test(protocol_query, stops_a_list_at_the_first_gap)
{
    struct sample_request sample;

    sample_open(&sample);
    struct sample *input = sample_decode(&sample, WIRE_QUERY, T("Word.1=a&Word.3=c&Word.0=z"));

    cr_assert_not_null(input);
    cr_expect_eq(input->flat_words.count, 1);
    sample_close(&sample);
}

Test(protocol_query, takes_base64_as_clients_write_it)
{
    static const char *const forms[] = {
        "Bytes=AQIDBA%3D%3D", "Bytes=AQID%0D%0ABA%3D%3D%0A", "Bytes=AQIDBA", "Bytes=AQIDBA%3D",
        "Bytes=AQ+ID%09BA",
    };

    for (size_t i = 0; i < countof(forms); i++) {
        struct sample_request sample;

        sample_open(&sample);
        struct sample *input = sample_decode(&sample, WIRE_QUERY, text_from(forms[i]));

        cr_assert_not_null(input, "%s", forms[i]);
        cr_expect(text_equal(input->bytes, T("\x01\x02\x03\x04")), "%s", forms[i]);
        sample_close(&sample);
    }
}

Test(protocol_query, refuses_what_is_malformed)
{
    static const struct {
        const char *form;
        const char *message;
    } rows[] = {
        {"Number=ten", "Invalid integer value for parameter: Number"},
        {"Number=99999999999999999999", "Invalid integer value for parameter: Number"},
        {"Flag=yes", "Invalid boolean value for parameter: Flag"},
        {"Bytes=AQIDB", "Invalid base64 value for parameter: Bytes"},
        {"Bytes=A%3DID", "Invalid base64 value for parameter: Bytes"},
        {"Bytes=***", "Invalid base64 value for parameter: Bytes"},
        {"Pairs.member.1.Number=x",
         "Invalid integer value for parameter: Pairs.member.1.Number"},
        {"Flat.1.Value.Bytes=%3D", "Invalid base64 value for parameter: Flat.1.Value.Bytes"},
        {"Name=%", "a percent escape is broken"},
        {"Name=%fe", "a parameter is not valid UTF-8"},
    };

    for (size_t i = 0; i < countof(rows); i++) {
        struct sample_request sample;

        sample_open(&sample);
        cr_expect_null(sample_decode(&sample, WIRE_QUERY, text_from(rows[i].form)));
        cr_expect_eq(sample.request.error, &error_malformed);
        EXPECT_TEXT(rows[i].message, sample.request.message);
        sample_close(&sample);
    }
}

static struct text numbered(struct arena *arena, size_t count)
{
    struct buffer buffer = buffer_over(arena_take(arena, count * 32), count * 32);

    for (size_t i = 1; i <= count; i++) {
        buffer_printf(&buffer, "%sPairs.member.%zu.Id=a", i == 1 ? "" : "&", i);
    }
    return buffer_text(&buffer);
}

Test(protocol_query, says_that_a_list_is_too_long)
{
    struct sample_request sample;

    sample_open(&sample);
    struct sample *input =
        sample_decode(&sample, WIRE_QUERY, numbered(&sample.arena, ITEMS_MAX));

    cr_assert_not_null(input);
    cr_expect_eq(input->pairs.count, ITEMS_MAX);
    cr_expect_null(sample_decode(&sample, WIRE_QUERY, numbered(&sample.arena, ITEMS_MAX + 1)));
    cr_expect_eq(sample.request.error, &error_malformed);
    EXPECT_TEXT("Too many items in parameter: Pairs.member", sample.request.message);
    sample_close(&sample);
}
