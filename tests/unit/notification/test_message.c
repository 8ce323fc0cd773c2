/* The bytes of a topic's message. */
#include "notification/notification.h"

#include <criterion/criterion.h>

static const struct message_variant variants[] = {
    {TEXT("sqs"), TEXT("for queues")},
    {TEXT("http"), TEXT("for hooks")},
};

static const struct message_attribute attributes[] = {
    {TEXT("kind"), TEXT("String"), TEXT("alert")},
    {TEXT("bytes"), TEXT("Binary"), TEXT("\0\1\2")},
};

static const struct message full = {
    .kind = MESSAGE_UNSUBSCRIBE_CONFIRMATION,
    .id = {1, 2, 3, 255},
    .time_ms = 1335920046655,
    .topic_arn = TEXT("arn:aws:sns:us-east-1:000000000000:t"),
    .subject = TEXT("subject"),
    .body = TEXT("body"),
    .variants = variants,
    .variant_count = countof(variants),
    .attributes = attributes,
    .attribute_count = countof(attributes),
    .signature_version = 2,
    .token = TEXT("token"),
    .subscription_arn = TEXT("arn:s"),
    .group_id = TEXT("group"),
    .deduplication_id = TEXT("once"),
    .sequence_number = TEXT("10000000000000000001"),
    .trace_header = TEXT("Root=1"),
};

#define EXPECT_TEXT(a, b) \
    cr_expect(text_equal((a), (b)), "%.*s instead of %.*s", TEXT_PRINTF(a), TEXT_PRINTF(b))

Test(message, comes_back_as_it_was)
{
    struct arena arena = {0};
    struct blob *record = message_encode(&full);
    struct message message = {0};

    cr_assert(message_decode(blob_text(record), &arena, &message));
    cr_expect_eq(message.kind, full.kind);
    cr_expect_arr_eq(message.id, full.id, sizeof full.id);
    cr_expect_eq(message.time_ms, full.time_ms);
    cr_expect_eq(message.signature_version, 2);
    EXPECT_TEXT(message.topic_arn, full.topic_arn);
    EXPECT_TEXT(message.subject, full.subject);
    EXPECT_TEXT(message.body, full.body);
    EXPECT_TEXT(message.token, full.token);
    EXPECT_TEXT(message.subscription_arn, full.subscription_arn);
    EXPECT_TEXT(message.group_id, full.group_id);
    EXPECT_TEXT(message.deduplication_id, full.deduplication_id);
    EXPECT_TEXT(message.sequence_number, full.sequence_number);
    EXPECT_TEXT(message.trace_header, full.trace_header);
    cr_assert_eq(message.variant_count, 2);
    EXPECT_TEXT(message.variants[1].body, variants[1].body);
    cr_assert_eq(message.attribute_count, 2);
    EXPECT_TEXT(message.attributes[1].value, attributes[1].value);
    EXPECT_TEXT(message.attributes[0].type, attributes[0].type);
    blob_unref(record);
    arena_free(&arena);
}

Test(message, of_nothing_comes_back_as_nothing)
{
    struct message empty = {0};
    struct message message = {.body = TEXT("left over")};
    struct arena arena = {0};
    struct blob *record = message_encode(&empty);

    cr_assert(message_decode(blob_text(record), &arena, &message));
    cr_expect_eq(message.body.len, 0);
    cr_expect_eq(message.attribute_count, 0);
    cr_expect_eq(arena.used, 0);
    blob_unref(record);
    arena_free(&arena);
}

Test(message, gives_each_protocol_its_own_text)
{
    EXPECT_TEXT(message_body_for(&full, T("http")), variants[1].body);
    EXPECT_TEXT(message_body_for(&full, T("email")), full.body);
}

Test(message, cut_anywhere_is_no_message)
{
    struct blob *record = message_encode(&full);
    struct arena arena = {0};
    struct message message;

    for (size_t len = 0; len < record->len; len++) {
        cr_expect_not(message_decode(text_first(blob_text(record), len), &arena, &message),
                      "%zu bytes of it", len);
    }
    blob_unref(record);
    arena_free(&arena);
}

Test(message, with_any_byte_changed_is_read_within_its_bounds)
{
    struct blob *record = message_encode(&full);
    struct arena arena = {0};
    struct message message;

    for (size_t place = 0; place < record->len; place++) {
        char kept = record->at[place];

        record->at[place] = (char)0xff;
        (void)!message_decode(blob_text(record), &arena, &message); /* only that it returns */
        record->at[place] = kept;
        arena_reset(&arena);
    }
    cr_expect(message_decode(blob_text(record), &arena, &message));
    blob_unref(record);
    arena_free(&arena);
}
