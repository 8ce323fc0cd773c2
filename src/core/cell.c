/* The cell: one thread, no I/O; inputs in, effects out. */
#include "base/memory.h"
#include "base/must.h"
#include "core/internal.h"

struct cell *cell_create(const struct cell_options *options)
{
    struct cell *cell = memory_zero(sizeof *cell);

    cell->options = *options;
    cell->step.random = options->random;
    cell->step.records = records_create(options->cache_bytes);
    list_init(&cell->calls);
    for (size_t i = 0; i < cell_part_count; i++) {
        cell_parts[i].create(cell);
    }
    return cell;
}

static void call_forget(struct call *call)
{
    task_cancel(&call->task);
    list_remove(&call->hook.node);
    list_remove(&call->node);
}

void cell_end(struct cell *cell)
{
    struct list_node *node = NULL;

    if (cell->is_stopped) {
        return;
    }
    cell->is_stopped = true; /* before: no done() may come back in */
    while ((node = list_first(&cell->calls)) != NULL) {
        struct call *call = container_of(node, struct call, node);

        call_forget(call);
        if (!call->is_durable_wait && call->leave != NULL) {
            call->leave(call, &cell->step);
        }
        call->done(call, STATUS_STORAGE);
    }
    records_end(cell->step.records);
}

void cell_free(struct cell *cell)
{
    struct list_node *node = NULL;

    if (cell == NULL) {
        return;
    }
    /* Without cell_end, as when the process dies: whoever waits hears nothing. */
    while ((node = list_first(&cell->calls)) != NULL) {
        call_forget(container_of(node, struct call, node));
    }
    records_end(cell->step.records);
    for (size_t i = cell_part_count; i > 0; i--) {
        cell_parts[i - 1].free(cell);
    }
    blob_unref(cell->history_row);
    records_free(cell->step.records); /* the parts' tasks held what is in there */
    memory_free(cell);
}

struct router *cell_router(struct cell *cell)
{
    return cell->step.router;
}

struct queues *cell_queues(struct cell *cell)
{
    return cell->step.queues;
}

struct deliveries *cell_deliveries(struct cell *cell)
{
    return cell->step.deliveries;
}

bool cell_is_ready(const struct cell *cell)
{
    return cell->is_ready && queues_is_ready(cell->step.queues);
}

bool cell_has_failed(const struct cell *cell, struct why *ret_why)
{
    if (cell->has_failed) {
        *ret_why = cell->why;
    }
    if (!cell->has_failed && queues_has_failed(cell->step.queues)) {
        (void)fail(
            ret_why, STATUS_STORAGE,
            "a queue's rows in the data directory are not what this version reads: restore "
            "it from a backup, or start with an empty directory");
        return true;
    }
    return cell->has_failed;
}

uint64_t cell_uncommitted_bytes(const struct cell *cell)
{
    return records_uncommitted_bytes(cell->step.records);
}

struct history_counters cell_history(const struct cell *cell)
{
    return history_counters(&cell->step);
}

struct seals_counters cell_seals(const struct cell *cell)
{
    return seals_counters(cell->step.seals);
}

/* --- Steps. */

/* An input comes in.  A cell's time never goes back, whatever its caller's does. */
static void step_begin(struct cell *cell, int64_t now_ms, const char *input)
{
    must(!cell->is_stopped);
    must_doing(input);
    if (now_ms > cell->step.now_ms) {
        cell->step.now_ms = now_ms;
    }
}

/* What the input has set going. */
static void step_end(struct cell *cell)
{
    records_run(&cell->step);
    must_doing(NULL);
}

void cell_start(struct cell *cell, int64_t now_ms)
{
    step_begin(cell, now_ms, "start");
    cell_load(cell);
    step_end(cell);
}

/* --- Calls. */

static enum status call_run(struct task *task, struct step *step)
{
    struct call *call = container_of(task, struct call, task);

    return call->run(call, step);
}

static void call_end(struct call *call, enum status status)
{
    list_remove(&call->node);
    call->done(call, status); /* may free it */
}

static void on_call_durable(struct hook *hook, struct step *step, enum status status)
{
    struct call *call = container_of(hook, struct call, hook);

    (void)step;
    call_end(call, status == STATUS_OK ? call->status : status);
}

static void call_done(struct task *task, struct step *step, enum status status)
{
    struct call *call = container_of(task, struct call, task);

    if (call->leave != NULL) {
        call->leave(call, step);
    }
    if (call->only_reads || status != STATUS_OK) {
        call_end(call, status);
        return;
    }
    call->status = status;
    call->is_durable_wait = true;
    call->hook.run = on_call_durable;
    step_when_durable(step, &call->hook);
}

void cell_call(struct cell *cell, int64_t now_ms, struct call *call)
{
    step_begin(cell, now_ms, "a call");
    call->is_durable_wait = false;
    call->task = (struct task){.run = call_run, .done = call_done};
    call->hook = (struct hook){0};
    list_push(&cell->calls, &call->node);
    task_start(&call->task, &cell->step);
    step_end(cell);
}

bool cell_cancel(struct cell *cell, struct call *call)
{
    if (call->is_durable_wait) {
        return false;
    }
    list_remove(&call->node);
    task_cancel(&call->task);
    if (call->leave != NULL) {
        call->leave(call, &cell->step);
        step_end(cell);
    }
    return true;
}

/* --- The other inputs. */

void cell_outcome(struct cell *cell, int64_t now_ms, uint64_t attempt_id,
                  const struct attempt_outcome *outcome)
{
    step_begin(cell, now_ms, "an outcome");
    deliveries_outcome(&cell->step, attempt_id, outcome);
    step_end(cell);
}

/* Without these rows nothing can go on as if they had never been. */
static bool is_vital(const struct key *key)
{
    return key->at[0] == TABLE_META || key->at[0] == TABLE_TOPIC || key->at[0] == TABLE_QUEUE
           || key->at[0] == TABLE_DATA_KEY;
}

static void fail_if_vital_is_damaged(struct cell *cell, const struct read *read)
{
    for (uint32_t i = 0; i < read->row_count && read->damaged_count > 0; i++) {
        const struct row *row = &read->rows[i];

        if (row->is_damaged && is_vital(&row->key)) {
            cell->has_failed = true;
            (void)fail(&cell->why, STATUS_STORAGE,
                       "a row of the database (table '%c') is damaged, without which it cannot "
                       "be served: restore the data directory from a copy",
                       row->key.at[0]);
        }
    }
}

void cell_read_done(struct cell *cell, int64_t now_ms, struct read *take_read)
{
    step_begin(cell, now_ms, "a read's rows");
    if (take_read->status != STATUS_OK) {
        cell->has_failed = true;
        (void)fail(&cell->why, STATUS_STORAGE, "reading the data directory failed");
    }
    fail_if_vital_is_damaged(cell, take_read);
    records_read_done(&cell->step, take_read);
    step_end(cell);
}

void cell_committed(struct cell *cell, int64_t now_ms, struct batch *take_batch,
                    enum status status)
{
    step_begin(cell, now_ms, "a commit's end");
    cell->is_committing = false;
    if (status != STATUS_OK) {
        /* Memory now says more than the disk: it is dropped and loaded anew. */
        cell->has_failed = true;
        (void)fail(&cell->why, status, "a commit failed");
    }
    records_committed(&cell->step, take_batch, status);
    if (status == STATUS_OK) {
        step_end(cell);
    }
}

void cell_tick(struct cell *cell, int64_t now_ms)
{
    step_begin(cell, now_ms, "the time");
    step_end(cell);
}

void cell_set_space(struct cell *cell, uint64_t free_bytes)
{
    records_set_space(cell->step.records, free_bytes, cell->options.watermark_bytes);
    if (cell->is_ready && !cell->has_failed && step_space_is_scarce(&cell->step)) {
        history_shrink(&cell->step);
    }
}

/* --- Effects. */

struct batch *cell_next_batch(struct cell *cell, int64_t now_ms)
{
    if (cell->is_committing || cell->has_failed) {
        return NULL;
    }
    step_begin(cell, now_ms, "closing a batch");
    while (records_has_batch(cell->step.records)) {
        struct batch *batch = records_take_batch(&cell->step);

        if (batch != NULL) {
            cell->is_committing = true;
            return batch;
        }
        records_run(&cell->step); /* only hooks were waiting; they may have caused more */
    }
    return NULL;
}

struct read *cell_next_read(struct cell *cell)
{
    return records_next_read(cell->step.records);
}

bool cell_next_attempt(struct cell *cell, struct attempt_start *ret_start)
{
    return deliveries_next_start(cell->step.deliveries, ret_start);
}

int64_t cell_now_ms(const struct cell *cell)
{
    return cell->step.now_ms;
}

struct damage *cell_next_damage(struct cell *cell)
{
    return records_next_damage(cell->step.records);
}

uint64_t cell_damaged(const struct cell *cell)
{
    return records_damaged(cell->step.records);
}

uint64_t cell_mended(const struct cell *cell)
{
    return records_mended(cell->step.records);
}

int64_t cell_next_wake(const struct cell *cell)
{
    return records_next_wake(cell->step.records);
}
