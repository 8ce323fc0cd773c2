/* What a message may be. */
#include "services/sns/publish.h"

#include <criterion/criterion.h>

#include <string.h>

static struct arena arena;
static struct request request;
static struct topic standard = {.arn = TEXT("arn:aws:sns:us-east-1:0:t")};
static struct topic fifo = {.arn = TEXT("arn:aws:sns:us-east-1:0:t.fifo"), .is_fifo = true};

static void setup(void)
{
    arena = (struct arena){0};
    request = (struct request){.arena = &arena};
}

static void teardown(void)
{
    arena_free(&arena);
}

TestSuite(publish_take, .init = setup, .fini = teardown);

/* Refused, with this text. */
static bool refuses(const struct topic *topic, struct publish_input in, const char *text)
{
    struct message message;

    request.error = NULL;
    request.message = (struct text){0};
    return publish_take(&request, topic, &in, 0, &message) == STATUS_INVALID
           && text_equal(request.message, text_from(text));
}

Test(publish_take, refuses_subjects_that_are_empty_long_or_have_controls)
{
    char longest[101];

    memset(longest, 's', sizeof longest);
    const struct text bad[] = {TEXT(""), TEXT("a\nb"), TEXT("\x7f"), {longest, 101}};

    for (size_t i = 0; i < countof(bad); i++) {
        cr_expect(refuses(&standard,
                          (struct publish_input){.message = TEXT("m"), .subject = bad[i]},
                          "Invalid parameter: Subject"),
                  "said %.*s", TEXT_PRINTF(request.message));
    }
    struct publish_input in = {.message = TEXT("m"), .subject = {longest, 100}};
    struct message message;

    cr_expect_eq(publish_take(&request, &standard, &in, 0, &message), STATUS_OK);
}

Test(publish_take, refuses_empty_and_long_messages)
{
    static char longest[PUBLISH_MAX + 1];

    memset(longest, 'm', sizeof longest);
    cr_expect(refuses(&standard, (struct publish_input){.message = TEXT("")},
                      "Invalid parameter: Empty message"),
              "said %.*s", TEXT_PRINTF(request.message));
    cr_expect(refuses(&standard, (struct publish_input){.message = {longest, PUBLISH_MAX + 1}},
                      "Invalid parameter: Message too long"),
              "said %.*s", TEXT_PRINTF(request.message));
    struct publish_input in = {.message = {longest, PUBLISH_MAX}};
    struct message message;

    cr_expect_eq(publish_take(&request, &standard, &in, 0, &message), STATUS_OK);
}

Test(publish_take, reads_a_json_structure)
{
    struct publish_input in = {
        .message = TEXT("{\"default\":\"d\\n\",\"sqs\":\"s\",\"http\":7,\"other\":\"x\","
                        "\"GCM\":\"{}\"}"),
        .structure = TEXT("json"),
    };
    struct message message;

    cr_assert_eq(publish_take(&request, &standard, &in, 0, &message), STATUS_OK);
    cr_expect(text_equal(message.body, T("d\n")));
    cr_assert_eq(message.variant_count, 2);
    cr_expect(text_equal(message_body_for(&message, T("sqs")), T("s")));
    cr_expect(text_equal(message_body_for(&message, T("http")), T("d\n")));
}

Test(publish_take, refuses_structures_that_are_broken_or_without_default)
{
    static const struct {
        struct text message;
        const char *text;
    } rows[] = {
        {TEXT("{\"sqs\":\"s\"}"),
         "Invalid parameter: Message Structure - No default entry in JSON message body"},
        {TEXT("{\"default\":1}"),
         "Invalid parameter: Message Structure - No default entry in JSON message body"},
        {TEXT("{\"default\":\"a\"} x"),
         "Invalid parameter: Message Structure - JSON message body failed to parse"},
        {TEXT("text"), "Invalid parameter: Message Structure - JSON message body failed to "
                       "parse"},
        {TEXT("[]"),
         "Invalid parameter: Message Structure - JSON message body failed to parse"},
    };

    for (size_t i = 0; i < countof(rows); i++) {
        cr_expect(refuses(&standard,
                          (struct publish_input){.message = rows[i].message,
                                                 .structure = TEXT("json")},
                          rows[i].text),
                  "said %.*s", TEXT_PRINTF(request.message));
    }
}

Test(publish_take, goes_by_the_last_of_a_key_that_is_there_twice)
{
    struct publish_input in = {
        .message = TEXT("{\"default\":\"a\",\"sqs\":\"c\",\"sqs\":\"d\",\"default\":\"b\"}"),
        .structure = TEXT("json"),
    };
    struct message message;

    cr_assert_eq(publish_take(&request, &standard, &in, 0, &message), STATUS_OK);
    cr_expect(text_equal(message.body, T("b")));
    cr_assert_eq(message.variant_count, 1);
    cr_expect(text_equal(message.variants[0].body, T("d")));
}

Test(publish_take, refuses_attributes_in_aws_words)
{
    static const struct {
        struct text name;

        struct {
            struct text type, string;
        } given;

        const char *text;
    } rows[] = {
        {TEXT(".a"),
         {TEXT("String"), TEXT("x")},
         "Invalid message attribute name starting with character '.' was found."},
        {TEXT("a."),
         {TEXT("String"), TEXT("x")},
         "Invalid message attribute name ending with character '.' was found."},
        {TEXT("a..b"),
         {TEXT("String"), TEXT("x")},
         "Message attribute name can not have successive '.' character."},
        {TEXT("a@b"),
         {TEXT("String"), TEXT("x")},
         "Invalid non-alphanumeric character '#x40' was found in the message attribute name. "
         "Can only include alphanumeric characters, hyphens, underscores, or dots."},
        {TEXT("a"),
         {TEXT("Text"), TEXT("x")},
         "The message attribute 'a' has an invalid message attribute type, the set of supported "
         "type prefixes is Binary, Number, and String."},
        {TEXT("a"),
         {TEXT("String"), TEXT("")},
         "The message attribute 'a' must contain non-empty message attribute value for message "
         "attribute type 'String'."},
        {TEXT("a"),
         {TEXT("Binary"), TEXT("x")},
         "The message attribute 'a' with type 'Binary' must use field 'Binary'."},
        {TEXT("a"),
         {{0}, TEXT("x")},
         "1 validation error detected: Value null at 'messageAttributes.a.member.dataType' "
         "failed to satisfy constraint: Member must not be null"},
    };

    for (size_t i = 0; i < countof(rows); i++) {
        struct text name = rows[i].name;
        struct wire_attribute attribute = {.type = rows[i].given.type,
                                           .string = rows[i].given.string};

        cr_expect(refuses(&standard,
                          (struct publish_input){.message = TEXT("m"),
                                                 .attributes = {&name, &attribute, 1, true}},
                          rows[i].text),
                  "said %.*s", TEXT_PRINTF(request.message));
    }
}

Test(publish_take, wants_a_group_and_an_id_on_fifo_topics)
{
    struct publish_input in = {.message = TEXT("m")};
    struct message message;

    cr_expect(refuses(&fifo, in,
                      "Invalid parameter: The MessageGroupId parameter is required for FIFO "
                      "topics"),
              "said %.*s", TEXT_PRINTF(request.message));
    in.group_id = T("g");
    cr_expect(
        refuses(&fifo, in,
                "Invalid parameter: The topic should either have ContentBasedDeduplication "
                "enabled or MessageDeduplicationId provided explicitly"),
        "said %.*s", TEXT_PRINTF(request.message));
    in.deduplication_id = T("d");
    cr_expect_eq(publish_take(&request, &fifo, &in, 0, &message), STATUS_OK);
    cr_expect(refuses(&standard, in,
                      "Invalid parameter: MessageDeduplicationId Reason: The request includes "
                      "MessageDeduplicationId parameter that is not valid for this topic type"),
              "said %.*s", TEXT_PRINTF(request.message));
}

Test(publish_take, makes_the_id_from_the_content_when_the_topic_does)
{
    struct attribute by_content = {TEXT("ContentBasedDeduplication"), TEXT("true")};
    struct topic topic = fifo;
    struct publish_input in = {.message = TEXT("hello"), .group_id = TEXT("g")};
    struct message message;

    topic.attributes = &by_content;
    topic.attribute_count = 1;
    cr_assert_eq(publish_take(&request, &topic, &in, 0, &message), STATUS_OK);
    cr_expect(
        text_equal(message.deduplication_id,
                   T("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824")));
}
