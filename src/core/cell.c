/* The cell: one thread, no I/O; inputs in, effects out. */
#include "base/memory.h"
#include "core/core.h"

#include <string.h>

#define SECRET_SIZE 16
#define LOAD_ROWS   512
#define LOAD_BYTES  (4 * 1024 * 1024)

struct cell {
    struct step step;
    struct records *records;
    struct queues *queues;
    struct router *router;
    struct deliveries *deliveries;
    struct history *history;
    struct replays *replays;
    struct blob *history_row; /* until it is started */
    uint64_t watermark_bytes;
    bool is_committing;
    bool is_ready;
    bool has_failed;
    struct why why;
    uint8_t secret[SECRET_SIZE];
    struct task opening; /* the first: counters and the secret */
};

static enum status release_body(struct step *step, uint64_t message)
{
    return body_release(step, message);
}

struct cell *cell_create(const struct cell_options *options)
{
    static const struct delivery_hooks delivery_hooks = {
        .deliver_here = router_deliver_here,
        .policy = router_retry_policy,
        .limits = router_lane_limits,
        .disable = router_disable,
        .dead_letter = router_dead_letter,
    };
    static const struct queues_hooks queues_hooks = {
        .release = release_body,
        .expect_release = body_expect_release,
        .redeliver = router_redeliver,
    };
    struct cell *cell = memory_zero(sizeof *cell);

    cell->records = records_create(options->cache_bytes);
    cell->queues = queues_create(&queues_hooks, &options->queues);
    cell->router = router_create(&options->limits);
    cell->deliveries = deliveries_create(&options->deliveries, &delivery_hooks);
    cell->history = history_create(&options->history);
    cell->replays = replays_create();
    cell->watermark_bytes = options->watermark_bytes;
    cell->step = (struct step){
        .random = options->random,
        .records = cell->records,
        .router = cell->router,
        .queues = cell->queues,
        .deliveries = cell->deliveries,
        .history = cell->history,
        .replays = cell->replays,
    };
    return cell;
}

void cell_free(struct cell *cell)
{
    if (cell == NULL) {
        return;
    }
    /* What they hold may be registered with the records, so these go last. */
    replays_free(cell->replays);
    deliveries_free(cell->deliveries);
    router_free(cell->router);
    queues_free(cell->queues);
    history_free(cell->history);
    blob_unref(cell->history_row);
    records_free(cell->records);
    memory_free(cell);
}

struct router *cell_router(struct cell *cell)
{
    return cell->router;
}

struct queues *cell_queues(struct cell *cell)
{
    return cell->queues;
}

struct deliveries *cell_deliveries(struct cell *cell)
{
    return cell->deliveries;
}

bool cell_is_ready(const struct cell *cell)
{
    return cell->is_ready && queues_is_ready(cell->queues);
}

bool cell_has_failed(const struct cell *cell, struct why *ret_why)
{
    if (cell->has_failed) {
        *ret_why = cell->why;
    }
    if (!cell->has_failed && queues_has_failed(cell->queues)) {
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
    return records_uncommitted_bytes(cell->records);
}

struct history_counters cell_history(const struct cell *cell)
{
    return history_counters(&cell->step);
}

/* --- Loading: the counters and the secret, then the queues, then the topics; the rest beside
 * the traffic. */

static struct cell *cell_of(struct step *step)
{
    return container_of(step, struct cell, step);
}

static void cell_fail(struct cell *cell, const char *what, const struct key *key)
{
    cell->has_failed = true;
    (void)fail(&cell->why, STATUS_STORAGE,
               "a %s record (number %u) in the data directory is not one that this version "
               "reads: restore it from a backup, or start with an empty directory",
               what, key->len >= 5 ? key_get_u32(key, 1) : 0);
}

static void table_read(struct step *step, struct key from);

static void loading_done(struct step *step)
{
    struct cell *cell = cell_of(step);

    history_start(step, blob_text(cell->history_row), cell->secret);
    queues_start(step, cell->queues, cell->secret);
    router_start(step, cell->router);
    deliveries_start(step, cell->deliveries);
    replays_start(step);
    cell->is_ready = true;
}

static bool row_load(struct cell *cell, const struct row *row)
{
    struct text value = blob_text(row->value);

    if (row->key.at[0] == TABLE_QUEUE) {
        return queues_load(cell->queues, &row->key, value) == STATUS_OK;
    }
    return router_load_topic(cell->router, &row->key, value) == STATUS_OK;
}

static void on_table(struct read *read, struct step *step)
{
    struct cell *cell = cell_of(step);
    bool is_queues = read->from.at[0] == TABLE_QUEUE;

    for (uint32_t i = 0; i < read->row_count; i++) {
        if (!row_load(cell, &read->rows[i])) {
            cell_fail(cell, is_queues ? "queue" : "topic", &read->rows[i].key);
            read_free(read);
            return;
        }
    }
    if (!read->complete && read->row_count > 0) {
        struct key next = read->rows[read->row_count - 1].key;

        next.at[next.len++] = 0;
        table_read(step, next);
    } else if (is_queues) {
        table_read(step, key_table(TABLE_TOPIC));
    } else {
        loading_done(step);
    }
    read_free(read);
}

static void table_read(struct step *step, struct key from)
{
    struct key table = key_table((enum table)from.at[0]);
    struct read *read = read_create(on_table, NULL);

    read->from = from;
    read->to = key_after_prefix(&table);
    read->row_max = LOAD_ROWS;
    read->bytes_max = LOAD_BYTES;
    read->value_max = UINT32_MAX;
    step_read(step, read);
}

static enum status opening_run(struct task *task, struct step *step)
{
    struct cell *cell = container_of(task, struct cell, opening);
    struct key counters = key_name(TABLE_META, T("counters"));
    struct key secret = key_name(TABLE_META, T("secret"));
    struct key history = history_key();
    struct blob *value = NULL;
    enum status status = record_get(step, &history, &value);

    if (status == STATUS_WAIT) {
        return status;
    }
    blob_unref(cell->history_row);
    cell->history_row = status == STATUS_OK ? blob_ref(value) : NULL;
    status = record_get(step, &secret, &value);

    if (status == STATUS_OK && value->len == SECRET_SIZE) {
        memcpy(cell->secret, value->at, SECRET_SIZE);
    }
    bool is_new = status == STATUS_NOT_FOUND;

    status = status == STATUS_WAIT ? status : record_get(step, &counters, &value);
    if (status == STATUS_WAIT) {
        return status;
    }
    records_load_counters(cell->records,
                          status == STATUS_OK ? blob_text(value) : (struct text){0});
    if (is_new) {
        step->random->fill(step->random, cell->secret, SECRET_SIZE);
        record_put(step, &secret, blob_copy(text_make(cell->secret, SECRET_SIZE)));
    }
    return STATUS_OK;
}

static void opening_done(struct task *task, struct step *step, enum status status)
{
    (void)task;
    (void)status;
    table_read(step, key_table(TABLE_QUEUE));
}

void cell_start(struct cell *cell, int64_t now_ms)
{
    cell->step.now_ms = now_ms;
    cell->opening = (struct task){.run = opening_run, .done = opening_done};
    task_start(&cell->opening, &cell->step);
    records_run(&cell->step);
}

/* --- Calls. */

static enum status call_run(struct task *task, struct step *step)
{
    struct call *call = container_of(task, struct call, task);

    return call->run(call, step);
}

static void on_call_durable(struct hook *hook, struct step *step, enum status status)
{
    struct call *call = container_of(hook, struct call, hook);

    (void)step;
    call->done(call, status == STATUS_OK ? call->status : status);
}

static void call_done(struct task *task, struct step *step, enum status status)
{
    struct call *call = container_of(task, struct call, task);

    if (call->leave != NULL) {
        call->leave(call, step);
    }
    if (call->only_reads || status != STATUS_OK) {
        call->done(call, status);
        return;
    }
    call->status = status;
    call->is_durable_wait = true;
    call->hook.run = on_call_durable;
    step_when_durable(step, &call->hook);
}

void cell_call(struct cell *cell, int64_t now_ms, struct call *call)
{
    cell->step.now_ms = now_ms;
    call->cell = cell;
    call->is_durable_wait = false;
    call->task = (struct task){.run = call_run, .done = call_done};
    call->hook = (struct hook){0};
    task_start(&call->task, &cell->step);
    records_run(&cell->step);
}

bool cell_cancel(struct cell *cell, struct call *call)
{
    if (call->is_durable_wait) {
        return false;
    }
    task_cancel(&call->task);
    if (call->leave != NULL) {
        call->leave(call, &cell->step);
        records_run(&cell->step);
    }
    return true;
}

/* --- The other inputs. */

void cell_outcome(struct cell *cell, int64_t now_ms, uint64_t attempt_id,
                  const struct attempt_outcome *outcome)
{
    cell->step.now_ms = now_ms;
    deliveries_outcome(&cell->step, attempt_id, outcome);
    records_run(&cell->step);
}

void cell_read_done(struct cell *cell, int64_t now_ms, struct read *take_read)
{
    cell->step.now_ms = now_ms;
    if (take_read->status != STATUS_OK) {
        cell->has_failed = true;
        (void)fail(&cell->why, STATUS_STORAGE, "reading the data directory failed");
    }
    records_read_done(&cell->step, take_read);
    records_run(&cell->step);
}

void cell_committed(struct cell *cell, int64_t now_ms, struct batch *take_batch,
                    enum status status)
{
    cell->step.now_ms = now_ms;
    cell->is_committing = false;
    if (status != STATUS_OK) {
        /* Memory now says more than the disk: it is dropped and loaded anew. */
        cell->has_failed = true;
        (void)fail(&cell->why, status, "a commit failed");
    }
    records_committed(&cell->step, take_batch, status);
    if (status == STATUS_OK) {
        records_run(&cell->step);
    }
}

void cell_tick(struct cell *cell, int64_t now_ms)
{
    cell->step.now_ms = now_ms;
    records_run(&cell->step);
}

void cell_set_space(struct cell *cell, uint64_t free_bytes)
{
    records_set_space(cell->records, free_bytes, cell->watermark_bytes);
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
    cell->step.now_ms = now_ms;
    while (records_has_batch(cell->records)) {
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
    return records_next_read(cell->records);
}

bool cell_next_attempt(struct cell *cell, struct attempt_start *ret_start)
{
    return deliveries_next_start(cell->deliveries, ret_start);
}

int64_t cell_next_wake(const struct cell *cell)
{
    return records_next_wake(cell->records);
}
