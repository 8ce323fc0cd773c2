/* The moving part of one queue: made, emptied, taken apart, also while reads are under way. */
#include "queues/state.h"

#include "base/memory.h"
#include "queues/arrivals.h"
#include "queues/counts.h"
#include "queues/delayed.h"
#include "queues/fifo.h"
#include "queues/leases.h"
#include "queues/queued.h"
#include "queues/sweeper.h"
#include "queues/window.h"

static void lists_init(struct queue_state *state)
{
    list_init(&state->receivers);
    list_init(&state->scanners);
    list_init(&state->loaders);
    list_init(&state->moves);
}

/* As of a store with nothing in it. */
static void state_begin(struct queue_state *state)
{
    state->counts = (struct counts){0};
    state->window = (struct window){.cursor = 1};
    state->delayed_horizon_ms = INT64_MAX;
    state->delayed_horizon_sequence = 0;
    state->is_reading_delayed = false;
}

struct queue_state *queue_state_create(struct queues *queues, struct queue *queue)
{
    struct queue_state *state = memory_zero(sizeof *state);

    state->queue = queue;
    state->queues = queues;
    state->sealed.seal = counts_seal;
    state->lease_timer.fire = on_lease_timer;
    state->delayed_timer.fire = on_delayed_timer;
    state->oldest.timer.fire = on_oldest_timer;
    state->oldest.moved_sent_ms = INT64_MAX;
    state->oldest.moved_lately_ms = INT64_MAX;
    state->fifo = queue->settings.is_fifo ? fifo_create(state) : NULL;
    lists_init(state);
    state_begin(state);
    return state;
}

static void memory_drop(struct queue_state *state)
{
    queued_free_all(state);
    heap_free(&state->leases);
    heap_free(&state->delayed);
    heap_free(&state->window.groups);
    heap_free(&state->ungrouped.ready);
    memory_free(state->groups.buckets);
    state->groups = (struct group_table){0};
    state->ungrouped = (struct group){0};
}

void queue_state_empty(struct step *step, struct queue_state *state)
{
    arrivals_drop(state);
    memory_drop(state);
    state_begin(state);
    state->unloaded &= (uint8_t)~LOAD_LEASES;
    leases_arm(step, state);
    delayed_arm(step, state);
    oldest_reset(step, state);
    wake_all(step, &state->scanners);
    wake_all(step, &state->loaders);
}

void queue_state_cancel(struct step *step, struct queue_state *state)
{
    list_remove(&state->sealed.node);
    timer_cancel(step, &state->lease_timer);
    timer_cancel(step, &state->delayed_timer);
    timer_cancel(step, &state->oldest.timer);
    list_remove(&state->oldest.node);
    if (state->fifo != NULL) {
        fifo_cancel(step, state);
    }
    wake_all(step, &state->receivers);
    wake_all(step, &state->scanners);
    wake_all(step, &state->loaders);
}

void queue_state_free(struct queue_state *state)
{
    if (state == NULL) {
        return;
    }
    memory_drop(state);
    fifo_free(state->fifo);
    memory_free(state);
}

void queue_state_close(struct queue_state *state)
{
    memory_drop(state);
    state->queue = NULL;
    if (state->reads > 0) {
        list_push(&state->queues->gone, &state->node);
    } else {
        queue_state_free(state);
    }
}

/* --- Reads. */

struct read *queue_state_read(struct queue_state *state,
                              void (*done)(struct read *read, struct step *step))
{
    state->reads++;
    return read_create(done, state);
}

struct queue_state *queue_state_returned(struct read *read)
{
    enum {
        STORE_AT = 1 /* in every key of a store */
    };
    struct queue_state *state = read->context;

    state->reads--;
    if (state->queue == NULL) {
        if (state->reads == 0) {
            list_remove(&state->node);
            queue_state_free(state);
        }
        return NULL;
    }
    return key_get_u32(&read->from, STORE_AT) == state->queue->store ? state : NULL;
}

/* --- Waiting. */

enum status wait_in(struct step *step, struct list *waiters)
{
    if (step->running != NULL) {
        task_wait(step, waiters);
    }
    return STATUS_WAIT;
}

void wake_all(struct step *step, struct list *waiters)
{
    task_wake(step, waiters, SIZE_MAX);
}

int64_t retention_ms(const struct queue *queue)
{
    return (int64_t)queue->settings.message_retention_s * 1000;
}
