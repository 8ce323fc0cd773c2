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

struct queue_counts {
    uint64_t visible, in_flight, delayed;
};

/* All of it is read-only outside this folder. */
struct queue {
    uint32_t number;
    uint32_t store; /* the number its rows are under; a purge takes a new one */
    struct text account, region, name; /* owned */
    struct queue_settings settings;
    /* Everything settable as the client gave it, by AWS's names ("VisibilityTimeout", "Policy",
     * "RedrivePolicy", tags as "tag:<key>", ...), sorted by name; owned. */
    struct queue_attribute *attributes;
    size_t attribute_count;
    int64_t created_ms, modified_ms;
    struct text dead_letter_arn; /* from RedrivePolicy, or empty; into attributes */
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

/* Creates it (it must not exist). Copies everything. STATUS_FULL when out of room. */
MUST_CHECK enum status queue_create(struct step *step, const struct queue_name *name,
                                    const struct queue_settings *settings,
                                    const struct queue_attribute *attributes,
                                    size_t attribute_count, struct queue **ret_queue,
                                    struct why *why);
/* Replaces settings and attributes. */
void queue_update(struct step *step, struct queue *queue, const struct queue_settings *settings,
                  const struct queue_attribute *attributes, size_t attribute_count);
/* The queue is gone at once; receivers waiting on it get STATUS_NOT_FOUND; space follows. */
void queue_delete(struct step *step, struct queue *queue);
/* Empties it at once, what is in flight included. */
void queue_purge(struct step *step, struct queue *queue);
struct text queue_attribute(const struct queue *queue, struct text name); /* or empty */
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
 * see step.h. Durable with the current batch. */
MUST_CHECK enum status queue_send(struct step *step, struct queue *queue,
                                  const struct queue_message *message,
                                  struct queue_sent *ret_sent, struct why *why);

/* A topic's message in a queue: a reference to the stored body.  Adds no reference count
 * itself: the caller counts. */
struct queue_reference {
    uint64_t message;            /* its body's number */
    uint8_t subscription_id[16]; /* for the envelope's UnsubscribeURL */
    bool raw;
    bool is_dead_letter;
    uint8_t protocol; /* enum protocol of router.h: which variant of a json structure */
    struct text group_id;
    struct text deduplication_id;
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
    int64_t deadline_ms; /* private, 0 at the first run */
    struct timer timer;  /* private, zeroed at the first run */
    struct task *task;   /* private */
};

/* Long-polls: STATUS_WAIT parks the running task until something arrives, time is up (then
 * STATUS_OK with nothing) or the queue is deleted (STATUS_NOT_FOUND).  `queue` must be looked
 * up anew at each run. */
MUST_CHECK enum status queue_receive(struct step *step, struct queue *queue,
                                     struct queue_receive *receive);
/* Must be called when the task is cancelled or done: takes its timer back. */
void queue_receive_end(struct step *step, struct queue_receive *receive);

/* STATUS_INVALID: not a receipt handle of this queue.  Deleting twice is fine. */
MUST_CHECK enum status queue_delete_message(struct step *step, struct queue *queue,
                                            struct text handle);
/* `visible_ms` from now, 0: at once.  STATUS_INVALID: not a handle of this queue;
 * STATUS_NOT_FOUND: deleted; STATUS_EXISTS: not in flight (visible again). */
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

/* --- For core/ only. */
struct queues *queues_create(void);
void queues_free(struct queues *queues);
/* One stored queue, at start. */
MUST_CHECK enum status queues_load(struct queues *queues, const struct key *key,
                                   struct text record);
/* Reads counts and starts what reclaims; `secret` (16 bytes) authenticates receipt handles. */
void queues_start(struct step *step, struct queues *queues, const uint8_t secret[16]);
size_t queues_count(const struct queues *queues);

#endif
