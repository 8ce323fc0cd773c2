/* One queue at work, and all of them: what the files of this folder share. */
#ifndef QUEUES_STATE_H
#define QUEUES_STATE_H

#include "queues/counts.h"
#include "queues/queued.h"
#include "queues/queues.h"
#include "queues/resting.h"
#include "queues/sweeper.h"
#include "queues/window.h"

enum {
    SECRET_SIZE = 16
};

enum load_part {
    LOAD_ROWS = 1, /* counts and what FIFO took lately: sends wait for it */
    LOAD_LEASES = 2
};

struct queue_state {
    struct queue *queue; /* NULL: deleted, waiting for its last read */
    struct queues *queues;
    struct map_node by_arn, by_number;
    struct list_node node;   /* in queues.gone */
    uint32_t reads;          /* under way */
    uint8_t unloaded;        /* enum load_part */
    uint64_t leases_missing; /* while they are being loaded */
    struct counts counts;
    bool has_counts; /* they were stored */
    struct sealed sealed;
    struct arrivals *arrivals;   /* of the filling batch, or NULL */
    uint32_t arrivals_under_way; /* batches that are not durable yet */

    struct queued_table messages;
    struct group_table groups;
    struct group ungrouped;
    struct window window;
    struct heap leases; /* what is in flight, by visible at */
    struct timer lease_timer;

    struct heap delayed; /* the soonest */
    struct timer delayed_timer;
    int64_t delayed_horizon_ms; /* durable rows before it are in memory ... */
    uint64_t delayed_horizon_sequence;
    int64_t delayed_missed_ms; /* the first that became durable behind it during a read */
    uint64_t delayed_missed_sequence;
    bool is_reading_delayed;

    struct list receivers; /* long polls */
    struct list scanners;  /* receivers that wait for a read only */
    struct list loaders;   /* calls that wait for the start to be over */

    struct oldest oldest;
    struct fifo *fifo; /* NULL: a standard queue */
    struct list moves; /* struct move, the newest first */
};

struct queues {
    struct queues_hooks hooks;
    struct queues_limits limits;
    struct resting resting;
    size_t window_room;
    uint8_t secret[SECRET_SIZE];
    struct map by_arn, by_number;
    struct queue **ordered; /* by account, region, name */
    size_t count, room;
    bool is_ordered;
    struct list gone;     /* queue_state: deleted, reads under way */
    struct list arrivals; /* struct arrivals: batches under way */
    struct loader *loader;
    struct recount *recount;
    bool is_ready;
    bool has_failed;
    struct sweeper *sweeper;
    struct reclaimer *reclaimer;
};

struct queue_state *queue_state_create(struct queues *queues, struct queue *queue);
/* Everything of it that hangs in the step is taken back. */
void queue_state_cancel(struct step *step, struct queue_state *state);
/* Frees it once no read is under way. */
void queue_state_close(struct queue_state *state);
void queue_state_free(struct queue_state *state);
/* A read of it came back: NULL when the queue is gone or another store took its place. */
struct queue_state *queue_state_returned(struct read *read);
struct read *queue_state_read(struct queue_state *state,
                              void (*done)(struct read *read, struct step *step));
/* Empties what is in memory; the store's number has changed. */
void queue_state_empty(struct step *step, struct queue_state *state);
/* Parks the running task, if there is one. */
enum status wait_in(struct step *step, struct list *waiters);
void wake_all(struct step *step, struct list *waiters);
int64_t retention_ms(const struct queue *queue);

#endif
