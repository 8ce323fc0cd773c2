/* Leases: messages that somebody has received, and the moment they come back. */
#include "queues/leases.h"

#include "queues/counts.h"
#include "queues/queued.h"
#include "queues/rows.h"
#include "queues/state.h"
#include "queues/window.h"

void lease_add(struct queue_state *state, struct queued *message, int64_t visible_ms)
{
    queued_list(state, message);
    message->place = PLACE_LENT;
    heap_insert(&state->leases, &message->node, visible_ms);
    window_lock(state, message);
}

void lease_remove(struct queue_state *state, struct queued *message)
{
    heap_remove(&state->leases, &message->node);
    message->place = PLACE_NONE;
    window_unlock(state, message);
}

void lease_put(struct step *step, struct queue_state *state, const struct queued *message,
               int64_t visible_ms)
{
    struct key key = lease_key(state->queue->store, message->sequence);
    struct lease lease = {
        .receive_count = message->receive_count,
        .first_received_ms = message->first_received_ms,
        .received_ms = message->received_ms,
        .visible_ms = visible_ms,
    };

    record_put(step, &key, lease_encode(&lease));
    counts_changed(step, state);
}

void leases_expire(struct step *step, struct queue_state *state)
{
    bool has_changed = false;

    for (struct heap_node *first = heap_first(&state->leases);
         first != NULL && first->key <= step->now_ms; first = heap_first(&state->leases)) {
        struct queued *message = container_of(first, struct queued, node);

        lease_remove(state, message);
        window_return(state, message);
        has_changed = true;
    }
    if (has_changed) {
        window_settle(step, state);
    }
}

void leases_arm(struct step *step, struct queue_state *state)
{
    const struct heap_node *first = heap_first(&state->leases);
    const struct heap_node *timer = &state->lease_timer.node;

    if (first == NULL) {
        timer_cancel(step, &state->lease_timer);
    } else if (!heap_contains(timer) || timer->key != first->key) {
        timer_set(step, &state->lease_timer, first->key);
    }
}

void on_lease_timer(struct timer *timer, struct step *step)
{
    struct queue_state *state = container_of(timer, struct queue_state, lease_timer);

    leases_expire(step, state);
    leases_arm(step, state);
}
