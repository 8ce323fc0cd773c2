/* Batches: what becomes durable together, from the first change to the last read that is older.
 */
#include "base/mutants.h"
#include "step/records.h"

/* A batch that has so much is closed at the end of a step, and another one begun: what one
 * commit writes, and what a replicated log carries in one message, stays bounded however long
 * the commit before it takes. */
#define BATCH_BYTES ((size_t)4 << 20)

struct batch *records_filling(struct records *records)
{
    if (records->filling == NULL) {
        records->filling = batch_create(records->next_batch++);
        list_init(&records->filling->hooks);
    }
    return records->filling;
}

size_t step_batch_size(const struct step *step)
{
    const struct batch *filling = step->records->filling;

    return filling == NULL ? 0 : filling->count;
}

bool records_has_batch(const struct records *records)
{
    return !list_is_empty(&records->closed) || records->filling != NULL
           || records->counters_changed || !list_is_empty(&records->sealed);
}

static void hooks_run(struct step *step, struct list *hooks, enum status status)
{
    struct list_node *node = NULL;

    while ((node = list_pop(hooks)) != NULL) {
        struct hook *hook = container_of(node, struct hook, node);

        hook->run(hook, step, status);
    }
}

/* NULL when there was nothing to commit: the hooks ran. */
static struct batch *batch_close(struct step *step)
{
    struct records *records = step->records;
    struct list_node *node = NULL;

    while ((node = list_pop(&records->sealed)) != NULL) {
        struct sealed *sealed = container_of(node, struct sealed, node);

        sealed->seal(sealed, step);
    }
    counters_seal(step);
    struct batch *batch = records->filling;

    records->filling = NULL;
    if (batch == NULL) {
        return NULL;
    }
    if (batch->count == 0 || mutant("step.answers-early")) {
        hooks_run(step, &batch->hooks, STATUS_OK);
        batch_free(batch);
        return NULL;
    }
    records->bytes_under_way += batch->bytes;
    return batch;
}

struct batch *records_take_batch(struct step *step)
{
    struct list_node *closed = list_pop(&step->records->closed);

    return closed != NULL ? container_of(closed, struct batch, node) : batch_close(step);
}

void batches_limit(struct step *step)
{
    struct records *records = step->records;

    if (records->filling == NULL || records->filling->bytes < BATCH_BYTES) {
        return;
    }
    struct batch *batch = batch_close(step);

    if (batch != NULL) {
        list_push(&records->closed, &batch->node);
    }
}

static void batch_unpin(struct records *records, const struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct record *record = batch->ops[i].owner;

        held_reads_update(records, record);
        record->pins--;
        if (record->pins == 0 && record->value == NULL) {
            record_free(records, record);
        } else {
            record_release(records, record);
        }
    }
}

/* A ranged read that was handed out before a batch was durable may bring rows from before it.
 * So the batch's records stay known, deletions too, until those reads are back.  Reads that are
 * back and still held get what the batch wrote into their rows, and need it no longer. */
void batches_retire(struct records *records)
{
    struct list_node *oldest = list_first(&records->outstanding);
    uint64_t oldest_read =
        oldest == NULL ? UINT64_MAX : container_of(oldest, struct read, token)->number;

    while (!list_is_empty(&records->retiring)) {
        struct batch *batch = container_of(list_first(&records->retiring), struct batch, node);

        if (batch->retire_after >= oldest_read + mutant("step.retires-early")) {
            return;
        }
        list_remove(&batch->node);
        batch_unpin(records, batch);
        batch_free(batch);
    }
}

void records_committed(struct step *step, struct batch *take_batch, enum status status)
{
    struct records *records = step->records;
    struct list hooks;

    list_init(&hooks);
    list_move_all(&hooks, &take_batch->hooks);
    records->bytes_under_way -= take_batch->bytes;
    take_batch->retire_after = records->last_read;
    list_push(&records->retiring, &take_batch->node);
    batches_retire(records);
    hooks_run(step, &hooks, status);
}
