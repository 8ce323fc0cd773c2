/* Delayed messages: an index by the moment they become visible, its soonest part in memory.
 * Whatever is due up to counts.woken_ms has left the index and is delayed no more. */
#include "queues/delayed.h"

#include "base/buffer.h"
#include "base/mutants.h"
#include "queues/counts.h"
#include "queues/queued.h"
#include "queues/rows.h"
#include "queues/state.h"
#include "queues/window.h"

enum {
    DELAYED_AHEAD_MS = 1000, /* read that long before it is due */
    DELAYED_ROW = 8 + 8 + 1
};

/* How many may be in memory, roughly. */
static size_t delayed_room(const struct queue_state *state)
{
    return 2 * state->queues->window_room;
}

bool entry_is_delayed(const struct queue_state *state, int64_t visible_ms)
{
    return visible_ms > state->counts.woken_ms;
}

int64_t delayed_until(const struct queue_state *state, int64_t now_ms, int64_t delay_ms)
{
    const struct counts *counts = &state->counts;
    int64_t visible_ms = delay_ms > 0 ? now_ms + delay_ms : 0;

    /* A FIFO queue's order holds even when its delay has been shortened meanwhile. */
    if (state->queue->settings.is_fifo && counts->delayed > 0
        && visible_ms < counts->newest_visible_ms
        && entry_is_delayed(state, counts->newest_visible_ms)) {
        visible_ms = counts->newest_visible_ms;
    }
    if (visible_ms > 0 && !entry_is_delayed(state, visible_ms)) {
        visible_ms = counts->woken_ms + 1; /* the clock has gone back */
    }
    return visible_ms;
}

struct blob *delayed_encode(const struct queued *message)
{
    struct buffer row;
    struct blob *blob = NULL;

    buffer_init(&row, DELAYED_ROW);
    buffer_add_u64(&row, (uint64_t)message->sent_ms);
    buffer_add_u64(&row, message->group->number);
    buffer_add_u8(&row, message->flags);
    blob = blob_copy(buffer_text(&row));
    buffer_free(&row);
    return blob;
}

static bool is_before(int64_t visible_ms, uint64_t sequence, int64_t than_ms,
                      uint64_t than_sequence)
{
    return visible_ms < than_ms || (visible_ms == than_ms && sequence < than_sequence);
}

static void horizon_lower(struct queue_state *state, int64_t visible_ms, uint64_t sequence)
{
    if (is_before(visible_ms, sequence, state->delayed_horizon_ms,
                  state->delayed_horizon_sequence)) {
        state->delayed_horizon_ms = visible_ms;
        state->delayed_horizon_sequence = sequence;
    }
}

static void delayed_keep(struct queue_state *state, struct queued *message, int64_t visible_ms)
{
    queued_list(state, message);
    message->place = PLACE_DELAYED;
    heap_insert(&state->delayed, &message->node, visible_ms);
}

/* Out of the index, with the current batch. */
static void delayed_unindex(struct step *step, struct queue_state *state, int64_t visible_ms,
                            uint64_t sequence)
{
    struct key key = delayed_key(state->queue->store, visible_ms, sequence);

    record_delete(step, &key);
    counts_take_delayed(step, state);
}

bool delayed_arrive(struct step *step, struct queue_state *state, struct queued *message)
{
    int64_t visible_ms = message->node.key;
    uint64_t sequence = message->sequence;

    if (!entry_is_delayed(state, visible_ms)) {
        delayed_unindex(step, state, visible_ms, sequence);
        return true;
    }
    if (is_before(visible_ms, sequence, state->delayed_horizon_ms,
                  state->delayed_horizon_sequence)) {
        if (state->delayed.count < delayed_room(state)) {
            delayed_keep(state, message, visible_ms);
            return false;
        }
        horizon_lower(state, visible_ms, sequence);
    }
    if (state->is_reading_delayed
        && is_before(visible_ms, sequence, state->delayed_missed_ms,
                     state->delayed_missed_sequence)) {
        state->delayed_missed_ms = visible_ms;
        state->delayed_missed_sequence = sequence;
    }
    queued_free(state, message);
    return false;
}

/* --- Becoming due. */

static void delayed_release(struct step *step, struct queue_state *state,
                            struct queued *message)
{
    bool is_fifo = state->queue->settings.is_fifo;

    heap_remove(&state->delayed, &message->node);
    delayed_unindex(step, state, message->node.key, message->sequence);
    message->place = PLACE_NONE;
    if (message->sequence < state->window.cursor
        && (is_fifo || window_has_room(state, state->queues->window_room))) {
        struct key key = entry_key(state->queue->store, message->sequence);

        record_prefetch(step, &key);
        window_add(state, message);
        return;
    }
    /* The scan will find it, from here on. */
    if (message->sequence < state->window.cursor) {
        state->window.cursor = message->sequence;
    }
    queued_free(state, message);
}

void delayed_wake(struct step *step, struct queue_state *state)
{
    int64_t until_ms = step->now_ms;
    bool has_changed = false;

    if (until_ms >= state->delayed_horizon_ms) {
        until_ms = state->delayed_horizon_ms - 1; /* behind it, memory does not know all */
    }
    for (struct heap_node *first = heap_first(&state->delayed);
         first != NULL && first->key <= until_ms; first = heap_first(&state->delayed)) {
        delayed_release(step, state, container_of(first, struct queued, node));
        has_changed = !mutant("queues.delayed-wake-nobody");
    }
    if (until_ms > state->counts.woken_ms) {
        state->counts.woken_ms = until_ms;
    }
    if (has_changed) {
        window_settle(step, state);
    }
}

/* --- Reading the index on. */

static void delayed_row(struct step *step, struct queue_state *state, const struct row *row)
{
    struct blob *value = record_overlay(step, row);
    struct cursor cursor = cursor_over(blob_text(value));
    int64_t visible_ms = (int64_t)key_get_u64(&row->key, DELAYED_VISIBLE_AT);
    uint64_t sequence = key_get_u64(&row->key, DELAYED_SEQUENCE_AT);
    int64_t sent_ms = (int64_t)cursor_u64(&cursor);
    uint64_t group = cursor_u64(&cursor);
    uint8_t flags = cursor_u8(&cursor);

    if (row_is_lost(step, row)) {
        delayed_unindex(step, state, visible_ms, sequence);
    } else if (value != NULL && !cursor_done(&cursor)) {
        record_set_aside(step, &row->key, value, "a delayed message's row that cannot be read");
        delayed_unindex(step, state, visible_ms, sequence);
    } else if (value != NULL && queued_find(state, sequence) == NULL) {
        delayed_keep(state, queued_new(state, sequence, group, flags, sent_ms), visible_ms);
    }
}

static void on_delayed_read(struct read *read, struct step *step)
{
    struct queue_state *state = queue_state_returned(read);

    if (state == NULL) {
        read_free(read);
        return;
    }
    for (uint32_t i = 0; i < read->row_count; i++) {
        delayed_row(step, state, &read->rows[i]);
    }
    state->is_reading_delayed = false;
    if (read->complete) {
        state->delayed_horizon_ms = INT64_MAX;
        state->delayed_horizon_sequence = 0;
    } else {
        struct key next = read_next_from(read); /* just behind the last that was looked at */

        state->delayed_horizon_ms = (int64_t)key_get_u64(&next, DELAYED_VISIBLE_AT);
        state->delayed_horizon_sequence = key_get_u64(&next, DELAYED_SEQUENCE_AT) + 1;
    }
    horizon_lower(state, state->delayed_missed_ms, state->delayed_missed_sequence);
    read_free(read);
    delayed_wake(step, state);
    delayed_arm(step, state);
}

static void delayed_read(struct step *step, struct queue_state *state)
{
    uint32_t store = state->queue->store;
    struct key prefix = key_u32(TABLE_DELAYED, store);
    struct read *read = queue_state_read(state, on_delayed_read);

    read->from = delayed_key(store, state->delayed_horizon_ms, state->delayed_horizon_sequence);
    read->to = key_after_prefix(&prefix);
    read->row_max = (uint32_t)delayed_room(state) / 4;
    read->bytes_max = UINT32_MAX;
    read->value_max = UINT32_MAX;
    state->is_reading_delayed = true;
    state->delayed_missed_ms = INT64_MAX;
    state->delayed_missed_sequence = 0;
    step_read(step, read);
}

void delayed_arm(struct step *step, struct queue_state *state)
{
    const struct heap_node *first = heap_first(&state->delayed);
    int64_t due_ms = first == NULL ? INT64_MAX : first->key;
    int64_t horizon_ms = state->delayed_horizon_ms;
    bool may_read = horizon_ms != INT64_MAX && !state->is_reading_delayed;

    if (may_read
        && (state->delayed.count < delayed_room(state) / 8
            || horizon_ms <= step->now_ms + DELAYED_AHEAD_MS)) {
        delayed_read(step, state);
    } else if (may_read && horizon_ms - DELAYED_AHEAD_MS < due_ms) {
        due_ms = horizon_ms - DELAYED_AHEAD_MS;
    }
    if (state->is_reading_delayed && due_ms >= horizon_ms) {
        due_ms = INT64_MAX; /* on_delayed_read goes on */
    }
    if (due_ms == INT64_MAX) {
        timer_cancel(step, &state->delayed_timer);
    } else if (!heap_contains(&state->delayed_timer.node)
               || state->delayed_timer.node.key != due_ms) {
        timer_set(step, &state->delayed_timer, due_ms);
    }
}

void on_delayed_timer(struct timer *timer, struct step *step)
{
    struct queue_state *state = container_of(timer, struct queue_state, delayed_timer);

    delayed_wake(step, state);
    delayed_arm(step, state);
}
