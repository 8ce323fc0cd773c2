/* The window: messages that may be received, group by group, the best first. */
#include "internal.h"

/* A standard queue's groups are told apart by how much of them is in flight, roughly: a group
 * that keeps many receivers busy stands behind those that keep few (fair queues). */
static int64_t group_noise(const struct group *group)
{
    int64_t noise = 0;

    for (uint32_t lent = group->lent / 4; lent > 0; lent /= 4) {
        noise++;
    }
    return noise;
}

enum {
    NOISE_SHIFT = 56 /* above every sequence */
};

static bool group_is_busy(const struct queue_state *state, const struct group *group)
{
    return state->queue->settings.is_fifo && group->lent > 0;
}

/* Puts the group where it belongs after something of it has changed. */
static void group_rank(struct queue_state *state, struct group *group)
{
    struct heap_node *first = heap_first(&group->ready);

    if (first == NULL || group_is_busy(state, group)) {
        heap_remove(&state->window.groups, &group->node);
        return;
    }
    int64_t key = first->key;

    if (group->number != 0 && !state->queue->settings.is_fifo) {
        key += group_noise(group) << NOISE_SHIFT;
    }
    if (!heap_contains(&group->node) || group->node.key != key) {
        heap_set(&state->window.groups, &group->node, key);
    }
}

bool window_has_room(const struct queue_state *state)
{
    return state->window.available < state->queues->window_room
           && state->window.ready < WINDOW_HARD;
}

void window_add(struct queue_state *state, struct message *message)
{
    struct group *group = message->group;

    message_list(state, message);
    message->place = PLACE_READY;
    heap_insert(&group->ready, &message->node, (int64_t)message->sequence);
    state->window.ready++;
    if (!group_is_busy(state, group)) {
        state->window.available++;
    }
    group_rank(state, group);
}

void window_return(struct queue_state *state, struct message *message)
{
    if (message->sequence < state->window.cursor) {
        window_add(state, message);
    } else {
        message_free(state, message); /* in its place: older ones may not be in memory yet */
    }
}

void window_remove(struct queue_state *state, struct message *message)
{
    struct group *group = message->group;

    heap_remove(&group->ready, &message->node);
    message->place = PLACE_NONE;
    state->window.ready--;
    if (!group_is_busy(state, group)) {
        state->window.available--;
    }
    group_rank(state, group);
}

struct message *window_first(const struct queue_state *state, const struct group *preferred)
{
    const struct group *group = preferred;

    if (group == NULL || group->ready.count == 0 || group_is_busy(state, group)) {
        struct heap_node *first = heap_first(&state->window.groups);

        if (first == NULL) {
            return NULL;
        }
        group = container_of(first, struct group, node);
    }
    return container_of(heap_first(&group->ready), struct message, node);
}

void window_lock(struct queue_state *state, struct group *group)
{
    bool was_busy = group_is_busy(state, group);

    group->lent++;
    if (!was_busy && group_is_busy(state, group)) {
        state->window.available -= group->ready.count;
    }
    group_rank(state, group);
}

void window_unlock(struct queue_state *state, struct group *group)
{
    bool was_busy = group_is_busy(state, group);

    group->lent--;
    if (was_busy && !group_is_busy(state, group)) {
        state->window.available += group->ready.count;
    }
    group_rank(state, group);
}

void window_settle(struct step *step, struct queue_state *state)
{
    if (state->window.available > 0) {
        task_wake(step, &state->receivers, state->window.available);
    } else if (!list_is_empty(&state->receivers) || !list_is_empty(&state->scanners)) {
        scan_start(step, state);
    }
    if (state->window.available > 0 || !state->window.is_scanning) {
        wake_all(step, &state->scanners);
    }
}
