/* Lanes of FIFO topics: of each group one message at a time, in the order of their numbers,
 * whatever became of the one before: while it waits for its next attempt, those behind it in
 * its group wait, too.  The lane's rows sort by message, so that a restart finds the same
 * order; nothing starts while a row that may be in front of it is not in memory. */
#include "base/mutants.h"
#include "delivery/internal.h"

void lane_push_in_order(struct lane *lane, struct attempt *attempt)
{
    struct list_node *place = &lane->waiting.head;

    while (place->prev != &lane->waiting.head
           && container_of(place->prev, struct attempt, node)->message > attempt->message) {
        place = place->prev;
    }
    list_insert_before(place, &attempt->node);
}

/* --- The group: the message says it. */

static enum status look_run(struct task *task, struct step *step)
{
    struct attempt *attempt = container_of(task, struct attempt, task);
    struct key body = key_u64(TABLE_BODY, attempt->message);
    struct blob *message_record = NULL;
    enum status status = record_get(step, &body, &message_record);

    if (status == STATUS_OK) {
        attempt->group =
            attempt->lane->deliveries->hooks.traits(blob_text(message_record)).group;
    }
    return status; /* not found: whoever prepares it says so */
}

static void look_done(struct task *task, struct step *step, enum status status)
{
    struct attempt *attempt = container_of(task, struct attempt, task);

    (void)status;
    attempt->is_looking = false;
    attempt->knows_group = true;
    lane_want(step, attempt->lane);
}

static void look_start(struct step *step, struct attempt *attempt)
{
    if (!attempt->is_looking && !attempt->is_relieving) {
        attempt->is_looking = true;
        attempt->task = (struct task){.run = look_run, .done = look_done};
        task_start(&attempt->task, step);
    }
}

void look_cancel(struct attempt *attempt)
{
    if (attempt->is_looking) {
        attempt->is_looking = false;
        task_cancel(&attempt->task);
    }
}

/* --- Whose turn it is. */

static bool is_of_group(const struct attempt *other, const struct attempt *attempt)
{
    return !other->knows_group || other->group == attempt->group;
}

/* Another of its group is under way, or waits in front of it. */
static bool is_held_back(const struct lane *lane, const struct attempt *attempt)
{
    list_each (node, &lane->flying) {
        if (is_of_group(container_of(node, struct attempt, node), attempt)) {
            return true;
        }
    }
    list_each (node, &lane->waiting) {
        const struct attempt *other = container_of(node, struct attempt, node);

        if (other == attempt) {
            break;
        }
        if (is_of_group(other, attempt)) {
            return true;
        }
    }
    return false;
}

static bool may_start(const struct lane *lane, const struct attempt *attempt, int64_t now_ms)
{
    return attempt->knows_group && attempt->not_before_ms <= now_ms
           && lane_is_clear_for(lane, attempt)
           && (mutant("delivery.no-order-in-a-group") || !is_held_back(lane, attempt));
}

struct attempt *lane_first_in_order(struct step *step, struct lane *lane, int64_t *ret_wake_ms)
{
    bool asks_nobody = lane->is_gone || lane->limits.is_disabled;

    *ret_wake_ms = INT64_MAX;
    list_each (node, &lane->waiting) {
        struct attempt *attempt = container_of(node, struct attempt, node);

        if (!attempt->knows_group && !attempt->is_expired && !asks_nobody) {
            look_start(step, attempt);
        }
        if (attempt->is_expired || asks_nobody || may_start(lane, attempt, step->now_ms)) {
            return attempt;
        }
        if (attempt->not_before_ms > step->now_ms && attempt->not_before_ms < *ret_wake_ms) {
            *ret_wake_ms = attempt->not_before_ms;
        }
    }
    return NULL;
}
