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
/* Under which moment the rows of a lane that keeps an order are: they sort by message. */
#define ORDERED_DUE_MS 1

/* A message whose owed list is being worked off: one chunk of it in memory. */
struct owed {
    struct map_node map;   /* by message */
    struct list_node node; /* in deliveries.active, oldest message first */
    struct list attempts;  /* dispatched, not settled */
    struct hook launch;    /* until its batch is durable; it ends before only with the cell */
    uint64_t message;
    uint64_t message_key; /* big-endian bytes of message: the map's key */
    uint32_t topic;
    int64_t accepted_ms;
    uint32_t chunk;
    uint32_t next_chunk; /* once this one has ended, unless it was the last */
    bool is_last_chunk;
    bool is_resumed; /* found on disk: some of it may have rows that its cursor does not show */
    bool is_damaged; /* its last chunk could not be read: there may be none behind it */
    bool has_cursor; /* a cursor row is, or is about to be, in the store */
    struct list_node work; /* in deliveries.dispatching: there may be something to dispatch */
    uint32_t in_a_row;     /* dispatched since others had their turn */
    uint32_t *subscriptions;
    uint32_t count;
    uint32_t next;                      /* to be dispatched */
    uint32_t base;                      /* everything before it is settled */
    uint64_t settled[OWED_WINDOW / 64]; /* bit i: entry base + i */
    struct sealed sealed;               /* writes the cursor */
    struct task task;                   /* loads, ends the chunk */
    struct range *behind;               /* looks for the next chunk, or NULL */
    struct deliveries *deliveries;
};

/* Where a row is in its lane: the order in which they are read. */
struct row_place {
    int64_t due_ms;
    uint64_t message;
};

/* A lane's rows on disk, as far as memory knows of them. */
struct lane_rows {
    struct timer timer;      /* when the next is due */
    int64_t next_due;        /* INT64_MAX: no row known */
    int64_t due_since;       /* the least due of rows that became durable while reading */
    int64_t pending_due;     /* the least due of rows that the hook waits for */
    int64_t late_due;        /* of rows written since the hook was set */
    struct row_place clear;  /* in front of it there are only rows whose attempts are in memory,
                              * and what deletions leave behind: reading begins here */
    struct row_place unread; /* the least place that the read under way may not show */
    struct row_place probed; /* the row that was probed last, so that the next is another */
    struct hook hook;
    bool is_hooked;
    bool is_reading;
    bool is_behind;          /* the read under way began behind `probed` */
    uint64_t count;          /* rows written or met, not settled: for people */
    struct heap_node oldest; /* in deliveries.oldest, by when the oldest of them was accepted */
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
    struct list flying; /* attempts */
    struct lane_rows rows;
    bool is_ordered;         /* a group's messages go one after the other: see lane_order.c */
    struct list_node work;   /* in deliveries.working: there may be something to start */
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
    END_LOST, /* its row or its message cannot be read: it is said, and over */
    END_GONE  /* its subscription is no more */
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
    bool is_missing;                 /* its message is not there */
    bool is_unreadable;              /* its row cannot be read */
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
    int64_t row_due;       /* of its row */
    int64_t not_before_ms; /* in a lane that keeps an order: its next attempt; 0: any time */
    uint64_t group;        /* in such a lane, once it is known */
    bool knows_group;
    bool is_looking; /* its task is finding out */
    bool is_again;   /* delivered once more on purpose: no deduplication may swallow it */
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
    struct list working;     /* lanes that may have something to start */
    struct list dispatching; /* owed lists that may have something to dispatch */
    struct timer turn;
    uint32_t turn_left;  /* of what one turn may do */
    uint32_t trials;     /* in flight: at most half of the limit, or what hangs takes it all */
    struct list resting; /* lanes without work, the longest first */
    uint32_t resting_count;
    uint32_t reading; /* lanes whose due rows are being read */
    uint32_t open_breakers;
    struct timer relief;
    uint32_t in_flight;
    uint32_t attempt_count; /* in memory, wherever they are */
    uint64_t next_id;
    /* Owed lists that are on disk only: all above last_active up to backlog_until. */
    bool has_backlog;
    uint64_t last_active;
    struct key backlog_next; /* no row is between last_active and it; len 0: not known */
    uint64_t backlog_until;
    bool is_reading_backlog;
    struct timer backlog_timer;
    struct list lost_rows; /* lost_row.c */
    struct heap oldest;    /* lanes that have rows */
    struct delivery_counters counters;
};

/* turn.c: lanes and lists only say that they may have something to do; a turn, once a step,
 * does so much of it and leaves the rest to the next. */
void lane_want(struct step *step, struct lane *lane);
void owed_want(struct step *step, struct owed *owed);
void deliveries_turn(struct timer *timer, struct step *step);
/* One more thing was done in this turn. */
void turn_count(struct deliveries *deliveries);

/* lane.c */
struct lane *lane_find(const struct deliveries *deliveries, uint32_t subscription);
struct lane *lane_open(struct step *step, uint32_t topic, uint32_t subscription);
void lane_free(struct lane *lane);
void lane_offer(struct step *step, struct lane *lane, struct attempt *attempt);
/* Of a turn only: starts what waits while there is room; the lane may be gone afterwards.
 * `is_chosen`: it comes before those that wait for the global limit. */
void lane_work(struct step *step, struct lane *lane, bool is_chosen);
void lane_push_waiting(struct lane *lane, struct attempt *attempt);
/* The next lane that waits for the global limit, when there is room under it; or NULL. */
struct lane *lane_next_starved(struct deliveries *deliveries);

/* lane_order.c */
/* Which of those that wait may start; NULL: none, and when to ask again (INT64_MAX: after an
 * event). */
struct attempt *lane_first_in_order(struct step *step, struct lane *lane, int64_t *ret_wake_ms);
void lane_push_in_order(struct lane *lane, struct attempt *attempt);
void look_cancel(struct attempt *attempt);

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
/* When a row's next attempt may be: `value` is the row's, or empty. */
int64_t lane_row_next_ms(struct text value, int64_t due_ms);
void lane_put_row(struct step *step, struct lane *lane, const struct attempt *attempt,
                  int64_t due_ms);
void lane_delete_row(struct step *step, struct lane *lane, const struct attempt *attempt);
/* Of one that cannot be read; STATUS_WAIT: nothing has changed.  It is still to be deleted. */
MUST_CHECK enum status lane_set_row_aside(struct step *step, struct lane *lane,
                                          const struct attempt *attempt);
void lane_schedule(struct step *step, struct lane *lane, int64_t due_ms);
void lane_read_due(struct step *step, struct lane *lane);
bool lane_has_due_rows(const struct lane *lane, int64_t now_ms);
/* Whether there may be rows that no attempt in memory stands for. */
bool lane_has_unread_rows(const struct lane *lane);
/* Its row stays, and no attempt stands for it any more. */
void lane_row_back(struct lane *lane, const struct attempt *attempt);
/* Whether all rows in front of its place, and its own, are in memory or over. */
bool lane_is_clear_for(const struct lane *lane, const struct attempt *attempt);
/* Under which moment a delivery that is due then has its row. */
int64_t lane_row_due(const struct lane *lane, int64_t due_ms);
void lane_rows_init(struct lane *lane);
void lanes_find(struct step *step);

/* relief.c */
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
/* It cannot be made, for that reason. */
void attempt_lose(struct step *step, struct attempt *attempt, const char *reason);
void attempts_on_late(struct timer *timer, struct step *step);

/* remembered.c: for the history. */
void attempt_hear(struct step *step, struct attempt *attempt,
                  const struct attempt_outcome *outcome);
void attempt_remember(struct step *step, const struct attempt *attempt);

/* owed.c */
void owed_settle(struct step *step, struct owed *owed, uint32_t index);
/* After a dispatch: there is more, but no room for it. */
bool owed_is_stuck(const struct owed *owed);
/* Of a turn only: dispatches while there is room; true: it wants another turn. */
MUST_CHECK bool owed_work(struct step *step, struct owed *owed);
void owed_free(struct owed *owed);
/* lost_row.c: a lane's row that cannot be read, met at the start. */
void lost_row_end(struct step *step, const struct key *key);
void lost_rows_free(struct deliveries *deliveries);

/* The chunk that it has come to; one that cannot be read counts as empty, and is set aside when
 * it ends. */
void owed_take_chunk(struct owed *owed, struct text value);
struct owed *owed_open(struct deliveries *deliveries, uint64_t message);

/* backlog.c */
void backlog_read(struct step *step, struct deliveries *deliveries);
void backlog_on_timer(struct timer *timer, struct step *step);

/* owed_rows.c */
struct blob *owed_chunk_encode(uint32_t topic, int64_t accepted_ms, bool is_last,
                               const uint32_t *subscriptions, size_t count, size_t *ret_taken);
MUST_CHECK bool owed_chunk_decode(struct text value, struct owed *owed);

#endif
