/* The end of a message: its rows, its counts and what memory knows of it go together. */
#include "queues/erase.h"

#include "base/mutants.h"
#include "queues/counts.h"
#include "queues/delayed.h"
#include "queues/leases.h"
#include "queues/queued.h"
#include "queues/rows.h"
#include "queues/state.h"
#include "queues/sweeper.h"

void entry_erase(struct step *step, struct queue_state *state, const struct remains *remains)
{
    uint32_t store = state->queue->store;
    struct key entry = entry_key(store, remains->sequence);
    struct key lease = lease_key(store, remains->sequence);

    queued_free(state, queued_find(state, remains->sequence));
    record_delete(step, &entry);
    if (remains->has_lease) {
        record_delete(step, &lease);
    }
    if (remains->delayed_ms > 0) {
        struct key delayed = delayed_key(store, remains->delayed_ms, remains->sequence);

        record_delete(step, &delayed);
        counts_take_delayed(step, state);
    }
    if ((remains->flags & ENTRY_MOVED) != 0) {
        struct key expiry = expiry_key(store, remains->sent_ms, remains->sequence);

        record_delete(step, &expiry);
    }
    counts_take_one(step, state);
    oldest_erased(step, state, remains);
    leases_arm(step, state);
}

void queued_erase(struct step *step, struct queue_state *state, struct queued *message)
{
    struct remains remains = {
        .sequence = message->sequence,
        .sent_ms = message->sent_ms,
        .delayed_ms = message->place == PLACE_DELAYED ? message->node.key : 0,
        .flags = message->flags,
        .has_lease = message->receive_count > 0,
    };

    if (!message->is_listed) {
        queued_list(state, message);
    }
    entry_erase(step, state, &remains);
}

void queued_lose(struct step *step, struct queue_state *state, struct queued *message,
                 const struct blob *row, const char *what)
{
    struct key key = entry_key(state->queue->store, message->sequence);

    record_set_aside(step, &key, row, what);
    queued_erase(step, state, message);
}

void entry_lose(struct step *step, struct queue_state *state, uint64_t sequence,
                const struct blob *row)
{
    struct key key = entry_key(state->queue->store, sequence);
    struct remains remains = {.sequence = sequence, .has_lease = true};

    record_set_aside(step, &key, row, "a queue's message that cannot be read");
    entry_erase(step, state, &remains);
}

enum status queued_entry(struct step *step, struct queue_state *state, struct queued *message,
                         struct entry *ret_entry, struct blob **ret_row)
{
    struct key key = entry_key(state->queue->store, message->sequence);
    enum status status = record_get(step, &key, ret_row);

    if (status == STATUS_OK && !entry_decode(blob_text(*ret_row), ret_entry)) {
        return STATUS_STORAGE;
    }
    return status;
}

enum status queued_discard(struct step *step, struct queue_state *state, struct queued *message)
{
    struct entry entry;
    struct blob *row = NULL;

    if ((message->flags & ENTRY_REFERENCE) != 0) {
        enum status status = queued_entry(step, state, message, &entry, &row);

        if (status == STATUS_OK) {
            status = state->queues->hooks.release(step, entry.message);
        } else if (status != STATUS_WAIT) {
            queued_lose(step, state, message, row, "a topic's message that cannot be read");
            return STATUS_OK;
        }
        if (status == STATUS_WAIT) {
            return status;
        }
    }
    queued_erase(step, state, message);
    return STATUS_OK;
}

void entry_expect(struct step *step, const struct queues *queues, const struct row *row,
                  int64_t sent_max_ms)
{
    struct blob *value = record_overlay(step, row);
    struct entry entry;

    if (queues->hooks.expect_release != NULL && row->key.at[0] == TABLE_READY
        && row->key.at[READY_PART_AT] == 0 && value != NULL
        && entry_decode_head(blob_text(value), &entry) && entry.sent_ms <= sent_max_ms
        && (entry.flags & ENTRY_REFERENCE) != 0) {
        queues->hooks.expect_release(step, entry.message);
    }
}

enum status entry_discard(struct step *step, struct queue_state *state, uint64_t sequence,
                          const struct entry *entry)
{
    if ((entry->flags & ENTRY_REFERENCE) != 0 && !mutant("queues.sweep-leaks-bodies")
        && state->queues->hooks.release(step, entry->message) == STATUS_WAIT) {
        return STATUS_WAIT;
    }
    struct remains remains = {
        .sequence = sequence,
        .sent_ms = entry->sent_ms,
        .delayed_ms = entry_is_delayed(state, entry->visible_ms) ? entry->visible_ms : 0,
        .flags = entry->flags,
        .has_lease = true,
    };

    entry_erase(step, state, &remains);
    return STATUS_OK;
}
