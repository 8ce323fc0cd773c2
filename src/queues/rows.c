/* The rows of one message: its entry, which never changes, and its state, which is small. */
#include "queues/rows.h"

#include "base/buffer.h"
#include "base/bytes.h"

#include <string.h>

enum {
    ENTRY_VERSION = 1,
    LEASE_VERSION = 1,
    ENTRY_HEAD = 1 + 1 + 1 + 8 + 8 + 16,
    ENTRY_REFERENCE_SIZE = 8 + 16,
    LEASE_SIZE = 1 + 4 + 3 * 8
};

/* --- Entries. The texts that a cut row still shows come first. */

#define ENTRY_TEXTS 6

static void entry_texts(const struct entry *entry, struct text ret_texts[ENTRY_TEXTS])
{
    ret_texts[0] = entry->group_id;
    ret_texts[1] = entry->deduplication_id;
    ret_texts[2] = entry->sender_id;
    ret_texts[3] = entry->trace_header;
    ret_texts[4] = entry->source;
    ret_texts[5] = entry->attributes;
}

struct blob *entry_encode(const struct entry *entry)
{
    bool is_reference = (entry->flags & ENTRY_REFERENCE) != 0;
    struct text texts[ENTRY_TEXTS];
    size_t len = ENTRY_HEAD + (is_reference ? ENTRY_REFERENCE_SIZE : 0U) + entry->body.len;

    entry_texts(entry, texts);
    for (size_t i = 0; i < ENTRY_TEXTS; i++) {
        len += 4 + texts[i].len;
    }
    struct blob *row = blob_new(len);
    char *at = row->at;

    at = bytes_put_number(at, ENTRY_VERSION, 1);
    at = bytes_put_number(at, entry->flags, 1);
    at = bytes_put_number(at, entry->protocol, 1);
    at = bytes_put_number(at, (uint64_t)entry->sent_ms, 8);
    at = bytes_put_number(at, (uint64_t)entry->visible_ms, 8);
    at = bytes_put(at, entry->id, sizeof entry->id);
    if (is_reference) {
        at = bytes_put_number(at, entry->message, 8);
        at = bytes_put(at, entry->subscription_id, sizeof entry->subscription_id);
    }
    for (size_t i = 0; i < ENTRY_TEXTS; i++) {
        at = bytes_put_counted(at, texts[i]);
    }
    bytes_put(at, entry->body.at, entry->body.len);
    return row;
}

size_t entry_head_size(const struct entry *entry)
{
    bool is_reference = (entry->flags & ENTRY_REFERENCE) != 0;

    return ENTRY_HEAD + (is_reference ? ENTRY_REFERENCE_SIZE : 0U) + 4 + entry->group_id.len;
}

static void take_id(struct cursor *cursor, uint8_t ret_id[16])
{
    struct text id = cursor_take(cursor, 16);

    if (id.len == 16) {
        memcpy(ret_id, id.at, 16);
    }
}

static struct cursor entry_begin(struct text row, struct entry *ret_entry)
{
    struct cursor cursor = cursor_over(row);

    *ret_entry = (struct entry){0};
    cursor.broken = cursor_u8(&cursor) != ENTRY_VERSION || cursor.broken;
    ret_entry->flags = cursor_u8(&cursor);
    ret_entry->protocol = cursor_u8(&cursor);
    ret_entry->sent_ms = (int64_t)cursor_u64(&cursor);
    ret_entry->visible_ms = (int64_t)cursor_u64(&cursor);
    take_id(&cursor, ret_entry->id);
    if ((ret_entry->flags & ENTRY_REFERENCE) != 0) {
        ret_entry->message = cursor_u64(&cursor);
        take_id(&cursor, ret_entry->subscription_id);
    }
    ret_entry->group_id = cursor_counted(&cursor);
    return cursor;
}

bool entry_decode_head(struct text row, struct entry *ret_entry)
{
    return !entry_begin(row, ret_entry).broken;
}

bool entry_decode(struct text row, struct entry *ret_entry)
{
    struct cursor cursor = entry_begin(row, ret_entry);

    ret_entry->deduplication_id = cursor_counted(&cursor);
    ret_entry->sender_id = cursor_counted(&cursor);
    ret_entry->trace_header = cursor_counted(&cursor);
    ret_entry->source = cursor_counted(&cursor);
    ret_entry->attributes = cursor_counted(&cursor);
    ret_entry->body = cursor_take(&cursor, (size_t)(cursor.end - cursor.at));
    return !cursor.broken;
}

/* --- State rows. */

struct blob *lease_encode(const struct lease *lease)
{
    struct blob *row = blob_new(LEASE_SIZE);
    char *at = row->at;

    at = bytes_put_number(at, LEASE_VERSION, 1);
    at = bytes_put_number(at, lease->receive_count, 4);
    at = bytes_put_number(at, (uint64_t)lease->first_received_ms, 8);
    at = bytes_put_number(at, (uint64_t)lease->received_ms, 8);
    bytes_put_number(at, (uint64_t)lease->visible_ms, 8);
    return row;
}

bool lease_decode(struct text row, struct lease *ret_lease)
{
    struct cursor cursor = cursor_over(row);
    bool is_known = cursor_u8(&cursor) == LEASE_VERSION;

    ret_lease->receive_count = cursor_u32(&cursor);
    ret_lease->first_received_ms = (int64_t)cursor_u64(&cursor);
    ret_lease->received_ms = (int64_t)cursor_u64(&cursor);
    ret_lease->visible_ms = (int64_t)cursor_u64(&cursor);
    return is_known && cursor_done(&cursor);
}

/* --- Keys. */

struct key entry_key(uint32_t store, uint64_t sequence)
{
    return key_u32_u64_u8(TABLE_READY, store, sequence, 0);
}

struct key lease_key(uint32_t store, uint64_t sequence)
{
    return key_u32_u64_u8(TABLE_READY, store, sequence, 1);
}

struct key delayed_key(uint32_t store, int64_t visible_ms, uint64_t sequence)
{
    return key_u32_u64_u64(TABLE_DELAYED, store, (uint64_t)visible_ms, sequence);
}

struct key expiry_key(uint32_t store, int64_t sent_ms, uint64_t sequence)
{
    return key_u32_u64_u64(TABLE_EXPIRY, store, (uint64_t)sent_ms, sequence);
}
