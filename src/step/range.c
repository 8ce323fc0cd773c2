/* A ranged read inside a task. */
#include "step/records.h"

static void on_range(struct read *read, struct step *step)
{
    struct range *range = read->context;

    if (range == NULL) {
        read_free(read);
        return;
    }
    list_remove(&range->node);
    range->is_read = true;
    task_wake(step, &range->waiters, SIZE_MAX);
}

enum status range_get(struct step *step, struct range *range, const struct read **ret_read)
{
    if (range->read == NULL) {
        struct read *read = read_create(on_range, range);

        read->from = range->from;
        read->to = range->to;
        read->reverse = range->reverse;
        read->row_max = range->row_max;
        read->bytes_max = range->bytes_max;
        read->value_max = range->value_max;
        range->read = read;
        range->is_read = false;
        list_init(&range->waiters);
        list_push(&step->records->ranges, &range->node);
        step_read(step, read);
    }
    if (!range->is_read) {
        task_wait(step, &range->waiters);
        return STATUS_WAIT;
    }
    *ret_read = range->read;
    return STATUS_OK;
}

bool range_on(struct range *range)
{
    const struct read *read = range->read;
    bool has_more = !read->complete;

    if (has_more && range->reverse) {
        range->to = read_next_from(read);
    } else if (has_more) {
        range->from = read_next_from(read);
    }
    range_end(range);
    return has_more;
}

void range_end(struct range *range)
{
    if (range->read == NULL) {
        return;
    }
    list_remove(&range->node);
    if (range->is_read) {
        read_free(range->read);
    } else {
        range->read->context = NULL;
    }
    range->read = NULL;
}

void ranges_end(struct records *records)
{
    struct list_node *node = NULL;

    while ((node = list_first(&records->ranges)) != NULL) {
        range_end(container_of(node, struct range, node));
    }
}
