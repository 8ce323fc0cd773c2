/* Redrive: a message that was received too often moves to the dead-letter queue. */
#include "queues/redrive.h"

#include "base/mutants.h"
#include "queues/arrivals.h"
#include "queues/delayed.h"
#include "queues/erase.h"
#include "queues/queued.h"
#include "queues/rows.h"
#include "queues/state.h"

struct queue *dead_letter_queue(const struct queue_state *state, const struct queued *message)
{
    const struct queue *queue = state->queue;

    if (queue->settings.max_receive_count == 0
        || message->receive_count
               < queue->settings.max_receive_count + mutant("queues.one-receive-more")) {
        return NULL;
    }
    struct queue *target = queue_find_arn(state->queues, queue->dead_letter_arn);
    bool fits = target != NULL && target != queue
                && target->settings.is_fifo == queue->settings.is_fifo;

    return fits ? target : NULL;
}

enum status queued_dead_letter(struct step *step, struct queue_state *state,
                               struct queued *message, struct queue *target)
{
    struct entry entry;
    struct blob *row = NULL;

    if ((target->state->unloaded & LOAD_ROWS) != 0) {
        return wait_in(step, &target->state->loaders);
    }
    enum status status = queued_entry(step, state, message, &entry, &row);

    if (status == STATUS_WAIT) {
        return status;
    }
    if (status != STATUS_OK) {
        queued_lose(step, state, message, row, "a dead letter that cannot be read");
        return STATUS_OK;
    }
    struct lease lease = {
        .receive_count =
            mutant("queues.dead-letter-forgets-count") ? 0 : message->receive_count,
        .first_received_ms = message->first_received_ms,
        .received_ms = message->received_ms,
    };

    entry.source = state->queue->arn;
    entry.visible_ms = delayed_until(target->state, step->now_ms, 0);
    if (target->settings.is_fifo) {
        entry.sent_ms = step->now_ms; /* AWS resets it for FIFO and keeps it for standard */
        entry.flags &= (uint8_t)~ENTRY_MOVED;
    } else {
        entry.flags |= ENTRY_MOVED;
    }
    (void)entry_store(step, target->state, &entry, &lease);
    queued_erase(step, state, message);
    return STATUS_OK;
}
