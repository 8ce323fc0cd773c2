/* A lane's rows on disk: deliveries that failed or found no room, by when they are due.
 * Format 1: u8 format, u32 topic, u32 attempts made, i64 accepted. */
#include "base/buffer.h"
#include "base/mutants.h"
#include "delivery/internal.h"

#define ROW_FORMAT 1

struct key lane_row_key(uint32_t subscription, int64_t due_ms, uint64_t message)
{
    return key_u32_u64_u64(TABLE_LANE, subscription, (uint64_t)due_ms, message);
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static struct key row_key(const struct lane *lane, int64_t due_ms, uint64_t message)
{
    return lane_row_key(lane->subscription, due_ms, message);
}

void lane_schedule(struct step *step, struct lane *lane, int64_t due_ms)
{
    lane->next_due = due_ms;
    if (due_ms == INT64_MAX) {
        timer_cancel(step, &lane->timer);
    } else {
        timer_set(step, &lane->timer, due_ms);
    }
}

/* --- Where the rows begin: in front of that is only what has been deleted, over which no read
 * should go again until the store has forgotten it. */

static void key_lower(struct key *key, const struct key *to)
{
    if (key->len > 0 && text_compare(key_text(to), key_text(key)) < 0) {
        *key = *to;
    }
}

static void begin_on_put(struct lane *lane, const struct key *key)
{
    key_lower(&lane->begin, key);
    if (lane->written.len == 0) {
        lane->written = *key;
    }
    key_lower(&lane->written, key);
}

/* What is not durable yet the read will not see. */
static void begin_on_read(struct lane *lane)
{
    int64_t due_ms = least(lane->pending_due, lane->late_due);

    lane->written = (struct key){.len = 0};
    if (due_ms != INT64_MAX) {
        lane->written = row_key(lane, due_ms, 0);
    }
}

static void begin_on_rows(struct step *step, struct lane *lane, const struct read *read)
{
    struct key begin = key_u32_u64_u64(TABLE_LANE, lane->subscription, UINT64_MAX, UINT64_MAX);
    uint32_t i = 0;

    while (i < read->row_count && record_overlay(step, &read->rows[i]) == NULL) {
        i++;
    }
    if (i < read->row_count) {
        begin = read->rows[i].key;
    } else if (!read->complete) {
        begin = read_next_from(read);
    }
    if (lane->written.len > 0) {
        key_lower(&begin, &lane->written);
    }
    lane->begin = begin;
}

/* --- Writing. */

static void rows_await(struct step *step, struct lane *lane, int64_t due_ms);

/* Rows can be read once they are durable: only then does the lane wake for them. */
static void on_rows_durable(struct hook *hook, struct step *step, enum status status)
{
    struct lane *lane = container_of(hook, struct lane, hook);
    int64_t due_ms = lane->pending_due;

    lane->is_hooked = false;
    lane->pending_due = INT64_MAX;
    if (status != STATUS_OK) {
        return;
    }
    lane->due_since = least(lane->due_since, due_ms);
    if (!lane->is_reading) {
        lane_schedule(step, lane, least(lane->next_due, due_ms));
    }
    if (lane->late_due != INT64_MAX && !mutant("delivery.late-rows-forgotten")) {
        rows_await(step, lane, lane->late_due);
        lane->late_due = INT64_MAX;
    }
    lane_close_if_idle(step, lane);
}

static void rows_await(struct step *step, struct lane *lane, int64_t due_ms)
{
    if (lane->is_hooked) {
        /* Perhaps with a batch that is on its way already, without this row. */
        lane->late_due = least(lane->late_due, due_ms);
        return;
    }
    lane->is_hooked = true;
    lane->pending_due = due_ms;
    lane->hook.run = on_rows_durable;
    step_when_durable(step, &lane->hook);
}

enum status lane_find_place(struct step *step, const struct lane *lane, uint64_t message,
                            int64_t *io_due_ms)
{
    struct blob *value = NULL;
    enum status status = STATUS_OK;

    if (mutant("delivery.row-overwrites")) {
        return STATUS_OK;
    }
    do {
        struct key key = row_key(lane, *io_due_ms, message);

        status = record_get(step, &key, &value);
        *io_due_ms += status == STATUS_OK;
    } while (status == STATUS_OK);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

void lane_put_row(struct step *step, struct lane *lane, const struct attempt *attempt,
                  int64_t due_ms)
{
    struct key key = row_key(lane, due_ms, attempt->message);
    struct buffer buffer;

    buffer_init(&buffer, 64);
    buffer_add_u8(&buffer, ROW_FORMAT);
    buffer_add_u32(&buffer, lane->topic);
    buffer_add_u32(&buffer, attempt->made);
    buffer_add_u64(&buffer, (uint64_t)attempt->accepted_ms);
    record_put(step, &key, blob_copy(buffer_text(&buffer)));
    buffer_free(&buffer);
    begin_on_put(lane, &key);
    lane->row_count++;
    if (lane->oldest_ms == 0 || attempt->accepted_ms < lane->oldest_ms) {
        lane->oldest_ms = attempt->accepted_ms;
    }
    rows_await(step, lane, due_ms);
}

void lane_delete_row(struct step *step, struct lane *lane, const struct attempt *attempt)
{
    struct key key = row_key(lane, attempt->row_due, attempt->message);

    record_delete(step, &key);
    lane->row_count -= lane->row_count > 0;
    if (lane->row_count == 0) {
        lane->oldest_ms = 0;
    }
}

bool lane_has_due_rows(const struct lane *lane, int64_t now_ms)
{
    return lane->is_reading
           || least(least(lane->next_due, lane->due_since), lane->pending_due) <= now_ms;
}

static bool list_has_row(const struct list *list, int64_t due_ms, uint64_t message)
{
    list_each (node, list) {
        const struct attempt *attempt = container_of(node, struct attempt, node);

        if (attempt->owed == NULL && attempt->row_due == due_ms
            && attempt->message == message) {
            return true;
        }
    }
    return false;
}

static bool lane_has_row(const struct lane *lane, int64_t due_ms, uint64_t message)
{
    return list_has_row(&lane->flying, due_ms, message)
           || list_has_row(&lane->waiting, due_ms, message);
}

/* The breaker is open: what is read is whom to ask next, and whose time is over. */
static bool is_parked(const struct lane *lane)
{
    return breaker_is_open(&lane->breaker) && !lane->is_gone && !lane->limits.is_disabled;
}

static bool has_expired(const struct lane *lane, int64_t due_ms, int64_t now_ms)
{
    int64_t max_ms = lane->deliveries->options.park_max_ms;

    return max_ms > 0 && is_parked(lane) && !mutant("delivery.park-max-ignored")
           && breaker_parked_ms(&lane->breaker, due_ms, now_ms) > max_ms;
}

static void row_enter(struct lane *lane, struct attempt *attempt)
{
    lane_push_waiting(lane, attempt);
    if (lane->oldest_ms == 0 || attempt->accepted_ms < lane->oldest_ms) {
        lane->oldest_ms = attempt->accepted_ms;
    }
    if (lane->row_count < lane->waiting_count) {
        lane->row_count = lane->waiting_count;
    }
}

/* One row that the read brought.  False: it is not due yet, or there is no more room. */
static bool row_take(struct step *step, struct lane *lane, const struct row *row,
                     uint32_t *io_room)
{
    struct blob *value = record_overlay(step, row);
    int64_t due_ms = (int64_t)key_get_u64(&row->key, 5);
    uint64_t message = key_get_u64(&row->key, 13);

    if (value == NULL || lane_has_row(lane, due_ms, message)) {
        return true;
    }
    if (due_ms > step->now_ms && !lane->is_gone) {
        lane->next_due = least(lane->next_due, due_ms);
        return false;
    }
    bool is_expired = has_expired(lane, due_ms, step->now_ms);

    if (*io_room == 0 && !is_expired) {
        lane->next_due = step->now_ms;
        return false;
    }
    *io_room -= !is_expired;
    struct cursor cursor = cursor_over(blob_text(value));

    (void)cursor_u8(&cursor);
    (void)cursor_u32(&cursor);
    uint32_t made = cursor_u32(&cursor);
    int64_t accepted_ms = (int64_t)cursor_u64(&cursor);
    struct attempt *attempt = attempt_create(lane, message, made, accepted_ms);

    attempt->row_due = due_ms;
    attempt->since_ms = step->now_ms;
    attempt->is_expired = is_expired;
    row_enter(lane, attempt);
    return true;
}

/* Whom the probe asks: not the same one each time, in case the endpoint only dislikes that one.
 * False: behind the last one there is nobody, and it begins in front again. */
static bool probe_moves_on(struct lane *lane, bool was_behind)
{
    struct list_node *first = list_first(&lane->waiting);

    if (first == NULL) {
        lane->probed_due = 0;
        lane->probed_message = 0;
        return !was_behind;
    }
    const struct attempt *attempt = container_of(first, struct attempt, node);

    lane->probed_due = attempt->row_due;
    lane->probed_message = attempt->message;
    return true;
}

static void rows_take(struct step *step, struct lane *lane, const struct read *read)
{
    bool was_behind = lane->is_reading_behind;
    uint32_t room = lane_room(lane, step->now_ms);
    bool saw_all = read->complete;

    lane->next_due = INT64_MAX;
    for (uint32_t i = 0; i < read->row_count; i++) {
        if (!row_take(step, lane, &read->rows[i], &room)) {
            saw_all = true; /* what there is to know of the rest is known */
            break;
        }
    }
    bool has_moved = !is_parked(lane) || probe_moves_on(lane, was_behind);

    if (!saw_all || was_behind || !has_moved) {
        lane->next_due = step->now_ms; /* there is more: once these are under way */
    }
    lane->next_due = least(lane->next_due, lane->due_since);
}

static void on_rows(struct read *read, struct step *step)
{
    struct deliveries *deliveries = deliveries_of(step);
    struct lane *lane = lane_find(deliveries, key_get_u32(&read->from, 1));

    deliveries->reading--;
    if (lane != NULL) {
        if (lane->is_reading && !lane->is_reading_behind) {
            begin_on_rows(step, lane, read);
        }
        lane->is_reading = false;
        rows_take(step, lane, read);
        if (lane->next_due > step->now_ms) {
            lane_schedule(step, lane, lane->next_due);
        }
        lane_start_more(step, lane);
    }
    read_free(read);
    lanes_share(step, deliveries);
}

void lane_read_due(struct step *step, struct lane *lane)
{
    struct key prefix = key_u32(TABLE_LANE, lane->subscription);
    struct read *read = read_create(on_rows, NULL);
    bool expires = has_expired(lane, 0, step->now_ms);

    begin_on_read(lane);
    lane->is_reading_behind = is_parked(lane) && !expires && lane->probed_due > 0;
    read->from = lane->begin.len > 0 ? lane->begin : prefix;
    read->to = key_after_prefix(&prefix);
    if (lane->is_reading_behind) {
        struct key probed = row_key(lane, lane->probed_due, lane->probed_message);

        read->from = key_next(&probed);
    }
    /* What is under way still has its row, in front of all others. */
    read->row_max = lane->in_flight + lane->waiting_count + lane_room(lane, step->now_ms)
                    + (expires ? LANE_EXPIRED_MAX : 0);
    read->bytes_max = UINT32_MAX;
    read->value_max = UINT32_MAX;
    lane->is_reading = true;
    lane->deliveries->reading++;
    lane->due_since = INT64_MAX;
    timer_cancel(step, &lane->timer);
    step_read(step, read);
}

/* --- At start: one look per lane that has rows. */

static void lanes_find_after(struct step *step, struct key from);

static void on_lane_found(struct read *read, struct step *step)
{
    if (read->row_count > 0) {
        const struct row *row = &read->rows[0];
        struct cursor cursor = cursor_over(blob_text(row->value));
        uint32_t subscription = key_get_u32(&row->key, 1);

        (void)cursor_u8(&cursor);
        uint32_t topic = cursor_u32(&cursor);
        struct lane *lane = lane_open(step, topic, subscription);

        lane->row_count = lane->row_count == 0 ? 1 : lane->row_count;
        lane_schedule(step, lane, least(lane->next_due, (int64_t)key_get_u64(&row->key, 5)));
        struct key prefix = key_u32(TABLE_LANE, subscription);

        lanes_find_after(step, key_after_prefix(&prefix));
    } else if (!read->complete) {
        lanes_find_after(step, read_next_from(read));
    }
    read_free(read);
}

static void lanes_find_after(struct step *step, struct key from)
{
    struct read *read = read_create(on_lane_found, NULL);
    struct key table = key_table(TABLE_LANE);

    read->from = from;
    read->to = key_after_prefix(&table);
    read->row_max = 1;
    read->bytes_max = UINT32_MAX;
    read->value_max = UINT32_MAX;
    step_read(step, read);
}

void lanes_find(struct step *step)
{
    lanes_find_after(step, key_table(TABLE_LANE));
}
