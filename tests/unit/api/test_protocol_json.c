/* The JSON protocol: what it refuses, what it overlooks. */
#include "sample.h"

#include <criterion/criterion.h>

Test(protocol_json, refuses_wrong_types_by_name)
{
    static const struct {
        const char *body;
        const char *message;
    } rows[] = {
        {"{\"Name\":7}", "Name must be a string"},
        {"{\"Name\":{}}", "Name must be a string"},
        {"{\"Bytes\":\"*\"}", "Bytes must be a string of base64"},
        {"{\"Number\":\"7\"}", "Number must be an integer"},
        {"{\"Number\":1.5}", "Number must be an integer"},
        {"{\"Flag\":\"true\"}", "Flag must be a boolean"},
        {"{\"Words\":\"a\"}", "Words must be a list"},
        {"{\"Words\":[null]}", "Words must be a list of strings"},
        {"{\"Map\":[]}", "Map must be a structure"},
        {"{\"Map\":{\"a\":1}}", "Map must be a map of strings"},
        {"{\"Pair\":[]}", "Pair must be a structure"},
        {"{\"Pairs\":[1]}", "Pairs must be a list of structures"},
        {"{\"PairMap\":{\"a\":\"b\"}}", "PairMap must be a map of structures"},
        {"{\"Pairs\":[{\"Id\":[]}]}", "Id must be a string"},
        {"{\"Name\":\"a\",\"Name\":\"b\"}", "Name is given twice"},
        {"{\"Name\":null,\"N\\u0061me\":\"b\"}", "Name is given twice"},
        {"{\"Words\":[\"a\"],\"Flag\":true,\"Words\":[]}", "Words is given twice"},
        {"{\"Pairs\":[{\"Id\":\"a\",\"Id\":\"a\"}]}", "Id is given twice"},
        {"{\"Map\":{\"b\":\"1\",\"a\":\"2\",\"b\":\"3\"}}", "b is given twice"},
        {"{\"PairMap\":{\"b\":{},\"a\":{},\"b\":{}}}", "b is given twice"},
        {"[]", "The request body must be an object"},
        {"7", "The request body must be an object"},
    };

    for (size_t i = 0; i < countof(rows); i++) {
        struct sample_request sample;

        sample_open(&sample);
        cr_expect_null(sample_decode(&sample, WIRE_JSON, text_from(rows[i].body)), "%s",
                       rows[i].body);
        cr_expect_str_eq(sample.request.error->type, "SerializationException");
        cr_expect(text_equal(sample.request.message, text_from(rows[i].message)), "%.*s",
                  TEXT_PRINTF(sample.request.message));
        sample_close(&sample);
    }
}

Test(protocol_json, refuses_what_is_no_json)
{
    static const char *const bodies[] = {
        "{",
        "{\"Name\":}",
        "{\"Name\":\"\xff\"}",
        "{} {}",
        "{\"Words\":[\"a\"",
        "{\"Map\":{",
        "{\"Pairs\":[{\"Id\"}",
        "{\"Else\":[}",
        "\xef",
        "{\"Name\":\"\\x\"}",
    };

    for (size_t i = 0; i < countof(bodies); i++) {
        struct sample_request sample;

        sample_open(&sample);
        cr_expect_null(sample_decode(&sample, WIRE_JSON, text_from(bodies[i])), "%s",
                       bodies[i]);
        cr_expect(text_starts_with(sample.request.message,
                                   T("The request body is not valid JSON: ")));
        sample_close(&sample);
    }
}

Test(protocol_json, overlooks_nulls_and_unknown_members)
{
    struct sample_request sample;

    sample_open(&sample);
    struct sample *input = sample_decode(
        &sample, WIRE_JSON,
        T("{\"Name\":null,\"Words\":null,\"Pair\":null,\"Map\":{\"gone\":null,\"a\":\"b\"},"
          "\"New\":[{\"x\":[1,2]},null],\"Number\":5}"));

    cr_assert_not_null(input);
    cr_expect_null(input->name.at);
    cr_expect_not(input->words.is_set);
    cr_expect_eq(input->map.count, 1);
    cr_expect_eq(input->number.value, 5);
    sample_close(&sample);
}

Test(protocol_json, takes_no_body_for_no_parameters)
{
    struct sample_request sample;

    sample_open(&sample);
    cr_expect_not_null(sample_decode(&sample, WIRE_JSON, T("")));
    sample_close(&sample);
}

/* A body whose one member is a list, or a map with numbers for names, of `count` elements. */
static struct text many(struct arena *arena, const char *name, const char *brackets,
                        const char *element, size_t count)
{
    size_t size = count * (strlen(element) + 24) + 64;
    struct buffer buffer = buffer_over(arena_take(arena, size), size);

    buffer_printf(&buffer, "{\"%s\":%c", name, brackets[0]);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(brackets, "{}") == 0) {
            buffer_printf(&buffer, "%s\"%zu\":%s", i == 0 ? "" : ",", i, element);
        } else {
            buffer_printf(&buffer, "%s%s", i == 0 ? "" : ",", element);
        }
    }
    buffer_printf(&buffer, "%c}", brackets[1]);
    return buffer_text(&buffer);
}

static const struct {
    const char *name;
    const char *brackets;
    const char *element;
} lists[] = {
    {"Words", "[]", "\"\""}, {"Map", "{}", "\"\""},     {"Pairs", "[]", "{}"},
    {"PairMap", "{}", "{}"}, {"FlatPairs", "[]", "{}"},
};

Test(protocol_json, refuses_lists_beyond_their_limit_before_they_cost_memory)
{
    for (size_t i = 0; i < countof(lists); i++) {
        struct arena arena = {0};
        struct sample_request sample;

        sample_open(&sample);
        struct text body =
            many(&arena, lists[i].name, lists[i].brackets, lists[i].element, 200000);

        cr_expect_null(sample_decode(&sample, WIRE_JSON, body), "%s", lists[i].name);
        cr_expect_str_eq(sample.request.error->type, "SerializationException");
        cr_expect(text_ends_with(sample.request.message, T(" must have at most 1024 items")));
        cr_expect_lt(sample.arena.used, (size_t)1 << 20, "%s", lists[i].name);
        sample_close(&sample);
        arena_free(&arena);
    }
}

Test(protocol_json, takes_as_many_items_as_the_limit)
{
    for (size_t i = 0; i < countof(lists); i++) {
        struct sample_request sample;

        sample_open(&sample);
        struct text body =
            many(&sample.arena, lists[i].name, lists[i].brackets, lists[i].element, ITEMS_MAX);

        cr_expect_not_null(sample_decode(&sample, WIRE_JSON, body), "%s", lists[i].name);
        sample_close(&sample);
    }
}

Test(protocol_json, refuses_more_items_than_a_request_may_have_in_all)
{
    struct sample_request sample;

    sample_open(&sample);
    cr_expect_null(sample_decode(&sample, WIRE_JSON,
                                 many(&sample.arena, "Map", "{}", "null", PARAMS_MAX + 1)));
    cr_expect(text_equal(sample.request.message, T("The request body has too many items")));
    sample_close(&sample);
}
