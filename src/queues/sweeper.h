/* Retention: what is too old goes. */
#ifndef QUEUES_SWEEPER_H
#define QUEUES_SWEEPER_H

#include "step/step.h"

struct queue_state;
struct queues;
struct sweeper;
struct entry;
struct remains;

/* Where the oldest messages stand: when the next one is too old. */
struct oldest {
    struct timer timer;
    struct list_node node; /* in queues.sweeper while due */
    uint64_t begin;        /* no entry is before it: not to look there again */
    uint64_t sequence;     /* 0: not known */
    int64_t sent_ms;
    int64_t moved_sent_ms;   /* of those in TABLE_EXPIRY; INT64_MAX: none */
    int64_t moved_lately_ms; /* of those that the last look at that table may have missed */
};

struct sweeper *sweeper_create(struct queues *queues);
void sweeper_free(struct sweeper *sweeper);
void sweeper_start(struct step *step, struct sweeper *sweeper);
void oldest_sent(struct step *step, struct queue_state *state, uint64_t sequence,
                 const struct entry *entry);
void oldest_erased(struct step *step, struct queue_state *state, const struct remains *remains);
void oldest_reset(struct step *step, struct queue_state *state); /* to be found by reading */
void on_oldest_timer(struct timer *timer, struct step *step);

#endif
