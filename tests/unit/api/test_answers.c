/* Answers and errors, as XML and as JSON. */
#include "sample.h"

#include <criterion/criterion.h>

#define EXPECT_TEXT(expected, actual)                                                   \
    do {                                                                                \
        struct text text_ = (actual);                                                   \
        cr_expect(text_equal(text_from(expected), text_), "\"%.*s\" instead of \"%s\"", \
                  TEXT_PRINTF(text_), (expected));                                      \
    } while (0)

#define ENVELOPE(inside)                                                            \
    "<?xml version=\"1.0\"?>\n<EchoResponse xmlns=\"urn:beta\"><EchoResult>" inside \
    "<Pair></Pair></EchoResult><ResponseMetadata><RequestId>the-id</RequestId>"     \
    "</ResponseMetadata></EchoResponse>\n"

Test(answers, spell_xml_by_shape)
{
    static const struct {
        const char *json; /* what is answered */
        const char *xml;
    } rows[] = {
        {"{}", ENVELOPE("")},
        {"{\"Name\":\"<a & \\\"b\\\">\\r\"}",
         ENVELOPE("<Name>&lt;a &amp; &quot;b&quot;&gt;&#xD;</Name>")},
        {"{\"Name\":\"\\u0001\\uffff\\t\"}",
         ENVELOPE("<Name>\xef\xbf\xbd\xef\xbf\xbd\t</Name>")},
        {"{\"Number\":12,\"Flag\":false,\"Bytes\":\"aGk=\"}",
         ENVELOPE("<Bytes>aGk=</Bytes><Number>12</Number><Flag>false</Flag>")},
        {"{\"Words\":[],\"FlatWords\":[]}", ENVELOPE("<Words/>")},
        {"{\"Words\":[\"a\"],\"FlatWords\":[\"b\",\"c\"]}",
         ENVELOPE("<Words><member>a</member></Words><Word>b</Word><Word>c</Word>")},
        {"{\"Map\":{\"k\":\"v\"},\"FlatMap\":{\"n\":\"w\"}}",
         ENVELOPE("<Map><entry><key>k</key><value>v</value></entry></Map>"
                  "<Entry><Name>n</Name><Value>w</Value></Entry>")},
    };

    for (size_t i = 0; i < countof(rows); i++) {
        struct sample_request sample;

        sample_open(&sample);
        struct sample *output = sample_decode(&sample, WIRE_JSON, text_from(rows[i].json));

        cr_assert_not_null(output, "%s", rows[i].json);
        EXPECT_TEXT(rows[i].xml, sample_render(&sample, WIRE_QUERY, output));
        sample_close(&sample);
    }
}

Test(answers, spell_lists_and_maps_of_structs)
{
    struct sample_request sample;

    sample_open(&sample);
    struct sample *output = sample_decode(
        &sample, WIRE_JSON,
        T("{\"Pairs\":[{\"Id\":\"a\"}],\"FlatPairs\":[{\"Id\":\"b\"}],"
          "\"PairMap\":{\"c\":{\"Number\":1}},\"FlatPairMap\":{\"d\":{\"Id\":\"e\"}}}"));

    cr_assert_not_null(output);
    EXPECT_TEXT(
        "<?xml version=\"1.0\"?>\n<EchoResponse xmlns=\"urn:beta\"><EchoResult><Pair></Pair>"
        "<Pairs><member><Id>a</Id></member></Pairs><FlatPair><Id>b</Id></FlatPair>"
        "<PairMap><entry><Name>c</Name><Value><Number>1</Number></Value></entry></PairMap>"
        "<Flat><Key>d</Key><Value><Id>e</Id></Value></Flat>"
        "</EchoResult><ResponseMetadata><RequestId>the-id</RequestId></ResponseMetadata>"
        "</EchoResponse>\n",
        sample_render(&sample, WIRE_QUERY, output));
    sample_close(&sample);
}

static const struct error_kind gone = {
    .type = "ThingGone", .query = "Old.ThingGone", .http_status = 400};

/* The answer of a Query client that accepts JSON. */
static void expect_query_json(const char *given, const char *expected)
{
    struct sample_request sample;
    struct buffer buffer;

    sample_open(&sample);
    buffer_init(&buffer, 65536);
    sample.request.output = sample_decode(&sample, WIRE_JSON, text_from(given));
    cr_assert_not_null(sample.request.output, "%s", given);
    query_json_render(&sample.request, &buffer);
    EXPECT_TEXT(expected, buffer_text(&buffer));
    buffer_free(&buffer);
    sample_close(&sample);
}

Test(answers, on_query_in_json_have_all_members_and_flat_maps_as_lists)
{
    expect_query_json(
        "{\"FlatMap\":{\"n\":\"w\"},\"Map\":{\"k\":\"v\"},\"Words\":[],"
        "\"PairMap\":{\"c\":{\"Number\":1}},\"FlatPairMap\":{\"d\":{\"Id\":\"e\"}}}",
        "{\"EchoResponse\":{\"EchoResult\":{\"Name\":null,\"Bytes\":null,\"Number\":null,"
        "\"Flag\":null,\"Words\":[],\"FlatWords\":null,\"Map\":{\"k\":\"v\"},"
        "\"FlatMap\":[{\"Name\":\"n\",\"Value\":\"w\"}],"
        "\"Pair\":{\"Id\":null,\"Bytes\":null,\"Number\":null},\"Pairs\":null,"
        "\"FlatPairs\":null,\"PairMap\":{\"c\":{\"Id\":null,\"Bytes\":null,\"Number\":1}},"
        "\"FlatPairMap\":[{\"Key\":\"d\",\"Value\":{\"Id\":\"e\",\"Bytes\":null,"
        "\"Number\":null}}]},\"ResponseMetadata\":{\"RequestId\":\"the-id\"}}}");
}

Test(answers, are_written_as_the_request_wants_them)
{
    static const struct {
        enum wire_protocol wire;
        const char *accept;
        const char *form;
        const char *content_type;
    } rows[] = {
        {WIRE_QUERY, NULL, "", "text/xml"},
        {WIRE_QUERY, "*/*", "", "text/xml"},
        {WIRE_QUERY, "application/json", "", "application/json"},
        {WIRE_QUERY, "Application/JSON ; q=1, text/xml", "", "application/json"},
        {WIRE_QUERY, "text/xml, application/json", "", "text/xml"},
        {WIRE_QUERY, "application/jsonx", "", "text/xml"},
        {WIRE_QUERY, NULL, "ContentType=JSON", "application/json"},
        {WIRE_QUERY, NULL, "ContentType=XML", "text/xml"},
        {WIRE_JSON, "text/xml", "", "application/x-amz-json-1.0"},
    };

    for (size_t i = 0; i < countof(rows); i++) {
        struct sample_request sample;
        struct params params = {0};
        const char *reason;

        sample_open(&sample);
        sample.request.wire = rows[i].wire;
        if (rows[i].accept != NULL) {
            sample_header(&sample, "accept", rows[i].accept);
        }
        cr_assert(params_parse(&sample.arena, text_from(rows[i].form), &params, &reason));
        EXPECT_TEXT(rows[i].content_type,
                    renderer_choose(&sample.request, &params)->content_type);
        sample_close(&sample);
    }
}

Test(answers, spell_errors_by_protocol_and_service)
{
    static const struct {
        const struct service *service;
        enum wire_protocol wire;
        const struct error_kind *kind;
        const char *expected;
    } rows[] = {
        {&sample_alpha, WIRE_QUERY, &gone,
         "<?xml version=\"1.0\"?>\n<ErrorResponse xmlns=\"urn:alpha\"><Error><Type>Sender</Type>"
         "<Code>Old.ThingGone</Code><Message>no &lt;x&gt;</Message></Error>"
         "<RequestId>the-id</RequestId></ErrorResponse>\n"},
        {&sample_beta, WIRE_QUERY, &error_unavailable,
         "<?xml version=\"1.0\"?>\n<ErrorResponse xmlns=\"urn:beta\"><Error><Type>Receiver</Type>"
         "<Code>ServiceUnavailable</Code><Message>no &lt;x&gt;</Message><Detail/></Error>"
         "<RequestId>the-id</RequestId></ErrorResponse>\n"},
        {&sample_beta, WIRE_JSON, &gone,
         "{\"__type\":\"com.beta#ThingGone\",\"message\":\"no <x>\"}"},
        {&sample_beta, WIRE_JSON, &error_internal,
         "{\"__type\":\"com.amazon.coral.service#InternalFailure\",\"message\":\"no <x>\"}"},
        {NULL, WIRE_JSON, &gone,
         "{\"__type\":\"com.amazon.coral.service#ThingGone\",\"message\":\"no <x>\"}"},
        {NULL, WIRE_QUERY, &gone,
         "<?xml version=\"1.0\"?>\n<ErrorResponse><Error><Type>Sender</Type>"
         "<Code>Old.ThingGone</Code><Message>no &lt;x&gt;</Message></Error>"
         "<RequestId>the-id</RequestId></ErrorResponse>\n"},
    };

    for (size_t i = 0; i < countof(rows); i++) {
        struct sample_request sample;

        sample_open(&sample);
        sample.request.service = rows[i].service;
        cr_expect_eq(request_fail(&sample.request, rows[i].kind, "no %s", "<x>"),
                     STATUS_INVALID);
        EXPECT_TEXT(rows[i].expected, sample_render(&sample, rows[i].wire, NULL));
        sample_close(&sample);
    }
}
