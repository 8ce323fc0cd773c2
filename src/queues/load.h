/* At start: what is stored of the queues comes into memory. */
#ifndef QUEUES_LOAD_H
#define QUEUES_LOAD_H

#include "step/step.h"

struct queues;

void load_start(struct step *step, struct queues *queues);
/* All that is stored of the queues is in memory. */
void load_over(struct step *step, struct queues *queues);
void load_free(struct queues *queues);

#endif
