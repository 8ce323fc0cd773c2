/* A message's owed list: dispatched in order, with one cursor that moves past what is settled.
 */
#include "base/buffer.h"
#include "base/memory.h"
#include "base/must.h"
#include "base/mutants.h"
#include "delivery/internal.h"

static struct key chunk_key(const struct owed *owed)
{
    return key_u64_u32(TABLE_OWED, owed->message, owed->chunk);
}

static struct key cursor_key(const struct owed *owed)
{
    return key_u64(TABLE_CURSOR, owed->message);
}

/* Format: u32 chunk, u32 entries settled in it. */
static void cursor_seal(struct sealed *sealed, struct step *step)
{
    struct owed *owed = container_of(sealed, struct owed, sealed);
    struct key key = cursor_key(owed);
    struct buffer buffer;

    buffer_init(&buffer, 16);
    buffer_add_u32(&buffer, owed->chunk);
    buffer_add_u32(&buffer, owed->base + mutant("delivery.cursor-ahead"));
    record_put(step, &key, blob_copy(buffer_text(&buffer)));
    buffer_free(&buffer);
    owed->has_cursor = true;
}

static void behind_end(struct owed *owed)
{
    if (owed->behind != NULL) {
        range_end(owed->behind);
        memory_free(owed->behind);
        owed->behind = NULL;
    }
}

void owed_free(struct owed *owed)
{
    list_remove(&owed->sealed.node);
    list_remove(&owed->node);
    list_remove(&owed->work);
    task_cancel(&owed->task);
    behind_end(owed);
    memory_free(owed->subscriptions);
    memory_free(owed);
}

static void owed_end(struct step *step, struct owed *owed)
{
    struct deliveries *deliveries = owed->deliveries;

    map_remove(&deliveries->owed, &owed->map);
    deliveries->active_count--;
    owed_free(owed);
    if (deliveries->has_backlog
        && deliveries->active_count <= deliveries->options.active_message_max / 2) {
        backlog_read(step, deliveries);
    }
}

/* One that cannot be read stays in its place until its list goes past it: without its row a
 * start would find nothing that leads to the body and the cursor. */
void owed_take_chunk(struct owed *owed, struct text value)
{
    owed->is_damaged = !owed_chunk_decode(value, owed);
    if (owed->is_damaged) {
        owed->count = 0;
        owed->is_last_chunk = false; /* for all that is known: the next look tells */
    }
}

/* What ends with a chunk, looked up before anything changes. */
struct chunk_end {
    struct blob *damaged; /* its value, when it could not be decoded */
    uint32_t next;        /* the chunk behind it */
    bool is_last;         /* there is none */
};

/* The first row behind the chunk, one that a checksum hides among them: it is asked for when a
 * chunk says, or cannot say, that there is another.  STATUS_OK or STATUS_WAIT. */
static enum status behind_find(struct owed *owed, struct step *step, struct chunk_end *io_end)
{
    const struct read *read = NULL;

    if (owed->behind == NULL) {
        owed->behind = memory_zero(sizeof *owed->behind);
        *owed->behind = (struct range){
            .from = key_u64_u32(TABLE_OWED, owed->message, owed->chunk + 1),
            .to = key_u64(TABLE_OWED, owed->message + 1),
            .row_max = 1,
            .bytes_max = 1,
            .value_max = 1,
        };
    }
    do {
        if (range_get(step, owed->behind, &read) == STATUS_WAIT) {
            return STATUS_WAIT;
        }
        if (read->row_count > 0) {
            io_end->is_last = false;
            io_end->next = key_get_u32(&read->rows[0].key, 9);
            return STATUS_OK;
        }
    } while (range_on(owed->behind));
    return STATUS_OK;
}

static enum status chunk_end_find(struct owed *owed, struct step *step, struct chunk_end *ret)
{
    struct key chunk = chunk_key(owed);

    *ret = (struct chunk_end){.is_last = true, .next = owed->chunk + 1};
    if (owed->is_damaged && record_get(step, &chunk, &ret->damaged) == STATUS_WAIT) {
        return STATUS_WAIT;
    }
    return owed->is_last_chunk ? STATUS_OK : behind_find(owed, step, ret);
}

/* The chunk is worked off: its row goes, and with the last one the body's reference and the
 * cursor, all in one batch: what a crash in between left would lead nowhere. */
static enum status chunk_end_run(struct task *task, struct step *step)
{
    struct owed *owed = container_of(task, struct owed, task);
    struct chunk_end end;

    if (chunk_end_find(owed, step, &end) == STATUS_WAIT
        || (end.is_last && body_release(step, owed->message) == STATUS_WAIT)) {
        return STATUS_WAIT;
    }
    struct key chunk = chunk_key(owed);
    struct key cursor = cursor_key(owed);
    struct key missing = key_u64_u32(TABLE_OWED, owed->message, owed->chunk + 1);

    if (owed->is_damaged) {
        record_set_aside(step, &chunk, end.damaged, "a part of an owed list");
    } else if (!owed->is_last_chunk && (end.is_last || end.next > owed->chunk + 1)) {
        record_set_aside(step, &missing, NULL, "a part of an owed list is missing");
    }
    behind_end(owed);
    owed->is_last_chunk = end.is_last;
    owed->next_chunk = end.next;
    record_delete(step, &chunk);
    if (end.is_last && owed->has_cursor) {
        record_delete(step, &cursor);
    }
    list_remove(&owed->sealed.node);
    return STATUS_OK;
}

/* Its row was seen when the one before it ended: what is not found is damaged. */
static enum status next_chunk_run(struct task *task, struct step *step)
{
    struct owed *owed = container_of(task, struct owed, task);
    struct key chunk = chunk_key(owed);
    struct blob *value = NULL;
    enum status status = record_get(step, &chunk, &value);

    if (status != STATUS_WAIT) {
        owed_take_chunk(owed, status == STATUS_OK ? blob_text(value) : T(""));
        status = STATUS_OK;
    }
    return status;
}

static void next_chunk_done(struct task *task, struct step *step, enum status status)
{
    (void)status;
    owed_want(step, container_of(task, struct owed, task));
}

static void chunk_end_done(struct task *task, struct step *step, enum status status)
{
    struct owed *owed = container_of(task, struct owed, task);

    (void)status;
    if (owed->is_last_chunk) {
        owed_end(step, owed);
        return;
    }
    owed->chunk = owed->next_chunk;
    owed->next = 0;
    owed->base = 0;
    step_seal(step, &owed->sealed);
    owed->task = (struct task){.run = next_chunk_run, .done = next_chunk_done};
    task_start(&owed->task, step);
}

static void bits_shift(uint64_t bits[OWED_WINDOW / 64])
{
    for (size_t i = 0; i < OWED_WINDOW / 64; i++) {
        uint64_t next = i + 1 < OWED_WINDOW / 64 ? bits[i + 1] : 0;

        bits[i] = bits[i] >> 1 | next << 63;
    }
}

void owed_settle(struct step *step, struct owed *owed, uint32_t index)
{
    uint32_t bit = index - owed->base;
    bool moved = false;

    must(bit < OWED_WINDOW);
    owed->settled[bit / 64] |= 1ULL << (bit % 64);
    while ((owed->settled[0] & 1) != 0) {
        bits_shift(owed->settled);
        owed->base++;
        moved = true;
    }
    if (moved && owed->base < owed->count) {
        step_seal(step, &owed->sealed);
    }
    if (moved) {
        owed_want(step, owed);
    }
}

static bool owed_has_room(const struct owed *owed)
{
    uint32_t ahead = owed->next - owed->base;

    return ahead == 0
           || (ahead < OWED_WINDOW && owed->deliveries->attempt_count < ATTEMPTS_MAX);
}

bool owed_is_stuck(const struct owed *owed)
{
    return owed->next < owed->count && !owed_has_room(owed);
}

static void owed_dispatch(struct step *step, struct owed *owed)
{
    uint32_t index = owed->next++;
    struct lane *lane = lane_open(step, owed->topic, owed->subscriptions[index]);
    struct attempt *attempt = attempt_create(lane, owed->message, 0, owed->accepted_ms);

    attempt->owed = owed;
    attempt->owed_index = index;
    list_push(&owed->attempts, &attempt->owed_node);
    owed->in_a_row++;
    turn_count(owed->deliveries);
    lane_offer(step, lane, attempt);
}

bool owed_work(struct step *step, struct owed *owed)
{
    const struct deliveries *deliveries = owed->deliveries;

    while (owed->next < owed->count && owed_has_room(owed) && deliveries->turn_left > 0
           && owed->in_a_row < OWED_WINDOW) {
        owed_dispatch(step, owed);
    }
    if (owed_is_stuck(owed) || deliveries_are_crowded(deliveries)) {
        relief_ask(step, owed->deliveries);
    }
    if (owed->next < owed->count && owed_has_room(owed)) {
        return true;
    }
    list_remove(&owed->work);
    owed->in_a_row = 0;
    if (owed->base == owed->count) {
        owed->task = (struct task){.run = chunk_end_run, .done = chunk_end_done};
        task_start(&owed->task, step);
    }
    return false;
}

struct owed *owed_open(struct deliveries *deliveries, uint64_t message)
{
    struct owed *owed = memory_zero(sizeof *owed);

    owed->message = message;
    owed->message_key = message;
    owed->deliveries = deliveries;
    owed->sealed.seal = cursor_seal;
    list_init(&owed->attempts);
    map_insert(&deliveries->owed, &owed->map,
               text_make(&owed->message_key, sizeof owed->message_key));
    deliveries->active_count++;
    return owed;
}

/* Each by a hook of its own: a batch may be on its way to the disk already when the next list
 * is made, and none is dispatched before its own batch is durable. */
static void on_launched(struct hook *hook, struct step *step, enum status status)
{
    struct owed *owed = container_of(hook, struct owed, launch);

    if (status != STATUS_OK) {
        return; /* the cell is dropped; whoever loads it anew finds what is true */
    }
    list_push(&owed->deliveries->active, &owed->node);
    owed_want(step, owed);
}

/* Writes all chunks; returns how many entries the first one has. */
static size_t chunks_write(struct step *step, uint32_t topic, uint64_t message,
                           const uint32_t *subscriptions, size_t count)
{
    size_t at = 0;
    size_t first = 0;

    for (uint32_t chunk = 0; at < count; chunk++) {
        struct key key = key_u64_u32(TABLE_OWED, message, chunk);
        size_t taken = 0;
        struct blob *value = owed_chunk_encode(topic, step->now_ms, true, subscriptions + at,
                                               count - at, &taken);

        record_put(step, &key, value);
        at += taken;
        first = chunk == 0 ? taken : first;
    }
    return first;
}

void deliveries_owe(struct step *step, uint32_t topic, uint64_t message,
                    const uint32_t *subscriptions, size_t count)
{
    struct deliveries *deliveries = deliveries_of(step);
    size_t first = chunks_write(step, topic, message, subscriptions, count);

    if (deliveries->has_backlog
        || deliveries->active_count >= deliveries->options.active_message_max) {
        deliveries->has_backlog = true;
        deliveries->backlog_until = message;
        return;
    }
    struct owed *owed = owed_open(deliveries, message);

    owed->topic = topic;
    owed->accepted_ms = step->now_ms;
    owed->is_last_chunk = first == count;
    owed->count = (uint32_t)first;
    owed->subscriptions = memory_array(first, sizeof *owed->subscriptions);
    for (size_t i = 0; i < first; i++) {
        owed->subscriptions[i] = subscriptions[i];
    }
    deliveries->last_active = message;
    owed->launch.run = on_launched;
    if (mutant("delivery.dispatched-before-durable")) {
        on_launched(&owed->launch, step, STATUS_OK);
        return;
    }
    step_when_durable(step, &owed->launch);
}
