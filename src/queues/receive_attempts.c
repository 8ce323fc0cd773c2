/* Receive attempts of FIFO queues: whoever asks again with the same id gets the same again. */
#include "queues/receive_attempts.h"

#include "base/memory.h"
#include "base/mutants.h"
#include "queues/fifo.h"
#include "queues/queue_record.h"
#include "queues/state.h"

enum {
    ATTEMPT_LIFE_MS = 5 * 60 * 1000, /* AWS */
    ATTEMPTS_MAX = 20000
};

static void attempt_drop(struct fifo *fifo, struct receive_attempt *attempt)
{
    map_remove(&fifo->attempts, &attempt->map);
    list_remove(&attempt->node);
    text_disown(&attempt->id);
    memory_free(attempt);
}

static void attempts_expire(struct fifo *fifo, int64_t now_ms)
{
    struct list_node *oldest = NULL;

    while ((oldest = list_first(&fifo->attempt_ages)) != NULL) {
        struct receive_attempt *attempt = container_of(oldest, struct receive_attempt, node);

        if (attempt->expires_ms > now_ms && fifo->attempts.count < ATTEMPTS_MAX) {
            return;
        }
        attempt_drop(fifo, attempt);
    }
}

const struct receive_attempt *receive_attempt_find(struct queue_state *state, int64_t now_ms,
                                                   struct text id)
{
    attempts_expire(state->fifo, now_ms);
    struct map_node *node = map_find(&state->fifo->attempts, id);

    return node == NULL ? NULL : container_of(node, struct receive_attempt, map);
}

struct receive_attempt *receive_attempt_new(struct queue_state *state, int64_t now_ms,
                                            struct text id)
{
    struct fifo *fifo = state->fifo;
    struct map_node *before = map_find(&fifo->attempts, id);
    struct receive_attempt *attempt = memory_zero(sizeof *attempt);

    if (before != NULL) {
        attempt_drop(fifo, container_of(before, struct receive_attempt, map));
    }
    attempt->id = text_own(id);
    attempt->expires_ms = now_ms + (mutant("queues.attempts-forgotten") ? 1 : ATTEMPT_LIFE_MS);
    map_insert(&fifo->attempts, &attempt->map, attempt->id);
    list_push(&fifo->attempt_ages, &attempt->node);
    return attempt;
}

void receive_attempts_free(struct fifo *fifo)
{
    struct list_node *node = NULL;

    while ((node = list_first(&fifo->attempt_ages)) != NULL) {
        attempt_drop(fifo, container_of(node, struct receive_attempt, node));
    }
    map_free(&fifo->attempts);
}
