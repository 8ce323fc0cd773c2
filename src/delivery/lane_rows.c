/* A lane's rows on disk: deliveries that failed or found no room, by when they are due; where
 * an order is kept, by message.
 * Format 2: u8 format, u32 topic, u32 attempts made, i64 accepted, u8 flags, i64 not before.
 * Format 1 ends behind accepted. */
#include "base/buffer.h"
#include "base/mutants.h"
#include "delivery/internal.h"

#define ROW_FORMAT 2
#define ROW_AGAIN  1

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static const struct row_place nowhere = {INT64_MAX, UINT64_MAX};

static bool place_is_before(struct row_place a, struct row_place b)
{
    return a.due_ms != b.due_ms ? a.due_ms < b.due_ms : a.message < b.message;
}

static struct row_place first_place(struct row_place a, struct row_place b)
{
    return place_is_before(a, b) ? a : b;
}

static struct row_place place_after(struct row_place place)
{
    return (struct row_place){place.due_ms, place.message + 1};
}

static struct row_place place_of(const struct key *key)
{
    return (struct row_place){(int64_t)key_get_u64(key, 5), key_get_u64(key, 13)};
}

static struct row_place row_place(const struct row *row)
{
    return place_of(&row->key);
}

/* A row at that place is on its own: reading begins there. */
static void rows_lower(struct lane *lane, struct row_place place)
{
    lane->rows.unread = first_place(lane->rows.unread, place);
    lane->rows.clear = first_place(lane->rows.clear, place);
}

void lane_row_back(struct lane *lane, const struct attempt *attempt)
{
    struct lane_rows *rows = &lane->rows;

    rows_lower(lane, (struct row_place){attempt->row_due, attempt->message});
    rows->next_due = least(rows->next_due, attempt->row_due);
    rows->due_since = least(rows->due_since, attempt->row_due); /* a read forgets next_due */
}

bool lane_has_unread_rows(const struct lane *lane)
{
    return place_is_before(lane->rows.clear, nowhere);
}

bool lane_is_clear_for(const struct lane *lane, const struct attempt *attempt)
{
    int64_t due_ms = attempt->owed == NULL ? attempt->row_due : lane_row_due(lane, 0);

    return place_is_before((struct row_place){due_ms, attempt->message}, lane->rows.clear);
}

int64_t lane_row_due(const struct lane *lane, int64_t due_ms)
{
    return lane->is_ordered ? ORDERED_DUE_MS : due_ms;
}

static void on_due(struct timer *timer, struct step *step)
{
    lane_want(step, container_of(timer, struct lane, rows.timer));
}

void lane_rows_init(struct lane *lane)
{
    /* What a lane whose order matters has on disk is to be known before anything starts. */
    lane->rows = (struct lane_rows){
        .next_due = lane->is_ordered ? ORDERED_DUE_MS : INT64_MAX,
        .due_since = INT64_MAX,
        .pending_due = INT64_MAX,
        .late_due = INT64_MAX,
        .unread = nowhere,
        .timer.fire = on_due,
    };
}

struct key lane_row_key(uint32_t subscription, int64_t due_ms, uint64_t message)
{
    return key_u32_u64_u64(TABLE_LANE, subscription, (uint64_t)due_ms, message);
}

static struct key row_key(const struct lane *lane, int64_t due_ms, uint64_t message)
{
    return lane_row_key(lane->subscription, due_ms, message);
}

void lane_schedule(struct step *step, struct lane *lane, int64_t due_ms)
{
    lane->rows.next_due = due_ms;
    if (due_ms == INT64_MAX) {
        timer_cancel(step, &lane->rows.timer);
    } else {
        timer_set(step, &lane->rows.timer, due_ms);
    }
}

static void rows_await(struct step *step, struct lane *lane, int64_t due_ms);

/* Rows can be read once they are durable: only then does the lane wake for them. */
static void on_rows_durable(struct hook *hook, struct step *step, enum status status)
{
    struct lane *lane = container_of(hook, struct lane, rows.hook);
    int64_t due_ms = lane->rows.pending_due;

    lane->rows.is_hooked = false;
    lane->rows.pending_due = INT64_MAX;
    if (status != STATUS_OK) {
        return;
    }
    lane->rows.due_since = least(lane->rows.due_since, due_ms);
    if (!lane->rows.is_reading) {
        lane_schedule(step, lane, least(lane->rows.next_due, due_ms));
    }
    if (lane->rows.late_due != INT64_MAX && !mutant("delivery.late-rows-forgotten")) {
        rows_await(step, lane, lane->rows.late_due);
        lane->rows.late_due = INT64_MAX;
    }
    lane_want(step, lane);
}

static void rows_await(struct step *step, struct lane *lane, int64_t due_ms)
{
    if (lane->rows.is_hooked) {
        /* Perhaps with a batch that is on its way already, without this row. */
        lane->rows.late_due = least(lane->rows.late_due, due_ms);
        return;
    }
    lane->rows.is_hooked = true;
    lane->rows.pending_due = due_ms;
    lane->rows.hook.run = on_rows_durable;
    step_when_durable(step, &lane->rows.hook);
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

/* It is only lowered while there are rows: what it tells is how long at most somebody waits. */
static void oldest_lower(struct lane *lane, int64_t accepted_ms)
{
    struct heap_node *oldest = &lane->rows.oldest;

    if (!heap_contains(oldest) || accepted_ms < oldest->key) {
        heap_set(&lane->deliveries->oldest, oldest, accepted_ms);
    }
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
    buffer_add_u8(&buffer, attempt->is_again ? ROW_AGAIN : 0);
    buffer_add_u64(&buffer, (uint64_t)attempt->not_before_ms);
    record_put(step, &key, blob_copy(buffer_text(&buffer)));
    buffer_free(&buffer);
    lane->rows.count++;
    oldest_lower(lane, attempt->accepted_ms);
    rows_lower(lane, (struct row_place){due_ms, attempt->message});
    rows_await(step, lane, due_ms);
}

void lane_delete_row(struct step *step, struct lane *lane, const struct attempt *attempt)
{
    struct key key = row_key(lane, attempt->row_due, attempt->message);

    record_delete(step, &key);
    lane->rows.count -= lane->rows.count > 0;
    if (lane->rows.count == 0) {
        heap_remove(&lane->deliveries->oldest, &lane->rows.oldest);
    }
}

enum status lane_set_row_aside(struct step *step, struct lane *lane,
                               const struct attempt *attempt)
{
    struct key key = row_key(lane, attempt->row_due, attempt->message);
    struct blob *value = NULL;
    enum status status = record_get(step, &key, &value);

    if (status == STATUS_OK || status == STATUS_NOT_FOUND) { /* hidden by its checksum */
        record_set_aside(step, &key, value, "a delivery's row");
        status = STATUS_OK;
    }
    return status;
}

bool lane_has_due_rows(const struct lane *lane, int64_t now_ms)
{
    return lane->rows.is_reading
           || least(least(lane->rows.next_due, lane->rows.due_since), lane->rows.pending_due)
                  <= now_ms;
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

/* False: it is not one of ours. */
static bool row_read(struct text value, struct attempt *attempt, uint32_t *ret_topic)
{
    struct cursor cursor = cursor_over(value);
    uint8_t format = cursor_u8(&cursor);

    *ret_topic = cursor_u32(&cursor);
    attempt->made = cursor_u32(&cursor);
    attempt->accepted_ms = (int64_t)cursor_u64(&cursor);
    if (format == ROW_FORMAT) {
        attempt->is_again = (cursor_u8(&cursor) & ROW_AGAIN) != 0;
        attempt->not_before_ms = (int64_t)cursor_u64(&cursor);
    }
    return (format == 1 || format == ROW_FORMAT) && cursor_done(&cursor);
}

int64_t lane_row_next_ms(struct text value, int64_t due_ms)
{
    struct attempt attempt = {0};
    uint32_t topic = 0;

    return due_ms == ORDERED_DUE_MS && row_read(value, &attempt, &topic) ? attempt.not_before_ms
                                                                         : due_ms;
}

static void row_enter(struct step *step, struct lane *lane, const struct row *row,
                      struct blob *value)
{
    struct row_place place = row_place(row);
    struct attempt *attempt = attempt_create(lane, place.message, 0, 0);
    uint32_t topic = 0;
    bool is_ours = row_read(blob_text(value), attempt, &topic);

    attempt->row_due = place.due_ms;
    attempt->since_ms = step->now_ms;
    attempt->is_expired = has_expired(lane, place.due_ms, step->now_ms);
    if (!is_ours) {
        attempt->is_unreadable = true; /* set aside with what hangs on it: row_end */
        attempt_lose(step, attempt, "its row in the data directory is damaged");
        return;
    }
    lane_push_waiting(lane, attempt);
    oldest_lower(lane, attempt->accepted_ms);
    if (lane->rows.count < lane->waiting_count) {
        lane->rows.count = lane->waiting_count;
    }
}

/* One row that the read brought.  False: it is not due yet, or there is no more room. */
static bool row_take(struct step *step, struct lane *lane, const struct row *row,
                     uint32_t *io_room)
{
    struct blob *value = record_overlay(step, row);
    struct row_place place = row_place(row);

    if ((value == NULL && !row_is_lost(step, row))
        || lane_has_row(lane, place.due_ms, place.message)) {
        return true;
    }
    if (place.due_ms > step->now_ms && !lane->is_gone) {
        lane->rows.next_due = least(lane->rows.next_due, place.due_ms);
        return false;
    }
    bool is_expired = has_expired(lane, place.due_ms, step->now_ms);

    if (*io_room == 0 && !is_expired) {
        lane->rows.next_due = step->now_ms;
        return false;
    }
    *io_room -= !is_expired;
    row_enter(step, lane, row, value);
    return true;
}

/* Whom the probe asks: not the same one each time, in case the endpoint only dislikes that one.
 * False: behind the last one there is nobody, and it begins in front again. */
static bool probe_moves_on(struct lane *lane)
{
    struct list_node *first = list_first(&lane->waiting);

    lane->rows.probed = (struct row_place){0, 0};
    if (first == NULL) {
        return !lane->rows.is_behind;
    }
    const struct attempt *attempt = container_of(first, struct attempt, node);

    if (!lane->is_ordered) {
        lane->rows.probed = (struct row_place){attempt->row_due, attempt->message};
    }
    return true;
}

/* How many rows may come into memory now. */
static uint32_t rows_room(const struct lane *lane, int64_t now_ms)
{
    uint32_t room = lane_room(lane, now_ms);
    bool looks_ahead = lane->is_ordered && room > 0 && !is_parked(lane);

    return looks_ahead && lane->waiting_count < LANE_WAITING_MAX
               ? LANE_WAITING_MAX - lane->waiting_count
               : room;
}

/* Takes what it may; says up to where there is nothing left that is not in memory. */
static bool rows_take(struct step *step, struct lane *lane, const struct read *read,
                      struct row_place *ret_clear)
{
    uint32_t room = rows_room(lane, step->now_ms);

    *ret_clear = nowhere;
    for (uint32_t i = 0; i < read->row_count; i++) {
        if (!row_take(step, lane, &read->rows[i], &room)) {
            *ret_clear = row_place(&read->rows[i]);
            return true; /* what there is to know of the rest is known */
        }
    }
    if (!read->complete) { /* perhaps without a row: it looked at so many that are gone */
        struct key next = read_next_from(read);

        *ret_clear = place_of(&next);
    }
    return read->complete;
}

static void rows_come(struct step *step, struct lane *lane, const struct read *read)
{
    struct lane_rows *rows = &lane->rows;
    bool was_behind = rows->is_behind;
    struct row_place clear = nowhere;

    rows->next_due = INT64_MAX;
    bool saw_all = rows_take(step, lane, read, &clear);
    bool has_moved = !is_parked(lane) || probe_moves_on(lane);

    if (!was_behind) {
        rows->clear = mutant("delivery.clear-ignores-new-rows")
                          ? clear
                          : first_place(clear, rows->unread);
    }
    if (!saw_all || was_behind || !has_moved) {
        rows->next_due = step->now_ms; /* there is more: once these are under way */
    }
    rows->next_due = least(rows->next_due, rows->due_since);
}

static void on_rows(struct read *read, struct step *step)
{
    struct deliveries *deliveries = deliveries_of(step);
    struct lane *lane = lane_find(deliveries, key_get_u32(&read->from, 1));

    deliveries->reading--;
    if (lane != NULL) {
        lane->rows.is_reading = false;
        rows_come(step, lane, read);
        if (lane->rows.next_due > step->now_ms) {
            lane_schedule(step, lane, lane->rows.next_due);
        }
        lane_want(step, lane);
    }
    read_free(read);
}

/* Rows at or behind `clear` whose attempts are in memory: they come with the others. */
static uint32_t rows_met_again(const struct lane *lane, const struct list *list)
{
    uint32_t count = 0;

    list_each (node, list) {
        const struct attempt *attempt = container_of(node, struct attempt, node);
        struct row_place place = {attempt->row_due, attempt->message};

        count += attempt->owed == NULL && !place_is_before(place, lane->rows.clear);
    }
    return count;
}

void lane_read_due(struct step *step, struct lane *lane)
{
    struct lane_rows *rows = &lane->rows;
    struct key prefix = key_u32(TABLE_LANE, lane->subscription);
    struct read *read = read_create(on_rows, NULL);
    bool expires = has_expired(lane, 0, step->now_ms);

    rows->is_behind = is_parked(lane) && !expires && rows->probed.due_ms > 0;
    struct row_place from = rows->is_behind ? place_after(rows->probed) : rows->clear;

    if (mutant("delivery.reads-from-the-front") && !rows->is_behind) {
        from = (struct row_place){0, 0};
    }
    read->from = row_key(lane, from.due_ms, from.message);
    read->to = key_after_prefix(&prefix);
    read->row_max = rows_room(lane, step->now_ms) + rows_met_again(lane, &lane->flying)
                    + rows_met_again(lane, &lane->waiting) + 1
                    + (expires ? LANE_EXPIRED_MAX : 0);
    read->bytes_max = UINT32_MAX;
    read->value_max = UINT32_MAX;
    rows->is_reading = true;
    lane->deliveries->reading++;
    rows->due_since = INT64_MAX;
    /* Written, but not durable: it may not be seen. */
    rows->unread = (struct row_place){least(rows->pending_due, rows->late_due), 0};
    timer_cancel(step, &rows->timer);
    turn_count(lane->deliveries);
    step_read(step, read);
}

/* --- At start: one look per lane that has rows. */

static void lane_met(struct table_walk *walk, struct step *step, const struct key *key,
                     struct blob *value)
{
    struct attempt attempt = {0};
    uint32_t subscription = key_get_u32(key, 1);
    struct key prefix = key_u32(TABLE_LANE, subscription);
    uint32_t topic = 0;

    /* Of a topic that is none the whole lane would end as one of a deleted subscription: the
     * next row says which it is. */
    if (!row_read(blob_text(value), &attempt, &topic)
        && !mutant("delivery.lane-of-a-damaged-row")) {
        lost_row_end(step, key);
        return;
    }
    struct lane *lane = lane_open(step, topic, subscription);

    lane->rows.count = lane->rows.count == 0 ? 1 : lane->rows.count;
    lane_schedule(step, lane, least(lane->rows.next_due, (int64_t)key_get_u64(key, 5)));
    table_walk_skip(walk, key_after_prefix(&prefix));
}

static void lane_row_lost(struct table_walk *walk, struct step *step, const struct key *key)
{
    (void)walk;
    lost_row_end(step, key);
}

void lanes_find(struct step *step)
{
    const struct table_walk walk = {
        .from = key_table(TABLE_LANE), .visit = lane_met, .lost = lane_row_lost};

    table_walk(step, &walk);
}
