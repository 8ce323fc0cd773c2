/* Messages coming: from the filling batch to the window. */
#ifndef QUEUES_ARRIVALS_H
#define QUEUES_ARRIVALS_H

#include "step/step.h"

struct queue_state;
struct queues;
struct entry;
struct lease;

/* Numbers the entry, puts its rows, counts it, and lets it into the window once it is durable.
 * `lease` may be NULL. */
uint64_t entry_store(struct step *step, struct queue_state *state, const struct entry *entry,
                     const struct lease *lease);
void arrivals_close(struct queue_state *state); /* the batch is closed */
void arrivals_drop(struct queue_state *state);  /* they are purged before they came */
void arrivals_free(struct queues *queues);

#endif
