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

#define expect_text(a, b) \
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
    expect_text(message.topic_arn, full.topic_arn);
    expect_text(message.subject, full.subject);
    expect_text(message.body, full.body);
    expect_text(message.token, full.token);
    expect_text(message.subscription_arn, full.subscription_arn);
    expect_text(message.group_id, full.group_id);
    expect_text(message.deduplication_id, full.deduplication_id);
    expect_text(message.sequence_number, full.sequence_number);
    expect_text(message.trace_header, full.trace_header);
    cr_assert_eq(message.variant_count, 2);
    expect_text(message.variants[1].body, variants[1].body);
    cr_assert_eq(message.attribute_count, 2);
    expect_text(message.attributes[1].value, attributes[1].value);
    expect_text(message.attributes[0].type, attributes[0].type);
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
    expect_text(message_body_for(&full, T("http")), variants[1].body);
    expect_text(message_body_for(&full, T("email")), full.body);
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
