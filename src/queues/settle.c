/* What a receiver does with what it was lent: deletes it, or moves the moment it comes back. */
#include "internal.h"

#include "base/mutants.h"

/* STATUS_OK: *ret_message is the handle's, or NULL when memory does not have it;
 * STATUS_NOT_FOUND: the queue was purged since. */
static enum status handle_open(struct step *step, const struct queue *queue, struct text text,
                               struct handle *ret_handle, struct message **ret_message)
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
    *ret_message = message_find(state, ret_handle->sequence);
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
    if (!entry_decode_head(blob_text(entry), ret_entry)
        || (lease != NULL && !lease_decode(blob_text(lease), ret_lease))) {
        return STATUS_STORAGE;
    }
    return STATUS_OK;
}

/* It was received again since: the older receipt deletes nothing (AWS).  A receipt of more
 * receives than are known is newer: a standard queue's receive is answered before its count is
 * durable, and a crash has lost that. */
static bool receipt_is_old(const struct handle *handle, uint32_t receive_count)
{
    return handle->receive_number < receive_count;
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
    if (queue->settings.is_fifo) {
        return STATUS_EXISTS;
    }
    if (receipt_is_old(handle, lease.receive_count)) {
        return STATUS_OK;
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
    struct message *message = NULL;
    struct handle handle;
    enum status status = handle_open(step, queue, handle_text, &handle, &message);

    if (status != STATUS_OK) {
        return status == STATUS_NOT_FOUND ? STATUS_OK : status;
    }
    if (message == NULL) {
        return stored_delete(step, queue, &handle);
    }
    bool is_old = receipt_is_old(&handle, message->receive_count);

    if (queue->settings.is_fifo && (is_old || message->place != PLACE_LENT)) {
        return STATUS_EXISTS;
    }
    if (is_old) {
        return STATUS_OK;
    }
    status = message_discard(step, state, message);
    if (status == STATUS_OK && state->window.available > 0) {
        window_settle(step, state); /* its FIFO group may be free now */
    }
    return status;
}

enum status queue_change_visibility(struct step *step, struct queue *queue,
                                    struct text handle_text, int64_t visible_ms)
{
    struct queue_state *state = queue->state;
    struct message *message = NULL;
    struct handle handle;
    enum status status = handle_open(step, queue, handle_text, &handle, &message);

    if (status != STATUS_OK) {
        return status;
    }
    if (message == NULL) {
        struct entry entry;
        struct lease lease;

        status = stored_read(step, queue, handle.sequence, &entry, &lease);
        return status == STATUS_OK ? STATUS_EXISTS : status;
    }
    if (message->place != PLACE_LENT || message->receive_count != handle.receive_number) {
        return STATUS_EXISTS;
    }
    if (step->now_ms + visible_ms > message->received_ms + LEASE_TOTAL_MAX_MS) {
        return STATUS_DENIED;
    }
    lease_remove(state, message);
    if (visible_ms > 0) {
        if (!mutant("queues.visibility-in-memory")) {
            lease_put(step, state, message, step->now_ms + visible_ms);
        }
        lease_add(state, message, step->now_ms + visible_ms);
    } else {
        lease_put(step, state, message, 0);
        window_return(state, message);
        window_settle(step, state);
    }
    leases_arm(step, state);
    return STATUS_OK;
}
