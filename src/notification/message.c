/* The bytes of a topic's message.  To change them: raise FORMAT, keep reading the old form.
 * Format 1: u8 format, u8 kind, u8 signature version, id, i64 time; the texts of text_fields,
 * counted; u32 count, variants (protocol, body); u32 count, attributes (name, type, value). */
#include "base/bytes.h"
#include "base/must.h"
#include "notification/notification.h"

#include <string.h>

#define FORMAT      1
#define HEAD_SIZE   MESSAGE_HEAD_SIZE
#define COUNT_SIZE  ((size_t)4)
#define VARIANT_MIN (2 * COUNT_SIZE)
#define VALUE_MIN   (3 * COUNT_SIZE)

/* In the order in which they are stored: only append, with a new FORMAT. */
static const size_t text_fields[] = {
    offsetof(struct message, topic_arn),
    offsetof(struct message, subject),
    offsetof(struct message, body),
    offsetof(struct message, token),
    offsetof(struct message, subscription_arn),
    offsetof(struct message, group_id),
    offsetof(struct message, deduplication_id),
    offsetof(struct message, sequence_number),
    offsetof(struct message, trace_header),
};

static const char *const kind_names[] = {
    [MESSAGE_NOTIFICATION] = "Notification",
    [MESSAGE_SUBSCRIPTION_CONFIRMATION] = "SubscriptionConfirmation",
    [MESSAGE_UNSUBSCRIBE_CONFIRMATION] = "UnsubscribeConfirmation",
};

static struct text field_text(const struct message *message, size_t i)
{
    struct text text;

    memcpy(&text, (const char *)message + text_fields[i], sizeof text);
    return text;
}

static size_t record_size(const struct message *message)
{
    size_t size = HEAD_SIZE + 2 * COUNT_SIZE;

    for (size_t i = 0; i < countof(text_fields); i++) {
        size += COUNT_SIZE + field_text(message, i).len;
    }
    for (size_t i = 0; i < message->variant_count; i++) {
        size += VARIANT_MIN + message->variants[i].protocol.len + message->variants[i].body.len;
    }
    for (size_t i = 0; i < message->attribute_count; i++) {
        const struct message_attribute *attribute = &message->attributes[i];

        size += VALUE_MIN + attribute->name.len + attribute->type.len + attribute->value.len;
    }
    return size;
}

/* The size is known beforehand, so that a publish costs one allocation and one copy here. */

struct blob *message_encode(const struct message *message)
{
    size_t size = record_size(message);
    struct blob *record = blob_new(size);
    char *at = record->at;

    must(size <= UINT32_MAX);
    at = bytes_put_number(at, FORMAT, 1);
    at = bytes_put_number(at, (uint64_t)message->kind, 1);
    at = bytes_put_number(at, message->signature_version, 1);
    at = bytes_put(at, message->id, sizeof message->id);
    at = bytes_put_number(at, (uint64_t)message->time_ms, 8);
    for (size_t i = 0; i < countof(text_fields); i++) {
        at = bytes_put_counted(at, field_text(message, i));
    }
    at = bytes_put_number(at, message->variant_count, COUNT_SIZE);
    for (size_t i = 0; i < message->variant_count; i++) {
        at = bytes_put_counted(at, message->variants[i].protocol);
        at = bytes_put_counted(at, message->variants[i].body);
    }
    at = bytes_put_number(at, message->attribute_count, COUNT_SIZE);
    for (size_t i = 0; i < message->attribute_count; i++) {
        at = bytes_put_counted(at, message->attributes[i].name);
        at = bytes_put_counted(at, message->attributes[i].type);
        at = bytes_put_counted(at, message->attributes[i].value);
    }
    must(at == record->at + size);
    return record;
}

/* A count that the bytes left can hold; a wrong one breaks the cursor, before any memory is
 * taken for it. */
static size_t take_count(struct cursor *cursor, size_t item_min)
{
    size_t count = cursor_u32(cursor);

    if (count > (size_t)(cursor->end - cursor->at) / item_min) {
        cursor->broken = true;
        return 0;
    }
    return count;
}

static void decode_variants(struct cursor *cursor, struct arena *arena, struct message *message)
{
    size_t count = take_count(cursor, VARIANT_MIN);

    if (count == 0) {
        return;
    }
    struct message_variant *variants = arena_array(arena, count, sizeof *variants);

    for (size_t i = 0; i < count; i++) {
        variants[i].protocol = cursor_counted(cursor);
        variants[i].body = cursor_counted(cursor);
    }
    message->variants = variants;
    message->variant_count = count;
}

static void decode_attributes(struct cursor *cursor, struct arena *arena,
                              struct message *message)
{
    size_t count = take_count(cursor, VALUE_MIN);

    if (count == 0) {
        return;
    }
    struct message_attribute *attributes = arena_array(arena, count, sizeof *attributes);

    for (size_t i = 0; i < count; i++) {
        attributes[i].name = cursor_counted(cursor);
        attributes[i].type = cursor_counted(cursor);
        attributes[i].value = cursor_counted(cursor);
    }
    message->attributes = attributes;
    message->attribute_count = count;
}

bool message_decode(struct text record, struct arena *arena, struct message *ret)
{
    struct cursor cursor = cursor_over(record);
    struct message message = {0};
    uint8_t format = cursor_u8(&cursor);
    uint8_t kind = cursor_u8(&cursor);

    message.signature_version = cursor_u8(&cursor);
    struct text id = cursor_take(&cursor, sizeof message.id);

    message.time_ms = (int64_t)cursor_u64(&cursor);
    if (cursor.broken || format != FORMAT || kind >= countof(kind_names)) {
        return false;
    }
    message.kind = (enum message_kind)kind;
    memcpy(message.id, id.at, sizeof message.id);
    for (size_t i = 0; i < countof(text_fields); i++) {
        struct text text = cursor_counted(&cursor);

        memcpy((char *)&message + text_fields[i], &text, sizeof text);
    }
    decode_variants(&cursor, arena, &message);
    decode_attributes(&cursor, arena, &message);
    if (!cursor_done(&cursor)) {
        return false;
    }
    *ret = message;
    return true;
}

_Static_assert(MESSAGE_HEAD_SIZE == 3 + 16 + 8, "the head of format 1");

bool message_head(struct text record, uint8_t ret_id[16], int64_t *ret_time_ms)
{
    struct cursor cursor = cursor_over(record);
    bool is_known = cursor_u8(&cursor) == FORMAT && cursor_u8(&cursor) < countof(kind_names);

    (void)cursor_u8(&cursor);
    struct text id = cursor_take(&cursor, 16);
    int64_t time_ms = (int64_t)cursor_u64(&cursor);

    if (!is_known || cursor.broken) {
        return false;
    }
    memcpy(ret_id, id.at, 16);
    *ret_time_ms = time_ms;
    return true;
}

struct text message_body_for(const struct message *message, struct text protocol)
{
    for (size_t i = 0; i < message->variant_count; i++) {
        if (text_equal(message->variants[i].protocol, protocol)) {
            return message->variants[i].body;
        }
    }
    return message->body;
}

const char *message_type_name(enum message_kind kind)
{
    return kind_names[kind];
}
