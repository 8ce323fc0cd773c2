/* A queue's counters, and their recount at start (recount.c). */
#ifndef QUEUES_COUNTS_H
#define QUEUES_COUNTS_H

#include "step/step.h"

struct queue_state;
struct queues;

struct counts {
    uint64_t total, delayed, in_flight;
    uint64_t last_sequence;
    int64_t as_of_ms;          /* when in_flight was right */
    int64_t woken_ms;          /* delayed messages up to then are not delayed any more */
    int64_t newest_visible_ms; /* of what was delayed; FIFO keeps its order by it */
    uint64_t purged_sequence;  /* the last given when the queue was purged last */
    bool is_wrong;             /* it went below 0: to be counted again at the next start */
};

void counts_changed(struct step *step, struct queue_state *state);
/* One message less, or one less that is delayed.  A counter that is 0 although there was one
 * stays so, which is said; it is counted again at the next start. */
void counts_take_one(struct step *step, struct queue_state *state);
void counts_take_delayed(struct step *step, struct queue_state *state);
/* Whether there is none for certain. */
bool counts_are_empty(const struct counts *counts);
/* As they are stored. */
struct blob *counts_encode(const struct queue_state *state);
void counts_seal(struct sealed *sealed, struct step *step);
MUST_CHECK bool counts_load(struct step *step, struct queues *queues, const struct key *key,
                            struct text row);
uint64_t counts_in_flight(const struct queue_state *state);
/* At start: counts again what the stored counters of a queue cannot be true about, one queue
 * after the other, and goes on with load_over(). */
void recount_start(struct step *step, struct queues *queues);
void recount_free(struct queues *queues);

#endif
