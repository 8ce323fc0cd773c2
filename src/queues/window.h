/* What may be received, in order. */
#ifndef QUEUES_WINDOW_H
#define QUEUES_WINDOW_H

#include "base/heap.h"
#include "step/step.h"

enum {
    WINDOW_ROOM = 2048,   /* receivable messages in memory, roughly; half of it: read on */
    WINDOW_HARD = 120000, /* in memory, those of busy FIFO groups included */
    WINDOW_FAIR = 30000   /* the same of a standard queue, whose groups share the window */
};

struct queue_state;
struct queued;
struct group;

struct window {
    struct heap groups; /* that something may be received of, the best first */
    size_t ready;
    size_t available;  /* without those of busy FIFO groups, and what a group has too many */
    size_t returned;   /* of the available: what came back and does not keep others out */
    int64_t last_turn; /* given: whoever comes, or comes back, gets the next */
    uint64_t cursor;   /* below it everything that may be received is in memory, but ... */
    uint64_t
        left_behind; /* ... what came back while there was no room, from here on; 0: none */
    uint64_t last_durable; /* sequence */
    bool is_scanning;
    bool is_reading_ahead;
};

/* As much as may be in memory, and less of it can be received than `enough`. */
bool window_has_room(const struct queue_state *state, size_t enough);
void window_add(struct queue_state *state, struct queued *message);
/* One that was lent may be received again, after those that wait now (of a FIFO queue: its
 * group after the others); takes it over. */
void window_return(struct queue_state *state, struct queued *message);
/* One that window_remove took out for a look, at its old turn. */
void window_put_back(struct queue_state *state, struct queued *message);
void window_remove(struct queue_state *state, struct queued *message);
/* Something of the FIFO group goes out: it is behind the other groups now. */
void window_serve(struct queue_state *state, struct group *group);
/* The best to be received, of `preferred` if it has one; NULL: none. */
struct queued *window_first(const struct queue_state *state, const struct group *preferred);
/* The message goes out, or is back. */
void window_lock(struct queue_state *state, struct queued *message);
void window_unlock(struct queue_state *state, struct queued *message);
/* Behind the cursor is nothing: on to what was left behind, if there is something. */
void window_turn_back(struct queue_state *state);
/* Wakes whom the window's content serves, and reads on where it runs low. */
void window_settle(struct step *step, struct queue_state *state);

#endif
