/* What is delayed. */
#ifndef QUEUES_DELAYED_H
#define QUEUES_DELAYED_H

#include "step/step.h"

struct queue_state;
struct queued;

bool entry_is_delayed(const struct queue_state *state, int64_t visible_ms);
/* When a message sent now with this delay becomes visible; 0: at once. */
int64_t delayed_until(const struct queue_state *state, int64_t now_ms, int64_t delay_ms);
struct blob *delayed_encode(const struct queued *message);
/* It is durable, and node.key says until when it is delayed.  True: it is due already and still
 * the caller's; false: taken over. */
bool delayed_arrive(struct step *step, struct queue_state *state, struct queued *message);
void delayed_wake(struct step *step, struct queue_state *state);
void delayed_arm(struct step *step, struct queue_state *state);
void on_delayed_timer(struct timer *timer, struct step *step);

#endif
