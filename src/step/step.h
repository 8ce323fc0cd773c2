/* One step of the cell: the time, the chance, and the effects that leave it.
 *
 * Everything in the core runs inside a step, on one thread, without I/O.  What a step wants
 * from the world it writes down here: changes go into the filling batch, reads into a list,
 * timers into a heap.  A piece of work that needs something from disk returns STATUS_WAIT and
 * is run again from its start when that has come: so it must change nothing before its last
 * record_get. */
#ifndef STEP_STEP_H
#define STEP_STEP_H

#include "base/heap.h"
#include "base/map.h"
#include "base/random.h"
#include "base/status.h"
#include "sealing/sealing.h"
#include "store/keys.h"
#include "store/store.h"

struct step;
struct hold;

/* A restartable piece of work. */
struct task {
    /* STATUS_WAIT: it has been parked (by record_get, or by a wait list) and will be run again.
     */
    enum status (*run)(struct task *task, struct step *step);
    /* Once, after run() returned anything else; may free the task. */
    void (*done)(struct task *task, struct step *step, enum status status);
    struct list_node node; /* in the list of what it waits for */
    struct hold *holds;    /* private: records it waited for, kept until it is done */
};

/* Runs the task now, again whenever it is woken, until it is done. */
void task_start(struct task *task, struct step *step);
/* Takes it out of whatever it waits for; done() is not run. */
void task_cancel(struct task *task);
/* Parks the running task in a wait list of the caller's; return STATUS_WAIT afterwards. */
void task_wait(struct step *step, struct list *waiters);
/* Schedules up to `max` tasks of the list, first come first, to run later in this step. */
void task_wake(struct step *step, struct list *waiters, size_t max);

/* Once the current batch is durable (at the end of this step when nothing is under way). */
struct hook {
    void (*run)(struct hook *hook, struct step *step, enum status status);
    struct list_node node;
};

void step_when_durable(struct step *step, struct hook *hook);

/* A moment in the future.  Set again to move it. */
struct timer {
    struct heap_node node;
    void (*fire)(struct timer *timer, struct step *step);
    struct heap *heap; /* where it is set, else NULL */
};

void timer_set(struct step *step, struct timer *timer, int64_t at_ms);
/* Harmless when not set.  `step` may be NULL: a caller who has gone takes its timer back
 * outside of any step. */
void timer_cancel(struct step *step, struct timer *timer);

/* Records: what the core knows of the store, with everything that is not durable yet on top.
 *
 * record_get: STATUS_OK (lends *ret_value for this step), STATUS_NOT_FOUND, or STATUS_WAIT (the
 * running task is parked; outside a task: nothing is parked, only prefetched). */
MUST_CHECK enum status record_get(struct step *step, const struct key *key,
                                  struct blob **ret_value);
/* Starts a read of it if it is not known, and does not wait. */
void record_prefetch(struct step *step, const struct key *key);
/* What is known without asking the disk; STATUS_WAIT: nothing is.  Complete only inside the
 * done() of a ranged read, for all that was written since that read was handed out: of rows of
 * the read itself ask record_overlay, which is right for as long as the read is held. */
MUST_CHECK enum status record_peek(const struct step *step, const struct key *key,
                                   struct blob **ret_value);
/* Takes the blob over. Durable with the current batch. */
void record_put(struct step *step, const struct key *key, struct blob *take_value);
void record_delete(struct step *step, const struct key *key);

/* Whose content a row has: each owner has data keys of its own. Stored: only append. */
enum content_kind {
    CONTENT_TOPIC = 1, /* of that number: rows of TABLE_BODY */
    CONTENT_QUEUE,     /* store of that number: rows of TABLE_READY */
    CONTENT_ATTEMPTS,  /* rows of TABLE_ATTEMPT */
    CONTENT_ASIDE      /* rows of TABLE_DAMAGED */
};

struct content {
    enum content_kind kind;
    uint32_t owner;
    bool wants_sealing; /* its owner asks for encryption (of mode SEAL_NAMED) */
    uint32_t reuse_s;   /* so long one data key is used */
    size_t head;        /* first bytes that cut reads look at: they stay readable on disk */
};

/* Like record_put, for a row that carries what users wrote: what reaches the store is sealed,
 * what this cell reads of it is as it was put.  Its first byte is below 0x80. */
void record_put_content(struct step *step, const struct key *key, struct blob *take_value,
                        const struct content *content);
/* Whether there is a key to seal with, and something is sealed that asks for it. */
bool step_seals(const struct step *step);
/* A row that a ranged read brought, with what has been written since on top: NULL when it is
 * gone.  Lends the blob for this step.  Right at any time until read_free (range_on,
 * range_end): rows of a read that is held are brought up to date when what was written leaves
 * memory. `row`'s value must be uncut, or the caller only looks at its beginning. */
struct blob *record_overlay(struct step *step, const struct row *row);
/* Whether the row is there, but not as it was written, and nothing newer is known: it has been
 * told of, and whoever counts such rows, or is led by them to others, ends what hangs on it and
 * deletes it. */
bool row_is_lost(const struct step *step, const struct row *row);
/* Remembers a row that a ranged read brought, when nothing newer is known. */
void record_learn(struct step *step, const struct key *key, struct blob *value);

/* A record that is not there although others say so, or that cannot be read: `value` is what is
 * there (lent), NULL when nothing is; `what` is a few words for people.  Nothing is dropped in
 * silence: the row is deleted, a copy of it goes to TABLE_DAMAGED with the time and the words,
 * it is counted, and an event tells of it (once a key). */
void record_set_aside(struct step *step, const struct key *key, const struct blob *value,
                      const char *what);

/* Something that was stored could not be true and was made true again, without loss: an event
 * tells of it, and it is counted by itself. */
void record_mended(struct step *step, const struct key *key, const char *what);

/* Hands a ranged read to the reader; read->done runs in a later step. */
void step_read(struct step *step, struct read *take_read);

/* A ranged read inside a task, a part at a time.  The caller fills the first members. */
struct range {
    struct key from, to; /* as in struct read */
    bool reverse;
    uint32_t row_max, bytes_max, value_max;
    struct read *read;     /* private, NULL at first */
    bool is_read;          /* private */
    struct list waiters;   /* private */
    struct list_node node; /* private: in records.ranges while it is read */
};

/* The next part, lent until range_on or range_end; STATUS_WAIT: the running task is parked. */
MUST_CHECK enum status range_get(struct step *step, struct range *range,
                                 const struct read **ret_read);
/* On to the part behind it; false: there is none. */
bool range_on(struct range *range);
/* Lets go what is read or under way; harmless at any time. */
void range_end(struct range *range);

/* A table or a part of it, row by row: pages are read one after the other, and when a page's
 * visits wrote something, the next page waits until that is durable, so that no batch and no
 * step grows with the table. */
struct table_walk {
    struct key from; /* inclusive */
    struct key to;   /* exclusive; len 0: the end of the table that `from` is in */
    uint32_t row_max, bytes_max, value_max; /* of a page; 0: 256 rows, 1 MiB, whole values */
    /* Each row that still is, with what was written since on top; lends both for the call. */
    void (*visit)(struct table_walk *walk, struct step *step, const struct key *key,
                  struct blob *value);
    /* Optional: each row that is lost (row_is_lost). */
    void (*lost)(struct table_walk *walk, struct step *step, const struct key *key);
    /* Optional: once, after the last row or table_walk_end. */
    void (*over)(struct table_walk *walk, struct step *step);
    void *context;
    uint64_t number; /* the caller's */
};

/* Begins; copies `walk` (visit and over get the copy). It ends by itself, or with the cell. */
void table_walk(struct step *step, const struct table_walk *walk);
/* Inside visit: on to the first row at or behind `key`. */
void table_walk_skip(struct table_walk *walk, struct key key);
/* Inside visit: no row after this one. */
void table_walk_end(struct table_walk *walk);

/* The counters that number things, durable with the batch that used them. */
enum counter {
    COUNTER_TOPIC,        /* topics: 32 bits */
    COUNTER_SUBSCRIPTION, /* subscriptions: 32 bits */
    COUNTER_QUEUE,        /* queues and queue stores: 32 bits */
    COUNTER_MESSAGE,      /* messages of topics */
    COUNTER_SEQUENCE,     /* entries of queues */
    COUNTER_GARBAGE,
    COUNTER_HISTORY_BYTES, /* of bodies that the history has seen come */
    COUNTER_ATTEMPT,       /* attempts recorded */
    COUNTER_REPLAY,
    COUNTER_CLOCK_MS, /* the cell's time, about a second old at most when something was written
                       */
    COUNTER_DATA_KEY,
    COUNTER_COUNT
};

uint64_t step_number(struct step *step, enum counter counter);        /* the next, from 1 */
uint64_t step_counter(const struct step *step, enum counter counter); /* the last given */
void step_count(struct step *step, enum counter counter, uint64_t more);

/* To be written once per batch however often it changes (a queue's counters, a cursor): `seal`
 * is run when the batch is closed and puts the rows. */
struct sealed {
    void (*seal)(struct sealed *sealed, struct step *step);
    struct list_node node;
};

void step_seal(struct step *step, struct sealed *sealed); /* harmless when registered already */

struct records;
struct router;
struct queues;
struct deliveries;
struct history;
struct replays;
struct seals;
struct kms;

struct step {
    int64_t now_ms; /* since 1970, of the input; never goes back, see base/steady.h */
    struct random *random;
    struct router *router; /* the parts of the cell, to find each other */
    struct queues *queues;
    struct deliveries *deliveries;
    struct history *history;
    struct replays *replays;
    struct kms *kms;
    struct seals *seals;     /* private to step/; NULL: nothing is sealed or opened */
    struct records *records; /* private to step/ */
    struct task *running;    /* private to step/ */
};

/* Changes in the batch that fills: who has many to make leaves some to the next. */
size_t step_batch_size(const struct step *step);

/* New work is refused (STATUS_FULL with the reason) while free space is below the watermark. */
MUST_CHECK enum status step_may_grow(struct step *step, struct why *why);
/* Free space comes near the watermark: what can be spared should go. */
bool step_space_is_scarce(const struct step *step);

/* --- For core/ only: the frame around the steps. */

struct records *records_create(uint64_t cache_bytes);
/* Takes back what others have in here: timers, ranges and walks under way.  Before the store
 * is closed: it frees the reads. */
void records_end(struct records *records);
void records_free(struct records *records);
/* Loads the counters; `value` is the meta row's, empty on a new store. */
void records_load_counters(struct records *records, struct text value);
/* True when a batch is filling that has something in it, or hooks to run. */
bool records_has_batch(const struct records *records);
/* Seals and takes the filling batch (NULL when there is nothing to commit: the hooks ran). */
struct batch *records_take_batch(struct step *step);
/* The batch came back: its hooks run, its entries are clean; takes the batch over. */
void records_committed(struct step *step, struct batch *take_batch, enum status status);
/* The reads that steps asked for: the caller hands them to the store. NULL when none. */
struct read *records_next_read(struct records *records);
/* A read came back: runs its done(). */
void records_read_done(struct step *step, struct read *take_read);
/* Runs what was woken and the timers that are due. */
void records_run(struct step *step);

/* A record was set aside, or mended. */
struct damage {
    struct list_node node;
    struct key key;
    char what[96];
    uint64_t len; /* of the value that is kept; 0: there was none */
    bool is_mended;
};

/* The next that was not told of yet, for the log (memory_free it), or NULL.  At most 64 wait.
 */
struct damage *records_next_damage(struct records *records);
/* Records set aside, and mended, since the start. */
uint64_t records_damaged(const struct records *records);
uint64_t records_mended(const struct records *records);
/* When the next timer is due, or INT64_MAX. */
int64_t records_next_wake(const struct records *records);
/* Bytes in the filling batch and in those under way. */
uint64_t records_uncommitted_bytes(const struct records *records);
void records_set_space(struct records *records, uint64_t free_bytes, uint64_t watermark_bytes);

/* --- Encryption at rest (seals.c). */

enum seal_mode {
    SEAL_NONE,  /* nothing new; what is sealed is opened */
    SEAL_NAMED, /* what asks for it */
    SEAL_ALL    /* all content */
};

/* `masters` is borrowed; NULL: there is no key, so nothing is sealed or opened. */
struct seals *seals_create(const struct masters *masters, enum seal_mode mode);
void seals_free(struct seals *seals);
/* One row of TABLE_DATA_KEY, at the start and before any content is read.  Not OK: its master
 * is not at hand (STATUS_NOT_FOUND), or it is no such row. */
MUST_CHECK enum status seals_load(struct seals *seals, const struct key *key, struct text row,
                                  struct why *why);
/* After them: what older masters wrapped is wrapped anew, keys that nothing needs are dropped.
 */
void seals_start(struct step *step);

struct seals_counters {
    uint64_t data_keys; /* that are kept */
    uint64_t stale;     /* of them, those that an older master wrapped */
    uint64_t made, dropped, rewrapped, rows_sealed, rows_opened; /* since the start */
};

struct seals_counters seals_counters(const struct seals *seals);

#endif
