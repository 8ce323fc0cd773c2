/* A queue's counters: changed in memory, written once per batch; counted again only where what
 * was stored cannot be (recount.c). */
#include "queues/counts.h"

#include "base/buffer.h"
#include "base/mutants.h"
#include "queues/arrivals.h"
#include "queues/fifo.h"
#include "queues/state.h"
#include "queues/sweeper.h"

enum {
    COUNTS_VERSION = 3, /* 1 knew no purges, 2 not that they are wrong */
    COUNTS_SIZE = 1 + 4 + 8 * 8 + 1
};

uint64_t counts_in_flight(const struct queue_state *state)
{
    return (state->unloaded & LOAD_LEASES) != 0 ? state->counts.in_flight : state->leases.count;
}

struct queue_counts queue_counts(const struct queue *queue)
{
    const struct queue_state *state = queue->state;
    uint64_t hidden = counts_in_flight(state) + state->counts.delayed;

    return (struct queue_counts){
        .visible = state->counts.total > hidden ? state->counts.total - hidden : 0,
        .in_flight = counts_in_flight(state),
        .delayed = state->counts.delayed,
    };
}

void counts_changed(struct step *step, struct queue_state *state)
{
    step_seal(step, &state->sealed);
}

bool counts_are_empty(const struct counts *counts)
{
    return counts->total == 0 && !counts->is_wrong;
}

static void count_down(struct step *step, struct queue_state *state, uint64_t *io_count)
{
    struct key key = key_u32(TABLE_COUNTS, state->queue->store);

    if (*io_count > 0 || mutant("queues.counter-wraps")) {
        --*io_count;
    } else if (!state->counts.is_wrong) {
        state->counts.is_wrong = true;
        record_mended(step, &key,
                      "a queue's counter was too low: counted again at the next start");
        oldest_reset(step, state); /* retention goes on with what is not counted */
    }
    counts_changed(step, state);
}

void counts_take_one(struct step *step, struct queue_state *state)
{
    count_down(step, state, &state->counts.total);
}

void counts_take_delayed(struct step *step, struct queue_state *state)
{
    count_down(step, state, &state->counts.delayed);
}

/* The moment for which in_flight is right: rows that say "visible later than that" are counted.
 * A lease that is over but has not been noticed still counts. */
static int64_t leases_as_of(const struct queue_state *state, int64_t now_ms)
{
    const struct heap_node *first = heap_first(&state->leases);

    return first != NULL && first->key <= now_ms ? first->key - 1 : now_ms;
}

struct blob *counts_encode(const struct queue_state *state)
{
    const struct counts *counts = &state->counts;
    struct blob *blob = NULL;
    struct buffer row;

    buffer_init(&row, COUNTS_SIZE);
    buffer_add_u8(&row, COUNTS_VERSION);
    buffer_add_u32(&row, state->queue->number);
    buffer_add_u64(&row, counts->total + mutant("queues.total-off-by-one"));
    buffer_add_u64(&row, counts->delayed);
    buffer_add_u64(&row, counts->in_flight);
    buffer_add_u64(&row, counts->last_sequence);
    buffer_add_u64(&row, (uint64_t)counts->as_of_ms);
    buffer_add_u64(&row, (uint64_t)counts->woken_ms);
    buffer_add_u64(&row, (uint64_t)counts->newest_visible_ms);
    buffer_add_u64(&row, counts->purged_sequence);
    buffer_add_u8(&row, counts->is_wrong);
    blob = blob_copy(buffer_text(&row));
    buffer_free(&row);
    return blob;
}

void counts_seal(struct sealed *sealed, struct step *step)
{
    struct queue_state *state = container_of(sealed, struct queue_state, sealed);
    struct counts *counts = &state->counts;
    struct key key = key_u32(TABLE_COUNTS, state->queue->store);

    if ((state->unloaded & LOAD_LEASES) == 0) {
        counts->in_flight = state->leases.count;
        counts->as_of_ms = leases_as_of(state, step->now_ms);
    } else if (counts->in_flight > counts->total) {
        counts->in_flight = counts->total; /* what got too old before its lease was read */
    }
    record_put(step, &key, counts_encode(state));
    if (state->fifo != NULL) {
        fifo_seal(step, state);
    }
    arrivals_close(state);
}

bool counts_load(struct step *step, struct queues *queues, const struct key *key,
                 struct text row)
{
    struct cursor cursor = cursor_over(row);
    uint8_t version = cursor_u8(&cursor);
    struct queue *queue = queue_find_number(queues, cursor_u32(&cursor));
    struct counts counts;

    counts.total = cursor_u64(&cursor);
    counts.delayed = cursor_u64(&cursor);
    counts.in_flight = cursor_u64(&cursor);
    counts.last_sequence = cursor_u64(&cursor);
    counts.as_of_ms = (int64_t)cursor_u64(&cursor);
    counts.woken_ms = (int64_t)cursor_u64(&cursor);
    counts.newest_visible_ms = (int64_t)cursor_u64(&cursor);
    counts.purged_sequence = version >= 2 ? cursor_u64(&cursor) : 0;
    counts.is_wrong = version >= 3 && cursor_u8(&cursor) != 0;
    (void)step;
    if (version == 0 || version > COUNTS_VERSION || !cursor_done(&cursor)) {
        return false;
    }
    if (queue != NULL && queue->store == key_get_u32(key, 1)) {
        queue->state->counts = counts;
        queue->state->has_counts = true;
        queue->state->window.cursor = 1;
        queue->state->window.last_durable = counts.last_sequence;
    }
    return true;
}
