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
