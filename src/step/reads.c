/* Ranged reads: on their way, back, and held by who asked for them. */
#include "base/mutants.h"
#include "step/records.h"

void step_read(struct step *step, struct read *take_read)
{
    list_push(&step->records->wanted, &take_read->node);
}

struct read *records_next_read(struct records *records)
{
    struct list_node *node = list_pop(&records->wanted);

    if (node == NULL) {
        return NULL;
    }
    struct read *read = container_of(node, struct read, node);

    read->number = ++records->last_read;
    list_push(&records->outstanding, &read->token);
    return read;
}

/* Rows that are not what was written are as good as missing to whoever reads, and said here. */
static void tell_damaged_rows(struct step *step, const struct read *read)
{
    for (uint32_t i = 0; i < read->row_count; i++) {
        const struct row *row = &read->rows[i];

        if (row_is_lost(step, row)) {
            record_set_aside(step, &row->key, NULL,
                             "what is stored is not what was written: its checksum differs");
        }
    }
}

void records_read_done(struct step *step, struct read *take_read)
{
    list_remove(&take_read->token);
    seals_open(step, take_read);
    if (take_read->damaged_count > 0) {
        tell_damaged_rows(step, take_read);
    }
    list_push(&step->records->held, &take_read->token); /* until read_free takes it out */
    take_read->done(take_read, step);
    /* Only now: done() still had to see what was written since the read was handed out. */
    batches_retire(step->records);
}

/* The row of that key, or NULL; rows are in the order in which they were read. */
static struct row *row_find(const struct read *read, const struct key *key)
{
    uint32_t low = 0;
    uint32_t high = read->row_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = text_compare(key_text(&read->rows[middle].key), key_text(key));

        if (order == 0) {
            return &read->rows[middle];
        }
        if ((order < 0) != read->reverse) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

void reads_cancel(struct records *records)
{
    while (list_pop(&records->outstanding) != NULL || list_pop(&records->held) != NULL) {
    }
}

void held_reads_update(struct records *records, const struct record *record)
{
    if (mutant("step.held-rows-stale")) {
        return;
    }
    list_each (node, &records->held) {
        struct row *row = row_find(container_of(node, struct read, token), &record->key);

        if (row != NULL) {
            blob_unref(row->value);
            row->value = blob_ref(record->value);
            row->is_damaged = false;
        }
    }
}
