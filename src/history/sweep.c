/* The old end of the bodies: walked in the order of message numbers.  What only the history has
 * goes, what somebody still needs is passed and goes with its last release.  The way walked
 * (the horizon) is durable with the deletions. Row: u8 format, u8 on, u64 horizon, u64 start,
 * u64 swept. */
#include "base/mutants.h"
#include "history/internal.h"
#include "notification/notification.h"

#define FORMAT      1
#define SWEEP_ROWS  256
#define EVERY_MS    1000 /* at most so often for age */
#define SCARCE_MS   20   /* between two chunks when the disk is short: deletions show late */
#define SLACK_PARTS 32   /* over the maximum, sweep down to this part below it */

static void sweep_read(struct step *step, struct history *history);

/* --- Its row. */

static void on_seal(struct sealed *sealed, struct step *step)
{
    const struct sweep *sweep = container_of(sealed, struct sweep, sealed);
    struct key key = history_key();
    struct buffer row;

    buffer_init(&row, 64);
    buffer_add_u8(&row, FORMAT);
    buffer_add_u8(&row, sweep->is_on);
    buffer_add_u64(&row, sweep->horizon);
    buffer_add_u64(&row, sweep->start);
    buffer_add_u64(&row, sweep->swept);
    record_put(step, &key, blob_copy(buffer_text(&row)));
    buffer_free(&row);
}

static void on_timer(struct timer *timer, struct step *step)
{
    struct history *history = container_of(timer, struct history, sweep.timer);

    history->sweep.is_busy = false;
    sweep_read(step, history);
}

static void on_durable(struct hook *hook, struct step *step, enum status status)
{
    struct history *history = container_of(hook, struct history, sweep.hook);

    if (status != STATUS_OK) {
        return; /* the cell is dropped */
    }
    if (step_space_is_scarce(step)) {
        timer_set(step, &history->sweep.timer, step->now_ms + SCARCE_MS);
        return;
    }
    history->sweep.is_busy = false;
    sweep_read(step, history);
}

/* Switched on or off since the last start: what comes from now on is treated the new way, what
 * is there is passed once. */
static void sweep_switch(struct step *step, struct sweep *sweep, bool is_new)
{
    sweep->start = step_counter(step, COUNTER_MESSAGE);
    sweep->swept = step_counter(step, COUNTER_HISTORY_BYTES);
    if (is_new) {
        sweep->horizon = sweep->start; /* from before there was a history: all referenced */
    }
    step_seal(step, &sweep->sealed);
}

void sweep_load(struct step *step, struct history *history, struct text row)
{
    struct sweep *sweep = &history->sweep;
    struct cursor cursor = cursor_over(row);
    bool is_new = cursor_u8(&cursor) != FORMAT;
    bool was_on = cursor_u8(&cursor) != 0;

    sweep->horizon = cursor_u64(&cursor);
    sweep->start = cursor_u64(&cursor);
    sweep->swept = cursor_u64(&cursor);
    sweep->sealed.seal = on_seal;
    sweep->timer.fire = on_timer;
    sweep->hook.run = on_durable;
    if (is_new && !sweep->is_on) {
        return; /* nothing to remember yet */
    }
    if (is_new || was_on != sweep->is_on) {
        sweep_switch(step, sweep, is_new);
    }
    sweep_read(step, history);
}

void sweep_free(struct sweep *sweep)
{
    read_free(sweep->bodies);
    read_free(sweep->references);
}

bool history_keeps(const struct step *step, uint64_t message)
{
    const struct sweep *sweep = &history_of(step)->sweep;

    return sweep->is_on && message > sweep->start && message > sweep->horizon;
}

/* --- What is due. */

static uint64_t bytes_kept(const struct step *step, const struct sweep *sweep)
{
    uint64_t bytes = step_counter(step, COUNTER_HISTORY_BYTES);

    return bytes > sweep->swept ? bytes - sweep->swept : 0;
}

static bool is_too_large(const struct step *step, const struct history *history)
{
    return bytes_kept(step, &history->sweep) > history->options.max_bytes;
}

/* Something is to be passed whatever its age. */
static bool is_pressed(const struct step *step, const struct history *history)
{
    const struct sweep *sweep = &history->sweep;

    return sweep->horizon < sweep->start || is_too_large(step, history)
           || (step_space_is_scarce(step) && bytes_kept(step, sweep) > 0);
}

static bool row_is_due(const struct step *step, const struct history *history,
                       const struct row *row, int64_t *ret_due_ms)
{
    const struct sweep *sweep = &history->sweep;
    uint64_t max = history->options.max_bytes;
    uint8_t id[16];
    int64_t time_ms = 0;

    if (key_get_u64(&row->key, 1) <= sweep->start) {
        return true;
    }
    if (!sweep->is_on) {
        return false;
    }
    if (!message_head(blob_text(row->value), id, &time_ms)) {
        return true; /* not readable: nobody can replay it */
    }
    *ret_due_ms =
        time_ms + history->options.max_age_ms / (mutant("history.age-halved") ? 2 : 1);
    return *ret_due_ms <= step->now_ms || step_space_is_scarce(step)
           || bytes_kept(step, sweep) > max - max / SLACK_PARTS;
}

/* --- One chunk. */

/* How many need it: what is newer than the read is known, see record_peek. */
static uint32_t references_of(struct step *step, const struct read *references,
                              uint64_t message, uint32_t *io_at)
{
    struct key key = key_u64(TABLE_REFERENCES, message);
    struct blob *value = NULL;

    while (*io_at < references->row_count
           && key_get_u64(&references->rows[*io_at].key, 1) < message) {
        ++*io_at;
    }
    enum status status = record_peek(step, &key, &value);

    if (status == STATUS_WAIT && *io_at < references->row_count
        && key_get_u64(&references->rows[*io_at].key, 1) == message) {
        value = references->rows[*io_at].value;
        status = STATUS_OK;
    }
    if (status != STATUS_OK) {
        return 1;
    }
    struct cursor cursor = cursor_over(blob_text(value));

    return cursor_u32(&cursor);
}

/* One that cannot be read was lost to whoever would have replayed it. */
static void body_end(struct step *step, const struct row *row)
{
    uint8_t id[16];
    int64_t time_ms = 0;

    if (message_head(blob_text(row->value), id, &time_ms)) {
        record_delete(step, &row->key);
    } else {
        record_set_aside(step, &row->key, row->value, "a message of the history");
        record_delete(step, &row->key); /* also one that a checksum hides */
    }
}

static void row_pass(struct step *step, struct sweep *sweep, const struct row *row,
                     uint32_t *io_at)
{
    uint64_t message = key_get_u64(&row->key, 1);

    if ((record_overlay(step, row) != NULL || row_is_lost(step, row))
        && references_of(step, sweep->references, message, io_at)
               <= mutant("history.sweeps-what-is-owed")) {
        struct key references = key_u64(TABLE_REFERENCES, message);

        body_end(step, row);
        record_delete(step, &references);
    }
    if (message > sweep->start) {
        sweep->swept += row->full_len;
    }
    sweep->horizon = message + mutant("history.horizon-ahead");
}

/* The last message whose references the reads are sure to show. */
static uint64_t sure_until(const struct read *references)
{
    struct key next = {.len = 0};

    if (references->complete) {
        return UINT64_MAX;
    }
    next = read_next_from(references);
    return key_get_u64(&next, 1); /* just behind the last one that was looked at */
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void horizon_raise(struct sweep *sweep, uint64_t message)
{
    if (message > sweep->horizon) {
        sweep->horizon = message;
    }
}

/* Passes what is due; true when that was all of a chunk and there may be more. */
static bool chunk_pass(struct step *step, struct history *history, int64_t *ret_due_ms)
{
    struct sweep *sweep = &history->sweep;
    const struct read *bodies = sweep->bodies;
    uint64_t sure = sure_until(sweep->references);
    uint32_t at = 0;

    for (uint32_t i = 0; i < bodies->row_count; i++) {
        const struct row *row = &bodies->rows[i];

        if (key_get_u64(&row->key, 1) > sure) {
            horizon_raise(sweep, sure);
            return true;
        }
        if (!row_is_due(step, history, row, ret_due_ms)) {
            return false;
        }
        row_pass(step, sweep, row, &at);
    }
    if (bodies->complete && sweep->horizon < sweep->start) {
        sweep->horizon = sweep->start; /* nothing of them is left */
    }
    if (!bodies->complete) {
        struct key next = read_next_from(bodies);

        /* Past those that are gone. */
        horizon_raise(sweep, least(key_get_u64(&next, 1), sure));
    }
    return !bodies->complete;
}

static void chunk_done(struct step *step, struct history *history)
{
    struct sweep *sweep = &history->sweep;
    uint64_t before = sweep->horizon;
    int64_t due_ms = 0;
    bool has_more = chunk_pass(step, history, &due_ms);

    read_free(sweep->bodies);
    read_free(sweep->references);
    sweep->bodies = NULL;
    sweep->references = NULL;
    if (sweep->horizon != before) {
        step_seal(step, &sweep->sealed);
        step_when_durable(step, &sweep->hook); /* so that the next reads see it */
    } else if (due_ms > 0 || has_more) {
        int64_t soonest_ms = step->now_ms + EVERY_MS;

        timer_set(step, &sweep->timer, due_ms > soonest_ms ? due_ms : soonest_ms);
    } else if (sweep->is_on && bytes_kept(step, sweep) > 0) {
        /* There are some that were not durable yet. */
        timer_set(step, &sweep->timer,
                  step->now_ms
                      + (is_pressed(step, history) ? EVERY_MS : history->options.max_age_ms));
    } else {
        sweep->is_busy = false;
    }
}

static void on_part(struct read *read, struct step *step)
{
    struct history *history = read->context;
    struct sweep *sweep = &history->sweep;

    if (read->from.at[0] == TABLE_BODY) {
        sweep->bodies = read;
    } else {
        sweep->references = read;
    }
    if (sweep->bodies != NULL && sweep->references != NULL) {
        chunk_done(step, history);
    }
}

static void part_read(struct step *step, struct history *history, enum table table)
{
    struct key first = key_table(table);
    struct read *read = read_create(on_part, history);

    read->from = key_u64(table, history->sweep.horizon + 1);
    read->to = key_after_prefix(&first);
    read->row_max = SWEEP_ROWS;
    read->bytes_max = UINT32_MAX;
    read->value_max = MESSAGE_HEAD_SIZE;
    step_read(step, read);
}

static void sweep_read(struct step *step, struct history *history)
{
    struct sweep *sweep = &history->sweep;

    if (!sweep->is_busy && (sweep->is_on || sweep->horizon < sweep->start)) {
        sweep->is_busy = true;
        timer_cancel(step, &sweep->timer);
        part_read(step, history, TABLE_BODY);
        part_read(step, history, TABLE_REFERENCES);
    }
}

/* A moment is waited for, or nothing was there: there may be something now. */
void sweep_wake(struct step *step, struct history *history)
{
    struct sweep *sweep = &history->sweep;
    bool waits_for_age =
        sweep->timer.heap != NULL && sweep->timer.node.key > step->now_ms + SCARCE_MS;

    if (sweep->is_busy && !waits_for_age) {
        return;
    }
    if (is_pressed(step, history)) {
        sweep->is_busy = false;
        sweep_read(step, history);
    } else if (!sweep->is_busy && sweep->is_on) {
        sweep->is_busy = true;
        timer_set(step, &sweep->timer, step->now_ms + history->options.max_age_ms);
    }
}
