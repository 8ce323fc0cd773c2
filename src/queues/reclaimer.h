/* Bulk deletion: purges, and queues that are gone. */
#ifndef QUEUES_RECLAIMER_H
#define QUEUES_RECLAIMER_H

#include "step/step.h"

struct queues;
struct reclaimer;

struct reclaimer *reclaimer_create(struct queues *queues);
void reclaimer_free(struct reclaimer *reclaimer);
void reclaimer_start(struct step *step, struct reclaimer *reclaimer);
/* The store's rows are nobody's any more; `queue` is 0 when the queue lives on. */
void reclaimer_add(struct step *step, struct reclaimer *reclaimer, uint32_t store,
                   uint32_t queue);
MUST_CHECK bool reclaimer_load(struct step *step, struct queues *queues, const struct key *key,
                               struct text row);

#endif
