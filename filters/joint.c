/* The elements of a message's arrays form a tree.  What can be satisfied inside one element is
 * a set of bit masks: its own leaves, joined with one choice per array below it.  Only masks
 * that no other contains are kept, so the work grows with the leaves, not with the ways to
 * combine them. */
#include "joint.h"

struct masks {
    uint64_t *list;
    uint32_t count;
    uint32_t room;
};

struct element_state {
    uint64_t own;      /* of the leaves right here */
    struct masks done; /* of the arrays below that are finished */
    struct masks open; /* of the elements seen so far of the array being worked on */
    uint32_t open_array;
};

/* Elements are worked on from the last to the first: children come before parents. */
struct worker {
    struct event *event;
    bool starved;
};

bool joint_begin(struct event *event)
{
    uint32_t room = event->joint_room;
    struct element_state *states = account_grow(event->account, event->joint_states, &room,
                                                sizeof *states, event->element_count);
    size_t words;
    uint64_t *touched;

    if (states == NULL) {
        return false;
    }
    event->joint_states = states;
    event->joint_room = room;
    words = (size_t)room / 64 + 1;
    if (words <= event->joint_words) {
        return true;
    }
    touched = account_resize(event->account, event->joint_touched,
                             event->joint_words * sizeof *touched, words * sizeof *touched);
    if (touched == NULL) {
        return false;
    }
    memset(touched + event->joint_words, 0, (words - event->joint_words) * sizeof *touched);
    event->joint_touched = touched;
    event->joint_words = words;
    return true;
}

void joint_free(struct event *event)
{
    account_free(event->account, event->joint_states,
                 event->joint_room * sizeof(struct element_state));
    account_free(event->account, event->joint_touched,
                 event->joint_words * sizeof *event->joint_touched);
}

void joint_see(struct event *event, uint32_t element, uint64_t bits)
{
    struct element_state *states = event->joint_states;
    uint32_t at = element;

    for (;;) {
        uint64_t *word = &event->joint_touched[at / 64];
        uint64_t bit = UINT64_C(1) << (at % 64);

        if ((*word & bit) != 0) {
            break;
        }
        *word |= bit;
        states[at] = (struct element_state){.own = 0};
        if (at == 0) {
            break;
        }
        at = event->elements[at].parent;
    }
    states[element].own |= bits;
}

/* Adds a mask unless another contains it; drops those it contains. */
static void masks_add(struct worker *worker, struct masks *masks, uint64_t mask)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < masks->count; i++) {
        if ((mask & ~masks->list[i]) == 0) {
            return;
        }
    }
    for (uint32_t i = 0; i < masks->count; i++) {
        if ((masks->list[i] & ~mask) != 0) {
            masks->list[kept++] = masks->list[i];
        }
    }
    masks->count = kept;
    if (masks->count == masks->room) {
        uint32_t room = masks->room == 0 ? 2 : masks->room * 2;
        uint64_t *list = arena_take(&worker->event->arena, room * sizeof *list);

        if (list == NULL) {
            worker->starved = true;
            return;
        }
        if (masks->count > 0) {
            memcpy(list, masks->list, masks->count * sizeof *list);
        }
        masks->list = list;
        masks->room = room;
    }
    masks->list[masks->count++] = mask;
}

/* One choice from the open array joins every choice from the arrays before. */
static void open_close(struct worker *worker, struct element_state *state)
{
    struct masks joined = {NULL, 0, 0};

    if (state->open.count == 0) {
        return;
    }
    if (state->done.count == 0) {
        state->done = state->open;
        state->open = joined;
        return;
    }
    for (uint32_t i = 0; i < state->done.count; i++) {
        for (uint32_t j = 0; j < state->open.count; j++) {
            masks_add(worker, &joined, state->done.list[i] | state->open.list[j]);
        }
    }
    state->done = joined;
    state->open.count = 0;
}

/* Hands what one element can satisfy to its parent. */
static void element_finish(struct worker *worker, uint32_t number)
{
    struct element_state *states = worker->event->joint_states;
    struct element_state *state = &states[number];
    const struct element *element = &worker->event->elements[number];
    struct element_state *parent = &states[element->parent];

    open_close(worker, state);
    if (number == 0) {
        return;
    }
    if (parent->open_array != element->array) {
        open_close(worker, parent);
        parent->open_array = element->array;
    }
    if (state->done.count == 0) {
        masks_add(worker, &parent->open, state->own);
    }
    for (uint32_t i = 0; i < state->done.count; i++) {
        masks_add(worker, &parent->open, state->done.list[i] | state->own);
    }
}

static bool root_satisfies(const struct element_state *root, uint64_t full)
{
    if ((full & ~root->own) == 0) {
        return true;
    }
    for (uint32_t i = 0; i < root->done.count; i++) {
        if ((full & ~(root->own | root->done.list[i])) == 0) {
            return true;
        }
    }
    return false;
}

enum joint_result joint_ends(struct event *event, uint64_t full)
{
    struct worker worker = {event, false};
    struct arena_mark mark = arena_mark(&event->arena);
    bool holds;

    joint_see(event, 0, 0);
    for (size_t word = event->element_count / 64 + 1; word-- > 0;) {
        while (event->joint_touched[word] != 0) {
            unsigned bit = 63u - (unsigned)__builtin_clzll(event->joint_touched[word]);

            element_finish(&worker, (uint32_t)(word * 64 + bit));
            event->joint_touched[word] &= ~(UINT64_C(1) << bit);
        }
    }
    holds = root_satisfies(event->joint_states, full);
    arena_rewind(&event->arena, mark);
    if (worker.starved) {
        return JOINT_NO_MEMORY;
    }
    return holds ? JOINT_HOLDS : JOINT_FAILS;
}
