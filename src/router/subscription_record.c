/* The bytes of a subscription.  To change them: raise FORMAT, keep reading the old form.
 * Format 1: u8 format, u32 number, u32 topic, id, u8 protocol, u8 flags, i64 created, endpoint,
 * owner, base URL, u32 count, attributes. */
#include "base/buffer.h"
#include "base/json.h"
#include "router/internal.h"

#include <string.h>

#define FORMAT     1
#define RECORD_MAX ((size_t)2 * 1024 * 1024)

enum flag {
    FLAG_CONFIRMED = 1,
    FLAG_AUTHENTICATED = 2,
    FLAG_DECLARED = 4,
    FLAG_DELETED = 8
};

struct blob *subscription_encode(const struct subscription *subscription)
{
    int flags = (subscription->is_confirmed ? FLAG_CONFIRMED : 0)
                | (subscription->was_authenticated ? FLAG_AUTHENTICATED : 0)
                | (subscription->is_declared ? FLAG_DECLARED : 0)
                | (subscription->is_deleted ? FLAG_DELETED : 0);
    struct buffer buffer;

    buffer_init(&buffer, RECORD_MAX);
    buffer_add_u8(&buffer, FORMAT);
    buffer_add_u32(&buffer, subscription->number);
    buffer_add_u32(&buffer, subscription->topic);
    buffer_add(&buffer, text_make(subscription->id, sizeof subscription->id));
    buffer_add_u8(&buffer, (uint8_t)subscription->protocol);
    buffer_add_u8(&buffer, (uint8_t)flags);
    buffer_add_u64(&buffer, (uint64_t)subscription->created_ms);
    buffer_add_counted(&buffer, subscription->endpoint);
    buffer_add_counted(&buffer, subscription->owner);
    buffer_add_counted(&buffer, subscription->base_url);
    buffer_add_u32(&buffer, (uint32_t)subscription->attribute_count);
    for (size_t i = 0; i < subscription->attribute_count; i++) {
        buffer_add_counted(&buffer, subscription->attributes[i].name);
        buffer_add_counted(&buffer, subscription->attributes[i].value);
    }
    struct blob *blob = blob_copy(buffer_text(&buffer));

    buffer_free(&buffer);
    return blob;
}

bool subscription_decode(struct text record, struct arena *arena, struct subscription *ret)
{
    struct cursor cursor = cursor_over(record);

    if (cursor_u8(&cursor) != FORMAT) {
        return false;
    }
    struct subscription subscription = {.number = cursor_u32(&cursor)};

    subscription.topic = cursor_u32(&cursor);
    struct text id = cursor_take(&cursor, sizeof subscription.id);
    uint8_t protocol = cursor_u8(&cursor);
    uint8_t flags = cursor_u8(&cursor);

    subscription.created_ms = (int64_t)cursor_u64(&cursor);
    subscription.endpoint = cursor_counted(&cursor);
    subscription.owner = cursor_counted(&cursor);
    subscription.base_url = cursor_counted(&cursor);
    subscription.attribute_count = cursor_u32(&cursor);
    if (cursor.broken || protocol >= PROTOCOL_COUNT
        || subscription.attribute_count > record.len) {
        return false;
    }
    memcpy(subscription.id, id.at, sizeof subscription.id);
    subscription.protocol = (enum protocol)protocol;
    subscription.is_confirmed = (flags & FLAG_CONFIRMED) != 0;
    subscription.was_authenticated = (flags & FLAG_AUTHENTICATED) != 0;
    subscription.is_declared = (flags & FLAG_DECLARED) != 0;
    subscription.is_deleted = (flags & FLAG_DELETED) != 0;
    struct attribute *attributes =
        arena_array(arena, subscription.attribute_count, sizeof *attributes);

    for (size_t i = 0; i < subscription.attribute_count; i++) {
        attributes[i].name = cursor_counted(&cursor);
        attributes[i].value = cursor_counted(&cursor);
    }
    subscription.attributes = attributes;
    if (!cursor_done(&cursor)) {
        return false;
    }
    *ret = subscription;
    return true;
}

struct text subscription_attribute(const struct subscription *subscription, struct text name)
{
    for (size_t i = 0; i < subscription->attribute_count; i++) {
        if (text_equal(subscription->attributes[i].name, name)) {
            return subscription->attributes[i].value;
        }
    }
    return (struct text){0};
}

struct text subscription_dead_letter_arn(const struct subscription *subscription,
                                         struct arena *arena)
{
    struct text policy = subscription_attribute(subscription, T("RedrivePolicy"));
    struct json_reader reader;

    json_reader_init(&reader, policy, arena);
    if (policy.len == 0 || json_next(&reader) != JSON_OBJECT) {
        return (struct text){0};
    }
    while (json_next(&reader) == JSON_NAME) {
        bool is_target = text_equal(reader.value, T("deadLetterTargetArn"));

        if (is_target && json_next(&reader) == JSON_STRING) {
            return reader.value;
        }
        if (is_target || !json_skip(&reader)) {
            break;
        }
    }
    return (struct text){0};
}

struct text subscription_arn(struct arena *arena, const struct topic *topic,
                             const uint8_t id[16])
{
    char uuid[UUID_SIZE];

    uuid_format(id, uuid);
    return arena_printf(arena, "%.*s:%s", TEXT_PRINTF(topic->arn), uuid);
}
