/* Receiving: picks what may be lent, reads what is missing, then lends it all at once. */
#include "base/mutants.h"
#include "queues/delayed.h"
#include "queues/erase.h"
#include "queues/handle.h"
#include "queues/leases.h"
#include "queues/queued.h"
#include "queues/receive_attempts.h"
#include "queues/redrive.h"
#include "queues/rows.h"
#include "queues/scan.h"
#include "queues/state.h"
#include "queues/window.h"

#include <string.h>

enum {
    SETTLE_MAX = 256, /* expired and dead ones that one run clears away */
    AGAIN_MS = 1
};

/* A candidate, out of the window, with what its receiver is to get. */
struct pick {
    struct queued *message;
    struct entry entry;
    struct blob *row;  /* lent by the records */
    struct blob *body; /* of a reference */
};

struct picks {
    struct pick at[RECEIVE_MAX];
    size_t count;
    bool is_waiting; /* something must be read first */
    size_t settled;
};

/* --- Picking. */

/* STATUS_EXISTS: it may be lent; STATUS_OK: it was too old, or dead, and is gone. */
static enum status candidate_settle(struct step *step, struct queue_state *state,
                                    struct queued *message)
{
    if (message->sent_ms + retention_ms(state->queue) <= step->now_ms
        && !mutant("queues.too-old-received")) {
        return queued_discard(step, state, message);
    }
    struct queue *target = dead_letter_queue(state, message);

    return target == NULL ? STATUS_EXISTS : queued_dead_letter(step, state, message, target);
}

static enum status pick_load(struct step *step, struct queue_state *state, struct pick *pick)
{
    enum status status = queued_entry(step, state, pick->message, &pick->entry, &pick->row);

    if (status == STATUS_WAIT) {
        scan_ahead(step, state,
                   pick->message->sequence); /* the next in line are on disk, too */
    }
    if (status == STATUS_OK && (pick->entry.flags & ENTRY_REFERENCE) != 0) {
        struct key body = key_u64(TABLE_BODY, pick->entry.message);

        status = record_get(step, &body, &pick->body);
    }
    return status;
}

static void pick_add(struct step *step, struct queue_state *state, struct queued *message,
                     struct picks *picks)
{
    struct pick *pick = &picks->at[picks->count];

    *pick = (struct pick){.message = message};
    enum status status = pick_load(step, state, pick);

    if (status != STATUS_OK && status != STATUS_WAIT) {
        queued_lose(step, state, message, pick->row,
                    status == STATUS_NOT_FOUND && pick->row != NULL
                        ? "a topic's message whose body is missing"
                        : "a queue's message that is missing or cannot be read");
        picks->settled++;
        return;
    }
    picks->is_waiting = picks->is_waiting || status == STATUS_WAIT;
    picks->count++;
}

static void picks_gather(struct step *step, struct queue_state *state, size_t max,
                         struct picks *picks)
{
    bool is_fifo = state->queue->settings.is_fifo;

    while (picks->count < max && picks->settled < SETTLE_MAX) {
        bool has_group = is_fifo && picks->count > 0;
        struct queued *message =
            window_first(state, has_group ? picks->at[picks->count - 1].message->group : NULL);

        if (message == NULL) {
            return;
        }
        enum status status = candidate_settle(step, state, message);

        if (status == STATUS_WAIT) {
            picks->is_waiting = true;
            return;
        }
        if (status == STATUS_EXISTS) {
            window_remove(state, message);
            pick_add(step, state, message, picks);
        } else {
            picks->settled++;
        }
    }
}

static void picks_return(struct queue_state *state, const struct picks *picks)
{
    for (size_t i = 0; i < picks->count; i++) {
        window_put_back(state, picks->at[i].message);
    }
}

/* --- Lending. */

void queue_lent_free(struct queue_lent *lent)
{
    blob_unref(lent->row);
    blob_unref(lent->body);
    lent->row = NULL;
    lent->body = NULL;
}

static void reference_fill(const struct entry *entry, struct queue_reference *ret_reference)
{
    if ((entry->flags & ENTRY_REFERENCE) == 0) {
        return;
    }
    ret_reference->message = entry->message;
    memcpy(ret_reference->subscription_id, entry->subscription_id,
           sizeof entry->subscription_id);
    ret_reference->raw = (entry->flags & ENTRY_RAW) != 0;
    ret_reference->is_dead_letter = (entry->flags & ENTRY_DEAD_LETTER) != 0;
    ret_reference->protocol = entry->protocol;
    ret_reference->group_id = entry->group_id;
    ret_reference->deduplication_id = entry->deduplication_id;
}

static void lent_fill(const struct queue_state *state, const struct pick *pick,
                      struct arena *arena, struct queue_lent *ret_lent)
{
    const struct queued *message = pick->message;
    const struct entry *entry = &pick->entry;
    struct handle handle = {
        .queue = state->queue->number,
        .store = state->queue->store,
        .receive_number = message->receive_count,
        .sequence = message->sequence,
    };

    *ret_lent = (struct queue_lent){
        .sequence = message->sequence,
        .sent_ms = entry->sent_ms,
        .first_received_ms = message->first_received_ms,
        .receive_count = message->receive_count,
        .handle = handle_encode(state->queues, &handle, arena),
        .row = blob_ref(pick->row),
        .body = blob_ref(pick->body),
        .text = entry->body,
        .attributes = entry->attributes,
        .trace_header = entry->trace_header,
        .sender_id = entry->sender_id,
        .group_id = entry->group_id,
        .deduplication_id = entry->deduplication_id,
        .dead_letter_source = entry->source,
    };
    memcpy(ret_lent->id, entry->id, sizeof entry->id);
    reference_fill(entry, &ret_lent->reference);
}

static void message_lend(struct step *step, struct queue_state *state, struct queued *message,
                         int64_t visibility_ms)
{
    int64_t visible_ms = visibility_ms > 0 ? step->now_ms + visibility_ms : 0;

    lease_put(step, state, message, visible_ms);
    window_serve(state, message->group);
    if (visible_ms > 0) {
        lease_add(state, message, visible_ms);
    } else {
        window_return(state, message); /* counted, and visible again at once */
    }
}

static void picks_lend(struct step *step, struct queue_state *state,
                       struct queue_receive *receive, const struct picks *picks)
{
    int64_t visibility_ms = receive->visibility_ms;

    if (visibility_ms < 0) {
        visibility_ms = (int64_t)state->queue->settings.visibility_timeout_s * 1000;
    }
    for (size_t i = 0; i < picks->count; i++) {
        const struct pick *pick = &picks->at[i];

        lent_fill(state, pick, receive->arena, &receive->lent[i]);
        message_lend(step, state, pick->message, visibility_ms);
    }
    receive->lent_count = picks->count;
    leases_arm(step, state);
    if (visibility_ms == 0) {
        window_settle(step, state); /* others may have it, too */
    }
}

static void picks_count_receive(struct step *step, const struct picks *picks)
{
    for (size_t i = 0; i < picks->count; i++) {
        struct queued *message = picks->at[i].message;

        message->receive_count += !mutant("queues.receives-uncounted");
        message->received_ms = step->now_ms;
        if (message->first_received_ms == 0) {
            message->first_received_ms = step->now_ms;
        }
    }
}

/* --- The same attempt again: what it got and still has. */

static enum status attempt_repeat(struct step *step, struct queue_state *state,
                                  struct queue_receive *receive)
{
    const struct receive_attempt *attempt =
        receive_attempt_find(state, step->now_ms, receive->attempt_id);
    struct picks picks = {.count = 0};

    /* Whoever asks for fewer this time has room for fewer. */
    for (uint32_t i = 0; attempt != NULL && i < attempt->count && picks.count < receive->max;
         i++) {
        struct queued *message = queued_find(state, attempt->sequences[i]);

        if (message != NULL && message->place == PLACE_LENT
            && message->receive_count == attempt->receive_numbers[i]) {
            pick_add(step, state, message, &picks);
        }
    }
    if (picks.is_waiting) {
        return STATUS_WAIT;
    }
    for (size_t i = 0; i < picks.count; i++) {
        lease_remove(state, picks.at[i].message);
    }
    picks_lend(step, state, receive, &picks);
    return STATUS_OK;
}

static void attempt_keep(struct step *step, struct queue_state *state,
                         const struct queue_receive *receive, const struct picks *picks)
{
    if (receive->attempt_id.len == 0 || !state->queue->settings.is_fifo) {
        return;
    }
    struct receive_attempt *attempt =
        receive_attempt_new(state, step->now_ms, receive->attempt_id);

    for (size_t i = 0; i < picks->count; i++) {
        attempt->sequences[i] = picks->at[i].message->sequence;
        attempt->receive_numbers[i] = picks->at[i].message->receive_count;
    }
    attempt->count = (uint32_t)picks->count;
}

/* --- The call. */

static void on_receive_timer(struct timer *timer, struct step *step)
{
    struct queue_receive *receive = container_of(timer, struct queue_receive, timer);
    struct list one;

    list_init(&one);
    list_remove(&receive->task->node);
    list_push(&one, &receive->task->node);
    task_wake(step, &one, 1);
}

static void receive_begin(struct step *step, const struct queue *queue,
                          struct queue_receive *receive)
{
    int64_t wait_ms = receive->wait_ms;

    receive->lent_count = 0;
    receive->task = step->running;
    receive->queue = queue->number;
    receive->must_be_durable =
        receive->must_be_durable
        || (queue->settings.is_fifo && !mutant("queues.fifo-answers-early"));
    if (receive->deadline_ms != 0) {
        return;
    }
    if (wait_ms < 0) {
        wait_ms = (int64_t)queue->settings.receive_wait_s * 1000;
    }
    receive->deadline_ms = step->now_ms + wait_ms;
    receive->timer.fire = on_receive_timer;
}

/* Nothing to lend now: waits for an arrival, or for the read that may bring something. */
static enum status receive_wait(struct step *step, struct queue_state *state,
                                struct queue_receive *receive, bool has_more_to_settle)
{
    if (has_more_to_settle) {
        timer_set(step, &receive->timer, step->now_ms + AGAIN_MS);
        return wait_in(step, &state->receivers);
    }
    scan_start(step, state);
    if (step->now_ms >= receive->deadline_ms) {
        return state->window.is_scanning ? wait_in(step, &state->scanners) : STATUS_OK;
    }
    timer_set(step, &receive->timer, receive->deadline_ms);
    return wait_in(step, &state->receivers);
}

/* How many more may be in flight, at most `wanted`. */
static size_t receive_room(const struct queue_state *state, size_t wanted)
{
    size_t lent = state->leases.count;
    size_t room = lent < IN_FLIGHT_MAX ? IN_FLIGHT_MAX - lent : 0;

    wanted = wanted < RECEIVE_MAX ? wanted : RECEIVE_MAX;
    return wanted < room ? wanted : room;
}

enum status queue_receive(struct step *step, struct queue *queue, struct queue_receive *receive)
{
    struct queue_state *state = queue->state;
    struct picks picks = {.count = 0};

    receive_begin(step, queue, receive);
    if (state->unloaded != 0) {
        return wait_in(step, &state->loaders);
    }
    leases_expire(step, state);
    delayed_wake(step, state);
    if (receive->attempt_id.len > 0 && state->fifo != NULL) {
        enum status status = attempt_repeat(step, state, receive);

        if (status != STATUS_OK || receive->lent_count > 0) {
            return status;
        }
    }
    size_t max = receive_room(state, receive->max);

    if (max == 0 && state->fifo == NULL) {
        return STATUS_BUSY;
    }
    picks_gather(step, state, max, &picks);
    receive->must_be_durable = receive->must_be_durable || picks.settled > 0;
    if (picks.is_waiting) {
        picks_return(state, &picks);
        return STATUS_WAIT;
    }
    if (picks.count == 0) {
        return receive_wait(step, state, receive, picks.settled >= SETTLE_MAX);
    }
    picks_count_receive(step, &picks);
    attempt_keep(step, state, receive, &picks);
    picks_lend(step, state, receive, &picks);
    scan_start(step, state);
    return STATUS_OK;
}

void queue_receive_end(struct step *step, struct queue_receive *receive)
{
    struct queue *queue = queue_find_number(queues_of(step), receive->queue);

    timer_cancel(step, &receive->timer);
    /* It may have been woken for a message that it does not take any more. */
    if (queue != NULL && queue->state->window.available > 0) {
        task_wake(step, &queue->state->receivers, 1);
    }
}
