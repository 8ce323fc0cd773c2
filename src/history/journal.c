/* How attempts ended: one row per batch, numbered by its first attempt; the oldest rows go by
 * age and count.
 * Row: u8 format, i64 written, u32 count, attempts.  Attempt: u64 message, u32 topic, u32
 * subscription, i64 ended, u32 attempt, u8 fate, i64 next, i32 status, five i32 of durations,
 * peer, answer, reason, target (counted). */
#include "base/mutants.h"
#include "history/internal.h"

#define FORMAT       1
#define HEAD_SIZE    (1 + 8 + 4)
#define ROW_BYTES    ((size_t)64 * 1024) /* then the next row begins */
#define PENDING_MAX  (ROW_BYTES + 8192)
#define RECLAIM_ROWS 64
#define EVERY_MS     1000
#define FIRST_MS     1000
#define SLACK_PARTS  16
#define KEY_REUSE_S  3600 /* of the data key that seals them */

/* --- Written. */

static void journal_flush(struct step *step, struct journal *journal)
{
    struct key key = key_u64(TABLE_ATTEMPT, journal->first);
    /* Endpoints' answers may repeat what they were sent. */
    const struct content content = {.kind = CONTENT_ATTEMPTS,
                                    .wants_sealing = true,
                                    .reuse_s = KEY_REUSE_S,
                                    .head = HEAD_SIZE};
    struct buffer row;

    if (journal->pending_count == 0) {
        return;
    }
    buffer_init(&row, PENDING_MAX + HEAD_SIZE);
    buffer_add_u8(&row, FORMAT);
    buffer_add_u64(&row, (uint64_t)step->now_ms);
    buffer_add_u32(&row, journal->pending_count);
    buffer_add(&row, buffer_text(&journal->pending));
    record_put_content(step, &key, blob_copy(buffer_text(&row)), &content);
    buffer_free(&row);
    buffer_clear(&journal->pending);
    journal->pending_count = 0;
}

static void journal_arm(struct step *step, struct history *history, int64_t due_ms)
{
    if (!history->journal.is_busy) {
        timer_set(step, &history->journal.timer, due_ms);
    }
}

static void on_seal(struct sealed *sealed, struct step *step)
{
    journal_flush(step, container_of(sealed, struct journal, sealed));
}

static void add_detail(struct buffer *to, const struct attempt_detail *detail)
{
    buffer_add_u32(to, (uint32_t)detail->status_code);
    buffer_add_u32(to, (uint32_t)detail->dns_us);
    buffer_add_u32(to, (uint32_t)detail->connect_us);
    buffer_add_u32(to, (uint32_t)detail->tls_us);
    buffer_add_u32(to, (uint32_t)detail->first_byte_us);
    buffer_add_u32(to, (uint32_t)detail->total_us);
    buffer_add_counted(to, text_first(detail->peer, 64));
    buffer_add_counted(to, text_first(detail->answer, ATTEMPT_ANSWER_MAX));
}

bool history_wants_attempt(const struct step *step, bool is_plain_success)
{
    const struct history_options *options = &history_of(step)->options;

    return options->attempts_max_count > 0 && (options->attempts_all || !is_plain_success);
}

static bool is_too_many(const struct step *step, const struct history *history)
{
    uint64_t max = history->options.attempts_max_count;
    uint64_t oldest = history->journal.oldest;

    return oldest > 0 && step_counter(step, COUNTER_ATTEMPT) - oldest > max + max / SLACK_PARTS;
}

void history_add_attempt(struct step *step, const struct attempt_record *record)
{
    struct history *history = history_of(step);
    struct journal *journal = &history->journal;
    struct buffer *to = &journal->pending;
    uint64_t number = step_number(step, COUNTER_ATTEMPT);

    if (journal->pending_count == 0) {
        journal->first = number;
    }
    if (journal->oldest == 0) {
        journal->oldest = number;
        if (history->options.attempts_max_age_ms > 0) {
            journal_arm(step, history, step->now_ms + history->options.attempts_max_age_ms);
        }
    }
    buffer_add_u64(to, record->message);
    buffer_add_u32(to, record->topic);
    buffer_add_u32(to, record->subscription);
    buffer_add_u64(to, (uint64_t)record->ended_ms);
    buffer_add_u32(to, record->attempt);
    buffer_add_u8(to, (uint8_t)record->fate);
    buffer_add_u64(to, (uint64_t)record->next_ms);
    add_detail(to, &record->detail);
    buffer_add_counted(to, text_first(record->reason, 1024));
    buffer_add_counted(to, text_first(record->target, 1024));
    journal->pending_count++;
    if (to->len >= ROW_BYTES) {
        journal_flush(step, journal);
    }
    step_seal(step, &journal->sealed);
    if (is_too_many(step, history)) {
        journal_arm(step, history, step->now_ms);
    }
}

/* --- Read. */

bool attempt_row_open(struct text value, struct attempt_row *ret_row)
{
    struct cursor cursor = cursor_over(value);

    if (cursor_u8(&cursor) != FORMAT) {
        return false;
    }
    *ret_row = (struct attempt_row){.written_ms = (int64_t)cursor_u64(&cursor)};
    ret_row->count = cursor_u32(&cursor);
    ret_row->cursor = cursor;
    return !cursor.broken;
}

static void take_detail(struct cursor *cursor, struct attempt_detail *detail)
{
    detail->status_code = (int32_t)cursor_u32(cursor);
    detail->dns_us = (int32_t)cursor_u32(cursor);
    detail->connect_us = (int32_t)cursor_u32(cursor);
    detail->tls_us = (int32_t)cursor_u32(cursor);
    detail->first_byte_us = (int32_t)cursor_u32(cursor);
    detail->total_us = (int32_t)cursor_u32(cursor);
    detail->peer = cursor_counted(cursor);
    detail->answer = cursor_counted(cursor);
}

bool attempt_row_next(struct attempt_row *row, struct attempt_record *ret_record)
{
    struct cursor *cursor = &row->cursor;
    struct attempt_record record = {.message = cursor_u64(cursor)};

    record.topic = cursor_u32(cursor);
    record.subscription = cursor_u32(cursor);
    record.ended_ms = (int64_t)cursor_u64(cursor);
    record.attempt = cursor_u32(cursor);
    record.fate = (enum attempt_fate)cursor_u8(cursor);
    record.next_ms = (int64_t)cursor_u64(cursor);
    take_detail(cursor, &record.detail);
    record.reason = cursor_counted(cursor);
    record.target = cursor_counted(cursor);
    if (cursor->broken || record.fate > FATE_PARKED) {
        return false;
    }
    *ret_record = record;
    return true;
}

/* --- The old end. */

static void oldest_read(struct step *step, struct history *history);

static void on_timer(struct timer *timer, struct step *step)
{
    oldest_read(step, container_of(timer, struct history, journal.timer));
}

static void on_durable(struct hook *hook, struct step *step, enum status status)
{
    struct history *history = container_of(hook, struct history, journal.hook);

    history->journal.is_busy = false;
    if (status == STATUS_OK) {
        oldest_read(step, history);
    }
}

/* False: it stays, and so does all behind it. */
static bool row_expire(struct step *step, struct history *history, const struct row *row,
                       int64_t *ret_due_ms)
{
    const struct history_options *options = &history->options;
    uint64_t first = key_get_u64(&row->key, 1);
    uint64_t last = step_counter(step, COUNTER_ATTEMPT);
    struct attempt_row head = {0};

    history->journal.oldest = first;
    bool is_read = attempt_row_open(blob_text(row->value), &head);

    if (is_read) {
        bool is_old = options->attempts_max_age_ms > 0
                      && head.written_ms + options->attempts_max_age_ms <= step->now_ms;
        bool is_beyond = last - first + 1 >= options->attempts_max_count + head.count
                         && !mutant("history.attempts-unbounded");

        *ret_due_ms = head.written_ms + options->attempts_max_age_ms;
        if (!is_old && !is_beyond) {
            return false;
        }
    }
    history->journal.gone = first + (head.count > 0 ? head.count - 1 : 0);
    if (!mutant("history.attempts-from-the-front")) {
        history->journal.begin = first + 1; /* in front of it there are deletions only */
    }
    if (is_read) {
        record_delete(step, &row->key);
    } else {
        record_set_aside(step, &row->key, row->value, "attempts of deliveries");
    }
    return true;
}

static void on_oldest(struct read *read, struct step *step)
{
    struct history *history = read->context;
    struct journal *journal = &history->journal;
    int64_t due_ms = 0;
    uint32_t i = 0;

    while (i < read->row_count && row_expire(step, history, &read->rows[i], &due_ms)) {
        i++;
    }
    bool is_empty = i == read->row_count && read->complete;

    if (i == read->row_count && !read->complete) {
        struct key next = read_next_from(read);

        journal->begin = key_get_u64(&next, 1) + 1;
        if (i == 0) { /* only traces of what is gone */
            read_free(read);
            journal->is_busy = false;
            oldest_read(step, history);
            return;
        }
    }
    read_free(read);
    if (is_empty) {
        /* What is on its way to the disk is the oldest. */
        journal->oldest =
            step_counter(step, COUNTER_ATTEMPT) > journal->gone ? journal->gone + 1 : 0;
        due_ms = step->now_ms + history->options.attempts_max_age_ms;
    }
    if (i > 0) {
        step_when_durable(step, &journal->hook);
        return;
    }
    journal->is_busy = false;
    if (journal->oldest > 0 && history->options.attempts_max_age_ms > 0) {
        int64_t soonest_ms = step->now_ms + EVERY_MS;

        journal_arm(step, history, due_ms > soonest_ms ? due_ms : soonest_ms);
    }
}

static void oldest_read(struct step *step, struct history *history)
{
    struct key table = key_table(TABLE_ATTEMPT);
    struct read *read = NULL;

    if (history->journal.is_busy) {
        return;
    }
    read = read_create(on_oldest, history);
    history->journal.is_busy = true;
    timer_cancel(step, &history->journal.timer);
    read->from = key_u64(TABLE_ATTEMPT, history->journal.begin);
    read->to = key_after_prefix(&table);
    read->row_max = RECLAIM_ROWS;
    read->bytes_max = UINT32_MAX;
    read->value_max = HEAD_SIZE;
    step_read(step, read);
}

/* --- Its life. */

void journal_create(struct journal *journal)
{
    buffer_init(&journal->pending, PENDING_MAX);
    journal->sealed.seal = on_seal;
    journal->timer.fire = on_timer;
    journal->hook.run = on_durable;
}

void journal_start(struct step *step, struct history *history)
{
    history->journal.gone = step_counter(step, COUNTER_ATTEMPT);
    history->journal.oldest = history->journal.gone > 0; /* until the first look */
    timer_set(step, &history->journal.timer, step->now_ms + FIRST_MS);
}

void journal_free(struct journal *journal)
{
    buffer_free(&journal->pending);
}
