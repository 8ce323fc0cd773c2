/* Private to queues/: what a queue is made of inside. */
#ifndef QUEUES_INTERNAL_H
#define QUEUES_INTERNAL_H

#include "base/buffer.h"
#include "queues/queues.h"

enum {
    SECRET_SIZE = 16,
    WINDOW_ROOM = 2048,     /* receivable messages in memory, roughly; half of it: read on */
    WINDOW_HARD = 120000,   /* in memory, those of busy FIFO groups included */
    WINDOW_FAIR = 30000,    /* the same of a standard queue, whose groups share the window */
    IN_FLIGHT_MAX = 120000, /* AWS */
    RECEIVE_MAX = 10,
    REDUCED_ROW = 256, /* enough of an entry to know all but its texts, its group included */
    READY_SEQUENCE_AT = 5,  /* in a key of TABLE_READY ... */
    READY_PART_AT = 13,     /* ... 0: the entry, 1: its lease */
    DELAYED_VISIBLE_AT = 5, /* in a key of TABLE_DELAYED */
    DELAYED_SEQUENCE_AT = 13,
    EXPECTED_ROWS = 64 /* whose releases are read ahead of a discard */
};

#define LEASE_TOTAL_MAX_MS (INT64_C(43200) * 1000)

/* --- Rows (entry.c). */

enum entry_flag {
    ENTRY_REFERENCE = 1, /* to a topic's message */
    ENTRY_RAW = 2,
    ENTRY_DEAD_LETTER = 4, /* a topic's dead letter */
    ENTRY_MOVED = 8        /* keeps an older send time: has a row in TABLE_EXPIRY */
};

/* A row of TABLE_READY part 0: never changes. A borrowed view. */
struct entry {
    uint8_t flags;
    uint8_t protocol;
    int64_t sent_ms;
    int64_t visible_ms; /* delayed until; 0: not delayed */
    uint8_t id[16];
    uint64_t message;            /* of a reference */
    uint8_t subscription_id[16]; /* of a reference */
    struct text group_id, deduplication_id, sender_id, trace_header;
    struct text source; /* ARN of the queue that it died in */
    struct text attributes, body;
};

/* A row of TABLE_READY part 1: who has it, and how often somebody had it. */
struct lease {
    uint32_t receive_count;
    int64_t first_received_ms;
    int64_t received_ms;
    int64_t visible_ms; /* 0: given back */
};

struct blob *entry_encode(const struct entry *entry);
MUST_CHECK bool entry_decode(struct text row, struct entry *ret_entry);
/* Of a row that was cut after REDUCED_ROW bytes: everything up to the group. */
MUST_CHECK bool entry_decode_head(struct text row, struct entry *ret_entry);
struct blob *lease_encode(const struct lease *lease);
MUST_CHECK bool lease_decode(struct text row, struct lease *ret_lease);
struct key entry_key(uint32_t store, uint64_t sequence);
struct key lease_key(uint32_t store, uint64_t sequence);
struct key delayed_key(uint32_t store, int64_t visible_ms, uint64_t sequence);
struct key expiry_key(uint32_t store, int64_t sent_ms, uint64_t sequence);

/* --- What is in memory (messages.c). */

enum place {
    PLACE_NONE, /* on its way to disk, or picked by a receive */
    PLACE_READY,
    PLACE_LENT,
    PLACE_DELAYED
};

/* A message in memory; everything else about it is in its row. */
struct message {
    /* READY: in its group by turn (standard) or sequence (FIFO); LENT: in leases by visible at;
     * DELAYED: in delayed. */
    struct heap_node node;
    struct message *next;      /* in its bucket, or in its arrivals */
    struct message *lent_next; /* of its FIFO group, by sequence */
    struct group *group;
    uint64_t sequence;
    int64_t sent_ms;
    int64_t first_received_ms;
    int64_t received_ms;
    uint32_t receive_count;
    uint8_t flags; /* enum entry_flag */
    uint8_t place;
    bool is_listed;   /* in the table */
    bool is_returned; /* it was lent and came back since it is in memory */
};

/* Messages that share a MessageGroupId (number 0: have none). */
struct group {
    struct heap_node node; /* in window.groups while something of it may be received */
    struct group *next;    /* in its bucket */
    struct heap ready;
    uint64_t number; /* hash of the id */
    uint32_t members;
    uint32_t lent;
    int64_t turn;               /* of a FIFO group: when it is served next; 0: not known yet */
    struct message *lent_first; /* of a FIFO group */
};

struct message_table {
    struct message **buckets;
    size_t bucket_count;
    size_t count;
};

struct group_table {
    struct group **buckets;
    size_t bucket_count;
    size_t count;
};

uint64_t group_number(struct text group_id);
struct message *message_new(struct queue_state *state, uint64_t sequence, uint64_t group,
                            uint8_t flags, int64_t sent_ms);
/* Takes it out of wherever it is. NULL is fine. */
void message_free(struct queue_state *state, struct message *message);
/* What its rows say. */
struct message *message_from(struct queue_state *state, uint64_t sequence,
                             const struct entry *entry, const struct lease *lease);
/* From now on message_find knows it. */
void message_list(struct queue_state *state, struct message *message);
struct message *message_find(const struct queue_state *state, uint64_t sequence);
void messages_free(struct queue_state *state);

/* --- The window (window.c): what may be received, in order. */

struct window {
    struct heap groups; /* that something may be received of, the best first */
    size_t ready;
    size_t available;  /* without those of busy FIFO groups, and what a group has too many */
    size_t returned;   /* of the available: what came back and does not keep others out */
    int64_t last_turn; /* given: whoever comes, or comes back, gets the next */
    uint64_t cursor;   /* below it everything that may be received is in memory, but ... */
    uint64_t
        left_behind; /* ... what came back while there was no room, from here on; 0: none */
    uint64_t last_durable; /* sequence */
    bool is_scanning;
    bool is_reading_ahead;
};

/* As much as may be in memory, and less of it can be received than `enough`. */
bool window_has_room(const struct queue_state *state, size_t enough);
void window_add(struct queue_state *state, struct message *message);
/* One that was lent may be received again, after those that wait now (of a FIFO queue: its
 * group after the others); takes it over. */
void window_return(struct queue_state *state, struct message *message);
/* One that window_remove took out for a look, at its old turn. */
void window_put_back(struct queue_state *state, struct message *message);
void window_remove(struct queue_state *state, struct message *message);
/* Something of the FIFO group goes out: it is behind the other groups now. */
void window_serve(struct queue_state *state, struct group *group);
/* The best to be received, of `preferred` if it has one; NULL: none. */
struct message *window_first(const struct queue_state *state, const struct group *preferred);
/* The message goes out, or is back. */
void window_lock(struct queue_state *state, struct message *message);
void window_unlock(struct queue_state *state, struct message *message);
/* Behind the cursor is nothing: on to what was left behind, if there is something. */
void window_turn_back(struct queue_state *state);
/* Wakes whom the window's content serves, and reads on where it runs low. */
void window_settle(struct step *step, struct queue_state *state);

/* --- Reading what is on disk only (scan.c). */

/* True while there is something behind the window, or it is not known yet. */
bool scan_has_more(const struct queue_state *state);
void scan_start(struct step *step, struct queue_state *state);
/* Brings the rows of messages from there on into the cache, for the receives to come. */
void scan_ahead(struct step *step, struct queue_state *state, uint64_t from);
/* Finds what is in flight, once, at start. */
void scan_leases(struct step *step, struct queue_state *state);

/* --- One queue. */

struct counts {
    uint64_t total, delayed, in_flight;
    uint64_t last_sequence;
    int64_t as_of_ms;          /* when in_flight was right */
    int64_t woken_ms;          /* delayed messages up to then are not delayed any more */
    int64_t newest_visible_ms; /* of what was delayed; FIFO keeps its order by it */
    uint64_t purged_sequence;  /* the last given when the queue was purged last */
};

/* Where the oldest messages stand: when the next one is too old. */
struct oldest {
    struct timer timer;
    struct list_node node; /* in queues.sweeper while due */
    uint64_t begin;        /* no entry is before it: not to look there again */
    uint64_t sequence;     /* 0: not known */
    int64_t sent_ms;
    int64_t moved_sent_ms;   /* of those in TABLE_EXPIRY; INT64_MAX: none */
    int64_t moved_lately_ms; /* of those that the last look at that table may have missed */
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

    struct message_table messages;
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

/* Names of deleted queues that are not given again yet (resting.c). */
struct resting {
    struct map names;
    struct list ages; /* the oldest first */
};

void resting_add(struct queues *queues, struct text arn, int64_t now_ms);
bool resting_has(struct queues *queues, struct text arn, int64_t now_ms);
void resting_free(struct queues *queues);

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
void queue_state_detach(struct step *step, struct queue_state *state);
/* Frees it once no read is under way. */
void queue_state_release(struct queue_state *state);
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

/* The queue's own record (record.c). */
struct blob *queue_encode(const struct queue *queue);
MUST_CHECK bool queue_decode(struct text record, struct queue *ret_queue); /* owned texts */
/* deadLetterTargetArn of the RedrivePolicy attribute; owned. */
struct text queue_dead_letter_arn(const struct queue *queue);
void queue_free(struct queue *queue);
struct text text_own(struct text text); /* a copy, to be freed by text_disown */
void text_disown(struct text *text);
void queue_attributes_own(struct queue *queue, const struct queue_attribute *attributes,
                          size_t count);
void queue_attributes_disown(struct queue *queue);

/* --- Counters (counts.c). */

void counts_changed(struct step *step, struct queue_state *state);
/* As they are stored. */
struct blob *counts_encode(const struct queue_state *state);
void counts_seal(struct sealed *sealed, struct step *step);
MUST_CHECK bool counts_load(struct step *step, struct queues *queues, const struct key *key,
                            struct text row);
uint64_t counts_in_flight(const struct queue_state *state);
/* At start: counts again what the stored counters of a queue cannot be true about, one queue
 * after the other, and goes on with load_over(). */
void recount_start(struct step *step, struct queues *queues);
void recount_free(struct queues *queues);

/* --- Coming (arrivals.c). */

/* Numbers the entry, puts its rows, counts it, and lets it into the window once it is durable.
 * `lease` may be NULL. */
uint64_t entry_store(struct step *step, struct queue_state *state, const struct entry *entry,
                     const struct lease *lease);
void arrivals_close(struct queue_state *state);   /* the batch is closed */
void arrivals_abandon(struct queue_state *state); /* they are purged before they came */
void arrivals_free(struct queues *queues);

/* --- Going (erase.c). */

/* What must be known of an entry to take it out. */
struct remains {
    uint64_t sequence;
    int64_t sent_ms;
    int64_t delayed_ms; /* 0: not delayed any more */
    uint8_t flags;
    bool has_lease; /* a state row, perhaps */
};

/* Removes its rows and what memory knows of it. */
void entry_erase(struct step *step, struct queue_state *state, const struct remains *remains);
/* The same by what is in memory. */
void message_erase(struct step *step, struct queue_state *state, struct message *message);
/* Erases it, and drops its reference first.  May STATUS_WAIT before changing anything. */
MUST_CHECK enum status message_discard(struct step *step, struct queue_state *state,
                                       struct message *message);
/* The same of any entry, in memory or not. */
MUST_CHECK enum status entry_discard(struct step *step, struct queue_state *state,
                                     uint64_t sequence, const struct entry *entry);
/* Its entry or its body is missing or cannot be read: it leaves the queue, and that is said.
 * `row` is what there is of the entry (lent), or NULL. */
void message_lose(struct step *step, struct queue_state *state, struct message *message,
                  const struct blob *row, const char *what);
/* The same of an entry that cannot be read, in memory or not. */
void entry_lose(struct step *step, struct queue_state *state, uint64_t sequence,
                const struct blob *row);
/* The row is about to be discarded if it was sent by then: what that needs is read ahead. */
void entry_expect(struct step *step, const struct queues *queues, const struct row *row,
                  int64_t sent_max_ms);
/* The message's entry row, read if need be; *ret_entry points into *ret_row. */
MUST_CHECK enum status message_entry(struct step *step, struct queue_state *state,
                                     struct message *message, struct entry *ret_entry,
                                     struct blob **ret_row);

/* --- In flight (leases.c). */

void lease_add(struct queue_state *state, struct message *message, int64_t visible_ms);
void lease_remove(struct queue_state *state, struct message *message);
/* Its state row as of now, with the current batch. */
void lease_put(struct step *step, struct queue_state *state, const struct message *message,
               int64_t visible_ms);
/* What is due comes back. */
void leases_expire(struct step *step, struct queue_state *state);
void leases_arm(struct step *step, struct queue_state *state);
void on_lease_timer(struct timer *timer, struct step *step);

/* --- Delayed (delayed.c). */

bool entry_is_delayed(const struct queue_state *state, int64_t visible_ms);
/* When a message sent now with this delay becomes visible; 0: at once. */
int64_t delayed_until(const struct queue_state *state, int64_t now_ms, int64_t delay_ms);
struct blob *delayed_encode(const struct message *message);
/* It is durable, and node.key says until when it is delayed.  True: it is due already and still
 * the caller's; false: taken over. */
bool delayed_arrive(struct step *step, struct queue_state *state, struct message *message);
void delayed_wake(struct step *step, struct queue_state *state);
void delayed_arm(struct step *step, struct queue_state *state);
void on_delayed_timer(struct timer *timer, struct step *step);

/* --- Receipt handles (handle.c). */

struct handle {
    uint32_t queue, store, receive_number;
    uint64_t sequence;
};

struct text handle_encode(const struct queues *queues, const struct handle *handle,
                          struct arena *arena);
MUST_CHECK bool handle_decode(const struct queues *queues, struct text text,
                              struct handle *ret_handle);

/* --- Redrive (redrive.c). */

/* The queue that takes this message now, or NULL: it may still be received here. */
struct queue *dead_letter_queue(const struct queue_state *state, const struct message *message);
/* May STATUS_WAIT before changing anything. */
MUST_CHECK enum status message_dead_letter(struct step *step, struct queue_state *state,
                                           struct message *message, struct queue *target);

/* --- FIFO (fifo.c, attempts.c). */

/* What was accepted in the same minute. */
struct generation {
    struct list_node node; /* in fifo.generations, the oldest first */
    int64_t minute;
    struct fingerprint *slots;
    size_t room, count;
    uint64_t *blocks; /* rows of TABLE_DEDUPLICATION */
    size_t block_room, block_count;
};

struct fifo {
    struct list generations;
    struct buffer block; /* what the filling batch adds: one row */
    uint64_t block_number;
    int64_t block_ms;
    struct timer timer; /* drops what is too old */
    struct queue_state *state;
    struct map attempts;
    struct list attempt_ages; /* the oldest first */
};

struct fifo *fifo_create(struct queue_state *state);
void fifo_free(struct fifo *fifo);
void fifo_detach(struct step *step, struct queue_state *state);

/* The ids of a message that was sent already. */
struct sent_before {
    uint64_t sequence;
    uint8_t id[16];
};

/* Deduplication is per group only where the queue says so: `group` or empty. */
struct text fifo_scope(const struct queue *queue, struct text group);
/* Was it accepted in the last five minutes? */
bool fifo_knows(struct queue_state *state, int64_t now_ms, struct text scope,
                struct text deduplication_id);
/* STATUS_OK: it was, as *ret_before; STATUS_NOT_FOUND: it was not. */
MUST_CHECK enum status fifo_recall(struct step *step, struct queue_state *state,
                                   struct text scope, struct text deduplication_id,
                                   struct sent_before *ret_before);
void fifo_remember(struct step *step, struct queue_state *state, struct text scope,
                   struct text deduplication_id, const struct sent_before *sent);
/* What was sent is purged: all of it may be sent again.  Its rows go in bounded batches;
 * counts' purged_sequence says that they do not count any more. */
void fifo_forget(struct step *step, struct queue_state *state);
void fifo_seal(struct step *step, struct queue_state *state);
MUST_CHECK bool fifo_load(struct step *step, struct queues *queues, const struct key *key,
                          struct text row);

/* What an attempt (ReceiveRequestAttemptId) was given. */
struct attempt {
    struct map_node map;
    struct list_node node;
    struct text id; /* owned */
    int64_t expires_ms;
    uint32_t count;
    uint64_t sequences[RECEIVE_MAX];
    uint32_t receive_numbers[RECEIVE_MAX];
};

const struct attempt *attempt_find(struct queue_state *state, int64_t now_ms, struct text id);
/* Forgets an earlier one of that id. */
struct attempt *attempt_new(struct queue_state *state, int64_t now_ms, struct text id);
void attempts_free(struct fifo *fifo);

/* --- Retention (sweeper.c) and bulk deletion (reclaimer.c). */

struct sweeper *sweeper_create(struct queues *queues);
void sweeper_free(struct sweeper *sweeper);
void sweeper_start(struct step *step, struct sweeper *sweeper);
void oldest_sent(struct step *step, struct queue_state *state, uint64_t sequence,
                 const struct entry *entry);
void oldest_gone(struct step *step, struct queue_state *state, const struct remains *remains);
void oldest_reset(struct step *step, struct queue_state *state); /* to be found by reading */
void on_oldest_timer(struct timer *timer, struct step *step);

struct reclaimer *reclaimer_create(struct queues *queues);
void reclaimer_free(struct reclaimer *reclaimer);
void reclaimer_start(struct step *step, struct reclaimer *reclaimer);
/* The store's rows are nobody's any more; `queue` is 0 when the queue lives on. */
void reclaimer_add(struct step *step, struct reclaimer *reclaimer, uint32_t store,
                   uint32_t queue);
MUST_CHECK bool reclaimer_load(struct step *step, struct queues *queues, const struct key *key,
                               struct text row);

/* --- Message move tasks (moves.c). */

void moves_delete(struct step *step, struct queue_state *state);
void moves_free(struct queue_state *state);
void moves_start(struct step *step, struct queue_state *state);
MUST_CHECK bool move_load(struct step *step, struct queues *queues, const struct key *key,
                          struct text row);

/* --- At start (load.c). */

void load_start(struct step *step, struct queues *queues);
/* All that is stored of the queues is in memory. */
void load_over(struct step *step, struct queues *queues);
void load_free(struct queues *queues);

#endif
