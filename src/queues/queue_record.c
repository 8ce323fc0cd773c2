/* The stored record of a queue: what it is called and how it was set. */
#include "queues/queue_record.h"

#include "base/arena.h"
#include "base/buffer.h"
#include "base/json.h"
#include "base/memory.h"
#include "queues/queues.h"

#include <stdlib.h>

enum {
    QUEUE_VERSION = 1,
    KEY_REUSE_S = 300, /* AWS's default of KmsDataKeyReusePeriodSeconds */
    QUEUE_RECORD_MAX = 16 * 1024 * 1024
};

enum setting_flag {
    SETTING_FIFO = 1,
    SETTING_CONTENT_BASED = 2,
    SETTING_DEDUPLICATE_PER_GROUP = 4,
    SETTING_THROUGHPUT_PER_GROUP = 8
};

const struct queue_settings queue_settings_default = {
    .visibility_timeout_s = 30,
    .maximum_message_size = 1048576,
    .message_retention_s = 345600,
};

/* --- Owned texts. */

struct text text_own(struct text text)
{
    return text.len == 0 ? (struct text){0} : text_make(memory_copy_text(text), text.len);
}

void text_disown(struct text *text)
{
    union {
        const char *borrowed;
        void *owned;
    } at = {.borrowed = text->at};

    memory_free(at.owned);
    *text = (struct text){0};
}

/* --- Attributes: sorted by name. */

static int attribute_compare(const void *a, const void *b)
{
    const struct queue_attribute *left = a;
    const struct queue_attribute *right = b;

    return text_compare(left->name, right->name);
}

void queue_attributes_own(struct queue *queue, const struct queue_attribute *attributes,
                          size_t count)
{
    queue->attributes = memory_array(count, sizeof *attributes);
    queue->attribute_count = count;
    for (size_t i = 0; i < count; i++) {
        queue->attributes[i].name = text_own(attributes[i].name);
        queue->attributes[i].value = text_own(attributes[i].value);
    }
    if (count > 1) {
        qsort(queue->attributes, count, sizeof *attributes, attribute_compare);
    }
}

void queue_attributes_disown(struct queue *queue)
{
    for (size_t i = 0; i < queue->attribute_count; i++) {
        text_disown(&queue->attributes[i].name);
        text_disown(&queue->attributes[i].value);
    }
    memory_free(queue->attributes);
    queue->attributes = NULL;
    queue->attribute_count = 0;
}

struct text queue_attribute(const struct queue *queue, struct text name)
{
    for (size_t i = 0; i < queue->attribute_count; i++) {
        if (text_equal(queue->attributes[i].name, name)) {
            return queue->attributes[i].value;
        }
    }
    return (struct text){0};
}

bool queue_wants_sealing(const struct queue *queue)
{
    return queue_attribute(queue, T("KmsMasterKeyId")).len > 0
           || !text_equal_ignore_case(queue_attribute(queue, T("SqsManagedSseEnabled")),
                                      T("false"));
}

uint32_t queue_key_reuse_s(const struct queue *queue)
{
    int64_t seconds = 0;

    return text_to_int64(queue_attribute(queue, T("KmsDataKeyReusePeriodSeconds")), &seconds)
                   && seconds > 0 && seconds <= UINT32_MAX
               ? (uint32_t)seconds
               : KEY_REUSE_S;
}

static struct text json_member(struct text object, struct text name, struct arena *arena)
{
    struct json_reader reader;

    json_reader_init(&reader, object, arena);
    if (object.len == 0 || json_next(&reader) != JSON_OBJECT) {
        return (struct text){0};
    }
    while (json_next(&reader) == JSON_NAME) {
        if (text_equal(reader.value, name)) {
            return json_next(&reader) == JSON_STRING ? reader.value : (struct text){0};
        }
        if (!json_skip(&reader)) {
            break;
        }
    }
    return (struct text){0};
}

struct text queue_dead_letter_arn(const struct queue *queue)
{
    struct arena arena = {0};
    struct text arn = text_own(json_member(queue_attribute(queue, T("RedrivePolicy")),
                                           T("deadLetterTargetArn"), &arena));

    arena_free(&arena);
    return arn;
}

void queue_free(struct queue *queue)
{
    if (queue == NULL) {
        return;
    }
    queue_attributes_disown(queue);
    text_disown(&queue->account);
    text_disown(&queue->region);
    text_disown(&queue->name);
    text_disown(&queue->arn);
    text_disown(&queue->dead_letter_arn);
    memory_free(queue);
}

/* --- The record. */

static uint8_t settings_flags(const struct queue_settings *settings)
{
    return (uint8_t)((settings->is_fifo ? SETTING_FIFO : 0)
                     | (settings->content_based_deduplication ? SETTING_CONTENT_BASED : 0)
                     | (settings->deduplicate_per_group ? SETTING_DEDUPLICATE_PER_GROUP : 0)
                     | (settings->throughput_per_group ? SETTING_THROUGHPUT_PER_GROUP : 0));
}

static void settings_encode(struct buffer *to, const struct queue_settings *settings)
{
    buffer_add_u8(to, settings_flags(settings));
    buffer_add_u32(to, settings->visibility_timeout_s);
    buffer_add_u32(to, settings->maximum_message_size);
    buffer_add_u32(to, settings->message_retention_s);
    buffer_add_u32(to, settings->delay_s);
    buffer_add_u32(to, settings->receive_wait_s);
    buffer_add_u32(to, settings->max_receive_count);
}

static void settings_decode(struct cursor *cursor, struct queue_settings *ret_settings)
{
    uint8_t flags = cursor_u8(cursor);

    ret_settings->is_fifo = (flags & SETTING_FIFO) != 0;
    ret_settings->content_based_deduplication = (flags & SETTING_CONTENT_BASED) != 0;
    ret_settings->deduplicate_per_group = (flags & SETTING_DEDUPLICATE_PER_GROUP) != 0;
    ret_settings->throughput_per_group = (flags & SETTING_THROUGHPUT_PER_GROUP) != 0;
    ret_settings->visibility_timeout_s = cursor_u32(cursor);
    ret_settings->maximum_message_size = cursor_u32(cursor);
    ret_settings->message_retention_s = cursor_u32(cursor);
    ret_settings->delay_s = cursor_u32(cursor);
    ret_settings->receive_wait_s = cursor_u32(cursor);
    ret_settings->max_receive_count = cursor_u32(cursor);
}

struct blob *queue_encode(const struct queue *queue)
{
    struct buffer row;

    buffer_init(&row, QUEUE_RECORD_MAX);
    buffer_add_u8(&row, QUEUE_VERSION);
    buffer_add_u32(&row, queue->store);
    buffer_add_counted(&row, queue->account);
    buffer_add_counted(&row, queue->region);
    buffer_add_counted(&row, queue->name);
    buffer_add_u64(&row, (uint64_t)queue->created_ms);
    buffer_add_u64(&row, (uint64_t)queue->modified_ms);
    settings_encode(&row, &queue->settings);
    buffer_add_u32(&row, (uint32_t)queue->attribute_count);
    for (size_t i = 0; i < queue->attribute_count; i++) {
        buffer_add_counted(&row, queue->attributes[i].name);
        buffer_add_counted(&row, queue->attributes[i].value);
    }
    struct blob *blob = blob_copy(buffer_text(&row));

    buffer_free(&row);
    return blob;
}

static void attributes_decode(struct cursor *cursor, struct queue *queue)
{
    enum {
        ATTRIBUTE_MIN = 8 /* two empty texts */
    };

    size_t count = cursor_u32(cursor);
    struct arena arena = {0};

    if (count > (size_t)(cursor->end - cursor->at) / ATTRIBUTE_MIN) {
        cursor->broken = true;
        return;
    }
    struct queue_attribute *attributes = arena_array(&arena, count, sizeof *attributes);

    for (size_t i = 0; i < count; i++) {
        attributes[i].name = cursor_counted(cursor);
        attributes[i].value = cursor_counted(cursor);
    }
    queue_attributes_own(queue, attributes, count);
    arena_free(&arena);
}

bool queue_decode(struct text record, struct queue *ret_queue)
{
    struct cursor cursor = cursor_over(record);

    if (cursor_u8(&cursor) != QUEUE_VERSION) {
        return false;
    }
    ret_queue->store = cursor_u32(&cursor);
    ret_queue->account = text_own(cursor_counted(&cursor));
    ret_queue->region = text_own(cursor_counted(&cursor));
    ret_queue->name = text_own(cursor_counted(&cursor));
    ret_queue->created_ms = (int64_t)cursor_u64(&cursor);
    ret_queue->modified_ms = (int64_t)cursor_u64(&cursor);
    settings_decode(&cursor, &ret_queue->settings);
    attributes_decode(&cursor, ret_queue);
    return cursor_done(&cursor);
}
