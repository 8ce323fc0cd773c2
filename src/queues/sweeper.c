/* Retention: looks where the oldest messages of a queue stand, one queue at a time, and removes
 * what is too old in bounded batches. */
#include "queues/sweeper.h"

#include "base/memory.h"
#include "base/mutants.h"
#include "queues/erase.h"
#include "queues/rows.h"
#include "queues/state.h"
#include "queues/window.h"

enum {
    SWEEP_ROWS = 512,
    LOOK_ROWS = 8,        /* mostly it is about the first */
    LOOK_AGAIN_MS = 1000, /* after the oldest went: where is the next? */
    EXPIRY_SENT_AT = 5,
    EXPIRY_SEQUENCE_AT = 13
};

/* The states of one sweep: READ the expiry rows of moved messages, remove those, READ the
 * entries in order, remove those. */
struct sweeper {
    struct task task;
    struct queues *queues;
    struct list due; /* queue_state.oldest.node; the first is being swept */
    struct hook hook;
    struct read *rows; /* NULL: to be read */
    uint32_t at,
        expected; /* of rows: the next, and the first that nothing was read ahead for */
    bool is_started, is_reading, is_settling;
    bool has_moved;        /* the expiry rows are done */
    bool has_erased;       /* something of `rows` */
    struct key from;       /* of the rows to be read; len 0: from the table's start */
    uint32_t queue, store; /* of the sweep that is going on; 0: none */
};

/* Goes on, unless it waits for a record.  The task ends at every pause, so that it does not
 * hold what it once waited for. */
static void sweeper_wake(struct step *step, struct sweeper *sweeper)
{
    if (!list_contains(&sweeper->task.node) && sweeper->is_started) {
        task_start(&sweeper->task, step);
    }
}

/* --- When. */

static int64_t earlier(int64_t a_ms, int64_t b_ms)
{
    return a_ms < b_ms ? a_ms : b_ms;
}

static int64_t oldest_known_ms(const struct oldest *oldest)
{
    return earlier(oldest->sequence == 0 ? INT64_MAX : oldest->sent_ms, oldest->moved_sent_ms);
}

int64_t queue_oldest_ms(const struct queue *queue)
{
    int64_t oldest_ms = oldest_known_ms(&queue->state->oldest);

    return counts_are_empty(&queue->state->counts) || oldest_ms == INT64_MAX ? 0 : oldest_ms;
}

static void oldest_arm(struct step *step, struct queue_state *state)
{
    struct oldest *oldest = &state->oldest;
    int64_t due_ms = oldest_known_ms(oldest);

    if (counts_are_empty(&state->counts)) {
        timer_cancel(step, &oldest->timer);
        return;
    }
    due_ms = due_ms == INT64_MAX ? due_ms : due_ms + retention_ms(state->queue);
    if (oldest->sequence == 0 && due_ms > step->now_ms + LOOK_AGAIN_MS) {
        due_ms = step->now_ms + LOOK_AGAIN_MS;
    }
    /* In a queue that is read as it fills, the oldest changes all the time: one look will do.
     */
    if (!heap_contains(&oldest->timer.node) || oldest->timer.node.key > due_ms) {
        timer_set(step, &oldest->timer, due_ms);
    }
}

void oldest_sent(struct step *step, struct queue_state *state, uint64_t sequence,
                 const struct entry *entry)
{
    struct oldest *oldest = &state->oldest;

    if ((entry->flags & ENTRY_MOVED) != 0) {
        oldest->moved_sent_ms = earlier(oldest->moved_sent_ms, entry->sent_ms);
        oldest->moved_lately_ms = earlier(oldest->moved_lately_ms, entry->sent_ms);
    }
    if (state->counts.total == 1 && !state->counts.is_wrong) {
        oldest->begin = sequence;
        oldest->sequence = sequence;
        oldest->sent_ms = entry->sent_ms;
    }
    if (!heap_contains(&oldest->timer.node) || (entry->flags & ENTRY_MOVED) != 0) {
        oldest_arm(step, state);
    }
}

void oldest_erased(struct step *step, struct queue_state *state, const struct remains *remains)
{
    struct oldest *oldest = &state->oldest;

    if (counts_are_empty(&state->counts)) {
        oldest->sequence = 0;
        oldest->moved_sent_ms = INT64_MAX;
        oldest->moved_lately_ms = INT64_MAX;
        timer_cancel(step, &oldest->timer);
    } else if (remains->sequence == oldest->sequence
               || ((remains->flags & ENTRY_MOVED) != 0
                   && remains->sent_ms == oldest->moved_sent_ms)) {
        oldest->sequence = 0;
        oldest_arm(step, state);
    }
}

void oldest_reset(struct step *step, struct queue_state *state)
{
    state->oldest.begin = 0;
    state->oldest.sequence = 0;
    state->oldest.moved_sent_ms = INT64_MAX;
    if (state->arrivals_under_way == 0) {
        state->oldest.moved_lately_ms = INT64_MAX;
    }
    timer_cancel(step, &state->oldest.timer);
    if (!counts_are_empty(&state->counts)) {
        timer_set(step, &state->oldest.timer, step->now_ms);
    }
}

void on_oldest_timer(struct timer *timer, struct step *step)
{
    struct oldest *oldest = container_of(timer, struct oldest, timer);
    struct queue_state *state = container_of(oldest, struct queue_state, oldest);

    if (!list_contains(&oldest->node)) {
        list_push(&state->queues->sweeper->due, &oldest->node);
        sweeper_wake(step, state->queues->sweeper);
    }
}

/* --- Removing. */

static bool is_too_old(const struct step *step, const struct queue_state *state,
                       int64_t sent_ms)
{
    return sent_ms + retention_ms(state->queue) / (mutant("queues.retention-halved") ? 2 : 1)
           <= step->now_ms;
}

/* Each visits one row: STATUS_OK: go on, STATUS_WAIT, STATUS_EXISTS: the rest is young. */
static enum status expiry_row(struct step *step, struct queue_state *state,
                              const struct row *row)
{
    int64_t sent_ms = (int64_t)key_get_u64(&row->key, EXPIRY_SENT_AT);
    uint64_t sequence = key_get_u64(&row->key, EXPIRY_SEQUENCE_AT);
    struct key key = entry_key(state->queue->store, sequence);
    struct blob *value = NULL;
    struct entry entry;

    if (record_overlay(step, row) == NULL && !row_is_lost(step, row)) {
        return STATUS_OK;
    }
    if (!is_too_old(step, state, sent_ms)) {
        state->oldest.moved_sent_ms = earlier(sent_ms, state->oldest.moved_lately_ms);
        return STATUS_EXISTS;
    }
    enum status status = record_get(step, &key, &value);

    if (status == STATUS_WAIT) {
        return status;
    }
    if (status == STATUS_OK && entry_decode_head(blob_text(value), &entry)) {
        return entry_discard(step, state, sequence, &entry);
    }
    if (status == STATUS_OK) {
        entry_lose(step, state, sequence, value);
    }
    record_delete(step, &row->key);
    return STATUS_OK;
}

static void expiry_expect(struct step *step, const struct queue_state *state,
                          const struct row *row)
{
    struct key key = entry_key(state->queue->store, key_get_u64(&row->key, EXPIRY_SEQUENCE_AT));

    if (is_too_old(step, state, (int64_t)key_get_u64(&row->key, EXPIRY_SENT_AT))) {
        record_prefetch(step, &key);
    }
}

static enum status ready_row(struct step *step, struct queue_state *state,
                             const struct row *row)
{
    uint64_t sequence = key_get_u64(&row->key, READY_SEQUENCE_AT);
    struct blob *value =
        mutant("queues.sweeper-trusts-rows") ? row->value : record_overlay(step, row);
    struct entry entry;

    if (row->key.at[READY_PART_AT] != 0 || (value == NULL && !row_is_lost(step, row))) {
        return STATUS_OK;
    }
    if (value == NULL || !entry_decode_head(blob_text(value), &entry)) {
        entry_lose(step, state, sequence, value);
        return STATUS_OK;
    }
    if (!is_too_old(step, state, entry.sent_ms)) {
        state->oldest.begin = sequence;
        state->oldest.sequence = sequence;
        state->oldest.sent_ms = entry.sent_ms;
        return STATUS_EXISTS;
    }
    return entry_discard(step, state, sequence, &entry);
}

/* --- One sweep. */

static void on_rows(struct read *read, struct step *step)
{
    struct sweeper *sweeper = read->context;

    sweeper->is_reading = false;
    sweeper->rows = read;
    sweeper->at = 0;
    sweeper->expected = 0;
    sweeper_wake(step, sweeper);
}

static void rows_request(struct step *step, struct sweeper *sweeper, struct queue_state *state)
{
    struct key prefix =
        key_u32(sweeper->has_moved ? TABLE_READY : TABLE_EXPIRY, state->queue->store);
    struct read *read = read_create(on_rows, sweeper);

    if (sweeper->from.len > 0) {
        read->from = sweeper->from;
    } else if (sweeper->has_moved) {
        read->from = entry_key(state->queue->store, state->oldest.begin);
    } else {
        read->from = prefix;
    }
    read->to = key_after_prefix(&prefix);
    read->row_max = sweeper->from.len == 0 ? LOOK_ROWS : SWEEP_ROWS;
    read->bytes_max = UINT32_MAX;
    read->value_max = REDUCED_ROW;
    if (!sweeper->has_moved && sweeper->from.len == 0 && state->arrivals_under_way == 0) {
        state->oldest.moved_lately_ms = INT64_MAX; /* all that there are will be read */
    }
    sweeper->is_reading = true;
    sweeper->has_erased = false;
    step_read(step, read);
}

static void rows_drop(struct sweeper *sweeper)
{
    read_free(sweeper->rows);
    sweeper->rows = NULL;
    sweeper->from.len = 0;
}

static void sweep_end(struct step *step, struct sweeper *sweeper, struct queue_state *state)
{
    rows_drop(sweeper);
    sweeper->has_moved = false;
    sweeper->queue = 0;
    if (state != NULL) {
        list_remove(&state->oldest.node);
        oldest_arm(step, state);
        window_settle(step, state);
    }
}

static void on_settled(struct hook *hook, struct step *step, enum status status)
{
    struct sweeper *sweeper = container_of(hook, struct sweeper, hook);

    if (status == STATUS_OK) { /* else the cell is about to be reloaded */
        sweeper->is_settling = false;
        sweeper_wake(step, sweeper);
    }
}

/* One round trip for many rows: of a backlog that nobody reads all the counts are on disk. */
static void rows_expect(struct step *step, struct sweeper *sweeper,
                        const struct queue_state *state)
{
    while (sweeper->expected < sweeper->rows->row_count
           && sweeper->expected < sweeper->at + EXPECTED_ROWS) {
        const struct row *row = &sweeper->rows->rows[sweeper->expected++];

        if (sweeper->has_moved) {
            entry_expect(step, state->queues, row, step->now_ms - retention_ms(state->queue));
        } else {
            expiry_expect(step, state, row);
        }
    }
}

static enum status rows_visit(struct step *step, struct sweeper *sweeper,
                              struct queue_state *state)
{
    enum status status = STATUS_OK;

    while (status == STATUS_OK && sweeper->at < sweeper->rows->row_count) {
        const struct row *row = &sweeper->rows->rows[sweeper->at];

        rows_expect(step, sweeper, state);
        status =
            sweeper->has_moved ? ready_row(step, state, row) : expiry_row(step, state, row);
        sweeper->at += status == STATUS_OK;
        sweeper->has_erased = sweeper->has_erased || record_overlay(step, row) == NULL;
    }
    return status;
}

/* A table has nothing young: nothing older than what is on its way is known. */
static void table_ran_out(const struct sweeper *sweeper, struct queue_state *state)
{
    if (sweeper->has_moved) {
        state->oldest.sequence = 0;
    } else {
        state->oldest.moved_sent_ms = state->oldest.moved_lately_ms;
    }
}

/* The rows that are here have been seen: what next? */
static void rows_next(struct step *step, struct sweeper *sweeper, struct queue_state *state,
                      bool is_young)
{
    if (!is_young && !sweeper->rows->complete) {
        struct key from = read_next_from(sweeper->rows);

        rows_drop(sweeper);
        sweeper->from = from;
        if (sweeper->has_erased) {
            sweeper->is_settling = true; /* no batch of ours grows without bound */
            step_when_durable(step, &sweeper->hook);
        }
        return;
    }
    if (!is_young) {
        table_ran_out(sweeper, state);
    }
    rows_drop(sweeper);
    if (sweeper->has_moved) {
        sweep_end(step, sweeper, state);
    }
    sweeper->has_moved = sweeper->queue != 0;
}

/* The queue that is due; what was read for one that is gone or purged is dropped. */
static struct queue_state *sweep_queue(struct step *step, struct sweeper *sweeper)
{
    struct list_node *first = list_first(&sweeper->due);
    struct queue_state *state = first == NULL
                                    ? NULL
                                    : container_of(container_of(first, struct oldest, node),
                                                   struct queue_state, oldest);

    if (state == NULL || sweeper->queue != state->queue->number
        || sweeper->store != state->queue->store) {
        sweep_end(step, sweeper, NULL);
    }
    if (state != NULL && sweeper->queue == 0) {
        sweeper->queue = state->queue->number;
        sweeper->store = state->queue->store;
    }
    return state;
}

static enum status sweeper_run(struct task *task, struct step *step)
{
    struct sweeper *sweeper = container_of(task, struct sweeper, task);

    while (!sweeper->is_reading && !sweeper->is_settling) {
        struct queue_state *state = sweep_queue(step, sweeper);

        if (state == NULL) {
            break;
        }
        if (sweeper->rows == NULL) {
            rows_request(step, sweeper, state);
            break;
        }
        enum status status = rows_visit(step, sweeper, state);

        if (status == STATUS_WAIT) {
            return status;
        }
        rows_next(step, sweeper, state, status == STATUS_EXISTS);
    }
    return STATUS_OK;
}

static void sweeper_done(struct task *task, struct step *step, enum status status)
{
    (void)task;
    (void)step;
    (void)status;
}

struct sweeper *sweeper_create(struct queues *queues)
{
    struct sweeper *sweeper = memory_zero(sizeof *sweeper);

    sweeper->queues = queues;
    sweeper->task = (struct task){.run = sweeper_run, .done = sweeper_done};
    sweeper->hook.run = on_settled;
    list_init(&sweeper->due);
    return sweeper;
}

void sweeper_free(struct sweeper *sweeper)
{
    if (sweeper == NULL) {
        return;
    }
    task_cancel(&sweeper->task);
    read_free(sweeper->rows);
    memory_free(sweeper);
}

void sweeper_start(struct step *step, struct sweeper *sweeper)
{
    sweeper->is_started = true;
    sweeper_wake(step, sweeper);
}
