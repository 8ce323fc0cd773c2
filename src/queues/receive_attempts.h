/* ReceiveRequestAttemptId: the same attempt again gets the same messages. */
#ifndef QUEUES_RECEIVE_ATTEMPTS_H
#define QUEUES_RECEIVE_ATTEMPTS_H

#include "queues/queues.h"

enum {
    RECEIVE_MAX = 10
};

struct queue_state;
struct fifo;

/* What an attempt (ReceiveRequestAttemptId) was given. */
struct receive_attempt {
    struct map_node map;
    struct list_node node;
    struct text id; /* owned */
    int64_t expires_ms;
    uint32_t count;
    uint64_t sequences[RECEIVE_MAX];
    uint32_t receive_numbers[RECEIVE_MAX];
};

const struct receive_attempt *receive_attempt_find(struct queue_state *state, int64_t now_ms,
                                                   struct text id);
/* Forgets an earlier one of that id. */
struct receive_attempt *receive_attempt_new(struct queue_state *state, int64_t now_ms,
                                            struct text id);
void receive_attempts_free(struct fifo *fifo);

#endif
