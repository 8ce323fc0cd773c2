/* Every format against what its receiver's documentation says. */
#include "base/json.h"
#include "formats/formats.h"

#include <criterion/criterion.h>

#include <string.h>

#define UUID "22b80000-0000-4000-8000-000000000000"

static struct arena arena;
static struct buffer to;
static struct formatted formatted;

static const struct envelope_target target = {
    .protocol = TEXT("https"),
    .base_url = TEXT("http://fanfare.test"),
    .subscription_arn = TEXT("arn:aws:sns:us-east-1:000000000000:alerts:s"),
};

static struct message message_of(const char *subject, const char *body)
{
    return (struct message){
        .id = {0x22, 0xb8},
        .time_ms = 1335920046655,
        .topic_arn = T("arn:aws:sns:us-east-1:000000000000:alerts"),
        .subject = text_from(subject),
        .body = text_from(body),
        .signature_version = 1,
    };
}

/* NUL-terminated; "" when it is refused. */
static const char *render(const char *format, const struct message *message, const char *key)
{
    const struct format_input input = {.message = message,
                                       .target = &target,
                                       .signature = T("c2ln"),
                                       .certificate_name = T("cert.pem"),
                                       .routing_key = text_from(key)};
    const char *why = "";

    buffer_free(&to);
    buffer_init(&to, (size_t)8 * 1024 * 1024);
    memset(&formatted, 0, sizeof formatted);
    if (!format_render(format_find(text_from(format)), &input, &to, &arena, &formatted, &why)) {
        return "";
    }
    cr_expect(text_is_utf8(formatted.body), "%s", format);
    return arena_copy(&arena, formatted.body).at;
}

static const char *header(const char *name)
{
    for (size_t i = 0; i < formatted.header_count; i++) {
        if (strcmp(formatted.headers[i].name, name) == 0) {
            return formatted.headers[i].value;
        }
    }
    return "";
}

#define EXPECT_BODY(expected, actual)                            \
    do {                                                         \
        const char *body_ = (actual);                            \
        cr_expect_str_eq(body_, expected);                       \
        cr_expect(json_is_valid(text_from(body_)), "%s", body_); \
    } while (0)

static const struct message_attribute order_attributes[] = {
    {TEXT("type"), TEXT("String"), TEXT("order.created")},
    {TEXT("source"), TEXT("String"), TEXT("https://shop.test/orders")},
    {TEXT("tenant"), TEXT("String"), TEXT("a \"b\" 100%\n\xc3\xa9")},
    {TEXT("raw"), TEXT("Binary"), TEXT("\x01\x02")},
    {TEXT("Not-Allowed"), TEXT("String"), TEXT("x")},
    {TEXT("specversion"), TEXT("String"), TEXT("9")},
};

Test(formats, raw_is_what_was_published)
{
    struct message message = message_of("s", "{\"a\":1}");

    cr_expect_str_eq(render("raw", &message, ""), "{\"a\":1}");
    cr_expect_null(formatted.content_type);
    cr_expect_eq(formatted.header_count, 0);
}

Test(formats, sns_is_the_envelope)
{
    struct message message = message_of("s", "hello");
    const char *body = render("sns", &message, "");

    cr_expect_not_null(strstr(body, "\"Signature\" : \"c2ln\""));
    cr_expect_not_null(strstr(body, "\"Message\" : \"hello\""));
}

Test(formats, lambda_is_the_event_of_a_function)
{
    struct message message = message_of("s", "hello");
    const char *body = render("lambda", &message, "");

    cr_expect_not_null(strstr(body, "\"EventSource\":\"aws:sns\""));
    cr_expect(json_is_valid(text_from(body)));
}

Test(formats, cloudevents_structured_carries_text_and_json)
{
    struct message message = message_of("greeting", "he\"llo");

    EXPECT_BODY("{\"specversion\":\"1.0\",\"id\":\"" UUID
                "\",\"source\":\"arn:aws:sns:us-east-1:000000000000:alerts\","
                "\"type\":\"com.amazon.sns.notification\",\"subject\":\"greeting\","
                "\"time\":\"2012-05-02T00:54:06.655Z\","
                "\"datacontenttype\":\"text/plain; charset=UTF-8\",\"data\":\"he\\\"llo\"}",
                render("cloudevents", &message, ""));
    cr_expect_str_eq(formatted.content_type, "application/cloudevents+json; charset=UTF-8");
    message = message_of("", " {\"id\": 1}");
    message.attributes = order_attributes;
    message.attribute_count = countof(order_attributes);
    EXPECT_BODY("{\"specversion\":\"1.0\",\"id\":\"" UUID
                "\",\"source\":\"https://shop.test/orders\",\"type\":\"order.created\","
                "\"time\":\"2012-05-02T00:54:06.655Z\","
                "\"tenant\":\"a \\\"b\\\" 100%\\n\xc3\xa9\",\"raw\":\"AQI=\","
                "\"datacontenttype\":\"application/json\",\"data\": {\"id\": 1}}",
                render("cloudevents", &message, ""));
}

Test(formats, cloudevents_binary_percent_encodes_its_headers)
{
    struct message message = message_of("", "{\"id\":1}");

    message.attributes = order_attributes;
    message.attribute_count = countof(order_attributes);
    message.sequence_number = T("10000000000000000001");
    cr_expect_str_eq(render("cloudevents-binary", &message, ""), "{\"id\":1}");
    cr_expect_str_eq(formatted.content_type, "application/json");
    cr_expect_str_eq(header("ce-specversion"), "1.0");
    cr_expect_str_eq(header("ce-id"), UUID);
    cr_expect_str_eq(header("ce-type"), "order.created");
    cr_expect_str_eq(header("ce-tenant"), "a%20%22b%22%20100%25%0A%C3%A9");
    cr_expect_str_eq(header("ce-sequence"), "10000000000000000001");
    cr_expect_str_eq(header("ce-subject"), "");
    message = message_of("", "hello");
    (void)render("cloudevents-binary", &message, "");
    cr_expect_str_eq(formatted.content_type, "text/plain; charset=UTF-8");
}

Test(formats, cloudevents_leave_out_what_is_no_uri_or_too_long)
{
    static char value[1100];
    const struct message_attribute odd[] = {
        {TEXT("source"), TEXT("String"), TEXT("no uri")},
        {TEXT("tenant"), TEXT("String"), {value, sizeof value}},
    };
    struct message message = message_of("", "hello");

    memset(value, 'x', sizeof value);
    message.attributes = odd;
    message.attribute_count = countof(odd);
    (void)render("cloudevents-binary", &message, "");
    cr_expect_str_eq(header("ce-source"), "arn:aws:sns:us-east-1:000000000000:alerts");
    cr_expect_str_eq(header("ce-tenant"), "");
}

Test(formats, slack_escapes_what_would_mention_people)
{
    struct message message = message_of("", "<!channel> a & b");

    EXPECT_BODY("{\"text\":\"&lt;!channel&gt; a &amp; b\"}", render("slack", &message, ""));
    message = message_of("Disk", "full");
    EXPECT_BODY("{\"text\":\"*Disk*\\nfull\"}", render("slack", &message, ""));
    cr_expect_str_eq(formatted.content_type, "application/json");
}

static const struct message_attribute alarm[] = {
    {TEXT("severity"), TEXT("String"), TEXT("critical")},
    {TEXT("status"), TEXT("String"), TEXT("firing")},
    {TEXT("url"), TEXT("String"), TEXT("https://run.test/book")},
    {TEXT("dedup_key"), TEXT("String"), TEXT("disk/db1")},
    {TEXT("source"), TEXT("String"), TEXT("db1")},
};

static struct message alarm_message(void)
{
    struct message message = message_of("Disk full", "98 %");

    message.attributes = alarm;
    message.attribute_count = countof(alarm);
    return message;
}

Test(formats, slack_colours_alerts)
{
    struct message message = alarm_message();

    EXPECT_BODY("{\"attachments\":[{\"color\":\"danger\",\"fallback\":\"Disk full\","
                "\"title\":\"Disk full\",\"title_link\":\"https://run.test/book\","
                "\"text\":\"98 %\",\"mrkdwn_in\":[\"text\"],\"footer\":\"alerts\","
                "\"ts\":1335920046}]}",
                render("slack", &message, ""));
}

Test(formats, discord_pings_nobody_and_keeps_to_its_limits)
{
    struct message message = message_of("", "@everyone");
    struct message alert = alarm_message();

    EXPECT_BODY("{\"content\":\"@everyone\",\"allowed_mentions\":{\"parse\":[]}}",
                render("discord", &message, ""));
    EXPECT_BODY("{\"embeds\":[{\"description\":\"98 %\",\"title\":\"Disk full\","
                "\"url\":\"https://run.test/book\",\"color\":15158332,"
                "\"timestamp\":\"2012-05-02T00:54:06.655Z\",\"footer\":{\"text\":\"alerts\"}}],"
                "\"allowed_mentions\":{\"parse\":[]}}",
                render("discord", &alert, ""));
}

Test(formats, teams_is_an_adaptive_card)
{
    struct message message = alarm_message();
    const char *body = render("teams", &message, "");

    cr_expect(json_is_valid(text_from(body)), "%s", body);
    cr_expect_not_null(strstr(body,
                              "\"contentType\":\"application/vnd.microsoft.card.adaptive\","
                              "\"contentUrl\":null"));
    cr_expect_not_null(strstr(body, "\"color\":\"Attention\",\"text\":\"Disk full\""));
    cr_expect_not_null(strstr(body, "\"url\":\"https://run.test/book\""));
}

Test(formats, pagerduty_maps_status_severity_and_key)
{
    struct message message = alarm_message();

    EXPECT_BODY("{\"routing_key\":\"R1\",\"event_action\":\"trigger\","
                "\"dedup_key\":\"disk/db1\",\"client\":\"Fanfare\",\"payload\":{"
                "\"summary\":\"Disk full\",\"source\":\"db1\",\"severity\":\"critical\","
                "\"timestamp\":\"2012-05-02T00:54:06.655Z\","
                "\"custom_details\":{\"message\":\"98 %\"}},"
                "\"links\":[{\"href\":\"https://run.test/book\"}]}",
                render("pagerduty", &message, "R1"));
    cr_expect_str_eq(render("pagerduty", &message, ""), "", "no routing key");
}

Test(formats, pagerduty_reads_a_cloudwatch_alarm)
{
    struct message message = message_of(
        "OK: \"cpu\"",
        "{\"AlarmName\":\"cpu\",\"NewStateValue\":\"OK\",\"NewStateReason\":\"\\u00e9\","
        "\"Trigger\":{\"AlarmName\":\"inner\"}}");
    const char *body = render("pagerduty", &message, "R1");

    cr_expect(json_is_valid(text_from(body)), "%s", body);
    cr_expect_not_null(strstr(body, "\"event_action\":\"resolve\",\"dedup_key\":\"cpu\""));
    cr_expect_not_null(strstr(body, "\"summary\":\"cpu\",\"source\":\"alerts\""));
    cr_expect_not_null(strstr(body, "\"custom_details\":{\"AlarmName\":\"cpu\""));
}

Test(formats, pagerduty_hashes_a_key_that_is_too_long)
{
    static char key[300];
    const struct message_attribute odd[] = {
        {TEXT("dedup_key"), TEXT("String"), {key, sizeof key}},
    };
    struct message message = message_of("", "x");

    memset(key, 'k', sizeof key);
    message.attributes = odd;
    message.attribute_count = 1;
    const char *at = strstr(render("pagerduty", &message, "R1"), "\"dedup_key\":\"");

    cr_assert_not_null(at);
    cr_expect_eq(strcspn(at + 13, "\""), 64);
}

struct limit {
    const char *format;
    size_t bytes; /* of the whole body */
};

/* A megabyte of what grows most when escaped, and of four-byte characters. */
Test(formats, keep_to_their_receivers_limits_without_cutting_a_character)
{
    static const struct limit rows[] = {
        {"slack", 245000}, {"discord", 28000}, {"teams", 28000}, {"pagerduty", 512000}};
    static const char *const fills[] = {"\x01", "\"", "<", "\xf0\x9f\x94\xa5", "x\xc3\xa9"};
    static char body[(1 << 20) + 8];

    for (size_t i = 0; i < countof(rows) * countof(fills); i++) {
        const struct limit *row = &rows[i % countof(rows)];
        const char *fill = fills[i / countof(rows)];
        size_t size = strlen(fill);
        size_t used = 0;

        for (; used + size <= sizeof body - 1; used += size) {
            memcpy(body + used, fill, size);
        }
        body[used] = '\0';
        struct message message = message_of(body, body);
        const char *sent = render(row->format, &message, "R1");

        cr_expect_leq(strlen(sent), row->bytes, "%s: %zu", row->format, strlen(sent));
        cr_expect(json_is_valid(text_from(sent)), "%s", row->format);
        cr_expect_not_null(strstr(sent, "\xe2\x80\xa6"), "%s has no mark", row->format);
        arena_free(&arena);
    }
}

Test(formats, take_no_link_that_is_none)
{
    static const struct message_attribute odd[] = {
        {TEXT("url"), TEXT("String"), TEXT("javascript:alert(1)")},
    };
    struct message message = message_of("", "x");

    message.attributes = odd;
    message.attribute_count = 1;
    EXPECT_BODY("{\"text\":\"x\"}", render("slack", &message, ""));
}
