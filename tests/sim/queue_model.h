/* What the model of queues knows: its messages, its scene, one operation of a client. */
#ifndef SIM_QUEUE_MODEL_H
#define SIM_QUEUE_MODEL_H

#include "world.h"

enum {
    MESSAGES = 150,
    GROUPS = 4,
    BUSY_MS = 120000,
    VISIBILITY_MS = 4000,
    DELAY_MAX_S = 8,
    FIFO_DELAY_MAX_S = 4,
    RETENTION_MS = 70000, /* of the seeds whose messages get too old */
    CLUMPS = 4,           /* of messages that get too old at the same time */
    CLUMP_MS = 10000,
    ATTEMPTS = 6, /* ids of receive attempts that clients choose from; 0: none */
    ATTEMPT_LIFE_MS = 5 * 60 * 1000,
    DUPLICATE_MS = 5 * 60 * 1000,
    DRAIN_ROUNDS = 400
};

enum place {
    PLACE_LIVE,
    PLACE_DEAD,
    PLACE_TWIN, /* gets a reference to every body that the live queue gets one to */
    PLACE_COUNT
};

/* What the world knows of a message. */
struct fact {
    uint32_t group;
    bool is_reference;    /* to a body that the twin queue shares */
    bool is_twin_seen;    /* the twin queue gave it, with its body */
    bool is_accepted;     /* acknowledged */
    bool is_seen;         /* received at least once: it exists */
    bool is_delete_tried; /* perhaps it is gone */
    bool is_delete_acked; /* it must never be seen again */
    bool is_deleted_now;  /* as the running process knows it */
    bool is_purged;       /* perhaps it is gone */
    uint64_t sequence;    /* where it stands in its queue; 0: not known */
    uint64_t accepted;    /* what the first acknowledged send said; FIFO; 0: nothing yet */
    uint64_t tried;       /* what the last send said, acknowledged or not */
    uint64_t stored;      /* of a reference: the last entry of it in the live queue */
    int64_t tried_ms;     /* when it said so first */
    uint64_t lost;        /* what a send said whose answer was lost: durable or not */
    int64_t first_ms;     /* tried_ms, or when the lost one of the same number was sent */
    int64_t sent_ms, delay_ms;
    int64_t lent_until_ms;   /* nobody else may get it before */
    uint32_t receives;       /* at most so many are counted */
    uint32_t receipts;       /* given for it */
    uint64_t gone_sequence;  /* its latest receipt has deleted this entry; 0: none */
    uint32_t incarnation;    /* of the live queue, when it was sent */
    uint32_t purges;         /* of the live queue, until then */
    uint32_t attempt;        /* the receive attempt that has it; 0: none */
    enum place place;        /* where it was seen last */
    uint64_t order_in_batch; /* the receive that has it just now */
};

/* What a receive attempt of the running process was given. */
struct given {
    size_t messages[10];
    size_t count;
    int64_t at_ms;
};

struct scene {
    struct world *world;
    struct fact facts[MESSAGES];
    struct given given[ATTEMPTS + 1];
    bool is_fifo;
    bool is_draining;
    bool gets_old;         /* retention is short */
    bool has_twin;         /* every other message is a reference, to the twin queue as well */
    bool has_moved;        /* a move task was started: dead messages may live again */
    bool is_resending;     /* the second time around: duplicates are over */
    uint32_t max_receives; /* 0: no dead letters */
    uint32_t window;       /* 0: as it is */
    uint32_t pressure;     /* how far senders are ahead of receivers */
    uint32_t incarnation;  /* of the live queue: it is deleted and made again */
    uint32_t purges;
    uint8_t move_id[16];
    uint64_t twin_latest[GROUPS]; /* FIFO: how far its groups have come in the twin */
    uint64_t batches;
    uint64_t failures;
    uint64_t repeats, moves, accepted_again; /* that it happened at all */
};

/* --- One operation of a client. */

struct operation {
    struct world_call call;
    struct scene *scene;
    size_t message;
    enum place place;
    uint32_t incarnation;
    uint32_t attempt;
    struct arena arena;
    struct text handle;
    uint32_t receipt;  /* of the message's: 1 was the first */
    uint64_t sequence; /* of the entry that the receipt is for */
    bool is_latest;    /* no other was given since */
    int64_t visible_ms;
    int64_t lent_before_ms; /* of a change that may be lost */
    int64_t started_ms;
    struct queue_sent sent;
    struct queue_receive receive;
    struct queue_lent lent[10];
    void (*lost)(struct operation *operation);
    void (*ended)(struct operation *operation, enum status status);
};

struct scene *scene_of(const struct world *world);
void complain(struct scene *scene, const char *what, size_t message);
/* Some time below `bound`. */
int64_t some(struct scene *scene, int64_t bound);

/* queue_model_operations.c */

struct operation *operation_of(struct call *call);
/* Begun when its `call` is; it frees itself at its end. */
struct operation *operation_new(struct scene *scene,
                                enum status (*run)(struct call *call, struct step *step),
                                void (*ended)(struct operation *, enum status));
void on_lost(struct world *world, struct call *call);

/* queue_model_sends.c, queue_model_receives.c */

/* The event's number: a message. */
void on_send(struct world *world, struct event *event);
/* The event's number: a place. */
void on_receive(struct world *world, struct event *event);

/* queue_model_queues.c */

struct queue *queue_at(struct step *step, const struct scene *scene, enum place place);
void set_up_start(struct scene *scene);
void on_purge(struct world *world, struct event *event);
void on_remake(struct world *world, struct event *event);
void on_update(struct world *world, struct event *event);
/* The event's number: how fast. */
void on_move(struct world *world, struct event *event);
void on_cancel(struct world *world, struct event *event);

/* queue_model_twin.c */

/* Puts a body and sends a reference to it to the live queue and to the twin. */
enum status twin_send(struct operation *operation, struct step *step, struct text body);
void on_twin_receive(struct world *world, struct event *event);
/* That all of it came out, and nothing is left of it. */
void twin_check(struct scene *scene);

/* queue_model_checks.c: whether a queue may have given this. */

/* The message of a body, its own or a shared one, or MESSAGES. */
size_t lent_message(const struct queue_lent *lent);
/* Everything that a receive at `now_ms` was given; the facts are as of before. */
void received_check(const struct operation *operation, int64_t now_ms);
/* Enters it into the facts. */
void received_note(const struct operation *operation, int64_t now_ms);

#endif
