/* Bulk deletion: the rows of purged and deleted queues go in bounded batches, one store after
 * the other, however many there are. */
#include "queues/reclaimer.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "base/mutants.h"
#include "queues/erase.h"
#include "queues/rows.h"
#include "queues/state.h"

enum {
    RECLAIM_ROWS = 512
};

/* What a store leaves behind, table by table; the last is keyed by the queue. */
static const enum table reclaimed_tables[] = {TABLE_READY, TABLE_DELAYED, TABLE_EXPIRY,
                                              TABLE_DEDUPLICATION};

struct garbage {
    struct list_node node;
    uint32_t store;
    uint32_t queue; /* 0: it lives on */
};

struct reclaimer {
    struct task task;
    struct queues *queues;
    struct list stores; /* struct garbage; the first is being reclaimed */
    struct hook hook;
    struct read *rows;
    uint32_t at,
        expected; /* of rows: the next, and the first that nothing was read ahead for */
    size_t table;
    struct key from; /* where the table's next rows are; len 0: from its start */
    bool is_started, is_reading, is_settling;
    bool must_settle_again; /* asked for while an earlier batch was waited for */
};

/* Goes on, unless it waits for a record.  The task ends at every pause, so that it does not
 * hold what it once waited for. */
static void reclaimer_wake(struct step *step, struct reclaimer *reclaimer)
{
    if (!list_contains(&reclaimer->task.node) && reclaimer->is_started) {
        task_start(&reclaimer->task, step);
    }
}

static void on_settled(struct hook *hook, struct step *step, enum status status)
{
    struct reclaimer *reclaimer = container_of(hook, struct reclaimer, hook);

    if (status != STATUS_OK) {
        return; /* the cell is about to be reloaded */
    }
    reclaimer->is_settling = reclaimer->must_settle_again;
    reclaimer->must_settle_again = false;
    if (reclaimer->is_settling) {
        step_when_durable(step, hook);
    } else {
        reclaimer_wake(step, reclaimer);
    }
}

/* Goes on once all that has been written until now is durable, so that reads see it. */
static void reclaimer_settle(struct step *step, struct reclaimer *reclaimer)
{
    if (reclaimer->is_settling) {
        reclaimer->must_settle_again = true;
        return;
    }
    reclaimer->is_settling = true;
    step_when_durable(step, &reclaimer->hook);
}

/* --- Rows. */

static void on_rows(struct read *read, struct step *step)
{
    struct reclaimer *reclaimer = read->context;

    reclaimer->is_reading = false;
    reclaimer->rows = read;
    reclaimer->at = 0;
    reclaimer->expected = 0;
    reclaimer_wake(step, reclaimer);
}

static void rows_request(struct step *step, struct reclaimer *reclaimer,
                         const struct garbage *garbage)
{
    enum table table = reclaimed_tables[reclaimer->table];
    struct key prefix =
        key_u32(table, table == TABLE_DEDUPLICATION ? garbage->queue : garbage->store);
    struct read *read = read_create(on_rows, reclaimer);

    /* Not over what is deleted already: until it has left the store, reading past it takes time
     * that others wait for. */
    read->from = reclaimer->from.len == 0 ? prefix : reclaimer->from;
    read->to = key_after_prefix(&prefix);
    read->row_max = RECLAIM_ROWS;
    read->bytes_max = UINT32_MAX;
    read->value_max = REDUCED_ROW;
    reclaimer->is_reading = true;
    step_read(step, read);
}

static enum status row_reclaim(struct step *step, const struct reclaimer *reclaimer,
                               const struct row *row)
{
    struct blob *value = record_overlay(step, row);
    struct entry entry;

    if (row_is_lost(step, row)) {
        record_delete(step, &row->key);
        return STATUS_OK;
    }
    if (value == NULL) {
        return STATUS_OK;
    }
    bool is_entry = row->key.at[0] == TABLE_READY && row->key.at[READY_PART_AT] == 0;

    if (is_entry && !entry_decode_head(blob_text(value), &entry)) {
        record_set_aside(step, &row->key, value, "a purged message that cannot be read");
        return STATUS_OK;
    }
    if (is_entry && (entry.flags & ENTRY_REFERENCE) != 0 && !mutant("queues.purge-leaks-bodies")
        && reclaimer->queues->hooks.release(step, entry.message) == STATUS_WAIT) {
        return STATUS_WAIT;
    }
    record_delete(step, &row->key);
    return STATUS_OK;
}

static void rows_expect(struct step *step, struct reclaimer *reclaimer)
{
    while (reclaimer->expected < reclaimer->rows->row_count
           && reclaimer->expected < reclaimer->at + EXPECTED_ROWS) {
        entry_expect(step, reclaimer->queues, &reclaimer->rows->rows[reclaimer->expected++],
                     INT64_MAX);
    }
}

static enum status rows_reclaim(struct step *step, struct reclaimer *reclaimer)
{
    while (reclaimer->at < reclaimer->rows->row_count) {
        rows_expect(step, reclaimer);
        if (row_reclaim(step, reclaimer, &reclaimer->rows->rows[reclaimer->at])
            == STATUS_WAIT) {
            return STATUS_WAIT;
        }
        reclaimer->at++;
    }
    if (reclaimer->rows->complete) {
        reclaimer->table++;
        reclaimer->from.len = 0;
    } else {
        reclaimer->from = read_next_from(reclaimer->rows);
    }
    read_free(reclaimer->rows);
    reclaimer->rows = NULL;
    reclaimer_settle(step, reclaimer);
    return STATUS_OK;
}

/* --- Stores. */

static bool table_applies(const struct reclaimer *reclaimer, const struct garbage *garbage)
{
    return reclaimed_tables[reclaimer->table] != TABLE_DEDUPLICATION || garbage->queue != 0;
}

static void garbage_end(struct step *step, struct reclaimer *reclaimer, struct garbage *garbage)
{
    struct key key = key_u32(TABLE_QUEUE_GARBAGE, garbage->store);

    record_delete(step, &key);
    list_remove(&garbage->node);
    memory_free(garbage);
    reclaimer->table = 0;
}

static enum status reclaimer_run(struct task *task, struct step *step)
{
    struct reclaimer *reclaimer = container_of(task, struct reclaimer, task);

    while (!reclaimer->is_reading && !reclaimer->is_settling
           && !list_is_empty(&reclaimer->stores)) {
        struct garbage *garbage =
            container_of(list_first(&reclaimer->stores), struct garbage, node);

        if (reclaimer->table == countof(reclaimed_tables)
            || !table_applies(reclaimer, garbage)) {
            garbage_end(step, reclaimer, garbage);
        } else if (reclaimer->rows == NULL) {
            rows_request(step, reclaimer, garbage);
        } else if (rows_reclaim(step, reclaimer) == STATUS_WAIT) {
            return STATUS_WAIT;
        }
    }
    return STATUS_OK;
}

static void reclaimer_done(struct task *task, struct step *step, enum status status)
{
    (void)task;
    (void)step;
    (void)status;
}

static void garbage_add(struct reclaimer *reclaimer, uint32_t store, uint32_t queue)
{
    struct garbage *garbage = memory_zero(sizeof *garbage);

    garbage->store = store;
    garbage->queue = queue;
    list_push(&reclaimer->stores, &garbage->node);
}

void reclaimer_add(struct step *step, struct reclaimer *reclaimer, uint32_t store,
                   uint32_t queue)
{
    struct key key = key_u32(TABLE_QUEUE_GARBAGE, store);
    struct buffer row;

    buffer_init(&row, sizeof queue);
    buffer_add_u32(&row, queue);
    if (!mutant("queues.garbage-unwritten")) {
        record_put(step, &key, blob_copy(buffer_text(&row)));
    }
    buffer_free(&row);
    garbage_add(reclaimer, store, queue);
    /* What was sent in this batch must be on disk before its rows are looked for. */
    reclaimer_settle(step, reclaimer);
}

bool reclaimer_load(struct step *step, struct queues *queues, const struct key *key,
                    struct text row)
{
    struct cursor cursor = cursor_over(row);
    uint32_t queue = cursor_u32(&cursor);

    (void)step;
    if (!cursor_done(&cursor)) {
        return false;
    }
    garbage_add(queues->reclaimer, key_get_u32(key, 1), queue);
    return true;
}

struct reclaimer *reclaimer_create(struct queues *queues)
{
    struct reclaimer *reclaimer = memory_zero(sizeof *reclaimer);

    reclaimer->queues = queues;
    reclaimer->task = (struct task){.run = reclaimer_run, .done = reclaimer_done};
    reclaimer->hook.run = on_settled;
    list_init(&reclaimer->stores);
    return reclaimer;
}

void reclaimer_free(struct reclaimer *reclaimer)
{
    struct list_node *node = NULL;

    if (reclaimer == NULL) {
        return;
    }
    task_cancel(&reclaimer->task);
    while ((node = list_pop(&reclaimer->stores)) != NULL) {
        memory_free(container_of(node, struct garbage, node));
    }
    read_free(reclaimer->rows);
    memory_free(reclaimer);
}

void reclaimer_start(struct step *step, struct reclaimer *reclaimer)
{
    reclaimer->is_started = true;
    reclaimer_wake(step, reclaimer);
}
