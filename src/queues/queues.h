/* SQS semantics: queues, their messages, what is lent to whom and until when. */
#ifndef QUEUES_QUEUES_H
#define QUEUES_QUEUES_H

#include "base/list.h"
#include "base/map.h"
#include "step/step.h"

/* Whose and where: borrowed. */
struct queue_name {
    struct text account; /* 12 digits */
    struct text region;
    struct text name;
};

/* The attributes that change what a queue does; seconds and bytes as AWS has them. */
struct queue_settings {
    uint32_t visibility_timeout_s; /* 0-43200, default 30 */
    uint32_t maximum_message_size; /* default 1048576 */
    uint32_t message_retention_s;  /* default 345600 */
    uint32_t delay_s;              /* 0-900, default 0 */
    uint32_t receive_wait_s;       /* 0-20, default 0 */
    uint32_t max_receive_count;    /* 0: no redrive policy */
    bool is_fifo;
    bool content_based_deduplication;
    bool deduplicate_per_group;
    bool throughput_per_group;
};

extern const struct queue_settings queue_settings_default;

/* What the operator may choose. */
struct queues_limits {
    uint32_t message_size_max; /* bytes of a message and of a batch; 0: 1048576 */
    int64_t name_pause_ms;     /* how long a deleted queue's name is not given again */
};

struct queue_counts {
    uint64_t visible, in_flight, delayed;
};

/* All of it is read-only outside this folder. */
struct queue {
    uint32_t number;
    uint32_t store; /* the number its rows are under; a purge takes a new one */
    struct text account, region, name; /* owned */
    struct text arn;                   /* arn:aws:sqs:region:account:name; owned */
    struct queue_settings settings;
    /* Everything settable as the client gave it, by AWS's names ("VisibilityTimeout", "Policy",
     * "RedrivePolicy", tags as "tag:<key>", ...), sorted by name; owned. */
    struct queue_attribute *attributes;
    size_t attribute_count;
    int64_t created_ms, modified_ms;
    struct text dead_letter_arn; /* from RedrivePolicy, or empty; owned */
    struct queue_state *state;   /* private: windows, leases, waiters */
};

struct queue_attribute {
    struct text name;
    struct text value;
};

struct queues;

/* The running cell's queues. */
static inline struct queues *queues_of(const struct step *step)
{
    return step->queues;
}

/* NULL when there is none. */
struct queue *queue_find(struct queues *queues, const struct queue_name *name);
/* By "arn:aws:sqs:region:account:name"; NULL when there is none or it is no such ARN. */
struct queue *queue_find_arn(struct queues *queues, struct text arn);
struct queue *queue_find_number(struct queues *queues, uint32_t number);
/* In name order within account and region, the first whose name is > `after` (empty: from the
 * start) and starts with `prefix`; NULL at the end. */
struct queue *queue_after(struct queues *queues, const struct queue_name *after,
                          struct text prefix);

/* All queues, in no useful order: the first for NULL, NULL at the end; none may be made or
 * deleted between two calls. */
struct queue *queue_next(struct queues *queues, const struct queue *before);

/* Creates it (it must not exist). Copies everything. STATUS_FULL when out of room. */
MUST_CHECK enum status queue_create(struct step *step, const struct queue_name *name,
                                    const struct queue_settings *settings,
                                    const struct queue_attribute *attributes,
                                    size_t attribute_count, struct queue **ret_queue,
                                    struct why *why);
/* Replaces settings and attributes. */
void queue_update(struct step *step, struct queue *queue, const struct queue_settings *settings,
                  const struct queue_attribute *attributes, size_t attribute_count);
const struct queues_limits *queues_limits(const struct queues *queues);
/* Whether a queue of that name was deleted less than name_pause_ms ago.  Kept in memory only: a
 * restart ends the pause. */
bool queue_name_rests(struct queues *queues, const struct queue_name *name, int64_t now_ms);
/* The queue is gone at once; receivers waiting on it get STATUS_NOT_FOUND; space follows. */
void queue_delete(struct step *step, struct queue *queue);
/* Empties it at once, what is in flight included; what was in it may be sent again. */
void queue_purge(struct step *step, struct queue *queue);
struct text queue_attribute(const struct queue *queue, struct text name); /* or empty */
/* Whether it asks for encryption at rest: by KmsMasterKeyId or, as every queue that says
 * nothing else, by SqsManagedSseEnabled. */
bool queue_wants_sealing(const struct queue *queue);
/* KmsDataKeyReusePeriodSeconds, 300 when it does not say. */
uint32_t queue_key_reuse_s(const struct queue *queue);
struct queue_counts queue_counts(const struct queue *queue);
/* SentTimestamp of the oldest message not deleted, or 0. */
int64_t queue_oldest_ms(const struct queue *queue);

/* What is sent.  Borrowed. `attributes` as encoded by queue_attributes_encode. */
struct queue_message {
    struct text body;
    struct text attributes;   /* message attributes, encoded */
    struct text trace_header; /* AWSTraceHeader, or empty */
    struct text sender_id;
    struct text group_id;
    struct text deduplication_id;
    int64_t delay_ms; /* negative: the queue's own */
};

struct queue_sent {
    uint8_t id[16];    /* MessageId */
    uint64_t sequence; /* SequenceNumber of a FIFO queue */
};

/* Room and size are checked here (STATUS_FULL, STATUS_INVALID with the reason).  STATUS_WAIT:
 * see step.h. Durable with the current batch. A FIFO queue needs a group; without a
 * deduplication id it takes the body's SHA-256 when it deduplicates by content.  A duplicate is
 * STATUS_OK with the first one's *ret_sent. */
MUST_CHECK enum status queue_send(struct step *step, struct queue *queue,
                                  const struct queue_message *message,
                                  struct queue_sent *ret_sent, struct why *why);

/* Whether the queue takes such a message, whoever brings it: a sender, a topic, a replay, a
 * move task. `size`: what AWS counts, body and attributes. STATUS_INVALID with the reason. */
MUST_CHECK enum status queue_takes(const struct queue *queue, struct text body, size_t size,
                                   struct why *why);

/* A topic's message in a queue: a reference to the stored body.  Adds no reference count
 * itself: the caller counts.  STATUS_WAIT only while the queue is being loaded (see
 * queues_is_ready); STATUS_EXISTS: a duplicate to a FIFO queue, nothing was stored. */
struct queue_reference {
    uint64_t message;            /* its body's number */
    uint8_t subscription_id[16]; /* for the envelope's UnsubscribeURL */
    bool raw;
    bool is_dead_letter;
    bool is_again;    /* once more on purpose (a replay): it is no duplicate */
    uint8_t protocol; /* enum protocol of router.h: which variant of a json structure */
    struct text group_id;
    struct text deduplication_id;
    struct text trace_header; /* of its Publish, or empty */
};

MUST_CHECK enum status queue_send_reference(struct step *step, struct queue *queue,
                                            const struct queue_reference *reference,
                                            int64_t sent_ms);

/* One received message.  Blobs are referenced for the receiver: queue_lent_free. */
struct queue_lent {
    uint8_t id[16];
    uint64_t sequence;
    int64_t sent_ms;
    int64_t first_received_ms;
    uint32_t receive_count;
    struct text handle; /* receipt handle, in `arena` of queue_receive */
    /* One of the two forms: its own text (then reference.message == 0, all texts into `row`),
     * or a reference with the stored message's record in `body`. */
    struct blob *row;
    struct blob *body;
    struct queue_reference reference;
    struct text text;
    struct text attributes;
    struct text trace_header, sender_id, group_id, deduplication_id;
    struct text dead_letter_source; /* ARN, or empty */
};

void queue_lent_free(struct queue_lent *lent); /* drops its blobs */

struct queue_receive {
    uint32_t max;           /* 1-10 */
    int64_t visibility_ms;  /* negative: the queue's own */
    int64_t wait_ms;        /* negative: the queue's own */
    struct text attempt_id; /* ReceiveRequestAttemptId, FIFO */
    struct arena *arena;
    struct queue_lent *lent; /* room for max; filled from 0 */
    size_t lent_count;
    bool must_be_durable; /* said by it, zeroed at the first run: the answer waits for the disk
                           */
    int64_t deadline_ms;  /* private, 0 at the first run */
    struct timer timer;   /* private, zeroed at the first run */
    struct task *task;    /* private */
    uint32_t queue;       /* private */
};

/* Long-polls: STATUS_WAIT parks the running task until something arrives, time is up (then
 * STATUS_OK with nothing) or the queue is deleted.  `queue` must be looked up anew at each run.
 * STATUS_BUSY: too many messages of a standard queue are in flight.  The answer of a standard
 * queue need not wait for the disk, unless messages were cleared away, too: a crash only makes
 * the others visible early.  A FIFO queue's must, or a group could have two holders: see
 * `must_be_durable`. */
MUST_CHECK enum status queue_receive(struct step *step, struct queue *queue,
                                     struct queue_receive *receive);
/* Must be called when the task is cancelled or done: takes its timer back. */
void queue_receive_end(struct step *step, struct queue_receive *receive);

/* STATUS_INVALID: not a receipt handle of this queue; STATUS_EXISTS: the handle of a FIFO
 * queue's message has expired.  Deleting twice is fine.  Any handle that was ever given out for
 * a standard queue's message will do. */
MUST_CHECK enum status queue_delete_message(struct step *step, struct queue *queue,
                                            struct text handle);
/* `visible_ms` from now, 0: at once.  STATUS_INVALID: not a handle of this queue;
 * STATUS_NOT_FOUND: deleted; STATUS_EXISTS: the handle of a FIFO queue's message has expired;
 * STATUS_DENIED: more than 12 hours since it was received; STATUS_BUSY: too many of a standard
 * queue's are in flight for one more.  Of a standard queue any handle will do, also when the
 * message is visible, or somebody else has it. */
MUST_CHECK enum status queue_change_visibility(struct step *step, struct queue *queue,
                                               struct text handle, int64_t visible_ms);

/* Message attributes between the wire and the store. */
struct queue_message_attribute {
    struct text name;
    struct text type;  /* full DataType */
    struct text value; /* text, or decoded bytes */
};

struct text queue_attributes_encode(struct arena *arena,
                                    const struct queue_message_attribute *attributes,
                                    size_t count);
/* false: not encoded so. */
MUST_CHECK bool queue_attributes_decode(struct text encoded, struct arena *arena,
                                        struct queue_message_attribute **ret_attributes,
                                        size_t *ret_count);
/* The bytes that AWS counts of them: names, types and values. */
size_t queue_attributes_size(struct text encoded);

/* Moving what a dead-letter queue holds back to where it came from, or elsewhere. */
enum queue_move_state {
    QUEUE_MOVE_RUNNING,
    QUEUE_MOVE_COMPLETED,
    QUEUE_MOVE_CANCELLED,
    QUEUE_MOVE_FAILED
};

struct queue_move {
    uint8_t id[16];
    struct text destination_arn; /* empty: each message's own source */
    uint32_t rate;               /* messages per second; 0: as fast as it goes */
    enum queue_move_state state;
    uint64_t moved, to_move;
    int64_t started_ms;
    const char *failure; /* AWS's reason, static, or NULL */
};

/* STATUS_EXISTS: one is running already. `destination_arn` may be empty. Survives a restart. */
MUST_CHECK enum status queue_move_start(struct step *step, struct queue *source,
                                        struct text destination_arn, uint32_t rate,
                                        uint8_t ret_id[16], struct why *why);
/* The newest first; fills at most `max` (the texts live as long as the queue) and says how
 * many. */
size_t queue_move_list(const struct queue *source, struct queue_move *ret_moves, size_t max);
/* STATUS_NOT_FOUND: no such task is running. */
MUST_CHECK enum status queue_move_cancel(struct step *step, struct queue *source,
                                         const uint8_t id[16], uint64_t *ret_moved);

/* What a queue holds, for people: looked at without being received. */
#define QUEUE_PEEK_TEXT 1024

struct queue_peeked {
    uint64_t sequence;
    uint8_t id[16];
    int64_t sent_ms;
    uint32_t receive_count;
    bool is_in_flight;
    uint64_t message; /* of a topic's message: its number, else 0 */
    bool is_dead_letter;
    uint8_t protocol;            /* enum protocol of router.h */
    uint8_t subscription_id[16]; /* of a topic's message */
    struct text group_id;
    struct text source_arn; /* the queue it died in, or empty */
    struct text text;       /* of its own body, the first QUEUE_PEEK_TEXT bytes */
    size_t text_size;
};

struct queue_peek {
    uint64_t after; /* sequence behind which to begin, 0: the front; set to the last one seen */
    uint32_t max;
    struct arena *arena;       /* for the texts */
    struct queue_peeked *list; /* room for max, filled from 0 */
    uint32_t count;
    bool has_begun; /* private, as is what follows */
    bool is_over;   /* there is nothing behind what was read */
    uint32_t row;
    struct range range;
};

/* Part of a task: STATUS_WAIT until it has `max`, or all that there are.  What is on its way to
 * the disk is not shown. The queue must be looked up anew at each run. */
MUST_CHECK enum status queue_peek(struct step *step, const struct queue *queue,
                                  struct queue_peek *peek);
void queue_peek_end(struct queue_peek *peek); /* afterwards, also when the task was cancelled */
/* Deletes a message without a receipt, in flight or not.  STATUS_NOT_FOUND: it is gone. May
 * STATUS_WAIT, before changing anything. */
MUST_CHECK enum status queue_delete_entry(struct step *step, struct queue *queue,
                                          uint64_t sequence);

/* --- For core/ only. */

/* What the rest of the cell does for queues: given by core/, so that no arrow points upwards.
 */
struct queues_hooks {
    /* A reference to a topic's message is gone.  May STATUS_WAIT before changing anything. */
    enum status (*release)(struct step *step, uint64_t message);
    /* It will soon be gone: what release() needs is read ahead.  May be NULL. */
    void (*expect_release)(struct step *step, uint64_t message);
    /* One more delivery of a dead letter to the subscription that it died of, which needs a
     * reference of its own; due at `due_ms`, the same when the task starts over.
     * STATUS_NOT_FOUND: the subscription is gone. May STATUS_WAIT before changing anything. */
    enum status (*redeliver)(struct step *step, const uint8_t subscription_id[16],
                             uint64_t message, int64_t due_ms);
};

struct queues *queues_create(const struct queues_hooks *hooks,
                             const struct queues_limits *limits);
void queues_free(struct queues *queues);
/* One stored queue, at start. */
MUST_CHECK enum status queues_load(struct queues *queues, const struct key *key,
                                   struct text record);
/* Reads counts and starts what reclaims; `secret` (16 bytes) authenticates receipt handles. */
void queues_start(struct step *step, struct queues *queues, const uint8_t secret[16]);
/* What sends need is in memory: before that, calls may have to wait. */
bool queues_is_ready(const struct queues *queues);
/* Something stored could not be understood: the data directory is damaged or newer. */
bool queues_has_failed(const struct queues *queues);
size_t queues_count(const struct queues *queues);
/* How many messages of a queue are kept ready in memory, at least 8: for tests of what happens
 * behind the window. */
void queues_set_window(struct queues *queues, uint32_t room);

#endif
