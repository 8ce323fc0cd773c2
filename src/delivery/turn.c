/* What lanes and owed lists have to do, done in turns: once a step, so much and no more, so
 * that a broadcast to a million costs a step no more than any other.  Nothing starts,
 * dispatches or ends a lane anywhere else: whoever settles an attempt only says that there may
 * be work. */
#include "base/mutants.h"
#include "delivery/internal.h"

/* Deliveries dispatched, started or parked, rows asked for: with one turn. */
#define TURN_MAX 512
/* Changes in the batch that fills, above which it is left to be written first. */
#define TURN_BATCH_MAX 4096

static bool has_work(const struct deliveries *deliveries)
{
    return !list_is_empty(&deliveries->working) || !list_is_empty(&deliveries->dispatching);
}

/* At the end of this step: whatever is due before it, in this step too, comes first. */
static void turn_ask(struct step *step, struct deliveries *deliveries)
{
    if (!heap_contains(&deliveries->turn.node)) {
        timer_set(step, &deliveries->turn, step->now_ms);
    }
}

void lane_want(struct step *step, struct lane *lane)
{
    struct deliveries *deliveries = lane->deliveries;

    if (!list_contains(&lane->work)) {
        list_push(&deliveries->working, &lane->work);
    }
    turn_ask(step, deliveries);
}

void owed_want(struct step *step, struct owed *owed)
{
    struct deliveries *deliveries = owed->deliveries;

    if (!list_contains(&owed->work)) {
        list_push(&deliveries->dispatching, &owed->work);
    }
    turn_ask(step, deliveries);
}

void turn_count(struct deliveries *deliveries)
{
    deliveries->turn_left -= deliveries->turn_left > 0;
}

/* A list of up to OWED_WINDOW entries goes as a whole before those behind it: a lane gets its
 * messages in their order.  Longer ones share. */
static void list_turn(struct step *step, struct deliveries *deliveries, struct owed *owed)
{
    if (!owed_work(step, owed)) {
        return; /* and it may be gone */
    }
    if (owed->in_a_row >= OWED_WINDOW) {
        owed->in_a_row = 0;
        list_remove(&owed->work);
        list_push(&deliveries->dispatching, &owed->work);
    }
}

/* False: there is nothing to do. */
static bool turn_once(struct step *step, struct deliveries *deliveries)
{
    struct lane *starved = lane_next_starved(deliveries);
    struct list_node *node = NULL;

    turn_count(deliveries);
    if (starved != NULL) { /* those that waited for the global limit come first */
        lane_work(step, starved, true);
        return true;
    }
    node = list_pop(&deliveries->working);
    if (node != NULL) {
        lane_work(step, container_of(node, struct lane, work), false);
        return true;
    }
    node = list_first(&deliveries->dispatching);
    if (node != NULL) {
        list_turn(step, deliveries, container_of(node, struct owed, work));
    }
    return node != NULL;
}

void deliveries_turn(struct timer *timer, struct step *step)
{
    struct deliveries *deliveries = container_of(timer, struct deliveries, turn);
    bool has_more = true;

    deliveries->turn_left = mutant("delivery.turn-without-end") ? UINT32_MAX : TURN_MAX;
    while (has_more && deliveries->turn_left > 0 && step_batch_size(step) < TURN_BATCH_MAX) {
        has_more = turn_once(step, deliveries);
    }
    if (has_more || has_work(deliveries)) {
        timer_set(step, timer, step->now_ms + 1);
    } else {
        timer_cancel(step, timer);
    }
}
