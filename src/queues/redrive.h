/* To the dead-letter queue. */
#ifndef QUEUES_REDRIVE_H
#define QUEUES_REDRIVE_H

#include "queues/queues.h"

struct queued;

/* The queue that takes this message now, or NULL: it may still be received here. */
struct queue *dead_letter_queue(const struct queue_state *state, const struct queued *message);
/* May STATUS_WAIT before changing anything. */
MUST_CHECK enum status queued_dead_letter(struct step *step, struct queue_state *state,
                                          struct queued *message, struct queue *target);

#endif
