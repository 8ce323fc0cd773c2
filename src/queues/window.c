/* The window: messages that may be received, group by group, the best first. */
#include "internal.h"

#include "base/mutants.h"

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
    NOISE_SHIFT = 56, /* above every sequence */
    FAIR_SHARES = 8   /* this part of the window a single group may fill */
};

static bool group_is_busy(const struct queue_state *state, const struct group *group)
{
    return state->queue->settings.is_fifo && group->lent > 0
           && !mutant("queues.group-unlocked");
}

/* How many of its messages count as available.  Of a standard queue's group no more than its
 * share: so the window reads on behind a backlog of one group, to where others wait. */
static size_t group_share(const struct queue_state *state, const struct group *group)
{
    size_t share = state->queues->window_room / FAIR_SHARES;

    if (group_is_busy(state, group)) {
        return 0;
    }
    if (group->number == 0 || state->queue->settings.is_fifo || group->ready.count <= share) {
        return group->ready.count;
    }
    return share;
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

bool window_has_room(const struct queue_state *state, size_t enough)
{
    size_t hard = state->queue->settings.is_fifo ? WINDOW_HARD : WINDOW_FAIR;

    return state->window.available < enough && state->window.ready < hard;
}

/* Something of the group has changed since it counted for `before`. */
static void group_settle(struct queue_state *state, struct group *group, size_t before)
{
    state->window.available += group_share(state, group);
    state->window.available -= before;
    group_rank(state, group);
}

void window_add(struct queue_state *state, struct message *message)
{
    struct group *group = message->group;
    size_t before = group_share(state, group);

    message_list(state, message);
    message->place = PLACE_READY;
    heap_insert(&group->ready, &message->node, (int64_t)message->sequence);
    state->window.ready++;
    group_settle(state, group, before);
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
    size_t before = group_share(state, group);

    heap_remove(&group->ready, &message->node);
    message->place = PLACE_NONE;
    state->window.ready--;
    group_settle(state, group, before);
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
    size_t before = group_share(state, group);

    group->lent++;
    group_settle(state, group, before);
}

void window_unlock(struct queue_state *state, struct group *group)
{
    size_t before = group_share(state, group);

    group->lent--;
    group_settle(state, group, before);
}

/* A FIFO queue's group serves one receiver at a time, however much of it is ready. */
static size_t receivers_served(const struct queue_state *state)
{
    return state->queue->settings.is_fifo ? state->window.groups.count
                                          : state->window.available;
}

void window_settle(struct step *step, struct queue_state *state)
{
    if (state->window.available > 0) {
        task_wake(step, &state->receivers, receivers_served(state));
    } else if (!list_is_empty(&state->receivers) || !list_is_empty(&state->scanners)) {
        scan_start(step, state);
    }
    if (state->window.available > 0 || !state->window.is_scanning) {
        wake_all(step, &state->scanners);
    }
}
