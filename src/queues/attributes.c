/* Message attributes between the wire and the store: counted texts, one after the other. */
#include "base/arena.h"
#include "base/buffer.h"
#include "queues/queues.h"

enum {
    COUNT_SIZE = 4,
    TEXTS_PER_ATTRIBUTE = 3
};

struct text queue_attributes_encode(struct arena *arena,
                                    const struct queue_message_attribute *attributes,
                                    size_t count)
{
    struct buffer encoded;

    if (count == 0) {
        return (struct text){0};
    }
    buffer_init(&encoded, UINT32_MAX);
    for (size_t i = 0; i < count; i++) {
        buffer_add_counted(&encoded, attributes[i].name);
        buffer_add_counted(&encoded, attributes[i].type);
        buffer_add_counted(&encoded, attributes[i].value);
    }
    struct text text = arena_copy(arena, buffer_text(&encoded));

    buffer_free(&encoded);
    return text;
}

static size_t attributes_count(struct text encoded)
{
    struct cursor cursor = cursor_over(encoded);
    size_t count = 0;

    while (cursor.at < cursor.end && !cursor.broken) {
        for (size_t i = 0; i < TEXTS_PER_ATTRIBUTE; i++) {
            (void)cursor_counted(&cursor);
        }
        count++;
    }
    return count;
}

size_t queue_attributes_size(struct text encoded)
{
    size_t counts = attributes_count(encoded) * TEXTS_PER_ATTRIBUTE * COUNT_SIZE;

    return encoded.len > counts ? encoded.len - counts : 0;
}

bool queue_attributes_decode(struct text encoded, struct arena *arena,
                             struct queue_message_attribute **ret_attributes, size_t *ret_count)
{
    size_t count = attributes_count(encoded);
    struct queue_message_attribute *attributes =
        arena_array(arena, count, sizeof(struct queue_message_attribute));
    struct cursor cursor = cursor_over(encoded);

    for (size_t i = 0; i < count; i++) {
        attributes[i].name = cursor_counted(&cursor);
        attributes[i].type = cursor_counted(&cursor);
        attributes[i].value = cursor_counted(&cursor);
    }
    if (!cursor_done(&cursor)) {
        return false;
    }
    *ret_attributes = attributes;
    *ret_count = count;
    return true;
}
