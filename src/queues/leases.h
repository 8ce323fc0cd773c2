/* What is in flight. */
#ifndef QUEUES_LEASES_H
#define QUEUES_LEASES_H

#include "step/step.h"

enum {
    IN_FLIGHT_MAX = 120000 /* AWS */
};

#define LEASE_TOTAL_MAX_MS (INT64_C(43200) * 1000)

struct queue_state;
struct queued;

void lease_add(struct queue_state *state, struct queued *message, int64_t visible_ms);
void lease_remove(struct queue_state *state, struct queued *message);
/* Its state row as of now, with the current batch. */
void lease_put(struct step *step, struct queue_state *state, const struct queued *message,
               int64_t visible_ms);
/* What is due comes back. */
void leases_expire(struct step *step, struct queue_state *state);
void leases_arm(struct step *step, struct queue_state *state);
void on_lease_timer(struct timer *timer, struct step *step);

#endif
