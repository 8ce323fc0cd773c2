/* Reading a queue's rows in order: what fills the window, and what finds the leases at start.
 */
#include "queues/scan.h"

#include "base/mutants.h"
#include "queues/delayed.h"
#include "queues/erase.h"
#include "queues/leases.h"
#include "queues/queued.h"
#include "queues/rows.h"
#include "queues/state.h"
#include "queues/window.h"

enum {
    SCAN_BYTES = 2 * 1024 * 1024, /* more than one entry can be, so that its state fits too */
    SCAN_ROWS = 512,              /* a millisecond's work, roughly */
    AHEAD_ROWS = 256,
    AHEAD_BYTES = 256 * 1024,
    PAIR_ROWS = 3 /* an entry, its state, and what shows that it has none */
};

bool scan_has_more(const struct queue_state *state)
{
    return state->unloaded != 0 || state->window.cursor <= state->window.last_durable;
}

/* --- Rows come as an entry and, when it has been received, its state. */

struct pair {
    uint64_t sequence;
    struct blob *entry; /* NULL: gone */
    struct blob *lease; /* NULL: never received */
    const struct row *entry_row;
};

static bool row_is_lease(const struct row *row)
{
    return row->key.at[READY_PART_AT] == 1;
}

static struct pair pair_take(struct step *step, uint32_t store, const struct read *read,
                             uint32_t *io_at)
{
    const struct row *row = &read->rows[(*io_at)++];
    struct pair pair = {.sequence = key_get_u64(&row->key, READY_SEQUENCE_AT)};
    struct row lease = {.key = lease_key(store, pair.sequence)};

    if (!row_is_lease(row)) {
        pair.entry_row = row;
        pair.entry = record_overlay(step, row);
        if (*io_at < read->row_count && row_is_lease(&read->rows[*io_at])) {
            row = &read->rows[(*io_at)++];
            lease.value = row->value;
        }
        pair.lease = record_overlay(step, &lease);
    }
    return pair;
}

/* How many rows may be looked at: a last entry's state may have been cut off. */
static uint32_t scan_usable(const struct read *read)
{
    uint32_t count = read->row_count;

    return !read->complete && count > 0 && !row_is_lease(&read->rows[count - 1]) ? count - 1
                                                                                 : count;
}

/* From which sequence on it was not seen. */
static uint64_t scan_next(const struct read *read)
{
    uint32_t usable = scan_usable(read);

    if (read->complete) {
        return key_get_u64(&read->to, READY_SEQUENCE_AT);
    }
    if (usable < read->row_count) {
        return key_get_u64(&read->rows[usable].key, READY_SEQUENCE_AT);
    }
    struct key next = read_next_from(read);

    /* Behind an entry that is gone its state may follow; behind a state, the next entry. */
    return key_get_u64(&next, READY_SEQUENCE_AT) + (next.at[READY_PART_AT] == 1);
}

static struct read *scan_read(struct queue_state *state, uint64_t from,
                              void (*done)(struct read *read, struct step *step))
{
    struct read *read = queue_state_read(state, done);

    read->from = entry_key(state->queue->store, from);
    /* What is not durable yet comes by itself. */
    read->to = entry_key(state->queue->store, state->window.last_durable + 1);
    read->bytes_max = SCAN_BYTES;
    return read;
}

/* --- Into memory. */

struct queued *queued_from(struct queue_state *state, uint64_t sequence,
                           const struct entry *entry, const struct lease *lease)
{
    struct queued *message = queued_new(state, sequence, group_number(entry->group_id),
                                        entry->flags, entry->sent_ms);

    message->receive_count = lease->receive_count;
    message->first_received_ms = lease->first_received_ms;
    message->received_ms = lease->received_ms;
    return message;
}

/* What cannot be read is set aside: a message whose state is lost may be received again. */
static bool pair_decode(struct step *step, struct queue_state *state, const struct pair *pair,
                        struct entry *ret_entry, struct lease *ret_lease)
{
    struct key key = lease_key(state->queue->store, pair->sequence);

    *ret_lease = (struct lease){0};
    if (pair->entry == NULL
        && (pair->entry_row == NULL || !row_is_lost(step, pair->entry_row))) {
        return false;
    }
    if (pair->entry == NULL || !entry_decode_head(blob_text(pair->entry), ret_entry)) {
        entry_lose(step, state, pair->sequence, pair->entry);
        return false;
    }
    if (pair->lease != NULL && !lease_decode(blob_text(pair->lease), ret_lease)) {
        *ret_lease = (struct lease){0};
        record_set_aside(step, &key, pair->lease, "a message's state that cannot be read");
    }
    return true;
}

/* Its texts, and what it refers to: to be received soon. */
static void entry_learn(struct step *step, const struct key *key, struct blob *row,
                        const struct entry *entry)
{
    record_learn(step, key, row);
    if ((entry->flags & ENTRY_REFERENCE) != 0) {
        struct key body = key_u64(TABLE_BODY, entry->message);

        record_prefetch(step, &body);
    }
}

/* Two rounds a page: those that nobody has received yet stand before those that came back, also
 * after a restart. */
enum round {
    ROUND_FRESH,
    ROUND_RECEIVED
};

static void window_take(struct step *step, struct queue_state *state, const struct pair *pair,
                        enum round round, bool is_search)
{
    struct entry entry;
    struct lease lease;

    if (queued_find(state, pair->sequence) != NULL
        || !pair_decode(step, state, pair, &entry, &lease)
        || entry_is_delayed(state, entry.visible_ms)
        || (lease.receive_count > 0) != (round == ROUND_RECEIVED)) {
        return;
    }
    struct queued *message = queued_from(state, pair->sequence, &entry, &lease);

    if (lease.visible_ms > step->now_ms) {
        lease_add(state, message, lease.visible_ms);
        return;
    }
    if (!is_search) {
        entry_learn(step, &pair->entry_row->key, pair->entry, &entry);
    }
    window_add(state, message);
}

static void rows_take(struct step *step, struct queue_state *state, const struct read *read,
                      enum round round)
{
    uint32_t usable = scan_usable(read);

    for (uint32_t at = 0; at < usable;) {
        struct pair pair = pair_take(step, state->queue->store, read, &at);

        window_take(step, state, &pair, round, read->value_max != UINT32_MAX);
    }
}

static void on_scan(struct read *read, struct step *step)
{
    struct queue_state *state = queue_state_returned(read);

    if (state == NULL) {
        read_free(read);
        return;
    }
    rows_take(step, state, read, ROUND_FRESH);
    rows_take(step, state, read, ROUND_RECEIVED);
    state->window.is_scanning = false;
    /* Unless a delayed message has set it back meanwhile. */
    if (state->window.cursor == key_get_u64(&read->from, READY_SEQUENCE_AT)) {
        state->window.cursor = scan_next(read);
    }
    read_free(read);
    leases_arm(step, state);
    window_settle(step, state);
    if (state->fifo == NULL) {
        scan_start(step, state); /* behind one group's backlog others may wait */
    }
}

void scan_start(struct step *step, struct queue_state *state)
{
    const struct window *window = &state->window;

    if (window->is_scanning || state->unloaded != 0
        || !window_has_room(state, state->queues->window_room / 2)) {
        return;
    }
    if (!scan_has_more(state)) {
        window_turn_back(state);
    }
    if (!scan_has_more(state)) {
        return;
    }
    struct read *read = scan_read(state, window->cursor, on_scan);

    size_t room = state->queues->window_room;

    /* Behind a window full of busy groups it looks for other groups only.  The texts of what it
     * finds would push those out of the cache that are received before. */
    read->value_max = window->ready < room ? UINT32_MAX : REDUCED_ROW;
    read->row_max = (uint32_t)(room < SCAN_ROWS ? room : SCAN_ROWS);
    read->row_max = read->row_max < PAIR_ROWS ? PAIR_ROWS : read->row_max;
    state->window.is_scanning = true;
    step_read(step, read);
}

/* --- Texts of what is in the window and not in the cache. */

static void on_ahead(struct read *read, struct step *step)
{
    struct queue_state *state = queue_state_returned(read);

    for (uint32_t i = 0; state != NULL && i < read->row_count; i++) {
        const struct row *row = &read->rows[i];
        const struct queued *message =
            queued_find(state, key_get_u64(&row->key, READY_SEQUENCE_AT));
        struct entry entry;

        if (!row_is_lease(row) && message != NULL && message->place == PLACE_READY
            && entry_decode_head(blob_text(row->value), &entry)) {
            entry_learn(step, &row->key, row->value, &entry);
        }
    }
    if (state != NULL) {
        state->window.is_reading_ahead = false;
    }
    read_free(read);
}

void scan_ahead(struct step *step, struct queue_state *state, uint64_t from)
{
    if (state->window.is_reading_ahead) {
        return;
    }
    struct read *read = scan_read(state, from, on_ahead);

    read->row_max = AHEAD_ROWS;
    read->bytes_max = AHEAD_BYTES;
    state->window.is_reading_ahead = true;
    step_read(step, read);
}

/* --- Leases, at start: until all that were counted have been found. */

static void lease_take(struct step *step, struct queue_state *state, const struct pair *pair)
{
    struct entry entry;
    struct lease lease;

    if (queued_find(state, pair->sequence) != NULL
        || !pair_decode(step, state, pair, &entry, &lease)
        || lease.visible_ms <= state->counts.as_of_ms) {
        return;
    }
    state->leases_missing -= state->leases_missing > 0;
    if (lease.visible_ms > step->now_ms) {
        lease_add(state, queued_from(state, pair->sequence, &entry, &lease), lease.visible_ms);
    }
}

static void leases_found(struct step *step, struct queue_state *state)
{
    state->unloaded &= (uint8_t)~LOAD_LEASES;
    leases_arm(step, state);
    wake_all(step, &state->loaders);
    window_settle(step, state);
}

static void leases_read(struct step *step, struct queue_state *state, uint64_t from);

static void on_lease_scan(struct read *read, struct step *step)
{
    struct queue_state *state = queue_state_returned(read);

    if (state == NULL) {
        read_free(read);
        return;
    }
    uint32_t usable = scan_usable(read);

    for (uint32_t at = 0; at < usable;) {
        struct pair pair = pair_take(step, state->queue->store, read, &at);

        lease_take(step, state, &pair);
    }
    if (read->complete || state->leases_missing == 0) {
        leases_found(step, state);
    } else {
        leases_read(step, state, scan_next(read));
    }
    read_free(read);
}

static void leases_read(struct step *step, struct queue_state *state, uint64_t from)
{
    struct read *read = scan_read(state, from, on_lease_scan);

    read->row_max = PAIR_ROWS + 2 * (uint32_t)state->queues->window_room;
    read->value_max = REDUCED_ROW;
    step_read(step, read);
}

void scan_leases(struct step *step, struct queue_state *state)
{
    state->leases_missing = state->counts.in_flight;
    state->leases_missing -= state->leases_missing == 1 && mutant("queues.one-lease-unread");
    if (state->leases_missing == 0) {
        leases_found(step, state);
    } else {
        leases_read(step, state, 1);
    }
}
