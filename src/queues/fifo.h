/* Deduplication of FIFO queues. */
#ifndef QUEUES_FIFO_H
#define QUEUES_FIFO_H

#include "base/buffer.h"
#include "base/digest.h"
#include "queues/queues.h"

struct queue_state;

/* What was accepted in the same minute. */
struct generation {
    struct list_node node; /* in fifo.generations, the oldest first */
    int64_t minute;
    struct fingerprint *slots;
    size_t room, count;
    uint64_t *blocks; /* rows of TABLE_DEDUPLICATION */
    size_t block_room, block_count;
};

struct fifo {
    struct list generations;
    struct buffer block; /* what the filling batch adds: one row */
    uint64_t block_number;
    int64_t block_ms;
    struct timer timer; /* drops what is too old */
    struct queue_state *state;
    struct map attempts;
    struct list attempt_ages; /* the oldest first */
};

struct fifo *fifo_create(struct queue_state *state);
void fifo_free(struct fifo *fifo);
void fifo_cancel(struct step *step, struct queue_state *state);

/* The ids of a message that was sent already. */
struct sent_before {
    uint64_t sequence;
    uint8_t id[16];
};

/* Deduplication is per group only where the queue says so: `group` or empty. */
struct text fifo_scope(const struct queue *queue, struct text group);
/* Was it accepted in the last five minutes? */
bool fifo_knows(struct queue_state *state, int64_t now_ms, struct text scope,
                struct text deduplication_id);
/* STATUS_OK: it was, as *ret_before; STATUS_NOT_FOUND: it was not. */
MUST_CHECK enum status fifo_recall(struct step *step, struct queue_state *state,
                                   struct text scope, struct text deduplication_id,
                                   struct sent_before *ret_before);
void fifo_remember(struct step *step, struct queue_state *state, struct text scope,
                   struct text deduplication_id, const struct sent_before *sent);
/* What was sent is purged: all of it may be sent again.  Its rows go in bounded batches;
 * counts' purged_sequence says that they do not count any more. */
void fifo_purge(struct step *step, struct queue_state *state);
void fifo_seal(struct step *step, struct queue_state *state);
MUST_CHECK bool fifo_load(struct step *step, struct queues *queues, const struct key *key,
                          struct text row);

#endif
