/* The bytes of an owed list's chunk: ascending subscription numbers, delta-coded.
 * Format 1: u8 format, u32 topic, i64 accepted, u8 last, u32 count, deltas of 7 bits a byte. */
#include "base/buffer.h"
#include "base/memory.h"
#include "delivery/internal.h"

#define CHUNK_MAX    65536
#define CHUNK_FORMAT 1
#define DELTA_MAX    5 /* bytes of a 32-bit delta */

static size_t delta_write(uint8_t *to, uint32_t delta)
{
    size_t len = 0;

    while (delta >= 0x80) {
        to[len++] = (uint8_t)(delta | 0x80);
        delta >>= 7;
    }
    to[len++] = (uint8_t)delta;
    return len;
}

static uint32_t delta_read(struct cursor *cursor)
{
    uint32_t delta = 0;

    for (uint32_t shift = 0; shift < 35; shift += 7) {
        uint8_t byte = cursor_u8(cursor);

        delta |= (uint32_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return delta;
        }
    }
    cursor->broken = true;
    return 0;
}

struct blob *owed_chunk_encode(uint32_t topic, int64_t accepted_ms, bool is_last,
                               const uint32_t *subscriptions, size_t count, size_t *ret_taken)
{
    uint8_t deltas[CHUNK_MAX];
    size_t len = 0;
    size_t taken = 0;
    uint32_t before = 0;
    struct buffer buffer;

    while (taken < count && len + DELTA_MAX <= sizeof deltas - 32) {
        len += delta_write(deltas + len, subscriptions[taken] - before);
        before = subscriptions[taken++];
    }
    buffer_init(&buffer, CHUNK_MAX);
    buffer_add_u8(&buffer, CHUNK_FORMAT);
    buffer_add_u32(&buffer, topic);
    buffer_add_u64(&buffer, (uint64_t)accepted_ms);
    buffer_add_u8(&buffer, is_last && taken == count);
    buffer_add_u32(&buffer, (uint32_t)taken);
    buffer_add(&buffer, text_make(deltas, len));
    struct blob *blob = blob_copy(buffer_text(&buffer));

    buffer_free(&buffer);
    *ret_taken = taken;
    return blob;
}

bool owed_chunk_decode(struct text value, struct owed *owed)
{
    struct cursor cursor = cursor_over(value);
    uint32_t before = 0;

    if (cursor_u8(&cursor) != CHUNK_FORMAT) {
        return false;
    }
    owed->topic = cursor_u32(&cursor);
    owed->accepted_ms = (int64_t)cursor_u64(&cursor);
    owed->is_last_chunk = cursor_u8(&cursor) != 0;
    owed->count = cursor_u32(&cursor);
    if (cursor.broken || owed->count > CHUNK_MAX) {
        return false;
    }
    memory_free(owed->subscriptions);
    owed->subscriptions = memory_array(owed->count, sizeof *owed->subscriptions);
    for (uint32_t i = 0; i < owed->count; i++) {
        before += delta_read(&cursor);
        owed->subscriptions[i] = before;
    }
    return cursor_done(&cursor);
}
