/* One replay on its way through the history: a message at a time, pausing for the disk, for its
 * rate, and while its subscription has enough to do.  What it sent and how far it is are in the
 * same batch. */
#include "base/mutants.h"
#include "story/replays.h"

#include <string.h>

#define CHUNK_MAX     64
#define CHUNK_BYTES   (4ULL * 1024 * 1024)
#define HEAD_ROWS     256
#define FAILURE_ROWS  16
#define FAILURE_BYTES (1024 * 1024)
#define AHEAD         4 /* bodies asked for before their turn */
#define PAUSE_MS      100
#define WAITING_MAX   1000 /* deliveries that the subscription may have waiting */

/* --- Its end. */

void replay_run_end(struct replay_run *run, struct step *step)
{
    task_cancel(&run->task);
    timer_cancel(step, &run->timer);
    list_remove(&run->hook.node);
    range_end(&run->range);
}

void replay_run_conclude(struct step *step, struct replay_run *run, enum replay_state state)
{
    run->replay.state = state;
    run->replay.ended_ms = step->now_ms;
    step_seal(step, &run->sealed);
}

/* --- Pausing. */

static void run_go_on(struct step *step, struct replay_run *run)
{
    run->moment_ms = step->now_ms;
    task_start(&run->task, step);
}

static void on_timer(struct timer *timer, struct step *step)
{
    run_go_on(step, container_of(timer, struct replay_run, timer));
}

static void on_durable(struct hook *hook, struct step *step, enum status status)
{
    if (status == STATUS_OK) {
        run_go_on(step, container_of(hook, struct replay_run, hook));
    }
}

static bool rate_allows(const struct replay_run *run, int64_t now_ms)
{
    int64_t elapsed_ms = now_ms - run->resumed_ms;
    uint64_t earned =
        1 + (elapsed_ms > 0 ? (uint64_t)elapsed_ms * run->replay.wish.rate / 1000 : 0);

    return run->replay.wish.rate == 0 || run->replay.sent - run->sent_before < earned;
}

static bool lane_is_full(struct step *step, const struct subscription *subscription)
{
    struct lane_id id = {.topic = subscription->topic, .subscription = subscription->number};

    return lane_status(deliveries_of(step), id).waiting >= WAITING_MAX;
}

/* True: enough for now.  The task ends, so that it does not hold what it waited for, and is
 * started again. */
static bool run_pauses(struct step *step, struct replay_run *run,
                       const struct subscription *subscription)
{
    bool is_chunk = run->chunk >= CHUNK_MAX || run->chunk_bytes >= CHUNK_BYTES;
    bool is_held = !run->replay.wish.is_dry_run
                   && (!rate_allows(run, step->now_ms) || lane_is_full(step, subscription));

    if (!is_chunk && !is_held) {
        return false;
    }
    run->chunk = 0;
    run->chunk_bytes = 0;
    if (is_held) {
        timer_set(step, &run->timer, step->now_ms + PAUSE_MS);
    } else {
        step_seal(step, &run->sealed);
        step_when_durable(step, &run->hook);
    }
    return true;
}

/* --- The way through. */

static struct range way(const struct replay_run *run)
{
    bool by_body = run->replay.wish.pick == REPLAY_ALL;
    enum table table = by_body ? TABLE_BODY : TABLE_ATTEMPT;
    uint64_t last = by_body ? run->last_message : run->last_attempt;

    return (struct range){.from = key_u64(table, run->cursor),
                          .to = key_u64(table, last + 1),
                          .row_max = by_body ? HEAD_ROWS : FAILURE_ROWS,
                          .bytes_max = FAILURE_BYTES,
                          .value_max = by_body ? MESSAGE_HEAD_SIZE : UINT32_MAX};
}

static uint64_t row_number(const struct row *row)
{
    return key_get_u64(&row->key, 1);
}

static bool fate_is_picked(enum replay_pick pick, enum attempt_fate fate)
{
    return (fate == FATE_DEAD_LETTERED && pick != REPLAY_LOST)
           || (fate == FATE_LOST && pick != REPLAY_DEAD);
}

/* From place run->index on: the next failure of the subscription's; 0: none in this row.  One
 * that a checksum hides was told of when it was read. */
static uint64_t row_failure(struct step *step, struct replay_run *run, const struct row *row,
                            uint32_t number)
{
    struct blob *value = record_overlay(step, row);
    struct attempt_record record;
    struct attempt_row attempts;
    uint32_t index = 0;

    if (value == NULL) {
        return 0;
    }
    if (!attempt_row_open(blob_text(value), &attempts)) {
        record_set_aside(step, &row->key, value, "attempts that were recorded");
        return 0;
    }
    while (attempt_row_next(&attempts, &record)) {
        if (index >= run->index && record.subscription == number
            && fate_is_picked(run->replay.wish.pick, record.fate)) {
            run->index = index;
            return record.message;
        }
        index++;
    }
    return 0;
}

/* The message of this row, or of the next place in it; 0: nothing there to look at. */
static uint64_t row_message(struct step *step, struct replay_run *run, const struct row *row,
                            uint32_t number)
{
    const struct replay_wish *wish = &run->replay.wish;
    uint8_t id[16];
    int64_t time_ms = 0;

    if (wish->pick != REPLAY_ALL) {
        return row_failure(step, run, row, number);
    }
    bool is_in_time =
        !message_head(blob_text(row->value), id, &time_ms) /* told when it is read */
        || (time_ms >= wish->from_ms && time_ms < wish->until_ms);

    return is_in_time ? row_number(row) : 0;
}

/* Past the place that was looked at. */
static void run_advance(struct replay_run *run, const struct row *row, bool is_row_done)
{
    if (is_row_done) {
        run->cursor = row_number(row) + 1 + mutant("story.replay-skips");
        run->index = 0;
        run->at++;
    } else {
        run->index++;
    }
}

/* --- One message. */

static bool wants_message(struct step *step, struct replay_run *run,
                          const struct subscription *subscription,
                          const struct message *message)
{
    const struct topic *topic = topic_find_number(router_of(step), subscription->topic);
    const struct replay_wish *wish = &run->replay.wish;
    bool is_its = message->kind == MESSAGE_NOTIFICATION && topic != NULL
                  && text_equal(message->topic_arn, topic->arn)
                  && message->time_ms >= wish->from_ms && message->time_ms < wish->until_ms;
    bool matches = is_its && subscription_matches(step, subscription, message);

    run->replay.looked_at += is_its;
    run->replay.filtered_out += is_its && !matches;
    return matches;
}

/* May STATUS_WAIT, before anything has changed. */
static enum status message_send(struct step *step, struct replay_run *run,
                                const struct subscription *subscription, uint64_t message)
{
    struct key key = key_u64(TABLE_BODY, message);
    struct lane_id lane = {.topic = subscription->topic, .subscription = subscription->number};
    struct replay before = run->replay;
    struct blob *body = NULL;
    enum status status = record_get(step, &key, &body);

    if (status == STATUS_NOT_FOUND) {
        run->replay.not_kept++;
        return STATUS_OK;
    }
    if (status != STATUS_OK) {
        return status;
    }
    struct arena arena = {0};
    struct message decoded;
    size_t len = body->len;

    if (!message_decode(blob_text(body), &arena, &decoded)) {
        status = body_lose(step, message, body, "a message that was to be sent again");
        run->replay.not_kept += status == STATUS_OK;
    } else if (wants_message(step, run, subscription, &decoded)) {
        status = run->replay.wish.is_dry_run
                     ? STATUS_OK
                     : delivery_again(step, lane, message, run->moment_ms);
        run->replay.sent += status == STATUS_OK;
    }
    arena_free(&arena);
    if (status == STATUS_WAIT) {
        run->replay = before;
    } else {
        run->chunk_bytes += len;
    }
    return status;
}

static void bodies_ahead(struct step *step, const struct replay_run *run,
                         const struct read *read)
{
    for (uint32_t i = run->at; i < read->row_count && i < run->at + AHEAD; i++) {
        struct key key = key_u64(TABLE_BODY, row_number(&read->rows[i]));
        uint8_t id[16];
        int64_t time_ms = 0;

        if (run->replay.wish.pick == REPLAY_ALL
            && message_head(blob_text(read->rows[i].value), id, &time_ms)
            && time_ms >= run->replay.wish.from_ms && time_ms < run->replay.wish.until_ms) {
            record_prefetch(step, &key);
        }
    }
}

/* One row, or one place in it.  STATUS_NOT_FOUND: that was all. */
static enum status run_next(struct step *step, struct replay_run *run,
                            const struct subscription *subscription)
{
    const struct read *read = NULL;
    enum status status = range_get(step, &run->range, &read);

    if (status != STATUS_OK) {
        return status;
    }
    if (run->at >= read->row_count) {
        run->at = 0;
        return range_on(&run->range) ? STATUS_OK : STATUS_NOT_FOUND;
    }
    const struct row *row = &read->rows[run->at];
    uint64_t message = row_message(step, run, row, subscription->number);

    if (message != 0) {
        bodies_ahead(step, run, read);
        status = message_send(step, run, subscription, message);
        if (status == STATUS_WAIT) {
            return status;
        }
        run->chunk++;
    }
    run_advance(run, row, message == 0 || run->replay.wish.pick == REPLAY_ALL);
    return STATUS_OK;
}

/* --- The task. */

static enum status run_on(struct task *task, struct step *step)
{
    struct replay_run *run = container_of(task, struct replay_run, task);
    struct subscription subscription;
    struct arena arena = {0};
    enum status status =
        subscription_find(step, run->replay.wish.subscription, &arena, &subscription);

    if (status == STATUS_NOT_FOUND) {
        range_end(&run->range);
        replay_run_conclude(step, run, REPLAY_GONE);
    }
    while (status == STATUS_OK && !run_pauses(step, run, &subscription)) {
        status = run_next(step, run, &subscription);
        if (status == STATUS_NOT_FOUND) {
            range_end(&run->range);
            replay_run_conclude(step, run, REPLAY_COMPLETED);
        }
    }
    if (run->replay.state == REPLAY_RUNNING) {
        step_seal(step, &run->sealed); /* with what it has sent in this batch */
    }
    arena_free(&arena);
    return status;
}

static void on_over(struct task *task, struct step *step, enum status status)
{
    (void)task;
    (void)step;
    (void)status; /* paused, or ended */
}

void replay_run_begin(struct step *step, struct replay_run *run)
{
    run->resumed_ms = step->now_ms;
    run->sent_before = run->replay.sent;
    run->range = way(run);
    run->task = (struct task){.run = run_on, .done = on_over};
    run->timer.fire = on_timer;
    run->hook.run = on_durable;
    step_when_durable(step, &run->hook); /* so that the reads see all that came before it */
}
