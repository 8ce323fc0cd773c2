/* Deliveries: when, where, how often, and the end.  A lane per subscription. */
#ifndef DELIVERY_DELIVERY_H
#define DELIVERY_DELIVERY_H

#include "delivery/retry_policy.h"
#include "history/history.h"
#include "step/step.h"

struct deliveries;

/* The running cell's. */
static inline struct deliveries *deliveries_of(const struct step *step)
{
    return step->deliveries;
}

/* Which subscription: both numbers make its key. */
struct lane_id {
    uint32_t topic;
    uint32_t subscription;
};

/* A message's owed list: writes it with the current batch; the deliveries start once it is
 * durable. Takes over one reference to the message's body. `subscriptions` ascending. */
void deliveries_owe(struct step *step, uint32_t topic, uint64_t message,
                    const uint32_t *subscriptions, size_t count);
/* The lane's deliveries end without an outcome; its rows are reclaimed in bounded batches. */
void deliveries_drop(struct step *step, struct lane_id id);
/* The subscription's limits may have changed; subscription 0: those of the whole topic. */
void deliveries_changed(struct step *step, struct lane_id id);

/* One more delivery of a message whose body is there, beside whatever it still owes: a row,
 * durable with the current batch, due at `due_ms` (not later than now; the same when the task
 * starts over). STATUS_WAIT: nothing has changed. */
MUST_CHECK enum status delivery_again(struct step *step, struct lane_id id, uint64_t message,
                                      int64_t due_ms);

/* Attempts that the world should make.  The effect: handed out by deliveries_next_start. */
struct attempt_start {
    uint64_t id; /* answered by deliveries_outcome */
    struct lane_id lane;
    uint64_t message;
    uint32_t attempt; /* 1 is the first */
    int64_t again_ms; /* a delivery once more, asked for at that time; 0: the first one */
    struct blob *subscription_record; /* one reference, the taker's */
    struct blob *message_record;      /* one reference, the taker's */
};

enum attempt_verdict { /* as in deliverer.h */
    ATTEMPT_DELIVERED,
    ATTEMPT_RETRY,
    ATTEMPT_REFUSED,
    ATTEMPT_GONE
};

struct attempt_outcome {
    enum attempt_verdict verdict;
    int status_code;
    int64_t retry_after_ms;              /* 0: none */
    struct text reason;                  /* borrowed */
    const struct attempt_detail *detail; /* borrowed; NULL: nothing more is known */
};

/* What may go to a subscription's endpoint. */
struct lane_limits {
    uint32_t concurrency; /* attempts under way at a time; 0: as many as it takes */
    uint32_t per_second;  /* attempts started, on average; 0: any number */
    bool is_disabled;     /* nothing goes there: what is owed is dead-lettered */
};

/* A delivery that may end inside this daemon. */
struct delivery_here {
    struct lane_id lane;
    uint64_t message;
    bool is_again; /* once more, on purpose: it must come, whatever deduplication says */
    struct text subscription_record, message_record;
};

/* What deliveries need to know of a message. */
struct message_traits {
    bool is_control; /* about its subscription, not for it: says nothing of what is owed */
    uint64_t group;  /* the same for messages of one group */
};

/* What the rest of the cell does for deliveries: given by core/, so that no arrow points
 * upwards. */
struct delivery_hooks {
    /* Deliveries that end inside this daemon (a local queue): STATUS_NOT_FOUND when it is not
     * such a one; STATUS_OK: done, with a reference to the body of its own; STATUS_INVALID:
     * never will be, with the reason; STATUS_STORAGE: the message cannot be read, and that has
     * been said; STATUS_WAIT before changing anything. */
    enum status (*deliver_here)(struct step *step, const struct delivery_here *here,
                                struct why *why);
    /* Whether a group's messages must come in their order: a FIFO topic's lane. */
    bool (*is_ordered)(struct step *step, struct lane_id lane);
    struct message_traits (*traits)(struct text message_record);
    /* The retry policy out of a subscription record. */
    void (*policy)(struct step *step, struct text subscription_record,
                   struct retry_policy *ret_policy);
    /* The limits, out of a subscription record, or (an empty one) by what memory knows: false
     * when only the record can tell. */
    bool (*limits)(struct step *step, struct lane_id lane, struct text subscription_record,
                   struct lane_limits *ret_limits);
    /* The endpoint wants no more: writes so into the subscription, whose record this is, and
     * why. false: nothing was changed (it says so already, or was never confirmed). */
    bool (*disable)(struct step *step, struct text subscription_record, struct text reason);
    /* Puts the message where the subscription's RedrivePolicy says; adopts the caller's
     * reference to the body; *why is the queue's ARN then. STATUS_NOT_FOUND: none configured,
     * or the queue is gone (*why says). */
    enum status (*dead_letter)(struct step *step, struct lane_id lane, uint64_t message,
                               struct text subscription_record, struct text message_record,
                               uint32_t *ret_references, struct why *why);
};

struct delivery_event { /* for the log: one per decision that is not a plain success */
    /* delivery_retry, delivery_dead, delivery_lost; of its endpoint's breaker: breaker_open,
     * breaker_closed; of its subscription: subscription_disabled */
    const char *event;
    struct lane_id lane;
    uint64_t message;
    uint32_t attempt;
    int64_t next_ms; /* of a retry, of an open breaker's probe */
    struct text reason;
    struct text subscription_record, message_record; /* may be empty */
};

struct deliveries_options {
    uint32_t in_flight_max;      /* all lanes together */
    uint32_t lane_window_max;    /* per lane */
    uint32_t active_message_max; /* messages whose owed list is being worked off */
    uint32_t breaker_min;        /* attempts before which no breaker opens; 0: none ever does */
    int64_t park_max_ms; /* an open breaker's deliveries are dead-lettered after; 0: never */
    void (*log)(void *context, const struct delivery_event *event);
    void *log_context;
};

struct delivery_counters {
    uint64_t delivered, retried, dead_lettered, lost, attempts;
    uint64_t in_flight, lanes, active_messages, open_breakers;
};

/* For people. */
struct lane_status {
    uint64_t waiting; /* deliveries for it, as far as they were met since the start */
    uint32_t failing; /* attempts that failed in a row */
    uint32_t in_flight, window;
    bool is_open;      /* its breaker: what waits is parked */
    int64_t opened_ms; /* of an open one */
    int64_t probe_ms;  /* of an open one: its next probe; 0: under way */
};

struct delivery_counters delivery_counters(const struct deliveries *deliveries);
/* Accept time of the oldest message with an undelivered entry, or 0. */
int64_t deliveries_oldest_ms(const struct deliveries *deliveries);
/* Zeroed for a lane without work. */
struct lane_status lane_status(const struct deliveries *deliveries, struct lane_id id);
/* Walks the lanes that have work or are failing: the first for a zeroed id; false at the end.
 */
bool lane_next(const struct deliveries *deliveries, struct lane_id *io_lane);

/* Where a message's delivery to a subscription is, when it is not over. */
enum delivery_place {
    DELIVERY_NOWHERE,  /* over, or never owed */
    DELIVERY_OWED,     /* its turn has not come */
    DELIVERY_WAITING,  /* for its next attempt, at due_ms */
    DELIVERY_UNDER_WAY /* an attempt is being made */
};

struct delivery_search {
    uint64_t message;
    struct lane_id lane;
    int64_t hint_ms; /* when it was said to be due, or 0 */
    enum delivery_place place;
    int64_t due_ms;
    bool is_parked;     /* the breaker of its lane is open */
    bool is_cut;        /* so much waits there that not all of it was looked at */
    uint32_t stage;     /* private, 0 at first */
    uint32_t seen;      /* private */
    struct range range; /* private */
};

/* Part of a task: STATUS_WAIT until it is found out, then STATUS_OK with `place`. */
MUST_CHECK enum status delivery_find(struct step *step, struct delivery_search *search);
void delivery_find_end(struct delivery_search *search); /* also when the task was cancelled */

/* --- For core/ only. */
struct deliveries *deliveries_create(const struct deliveries_options *options,
                                     const struct delivery_hooks *hooks);
void deliveries_free(struct deliveries *deliveries);
/* Finds what was owed and what waits, by reads. */
void deliveries_start(struct step *step, struct deliveries *deliveries);
bool deliveries_next_start(struct deliveries *deliveries, struct attempt_start *ret_start);
void deliveries_outcome(struct step *step, uint64_t id, const struct attempt_outcome *outcome);

#endif
