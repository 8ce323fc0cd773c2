/* The bytes of a topic's message.  To change them: raise FORMAT, keep reading the old form.
 * Format 1: u8 format, u8 kind, u8 signature version, id, i64 time, then the texts in the order of
 * `texts`, u32 count and (protocol, body) of the variants, u32 count and (name, type, value) of the
 * attributes; each text is a u32 length and its bytes. */
#include "notification/notification.h"

#include <string.h>

#define FORMAT     1
#define RECORD_MAX (16 * 1024 * 1024)

static const size_t texts[] = {
    offsetof(struct message, topic_arn),        offsetof(struct message, subject),
    offsetof(struct message, body),             offsetof(struct message, token),
    offsetof(struct message, subscription_arn), offsetof(struct message, group_id),
    offsetof(struct message, deduplication_id), offsetof(struct message, sequence_number),
    offsetof(struct message, trace_header),
};

static size_t record_size(const struct message *message)
{
    size_t size = 3 + sizeof message->id + 8 + 8;

    for (size_t i = 0; i < countof(texts); i++) {
        const struct text *text = (const void *)((const char *)message + texts[i]);

        size += 4 + text->len;
    }
    for (size_t i = 0; i < message->variant_count; i++) {
        size += 8 + message->variants[i].protocol.len + message->variants[i].body.len;
    }
    for (size_t i = 0; i < message->attribute_count; i++) {
        const struct message_attribute *attribute = &message->attributes[i];

        size += 12 + attribute->name.len + attribute->type.len + attribute->value.len;
    }
    return size;
}

/* Written straight into the blob: it is as large as record_size said. */
static char *put_u32(char *at, uint32_t value)
{
    for (int shift = 24; shift >= 0; shift -= 8) {
        *at++ = (char)(value >> shift);
    }
    return at;
}

static char *put_text(char *at, struct text text)
{
    at = put_u32(at, (uint32_t)text.len);
    if (text.len > 0) {
        memcpy(at, text.at, text.len);
    }
    return at + text.len;
}

struct blob *message_encode(const struct message *message)
{
    struct blob *record = blob_new(record_size(message));
    char *at = record->at;

    *at++ = FORMAT;
    *at++ = (char)message->kind;
    *at++ = (char)message->signature_version;
    memcpy(at, message->id, sizeof message->id);
    at = put_u32(at + sizeof message->id, (uint32_t)((uint64_t)message->time_ms >> 32));
    at = put_u32(at, (uint32_t)message->time_ms);
    for (size_t i = 0; i < countof(texts); i++) {
        at = put_text(at, *(const struct text *)(const void *)((const char *)message + texts[i]));
    }
    at = put_u32(at, (uint32_t)message->variant_count);
    for (size_t i = 0; i < message->variant_count; i++) {
        at = put_text(at, message->variants[i].protocol);
        at = put_text(at, message->variants[i].body);
    }
    at = put_u32(at, (uint32_t)message->attribute_count);
    for (size_t i = 0; i < message->attribute_count; i++) {
        at = put_text(at, message->attributes[i].name);
        at = put_text(at, message->attributes[i].type);
        at = put_text(at, message->attributes[i].value);
    }
    return record;
}

static void take_variants(struct cursor *cursor, struct arena *arena, struct message *message)
{
    uint32_t count = cursor_u32(cursor);

    if (cursor->broken || count > (size_t)(cursor->end - cursor->at) / 8) {
        cursor->broken = cursor->broken || count > 0;
        return;
    }
    struct message_variant *variants = arena_array(arena, count, sizeof *variants);

    for (uint32_t i = 0; i < count; i++) {
        variants[i].protocol = cursor_counted(cursor);
        variants[i].body = cursor_counted(cursor);
    }
    message->variants = variants;
    message->variant_count = count;
}

static void take_attributes(struct cursor *cursor, struct arena *arena, struct message *message)
{
    uint32_t count = cursor_u32(cursor);

    if (cursor->broken || count > (size_t)(cursor->end - cursor->at) / 12) {
        cursor->broken = cursor->broken || count > 0;
        return;
    }
    struct message_attribute *attributes = arena_array(arena, count, sizeof *attributes);

    for (uint32_t i = 0; i < count; i++) {
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

    if (cursor_u8(&cursor) != FORMAT) {
        return false;
    }
    uint8_t kind = cursor_u8(&cursor);

    message.kind = (enum message_kind)kind;
    message.signature_version = cursor_u8(&cursor);
    struct text id = cursor_take(&cursor, sizeof message.id);

    message.time_ms = (int64_t)cursor_u64(&cursor);
    for (size_t i = 0; i < countof(texts); i++) {
        *(struct text *)(void *)((char *)&message + texts[i]) = cursor_counted(&cursor);
    }
    take_variants(&cursor, arena, &message);
    take_attributes(&cursor, arena, &message);
    if (!cursor_done(&cursor) || kind > MESSAGE_UNSUBSCRIBE_CONFIRMATION) {
        return false;
    }
    memcpy(message.id, id.at, sizeof message.id);
    *ret = message;
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
    static const char *const names[] = {
        [MESSAGE_NOTIFICATION] = "Notification",
        [MESSAGE_SUBSCRIPTION_CONFIRMATION] = "SubscriptionConfirmation",
        [MESSAGE_UNSUBSCRIBE_CONFIRMATION] = "UnsubscribeConfirmation",
    };

    return names[kind];
}
