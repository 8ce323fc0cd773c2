/* What a receiver does with what it was lent: deletes it, or moves the moment it comes back. */
#include "base/mutants.h"
#include "queues/delayed.h"
#include "queues/erase.h"
#include "queues/handle.h"
#include "queues/leases.h"
#include "queues/queued.h"
#include "queues/rows.h"
#include "queues/state.h"
#include "queues/window.h"

/* STATUS_OK: *ret_message is the handle's, or NULL when memory does not have it;
 * STATUS_NOT_FOUND: the queue was purged since. */
static enum status handle_open(struct step *step, const struct queue *queue, struct text text,
                               struct handle *ret_handle, struct queued **ret_message)
{
    struct queue_state *state = queue->state;

    if (!handle_decode(state->queues, text, ret_handle) || ret_handle->queue != queue->number) {
        return STATUS_INVALID;
    }
    if (state->unloaded != 0) {
        return wait_in(step, &state->loaders);
    }
    if (ret_handle->store != queue->store) {
        return STATUS_NOT_FOUND;
    }
    leases_expire(step, state);
    *ret_message = queued_find(state, ret_handle->sequence);
    return STATUS_OK;
}

/* A message that is in the store only, so nobody has it. */
static enum status stored_read(struct step *step, const struct queue *queue, uint64_t sequence,
                               struct entry *ret_entry, struct lease *ret_lease)
{
    struct key entry_at = entry_key(queue->store, sequence);
    struct key lease_at = lease_key(queue->store, sequence);
    struct blob *entry = NULL;
    struct blob *lease = NULL;
    enum status status = record_get(step, &entry_at, &entry);

    if (status != STATUS_OK) {
        return status;
    }
    status = record_get(step, &lease_at, &lease);
    if (status == STATUS_WAIT) {
        return status;
    }
    *ret_lease = (struct lease){0};
    if (!entry_decode_head(blob_text(entry), ret_entry)) {
        entry_lose(step, queue->state, sequence, entry);
        return STATUS_NOT_FOUND;
    }
    if (status == STATUS_OK && !lease_decode(blob_text(lease), ret_lease)) {
        *ret_lease = (struct lease){0};
        record_set_aside(step, &lease_at, lease, "a message's state that cannot be read");
    }
    return STATUS_OK;
}

/* Every receipt that was given out for a standard queue's message works until the message is
 * gone, also when others have received it since, or nobody has it (AWS).  A FIFO queue's is
 * good for its own receive only; that is answered when its count is durable, so a number is
 * never given twice. */
static bool receipt_is_over(const struct queue *queue, const struct handle *handle,
                            const struct queued *message)
{
    return (queue->settings.is_fifo || mutant("queues.old-receipt-refused"))
           && (message == NULL || message->place != PLACE_LENT
               || handle->receive_number != message->receive_count);
}

static enum status stored_delete(struct step *step, const struct queue *queue,
                                 const struct handle *handle)
{
    struct queue_state *state = queue->state;
    struct entry entry;
    struct lease lease;
    enum status status = stored_read(step, queue, handle->sequence, &entry, &lease);

    if (status != STATUS_OK) {
        return status == STATUS_NOT_FOUND ? STATUS_OK : status;
    }
    if (receipt_is_over(queue, handle, NULL)) {
        return STATUS_EXISTS;
    }
    if ((entry.flags & ENTRY_REFERENCE) != 0
        && state->queues->hooks.release(step, entry.message) == STATUS_WAIT) {
        return STATUS_WAIT;
    }
    struct remains remains = {
        .sequence = handle->sequence,
        .sent_ms = entry.sent_ms,
        .flags = entry.flags,
        .has_lease = true,
    };

    entry_erase(step, state, &remains);
    return STATUS_OK;
}

enum status queue_delete_message(struct step *step, struct queue *queue,
                                 struct text handle_text)
{
    struct queue_state *state = queue->state;
    struct queued *message = NULL;
    struct handle handle;
    enum status status = handle_open(step, queue, handle_text, &handle, &message);

    if (status != STATUS_OK) {
        return status == STATUS_NOT_FOUND ? STATUS_OK : status;
    }
    if (message == NULL) {
        return stored_delete(step, queue, &handle);
    }
    if (receipt_is_over(queue, &handle, message)) {
        return STATUS_EXISTS;
    }
    status = queued_discard(step, state, message);
    if (status == STATUS_OK && state->window.available > 0) {
        window_settle(step, state); /* its FIFO group may be free now */
    }
    return status;
}

/* A message that only the store has comes into memory, to be lent. */
static enum status stored_fetch(struct step *step, const struct queue *queue,
                                const struct handle *handle, struct queued **ret_message)
{
    struct queue_state *state = queue->state;
    struct entry entry;
    struct lease lease;
    enum status status = stored_read(step, queue, handle->sequence, &entry, &lease);

    if (status != STATUS_OK) {
        return status;
    }
    if (queue->settings.is_fifo || entry_is_delayed(state, entry.visible_ms)) {
        return STATUS_EXISTS;
    }
    *ret_message = queued_from(state, handle->sequence, &entry, &lease);
    return STATUS_OK;
}

/* A standard queue's receive is answered before its count is durable, and a crash may have lost
 * that; the receipt proves it.  A FIFO queue's of which nothing is known was never answered. */
static void receive_remember(const struct step *step, const struct queue *queue,
                             const struct handle *handle, struct queued *message)
{
    if (queue->settings.is_fifo) {
        return;
    }
    if (message->receive_count < handle->receive_number) {
        message->receive_count = handle->receive_number;
    }
    if (message->received_ms == 0) {
        message->received_ms = step->now_ms;
        message->first_received_ms = step->now_ms;
    }
}

static void message_hide(struct step *step, struct queue_state *state, struct queued *message,
                         int64_t visible_ms)
{
    switch ((enum place)message->place) {
    case PLACE_LENT: lease_remove(state, message); break;
    case PLACE_READY: window_remove(state, message); break;
    case PLACE_NONE:
    case PLACE_DELAYED: break;
    }
    if (!mutant("queues.visibility-in-memory")) {
        lease_put(step, state, message, visible_ms);
    }
    lease_add(state, message, visible_ms);
}

/* STATUS_OK: the message may be hidden for so long from now on. */
static enum status hiding_check(const struct step *step, const struct queue_state *state,
                                const struct queued *message, int64_t visible_ms)
{
    if (message->place == PLACE_DELAYED) {
        return STATUS_EXISTS;
    }
    if (message->place != PLACE_LENT && visible_ms > 0
        && state->leases.count >= IN_FLIGHT_MAX) {
        return STATUS_BUSY;
    }
    return step->now_ms + visible_ms > message->received_ms + LEASE_TOTAL_MAX_MS ? STATUS_DENIED
                                                                                 : STATUS_OK;
}

enum status queue_change_visibility(struct step *step, struct queue *queue,
                                    struct text handle_text, int64_t visible_ms)
{
    struct queue_state *state = queue->state;
    struct queued *message = NULL;
    struct handle handle;
    enum status status = handle_open(step, queue, handle_text, &handle, &message);

    if (status != STATUS_OK) {
        return status;
    }
    if (message == NULL && visible_ms > 0) {
        status = stored_fetch(step, queue, &handle, &message);
    } else if (message == NULL) {
        struct entry entry;
        struct lease lease;

        status = stored_read(step, queue, handle.sequence, &entry, &lease);
        return status == STATUS_OK && queue->settings.is_fifo ? STATUS_EXISTS : status;
    }
    if (status != STATUS_OK) {
        return status;
    }
    receive_remember(step, queue, &handle, message);
    status = receipt_is_over(queue, &handle, message)
                 ? STATUS_EXISTS
                 : hiding_check(step, state, message, visible_ms);
    if (status != STATUS_OK) {
        if (!message->is_listed) {
            queued_free(state, message);
        }
        return status;
    }
    if (visible_ms > 0) {
        message_hide(step, state, message, step->now_ms + visible_ms);
    } else if (message->place == PLACE_LENT) {
        lease_remove(state, message);
        lease_put(step, state, message, 0);
        window_return(state, message);
        window_settle(step, state);
    }
    leases_arm(step, state);
    return STATUS_OK;
}
