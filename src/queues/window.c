/* The window: messages that may be received, group by group, the best first.
 *
 * Turns are given in the order in which messages come into the window, and what comes back gets
 * a new one, behind all that wait: a message, or a FIFO group, that fails again and again
 * starves nobody.  What came back fills a part of the window only; the rest of it is left
 * behind on disk, and found again when the cursor has gone once around. */
#include "queues/window.h"

#include "base/mutants.h"
#include "queues/queued.h"
#include "queues/scan.h"
#include "queues/state.h"

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
    NOISE_SHIFT = 56,   /* above every turn */
    FAIR_SHARES = 8,    /* this part of the window a single group may fill */
    RETURNED_SHARES = 4 /* this part of it may be what came back */
};

static bool is_fifo(const struct queue_state *state)
{
    return state->queue->settings.is_fifo;
}

/* What may be received of a FIFO group now is what stands before all that is lent of it: what
 * came back, while something later is still out. */
static bool group_is_busy(const struct queue_state *state, const struct group *group)
{
    const struct heap_node *first = heap_first(&group->ready);

    if (!is_fifo(state) || group->lent == 0 || mutant("queues.group-unlocked")) {
        return false;
    }
    return first == NULL || mutant("queues.group-waits-for-later")
           || (uint64_t)first->key > group->lent_first->sequence;
}

/* How many of its messages count as available.  Of a standard queue's group no more than its
 * share: so the window reads on behind a backlog of one group, to where others wait. */
static size_t group_share(const struct queue_state *state, const struct group *group)
{
    size_t share = state->queues->window_room / FAIR_SHARES;

    if (group_is_busy(state, group)) {
        return 0;
    }
    if (is_fifo(state) && group->lent > 0) {
        return 1; /* at least */
    }
    if (group->number == 0 || is_fifo(state) || group->ready.count <= share) {
        return group->ready.count;
    }
    return share;
}

/* Of a FIFO group all of its share, once its first message has come back: groups that fail must
 * not keep those out that are not in memory yet. */
static size_t group_returned(const struct queue_state *state, const struct group *group)
{
    struct heap_node *first = heap_first(&group->ready);

    if (!is_fifo(state) || first == NULL
        || !container_of(first, struct queued, node)->is_returned) {
        return 0;
    }
    return group_share(state, group);
}

/* Puts the group where it belongs after something of it has changed. */
static void group_rank(struct queue_state *state, struct group *group)
{
    struct heap_node *first = heap_first(&group->ready);

    if (first == NULL || group_is_busy(state, group)) {
        heap_remove(&state->window.groups, &group->node);
        return;
    }
    int64_t key = is_fifo(state) ? group->turn : first->key;

    if (group->number != 0 && !is_fifo(state)) {
        key += group_noise(group) << NOISE_SHIFT;
    }
    if (!heap_contains(&group->node) || group->node.key != key) {
        heap_set(&state->window.groups, &group->node, key);
    }
}

bool window_has_room(const struct queue_state *state, size_t enough)
{
    const struct window *window = &state->window;
    size_t hard = is_fifo(state) ? WINDOW_HARD : WINDOW_FAIR;

    /* Of a standard queue's group only a share is available, but all may have come back. */
    return window->available < enough + window->returned && window->ready < hard;
}

/* What a group counts for. */
struct standing {
    size_t share, returned;
};

static struct standing group_standing(const struct queue_state *state,
                                      const struct group *group)
{
    return (struct standing){group_share(state, group), group_returned(state, group)};
}

/* Something of the group has changed since it counted for `before`. */
static void group_settle(struct queue_state *state, struct group *group, struct standing before)
{
    struct standing now = group_standing(state, group);

    state->window.available += now.share;
    state->window.available -= before.share;
    state->window.returned += now.returned;
    state->window.returned -= before.returned;
    group_rank(state, group);
}

static int64_t turn_next(struct queue_state *state)
{
    return ++state->window.last_turn;
}

static void window_insert(struct queue_state *state, struct queued *message, int64_t turn)
{
    struct group *group = message->group;
    struct standing before = group_standing(state, group);

    queued_list(state, message);
    message->place = PLACE_READY;
    if (group->turn == 0) {
        group->turn = turn;
    }
    heap_insert(&group->ready, &message->node,
                is_fifo(state) ? (int64_t)message->sequence : turn);
    state->window.ready++;
    state->window.returned += !is_fifo(state) && message->is_returned;
    group_settle(state, group, before);
}

void window_add(struct queue_state *state, struct queued *message)
{
    window_insert(state, message, turn_next(state));
}

void window_put_back(struct queue_state *state, struct queued *message)
{
    window_insert(state, message, message->node.key);
}

/* It is on disk, and for now only there. */
static void message_leave_behind(struct queue_state *state, struct queued *message)
{
    struct window *window = &state->window;

    if (window->left_behind == 0 || message->sequence < window->left_behind) {
        window->left_behind = message->sequence;
    }
    queued_free(state, message);
}

void window_return(struct queue_state *state, struct queued *message)
{
    size_t room = state->queues->window_room / RETURNED_SHARES;

    message->is_returned = true;
    if (message->sequence >= state->window.cursor) {
        queued_free(state, message); /* in its place: older ones may not be in memory yet */
    } else if (is_fifo(state) || state->window.returned < room) {
        window_insert(state, message,
                      mutant("queues.returned-first") ? (int64_t)message->sequence
                                                      : turn_next(state));
    } else {
        message_leave_behind(state, message);
    }
}

void window_turn_back(struct queue_state *state)
{
    struct window *window = &state->window;

    if (window->left_behind != 0 && window->left_behind < window->cursor
        && !mutant("queues.left-behind-lost")) {
        window->cursor = window->left_behind;
        window->left_behind = 0;
    }
}

void window_remove(struct queue_state *state, struct queued *message)
{
    struct group *group = message->group;
    struct standing before = group_standing(state, group);

    heap_remove(&group->ready, &message->node);
    message->place = PLACE_NONE;
    state->window.ready--;
    state->window.returned -= !is_fifo(state) && message->is_returned;
    group_settle(state, group, before);
}

struct queued *window_first(const struct queue_state *state, const struct group *preferred)
{
    const struct group *group = preferred;

    if (group == NULL || group->ready.count == 0 || group_is_busy(state, group)) {
        struct heap_node *first = heap_first(&state->window.groups);

        if (first == NULL) {
            return NULL;
        }
        group = container_of(first, struct group, node);
    }
    return container_of(heap_first(&group->ready), struct queued, node);
}

/* --- Lent: of a FIFO group it matters which; there are no more than one receive may get, or
 * nearly. */

static void group_lend(struct group *group, struct queued *message)
{
    struct queued **place = &group->lent_first;

    while (*place != NULL && (*place)->sequence < message->sequence) {
        place = &(*place)->lent_next;
    }
    message->lent_next = *place;
    *place = message;
}

static void group_unlend(struct group *group, struct queued *message)
{
    struct queued **place = &group->lent_first;

    while (*place != message) {
        place = &(*place)->lent_next;
    }
    *place = message->lent_next;
    message->lent_next = NULL;
}

void window_serve(struct queue_state *state, struct group *group)
{
    struct standing before = group_standing(state, group);

    if (is_fifo(state) && !mutant("queues.group-keeps-its-turn")) {
        group->turn = turn_next(state);
        group_settle(state, group, before);
    }
}

void window_lock(struct queue_state *state, struct queued *message)
{
    struct group *group = message->group;
    struct standing before = group_standing(state, group);

    group->lent++;
    if (is_fifo(state)) {
        group_lend(group, message);
    }
    group_settle(state, group, before);
}

void window_unlock(struct queue_state *state, struct queued *message)
{
    struct group *group = message->group;
    struct standing before = group_standing(state, group);

    group->lent--;
    if (is_fifo(state)) {
        group_unlend(group, message);
    }
    group_settle(state, group, before);
}

/* A FIFO queue's group serves one receiver at a time, however much of it is ready. */
static size_t receivers_served(const struct queue_state *state)
{
    return is_fifo(state) ? state->window.groups.count : state->window.available;
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
