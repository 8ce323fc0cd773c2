/* Message move tasks. */
#ifndef QUEUES_MOVES_H
#define QUEUES_MOVES_H

#include "step/step.h"

struct queue_state;
struct queues;

void moves_delete(struct step *step, struct queue_state *state);
void moves_free(struct queue_state *state);
void moves_start(struct step *step, struct queue_state *state);
MUST_CHECK bool move_load(struct step *step, struct queues *queues, const struct key *key,
                          struct text row);

#endif
