/* An owed list waits for nobody: what takes its time gets a row of its own, so that the list's
 * cursor moves on.  Only where somebody is held up: a list whose window is full, or so many
 * lists that new ones have to wait on disk. */
#include "base/mutants.h"
#include "delivery/internal.h"

#define PATIENCE_MS 100
#define RELIEF_MAX  1024 /* deliveries at a time */

bool deliveries_are_crowded(const struct deliveries *deliveries)
{
    return deliveries->active_count > deliveries->options.active_message_max / 2;
}

static bool can_move(const struct attempt *attempt)
{
    return !attempt->is_relieving && !attempt->is_looking
           && (attempt->stage == ATTEMPT_QUEUED || attempt->stage == ATTEMPT_FLYING);
}

void relief_ask(struct step *step, struct deliveries *deliveries)
{
    if (!heap_contains(&deliveries->relief.node)) {
        timer_set(step, &deliveries->relief, step->now_ms + PATIENCE_MS);
    }
}

static enum status relief_run(struct task *task, struct step *step)
{
    struct attempt *attempt = container_of(task, struct attempt, task);
    int64_t due_ms = attempt->due_ms; /* the same each time that this starts over */
    enum status status = lane_find_place(step, attempt->lane, attempt->message, &due_ms);

    if (status == STATUS_OK && !mutant("delivery.relief-unreferenced")) {
        status = body_add_references(step, attempt->message, 1);
    }
    if (status == STATUS_OK) {
        attempt->row_due = due_ms;
        lane_put_row(step, attempt->lane, attempt, attempt->row_due);
    }
    return status;
}

static void relief_done(struct task *task, struct step *step, enum status status)
{
    struct attempt *attempt = container_of(task, struct attempt, task);
    struct owed *owed = attempt->owed;

    attempt->is_relieving = false;
    if (status != STATUS_OK) {
        return;
    }
    attempt->owed = NULL;
    list_remove(&attempt->owed_node);
    owed_settle(step, owed, attempt->owed_index);
}

void relief_cancel(struct attempt *attempt)
{
    if (attempt->is_relieving) {
        attempt->is_relieving = false;
        task_cancel(&attempt->task);
    }
}

static void relief_collect(const struct owed *owed, int64_t before_ms, struct list *late,
                           uint32_t *budget)
{
    list_each (node, &owed->attempts) {
        struct attempt *attempt = container_of(node, struct attempt, owed_node);

        if (*budget == 0 || attempt->since_ms > before_ms) {
            return; /* the others came later */
        }
        if (can_move(attempt)) {
            list_push(late, &attempt->relief);
            --*budget;
        }
    }
}

void relief_on_timer(struct timer *timer, struct step *step)
{
    struct deliveries *deliveries = container_of(timer, struct deliveries, relief);
    bool crowded = deliveries_are_crowded(deliveries);
    bool is_needed = crowded;
    uint32_t budget = RELIEF_MAX;
    struct list late;
    struct list_node *node = NULL;

    list_init(&late);
    list_each (owed_node, &deliveries->active) {
        const struct owed *owed = container_of(owed_node, struct owed, node);

        if (crowded || owed_is_stuck(owed)) {
            is_needed = true;
            relief_collect(owed, step->now_ms - PATIENCE_MS, &late, &budget);
        }
    }
    if (is_needed) {
        relief_ask(step, deliveries);
    }
    while ((node = list_pop(&late)) != NULL) {
        struct attempt *attempt = container_of(node, struct attempt, relief);

        if (can_move(attempt)) { /* still: the one before may have set it going */
            attempt->is_relieving = true;
            attempt->due_ms = lane_row_due(attempt->lane, step->now_ms);
            attempt->task = (struct task){.run = relief_run, .done = relief_done};
            task_start(&attempt->task, step);
        }
    }
}
