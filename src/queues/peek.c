/* What a queue holds, for people: looked at without being received, and dropped without a
 * receipt. */
#include "base/arena.h"
#include "queues/erase.h"
#include "queues/rows.h"
#include "queues/state.h"
#include "queues/window.h"

#include <string.h>

enum {
    PEEK_ROWS = 64,
    PEEK_BYTES = 4 * 1024 * 1024
};

static void peek_begin(struct queue_peek *peek, const struct queue *queue)
{
    peek->range = (struct range){
        .from = entry_key(queue->store, peek->after + 1),
        .to = key_u32_u64_u8(TABLE_READY, queue->store + 1, 0, 0),
        .row_max = PEEK_ROWS,
        .bytes_max = PEEK_BYTES,
        .value_max = UINT32_MAX,
    };
    peek->has_begun = true;
}

/* Its receives so far; absent: none. */
static enum status peek_lease(struct step *step, const struct queue *queue, uint64_t sequence,
                              struct queue_peeked *ret_peeked)
{
    struct key key = lease_key(queue->store, sequence);
    struct blob *row = NULL;
    struct lease lease;
    enum status status = record_get(step, &key, &row);

    if (status == STATUS_OK && lease_decode(blob_text(row), &lease)) {
        ret_peeked->receive_count = lease.receive_count;
        ret_peeked->is_in_flight = lease.visible_ms > step->now_ms;
    } else if (status == STATUS_OK) {
        record_set_aside(step, &key, row, "a message's state that cannot be read");
    }
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static void peek_describe(const struct entry *entry, uint64_t sequence, struct arena *arena,
                          struct queue_peeked *ret_peeked)
{
    *ret_peeked = (struct queue_peeked){
        .sequence = sequence,
        .sent_ms = entry->sent_ms,
        .message = entry->message,
        .is_dead_letter = (entry->flags & ENTRY_DEAD_LETTER) != 0,
        .protocol = entry->protocol,
        .group_id = arena_copy(arena, entry->group_id),
        .source_arn = arena_copy(arena, entry->source),
        .text = arena_copy(arena, text_first(entry->body, QUEUE_PEEK_TEXT)),
        .text_size = entry->body.len,
    };
    memcpy(ret_peeked->id, entry->id, sizeof entry->id);
    memcpy(ret_peeked->subscription_id, entry->subscription_id, sizeof entry->subscription_id);
}

/* The row's message; *ret_is_one: false when it is no entry, or gone. */
static enum status peek_row(struct step *step, const struct queue *queue, const struct row *row,
                            struct queue_peek *peek, bool *ret_is_one)
{
    uint64_t sequence = key_get_u64(&row->key, 1 + sizeof(uint32_t));
    bool is_entry = row->key.at[row->key.len - 1] == 0;
    struct blob *value = is_entry ? record_overlay(step, row) : NULL;
    struct queue_peeked peeked;
    struct entry entry;

    *ret_is_one = false;
    if (value == NULL && !(is_entry && row_is_lost(step, row))) {
        return STATUS_OK;
    }
    if (value == NULL || !entry_decode(blob_text(value), &entry)) {
        if (queue->state->unloaded == 0) { /* else its load comes by */
            entry_lose(step, queue->state, sequence, value);
        }
        return STATUS_OK;
    }
    peek_describe(&entry, sequence, peek->arena, &peeked);
    enum status status = peek_lease(step, queue, sequence, &peeked);

    if (status == STATUS_OK) {
        peek->list[peek->count] = peeked;
        *ret_is_one = true;
    }
    return status;
}

/* What is left of a part; goes on at the same row after a wait. */
static enum status peek_part(struct step *step, const struct queue *queue,
                             const struct read *read, struct queue_peek *peek)
{
    for (; peek->row < read->row_count && peek->count < peek->max; peek->row++) {
        bool is_one = false;
        enum status status = peek_row(step, queue, &read->rows[peek->row], peek, &is_one);

        if (status != STATUS_OK) {
            return status;
        }
        peek->count += is_one;
    }
    return STATUS_OK;
}

enum status queue_peek(struct step *step, const struct queue *queue, struct queue_peek *peek)
{
    const struct read *read = NULL;
    enum status status = STATUS_OK;

    if (!peek->has_begun) {
        peek_begin(peek, queue);
    }
    while (!peek->is_over && peek->count < peek->max
           && (status = range_get(step, &peek->range, &read)) == STATUS_OK) {
        status = peek_part(step, queue, read, peek);
        if (status != STATUS_OK) {
            return status;
        }
        if (peek->count == peek->max) {
            break;
        }
        peek->row = 0;
        peek->is_over = !range_on(&peek->range);
    }
    if (status == STATUS_OK && peek->count > 0) {
        peek->after = peek->list[peek->count - 1].sequence;
    }
    return status;
}

void queue_peek_end(struct queue_peek *peek)
{
    range_end(&peek->range);
}

enum status queue_delete_entry(struct step *step, struct queue *queue, uint64_t sequence)
{
    struct queue_state *state = queue->state;
    struct key key = entry_key(queue->store, sequence);
    struct blob *row = NULL;
    struct entry entry;

    if (state->unloaded != 0) {
        return wait_in(step, &state->loaders);
    }
    enum status status = record_get(step, &key, &row);

    if (status != STATUS_OK) {
        return status;
    }
    if (!entry_decode_head(blob_text(row), &entry)) {
        entry_lose(step, state, sequence, row);
        return STATUS_OK;
    }
    status = entry_discard(step, state, sequence, &entry);
    if (status == STATUS_OK) {
        window_settle(step, state); /* its FIFO group may be free now */
    }
    return status;
}
