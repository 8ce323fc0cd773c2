/* Inside delivery/: lanes, owed lists, attempts. */
#ifndef DELIVERY_INTERNAL_H
#define DELIVERY_INTERNAL_H

#include "delivery/breaker.h"
#include "delivery/delivery.h"
#include "delivery/rate.h"

/* The longest that an endpoint's Retry-After counts. */
#define RETRY_AFTER_MAX_MS (3600LL * 1000)
/* How far behind the first unsettled entry of an owed list dispatch may run ahead: what a crash
 * repeats at most, and the width of the settled bitmap. */
#define OWED_WINDOW 1024
/* Deliveries in memory, of all lists together; above it each list has one at a time. */
#define ATTEMPTS_MAX 65536
/* Attempts that may wait in memory for a place in their lane's window. */
#define LANE_WAITING_MAX  64
#define LANE_WINDOW_START 8
#define LANE_WINDOW_FIRST 2 /* of a lane of which nothing is known */
/* A lane whose oldest attempt takes longer than this, and than so many times what good answers
 * take, starts no more until it has ended. */
#define LANE_STALL_MS    1000
#define LANE_STALL_TIMES 4
/* Lanes without work that are kept: their window, their breaker and their rate are still good.
 */
#define LANES_RESTING_MAX 4096
/* Deliveries parked too long that are ended together. */
#define LANE_EXPIRED_MAX 64

/* A message whose owed list is being worked off: one chunk of it in memory. */
struct owed {
    struct map_node map;   /* by message */
    struct list_node node; /* in deliveries.active, oldest message first */
    struct list attempts;  /* dispatched, not settled */
    uint64_t message;
    uint64_t message_key; /* big-endian bytes of message: the map's key */
    uint32_t topic;
    int64_t accepted_ms;
    uint32_t chunk;
    bool is_last_chunk;
    bool is_dispatching;
    bool is_resumed; /* found on disk: some of it may have rows that its cursor does not show */
    bool has_cursor; /* a cursor row is, or is about to be, in the store */
    uint32_t *subscriptions;
    uint32_t count;
    uint32_t next;                      /* to be dispatched */
    uint32_t base;                      /* everything before it is settled */
    uint64_t settled[OWED_WINDOW / 64]; /* bit i: entry base + i */
    struct sealed sealed;               /* writes the cursor */
    struct task task;                   /* loads, ends the chunk */
    struct read *read;
    struct deliveries *deliveries;
};

struct lane {
    struct map_node map; /* by subscription */
    uint32_t subscription;
    uint32_t topic;
    uint32_t window;
    uint32_t in_flight;
    uint32_t successes; /* since the window last grew */
    uint32_t failing;   /* attempts that failed in a row */
    uint32_t usual_ms;  /* how long good answers take, smoothed */
    bool is_trusted;    /* its last attempt was answered well */
    bool is_gone;       /* its subscription was deleted: whatever is left ends */
    bool knows_limits;
    struct lane_limits limits;
    struct rate rate;
    struct breaker breaker;
    struct timer pause;  /* its rate, or its breaker's next probe */
    struct list waiting; /* attempts; at most LANE_WAITING_MAX of owed lists */
    uint32_t waiting_count;
    struct list flying;  /* attempts */
    struct timer timer;  /* when the next row is due */
    int64_t next_due;    /* INT64_MAX: no row known */
    int64_t due_since;   /* the least due of rows that became durable while reading */
    int64_t pending_due; /* the least due of rows that the hook waits for */
    int64_t late_due;    /* of rows written since the hook was set */
    int64_t probed_due;  /* the row that was probed last, so that the next is another */
    uint64_t probed_message;
    struct key begin;       /* no row that can be read is before it; len 0: not known */
    struct key written;     /* the first row written since the read began; len 0: none */
    bool is_reading_behind; /* the read began behind the row that was probed last */
    struct hook hook;
    bool is_hooked;
    bool is_reading;
    bool is_starting;
    bool has_turn;           /* of those that wait for the global limit */
    uint32_t holds;          /* must not be closed while there are any */
    uint64_t row_count;      /* rows written or met, not settled: for people */
    int64_t oldest_ms;       /* accept time of the oldest of them, 0: none */
    struct list_node global; /* in deliveries.starved or deliveries.doubted */
    struct list_node rest;   /* in deliveries.resting */
    struct deliveries *deliveries;
};

enum attempt_stage {
    ATTEMPT_QUEUED,    /* in lane.waiting */
    ATTEMPT_PREPARING, /* its records are being read */
    ATTEMPT_FLYING,    /* handed out */
    ATTEMPT_SETTLING   /* its outcome is being written */
};

/* What becomes of an attempt. */
enum attempt_end {
    END_DELIVERED,
    END_RETRY, /* a row, due later */
    END_PARK,  /* back to its row, or to a new one, due now: it is not its turn */
    END_DEAD,
    END_GONE /* its subscription or its message is no more */
};

struct attempt {
    struct map_node map; /* by id, while flying */
    uint64_t id;
    uint64_t id_key;
    struct list_node node;      /* in lane.waiting or lane.flying */
    struct list_node start;     /* in deliveries.starts or deliveries.late_starts */
    struct list_node owed_node; /* in owed.attempts */
    struct list_node relief;    /* about to get a row of its own */
    int64_t since_ms;           /* when it came to its lane */
    int64_t flying_ms;          /* when it was to be handed out; 0: not yet */
    struct lane *lane;
    uint64_t message;
    uint32_t made; /* attempts made before this one */
    int64_t accepted_ms;
    enum attempt_stage stage;
    enum attempt_stage stage_before; /* it was settled: what it was doing */
    bool is_local;                   /* it ended inside this daemon */
    bool is_dead_lettered;
    bool is_probe;     /* of its lane's breaker */
    bool is_trial;     /* started while its lane was not trusted */
    bool is_unwanted;  /* its endpoint wants no more: its subscription is disabled */
    bool is_expired;   /* parked longer than park_max */
    bool is_relieving; /* its task is giving it a row of its own */
    int64_t due_ms;    /* of the row it goes to */
    enum attempt_end end;
    struct owed *owed; /* NULL: it has a row */
    uint32_t owed_index;
    int64_t row_due; /* of its row */
    struct blob *subscription_record;
    struct blob *message_record;
    char reason[256];
    struct heard *heard; /* what the transport heard of its outcome, or NULL */
    char *target;        /* ARN of the queue where its dead letter is, or NULL; owned */
    struct task task;
};

struct deliveries {
    struct deliveries_options options;
    struct delivery_hooks hooks;
    struct map lanes;
    struct map attempts;
    struct map owed;
    struct list active; /* owed */
    uint32_t active_count;
    struct list starts;      /* attempts to be handed out */
    struct list late_starts; /* those to endpoints that failed lately: a few at a time */
    struct timer late;
    struct list starved; /* lanes that could start more but for the global limit, in turn */
    struct list doubted; /* the same of lanes that are not trusted */
    bool is_turn_of_doubted;
    uint32_t trials;     /* in flight: at most half of the limit, or what hangs takes it all */
    struct list resting; /* lanes without work, the longest first */
    uint32_t resting_count;
    uint32_t reading; /* lanes whose due rows are being read */
    uint32_t open_breakers;
    bool is_sharing;
    struct timer relief;
    uint32_t in_flight;
    uint32_t attempt_count; /* in memory, wherever they are */
    uint64_t next_id;
    struct list launching; /* owed lists of the filling batch */
    struct hook launch_hook;
    bool is_launch_hooked;
    /* Owed lists that are on disk only: all above last_active up to backlog_until. */
    bool has_backlog;
    uint64_t last_active;
    struct key backlog_next; /* no row is between last_active and it; len 0: not known */
    uint64_t backlog_until;
    bool is_reading_backlog;
    struct timer backlog_timer;
    struct delivery_counters counters;
};

/* lane.c */
struct lane *lane_find(const struct deliveries *deliveries, uint32_t subscription);
struct lane *lane_open(struct step *step, uint32_t topic, uint32_t subscription);
void lane_free(struct lane *lane);
void lane_offer(struct step *step, struct lane *lane, struct attempt *attempt);
void lane_start_more(struct step *step, struct lane *lane);
void lane_close_if_idle(struct step *step, struct lane *lane);
void lane_push_waiting(struct lane *lane, struct attempt *attempt);
void lanes_share(struct step *step, struct deliveries *deliveries);

/* lane_limits.c */
uint32_t lane_room(const struct lane *lane, int64_t now_ms);
int64_t lane_next_start(const struct lane *lane, int64_t now_ms);
void lane_pay(struct lane *lane, int64_t now_ms);
void lane_learn(struct step *step, struct lane *lane, struct text subscription_record);
bool lane_is_rested(const struct lane *lane, int64_t now_ms);
void lane_feedback(struct step *step, struct attempt *attempt,
                   const struct attempt_outcome *outcome);

/* lane_rows.c */
struct key lane_row_key(uint32_t subscription, int64_t due_ms, uint64_t message);
/* After a crash a message may wait in a lane twice: the first moment at or after *io_due_ms at
 * which no row of it is due.  May STATUS_WAIT. */
MUST_CHECK enum status lane_find_place(struct step *step, const struct lane *lane,
                                       uint64_t message, int64_t *io_due_ms);
void lane_put_row(struct step *step, struct lane *lane, const struct attempt *attempt,
                  int64_t due_ms);
void lane_delete_row(struct step *step, struct lane *lane, const struct attempt *attempt);
void lane_schedule(struct step *step, struct lane *lane, int64_t due_ms);
void lane_read_due(struct step *step, struct lane *lane);
bool lane_has_due_rows(const struct lane *lane, int64_t now_ms);
void lanes_find(struct step *step);

/* relief.c */
bool owed_is_stuck(const struct owed *owed);
bool deliveries_are_crowded(const struct deliveries *deliveries);
void relief_ask(struct step *step, struct deliveries *deliveries);
void relief_cancel(struct attempt *attempt);
void relief_on_timer(struct timer *timer, struct step *step);

/* attempt.c */
struct attempt *attempt_create(struct lane *lane, uint64_t message, uint32_t made,
                               int64_t accepted_ms);
void attempt_free(struct attempt *attempt);
void attempt_prepare(struct step *step, struct attempt *attempt);
void attempt_finish(struct step *step, struct attempt *attempt, enum attempt_end end);
void attempts_on_late(struct timer *timer, struct step *step);

/* remembered.c: for the history. */
void attempt_hear(struct step *step, struct attempt *attempt,
                  const struct attempt_outcome *outcome);
void attempt_remember(struct step *step, const struct attempt *attempt);

/* owed.c */
void owed_settle(struct step *step, struct owed *owed, uint32_t index);
void owed_dispatch(struct step *step, struct owed *owed);
void owed_free(struct owed *owed);
struct owed *owed_open(struct deliveries *deliveries, uint64_t message);

/* backlog.c */
void backlog_read(struct step *step, struct deliveries *deliveries);
void backlog_on_timer(struct timer *timer, struct step *step);

/* owed_rows.c */
struct blob *owed_chunk_encode(uint32_t topic, int64_t accepted_ms, bool is_last,
                               const uint32_t *subscriptions, size_t count, size_t *ret_taken);
MUST_CHECK bool owed_chunk_decode(struct text value, struct owed *owed);

#endif
