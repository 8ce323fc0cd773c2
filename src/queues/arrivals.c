/* Arrivals: messages of one batch on their way to disk.  They may be received once the batch is
 * durable: what was received must exist after a crash. */
#include "queues/arrivals.h"

#include "base/memory.h"
#include "queues/counts.h"
#include "queues/delayed.h"
#include "queues/leases.h"
#include "queues/queued.h"
#include "queues/rows.h"
#include "queues/scan.h"
#include "queues/state.h"
#include "queues/sweeper.h"
#include "queues/window.h"

struct arrivals {
    struct hook hook;
    struct list_node node; /* in queues.arrivals */
    struct queues *queues;
    uint32_t queue;
    struct queued *first, *last;
    uint64_t last_sequence;
};

/* It may be received now: in memory if it follows on what is there and there is room. */
static void message_arrive(struct queue_state *state, struct queued *message,
                           bool *io_caught_up)
{
    if (*io_caught_up && window_has_room(state, state->queues->window_room)) {
        state->window.cursor = message->sequence + 1;
        window_add(state, message);
        return;
    }
    if (*io_caught_up) {
        state->window.cursor = message->sequence;
        *io_caught_up = false;
    }
    queued_free(state, message);
}

static void arrivals_enter(struct step *step, struct queue_state *state,
                           struct arrivals *arrivals)
{
    bool is_caught_up = state->unloaded == 0 && !scan_has_more(state);
    struct queued *message = arrivals->first;

    while (message != NULL) {
        struct queued *next = message->next;
        int64_t visible_ms = message->node.key;
        uint64_t sequence = message->sequence;

        if (visible_ms == 0 || delayed_arrive(step, state, message)) {
            message_arrive(state, message, &is_caught_up);
        } else if (is_caught_up) {
            state->window.cursor = sequence + 1;
        }
        message = next;
    }
    arrivals->first = NULL;
    state->window.last_durable = arrivals->last_sequence;
    delayed_arm(step, state);
    window_settle(step, state);
}

static void arrivals_empty(struct arrivals *arrivals, struct queue_state *state)
{
    while (arrivals->first != NULL) {
        struct queued *message = arrivals->first;

        arrivals->first = message->next;
        queued_free(state, message);
    }
}

static void on_durable(struct hook *hook, struct step *step, enum status status)
{
    struct arrivals *arrivals = container_of(hook, struct arrivals, hook);
    struct queue *queue = queue_find_number(arrivals->queues, arrivals->queue);

    if (queue != NULL) {
        queue->state->arrivals_under_way--;
    }
    if (arrivals->first != NULL && queue != NULL) {
        if (status == STATUS_OK) {
            arrivals_enter(step, queue->state, arrivals);
        } else {
            arrivals_empty(arrivals, queue->state); /* the cell is about to be reloaded */
        }
    }
    list_remove(&arrivals->node);
    memory_free(arrivals);
}

static struct arrivals *arrivals_open(struct step *step, struct queue_state *state)
{
    if (state->arrivals == NULL) {
        struct arrivals *arrivals = memory_zero(sizeof *arrivals);

        arrivals->hook.run = on_durable;
        arrivals->queues = state->queues;
        arrivals->queue = state->queue->number;
        list_push(&state->queues->arrivals, &arrivals->node);
        step_when_durable(step, &arrivals->hook);
        state->arrivals = arrivals;
        state->arrivals_under_way++;
    }
    return state->arrivals;
}

void arrivals_close(struct queue_state *state)
{
    state->arrivals = NULL;
}

void arrivals_drop(struct queue_state *state)
{
    state->arrivals = NULL;
    list_each (node, &state->queues->arrivals) {
        struct arrivals *arrivals = container_of(node, struct arrivals, node);

        if (arrivals->queue == state->queue->number) {
            arrivals_empty(arrivals, state);
        }
    }
}

void arrivals_free(struct queues *queues)
{
    struct list_node *node = NULL;

    while ((node = list_pop(&queues->arrivals)) != NULL) {
        struct arrivals *arrivals = container_of(node, struct arrivals, node);
        struct queue *queue = queue_find_number(queues, arrivals->queue);

        if (queue != NULL) {
            arrivals_empty(arrivals, queue->state);
        }
        memory_free(arrivals);
    }
}

/* What its queue encrypts, and what was encrypted where it comes from. */
static void entry_put(struct step *step, const struct queue *queue, const struct key *key,
                      const struct entry *entry)
{
    struct entry sealed = *entry;
    const struct content content = {
        .kind = CONTENT_QUEUE,
        .owner = queue->store,
        .wants_sealing = (entry->flags & ENTRY_SEALED) != 0 || queue_wants_sealing(queue),
        .reuse_s = step_seals(step) ? queue_key_reuse_s(queue) : 0,
        .head = entry_head_size(entry),
    };

    if (content.wants_sealing && step_seals(step)) {
        sealed.flags |= ENTRY_SEALED;
    }
    record_put_content(step, key, entry_encode(&sealed), &content);
}

uint64_t entry_store(struct step *step, struct queue_state *state, const struct entry *entry,
                     const struct lease *lease)
{
    uint32_t store = state->queue->store;
    uint64_t sequence = step_number(step, COUNTER_SEQUENCE);
    struct queued *message = queued_new(state, sequence, group_number(entry->group_id),
                                        entry->flags, entry->sent_ms);
    struct arrivals *arrivals = arrivals_open(step, state);
    struct key key = entry_key(store, sequence);

    entry_put(step, state->queue, &key, entry);
    if (lease != NULL) {
        message->receive_count = lease->receive_count;
        message->first_received_ms = lease->first_received_ms;
        message->received_ms = lease->received_ms;
        lease_put(step, state, message, 0);
    }
    message->node.key = entry->visible_ms;
    if (entry->visible_ms > 0) {
        struct key delayed = delayed_key(store, entry->visible_ms, sequence);

        record_put(step, &delayed, delayed_encode(message));
        state->counts.delayed++;
        state->counts.newest_visible_ms = entry->visible_ms;
    }
    if ((entry->flags & ENTRY_MOVED) != 0) {
        struct key expiry = expiry_key(store, entry->sent_ms, sequence);

        record_put(step, &expiry, blob_copy((struct text){0}));
    }
    if (arrivals->last == NULL) {
        arrivals->first = message;
    } else {
        arrivals->last->next = message;
    }
    arrivals->last = message;
    arrivals->last_sequence = sequence;
    state->counts.total++;
    state->counts.last_sequence = sequence;
    counts_changed(step, state);
    oldest_sent(step, state, sequence, entry);
    return sequence;
}
