/* Reading what is on disk only. */
#ifndef QUEUES_SCAN_H
#define QUEUES_SCAN_H

#include "step/step.h"

struct queue_state;

/* True while there is something behind the window, or it is not known yet. */
bool scan_has_more(const struct queue_state *state);
void scan_start(struct step *step, struct queue_state *state);
/* Brings the rows of messages from there on into the cache, for the receives to come. */
void scan_ahead(struct step *step, struct queue_state *state, uint64_t from);
/* Finds what is in flight, once, at start. */
void scan_leases(struct step *step, struct queue_state *state);

#endif
