/* Rows of lanes that cannot be read, met at the start: they do not say whose lane it is, and in
 * front of all others of a lane, or alone in it, nobody would come to them. */
#include "base/memory.h"
#include "delivery/internal.h"

struct lost_row {
    struct list_node node; /* in deliveries.lost_rows */
    struct task task;
    struct key key;
};

/* Its message is let go and it is set aside, in one batch; unless there is a lane that reads it
 * by itself. */
static enum status lost_row_run(struct task *task, struct step *step)
{
    struct lost_row *row = container_of(task, struct lost_row, task);
    struct deliveries *deliveries = deliveries_of(step);
    uint64_t message = key_get_u64(&row->key, row->key.len - sizeof message);
    struct blob *value = NULL;

    if (lane_find(deliveries, key_get_u32(&row->key, 1)) != NULL) {
        return STATUS_OK;
    }
    if (record_get(step, &row->key, &value) == STATUS_WAIT
        || body_release(step, message) == STATUS_WAIT) {
        return STATUS_WAIT;
    }
    record_set_aside(step, &row->key, value, "a delivery's row");
    record_delete(step, &row->key);
    deliveries->counters.lost++;
    return STATUS_OK;
}

static void lost_row_free(struct lost_row *row)
{
    task_cancel(&row->task);
    list_remove(&row->node);
    memory_free(row);
}

static void lost_row_done(struct task *task, struct step *step, enum status status)
{
    struct lost_row *row = container_of(task, struct lost_row, task);
    struct lane *lane = lane_find(deliveries_of(step), key_get_u32(&row->key, 1));

    (void)status;
    if (lane != NULL) {
        lane_schedule(step, lane, step->now_ms);
    }
    lost_row_free(row);
}

void lost_row_end(struct step *step, const struct key *key)
{
    struct lost_row *row = memory_zero(sizeof *row);

    *row = (struct lost_row){.key = *key, .task = {.run = lost_row_run, .done = lost_row_done}};
    list_push(&deliveries_of(step)->lost_rows, &row->node);
    task_start(&row->task, step);
}

void lost_rows_free(struct deliveries *deliveries)
{
    struct list_node *node = NULL;

    while ((node = list_first(&deliveries->lost_rows)) != NULL) {
        lost_row_free(container_of(node, struct lost_row, node));
    }
}
