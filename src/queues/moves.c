/* Message move tasks: what a dead-letter queue holds goes back to where it came from, or
 * elsewhere, at a given rate; also across a restart. */
#include "queues/moves.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "queues/arrivals.h"
#include "queues/delayed.h"
#include "queues/erase.h"
#include "queues/queue_record.h"
#include "queues/queued.h"
#include "queues/rows.h"
#include "queues/scan.h"
#include "queues/state.h"
#include "queues/window.h"

#include <string.h>

enum {
    MOVE_VERSION = 1,
    MOVE_ROW_MAX = 4096,
    MOVE_CHUNK = 100, /* with one batch */
    MOVE_PAUSE_MS = 100,
    MOVES_KEPT = 10, /* per queue; AWS lists as many */
    MOVED_SOURCE_UNKNOWN = 1,
    MOVED_QUEUE_GONE = 2,
    MOVED_NOT_TAKEN = 3
};

/* AWS's reasons, by what is stored. */
static const char *const failures[] = {
    NULL, "CouldNotDetermineMessageSource", "AWS.SimpleQueueService.NonExistentQueue",
    "InvalidParameterValue", /* what SendMessage would say */
};

struct move {
    struct task task;
    struct timer timer;
    struct hook hook;
    struct list_node node; /* in queue_state.moves */
    struct queue_state *state;
    uint64_t number;
    uint8_t id[16];
    struct text destination_arn; /* owned; empty: each one's source */
    enum queue_move_state progress;
    uint32_t rate;
    uint8_t failure; /* index into failures */
    uint64_t moved, to_move;
    int64_t started_ms;
    int64_t resumed_ms; /* since when the rate is counted */
    uint64_t moved_before;
    uint32_t chunk;
};

/* --- The record. */

static struct key move_key(const struct move *move)
{
    return key_u32_u64(TABLE_QUEUE_MOVE, move->state->queue->number, move->number);
}

static void move_put(struct step *step, const struct move *move)
{
    struct key key = move_key(move);
    struct buffer row;

    buffer_init(&row, MOVE_ROW_MAX);
    buffer_add_u8(&row, MOVE_VERSION);
    buffer_add(&row, text_make(move->id, sizeof move->id));
    buffer_add_u8(&row, (uint8_t)move->progress);
    buffer_add_u8(&row, move->failure);
    buffer_add_u32(&row, move->rate);
    buffer_add_u64(&row, move->moved);
    buffer_add_u64(&row, move->to_move);
    buffer_add_u64(&row, (uint64_t)move->started_ms);
    buffer_add_counted(&row, move->destination_arn);
    record_put(step, &key, blob_copy(buffer_text(&row)));
    buffer_free(&row);
}

static bool move_decode(struct text row, struct move *ret_move)
{
    struct cursor cursor = cursor_over(row);
    bool is_known = cursor_u8(&cursor) == MOVE_VERSION;
    struct text id = cursor_take(&cursor, sizeof ret_move->id);

    if (id.len == sizeof ret_move->id) {
        memcpy(ret_move->id, id.at, id.len);
    }
    ret_move->progress = (enum queue_move_state)cursor_u8(&cursor);
    ret_move->failure = cursor_u8(&cursor);
    ret_move->rate = cursor_u32(&cursor);
    ret_move->moved = cursor_u64(&cursor);
    ret_move->to_move = cursor_u64(&cursor);
    ret_move->started_ms = (int64_t)cursor_u64(&cursor);
    ret_move->destination_arn = text_own(cursor_counted(&cursor));
    return is_known && cursor_done(&cursor) && ret_move->failure < countof(failures)
           && ret_move->progress <= QUEUE_MOVE_FAILED;
}

/* --- One message. */

static struct queue *move_target(struct move *move, const struct entry *entry)
{
    struct queue *source = move->state->queue;
    struct text arn = move->destination_arn.len > 0 ? move->destination_arn : entry->source;
    struct queue *target = queue_find_arn(move->state->queues, arn);
    bool fits = target != NULL && target->settings.is_fifo == source->settings.is_fifo;

    move->failure = arn.len == 0 ? MOVED_SOURCE_UNKNOWN : MOVED_QUEUE_GONE;
    return fits ? target : NULL;
}

/* As a new message, like AWS: new id, new send time, no receives. */
static void entry_move(struct step *step, struct move *move, struct entry *entry,
                       struct queue *target)
{
    entry->flags &= (uint8_t)~ENTRY_MOVED;
    entry->sent_ms = step->now_ms;
    entry->visible_ms = delayed_until(target->state, step->now_ms, 0);
    entry->source = (struct text){0};
    step->random->fill(step->random, entry->id, sizeof entry->id);
    (void)entry_store(step, target->state, entry, NULL);
    move->moved++;
}

/* A subscription's dead letter goes back to the subscription. */
static enum status letter_return(struct step *step, struct move *move, struct queued *message,
                                 const struct entry *entry)
{
    struct queue_state *state = move->state;
    enum status status = state->queues->hooks.redeliver(step, entry->subscription_id,
                                                        entry->message, entry->sent_ms);

    if (status == STATUS_NOT_FOUND) {
        move->failure = MOVED_SOURCE_UNKNOWN;
        return STATUS_DENIED;
    }
    if (status != STATUS_OK) {
        return status;
    }
    /* Counted a moment ago: it does not wait. */
    status = queued_discard(step, state, message);
    move->moved += status == STATUS_OK;
    return status;
}

/* STATUS_DENIED: it cannot go anywhere; move->failure says why. */
static enum status message_move(struct step *step, struct move *move, struct queued *message)
{
    struct queue_state *state = move->state;
    struct entry entry;
    struct blob *row = NULL;

    if (message->sent_ms + retention_ms(state->queue) <= step->now_ms) {
        return queued_discard(step, state, message);
    }
    enum status status = queued_entry(step, state, message, &entry, &row);

    if (status == STATUS_WAIT) {
        return status;
    }
    if (status != STATUS_OK) {
        queued_lose(step, state, message, row, "a message to be moved that cannot be read");
        return STATUS_OK;
    }
    if ((entry.flags & ENTRY_DEAD_LETTER) != 0 && move->destination_arn.len == 0) {
        return letter_return(step, move, message, &entry);
    }
    struct queue *target = move_target(move, &entry);

    if (target == NULL) {
        return STATUS_DENIED;
    }
    if ((target->state->unloaded & LOAD_ROWS) != 0) {
        return wait_in(step, &target->state->loaders);
    }
    /* References have bodies of their topics' size. */
    if ((entry.flags & ENTRY_REFERENCE) == 0
        && queue_takes(target, entry.body,
                       entry.body.len + queue_attributes_size(entry.attributes), NULL)
               != STATUS_OK) {
        move->failure = MOVED_NOT_TAKEN;
        return STATUS_DENIED;
    }
    move->failure = 0;
    entry_move(step, move, &entry, target);
    queued_erase(step, state, message);
    return STATUS_OK;
}

/* --- The task. */

static void on_move_timer(struct timer *timer, struct step *step)
{
    task_start(&container_of(timer, struct move, timer)->task, step);
}

static void on_move_durable(struct hook *hook, struct step *step, enum status status)
{
    if (status == STATUS_OK) { /* else the cell is about to be reloaded */
        task_start(&container_of(hook, struct move, hook)->task, step);
    }
}

/* How many more the rate allows now. */
static uint64_t move_allowance(const struct move *move, int64_t now_ms)
{
    int64_t elapsed_ms = now_ms - move->resumed_ms;
    uint64_t earned = elapsed_ms > 0 ? (uint64_t)elapsed_ms * move->rate / 1000 : 0;
    uint64_t spent = move->moved - move->moved_before;

    if (move->rate == 0) {
        return UINT64_MAX;
    }
    return earned > spent ? earned - spent : 0;
}

/* True: enough for now.  The task ends, so that it does not hold what it once waited for, and
 * is started again when the disk or the rate allows. */
static bool move_pauses(struct step *step, struct move *move)
{
    bool is_chunk = move->chunk >= MOVE_CHUNK;

    if (!is_chunk && move_allowance(move, step->now_ms) > 0) {
        return false;
    }
    move->chunk = 0;
    move_put(step, move);
    if (is_chunk) {
        step_when_durable(step, &move->hook);
    } else {
        timer_set(step, &move->timer, step->now_ms + MOVE_PAUSE_MS);
    }
    return true;
}

/* One message on.  STATUS_NOT_FOUND: there is none any more. */
static enum status move_next(struct step *step, struct move *move)
{
    struct queue_state *state = move->state;
    struct queued *message = window_first(state, NULL);

    if (message == NULL) {
        scan_start(step, state);
        return state->window.is_scanning ? wait_in(step, &state->scanners) : STATUS_NOT_FOUND;
    }
    enum status status = message_move(step, move, message);

    move->chunk += status == STATUS_OK;
    return status;
}

static enum status move_run(struct task *task, struct step *step)
{
    struct move *move = container_of(task, struct move, task);
    enum status status = STATUS_OK;

    if (move->state->unloaded != 0) {
        return wait_in(step, &move->state->loaders);
    }
    while (status == STATUS_OK && move->moved < move->to_move) {
        if (move_pauses(step, move)) {
            return STATUS_OK;
        }
        status = move_next(step, move);
    }
    if (status != STATUS_WAIT) {
        move->progress = status == STATUS_DENIED ? QUEUE_MOVE_FAILED : QUEUE_MOVE_COMPLETED;
    }
    return status;
}

static void move_done(struct task *task, struct step *step, enum status status)
{
    struct move *move = container_of(task, struct move, task);

    (void)status;
    if (move->progress != QUEUE_MOVE_RUNNING) {
        move_put(step, move);
    }
}

static void move_begin(struct step *step, struct move *move)
{
    move->resumed_ms = step->now_ms;
    move->moved_before = move->moved;
    move->task = (struct task){.run = move_run, .done = move_done};
    move->timer.fire = on_move_timer;
    move->hook.run = on_move_durable;
    task_start(&move->task, step);
}

static void move_stop(struct step *step, struct move *move)
{
    task_cancel(&move->task);
    timer_cancel(step, &move->timer);
    list_remove(&move->hook.node);
}

/* --- All of a queue's. */

static struct move *move_new(struct queue_state *state, uint64_t number)
{
    struct move *move = memory_zero(sizeof *move);

    move->state = state;
    move->number = number;
    list_push_first(&state->moves, &move->node);
    return move;
}

static void move_free(struct move *move)
{
    list_remove(&move->node);
    task_cancel(&move->task);
    text_disown(&move->destination_arn);
    memory_free(move);
}

static struct move *move_running(const struct queue_state *state)
{
    list_each (node, &state->moves) {
        struct move *move = container_of(node, struct move, node);

        if (move->progress == QUEUE_MOVE_RUNNING) {
            return move;
        }
    }
    return NULL;
}

static void moves_trim(struct step *step, struct queue_state *state)
{
    size_t count = 0;

    list_each (node, &state->moves) {
        struct move *move = container_of(node, struct move, node);

        if (++count > MOVES_KEPT) {
            struct key key = move_key(move);

            record_delete(step, &key);
            move_free(move);
        }
    }
}

enum status queue_move_start(struct step *step, struct queue *source,
                             struct text destination_arn, uint32_t rate, uint8_t ret_id[16],
                             struct why *why)
{
    struct queue_state *state = source->state;

    if (state->unloaded != 0) {
        return wait_in(step, &state->loaders);
    }
    if (move_running(state) != NULL) {
        return fail(why, STATUS_EXISTS,
                    "There is already a task running. Only one active task is allowed for a "
                    "source queue arn at a given time.");
    }
    struct move *move = move_new(state, step_number(step, COUNTER_SEQUENCE));

    step->random->fill(step->random, move->id, sizeof move->id);
    /* As its text says it: a version-4 UUID, found again by the bytes of that text. */
    move->id[6] = (uint8_t)((move->id[6] & 0x0f) | 0x40);
    move->id[8] = (uint8_t)((move->id[8] & 0x3f) | 0x80);
    memcpy(ret_id, move->id, sizeof move->id);
    move->destination_arn = text_own(destination_arn);
    move->rate = rate;
    move->started_ms = step->now_ms;
    move->to_move = queue_counts(source).visible;
    moves_trim(step, state);
    move_put(step, move);
    move_begin(step, move);
    return STATUS_OK;
}

size_t queue_move_list(const struct queue *source, struct queue_move *ret_moves, size_t max)
{
    size_t count = 0;

    list_each (node, &source->state->moves) {
        const struct move *move = container_of(node, struct move, node);

        if (count == max) {
            break;
        }
        ret_moves[count] = (struct queue_move){
            .destination_arn = move->destination_arn,
            .rate = move->rate,
            .state = move->progress,
            .moved = move->moved,
            .to_move = move->to_move,
            .started_ms = move->started_ms,
            .failure = move->progress == QUEUE_MOVE_FAILED ? failures[move->failure] : NULL,
        };
        memcpy(ret_moves[count++].id, move->id, sizeof move->id);
    }
    return count;
}

enum status queue_move_cancel(struct step *step, struct queue *source, const uint8_t id[16],
                              uint64_t *ret_moved)
{
    struct move *move = move_running(source->state);

    if (source->state->unloaded != 0) {
        return wait_in(step, &source->state->loaders);
    }
    if (move == NULL || memcmp(move->id, id, sizeof move->id) != 0) {
        return STATUS_NOT_FOUND;
    }
    move_stop(step, move);
    move->progress = QUEUE_MOVE_CANCELLED;
    move_put(step, move);
    *ret_moved = move->moved;
    return STATUS_OK;
}

void moves_delete(struct step *step, struct queue_state *state)
{
    list_each (node, &state->moves) {
        struct move *move = container_of(node, struct move, node);
        struct key key = move_key(move);

        move_stop(step, move);
        record_delete(step, &key);
    }
    moves_free(state);
}

void moves_free(struct queue_state *state)
{
    list_each (node, &state->moves) {
        move_free(container_of(node, struct move, node));
    }
}

void moves_start(struct step *step, struct queue_state *state)
{
    struct move *move = move_running(state);

    if (move != NULL) {
        move_begin(step, move);
    }
}

bool move_load(struct step *step, struct queues *queues, const struct key *key, struct text row)
{
    struct queue *queue = queue_find_number(queues, key_get_u32(key, 1));

    (void)step;
    if (queue == NULL) {
        return true;
    }
    return move_decode(row, move_new(queue->state, key_get_u64(key, 1 + sizeof(uint32_t))));
}
