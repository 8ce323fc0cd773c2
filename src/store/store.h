/* What is durable: one engine, a commit thread and two reader threads, and nothing else.
 * Everything goes in as a batch or a read and comes back by store_poll() on the loop thread. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "store/batch.h"
#include "store/engine.h"

struct row {
    struct key key;
    struct blob *value; /* the read's reference; cut to value_max; NULL when it is damaged */
    uint32_t full_len;  /* of the value as stored */
    bool is_damaged;    /* what is there is not what was written: to be set aside with words */
};

/* So many rows a read looks at unless it says otherwise, traces of deleted ones among them: a
 * few milliseconds of the reader's time. */
#define READ_VISIT_MAX 16384

struct step;

/* A ranged read.  The caller fills the first part and owns it; the store fills the second.
 * It may stop anywhere, also without a single row (where many were deleted): whoever wants the
 * rest asks `complete` and goes on at read_next_from, and at nothing else. */
struct read {
    struct key from; /* inclusive */
    struct key to;   /* exclusive; len 0 = to the end */
    bool reverse;
    uint32_t row_max;   /* stop after so many rows, at least 1 */
    uint32_t bytes_max; /* stop once so many value bytes were taken (at least one row is) */
    uint32_t value_max; /* take only so many bytes of each value; UINT32_MAX for all */
    /* Look at no more rows, deleted ones included; at least 1.  4 KiB of a value count as one.
     */
    uint32_t visit_max;
    /* For the core: run when the rows are here; may free the read (read_free). */
    void (*done)(struct read *read, struct step *step);
    void *context;

    enum status status;
    struct row *rows;
    uint32_t row_count;
    uint32_t damaged_count; /* of the rows */
    bool complete;          /* the whole range was seen: no limit stopped it */
    struct key next;        /* see read_next_from */
    uint64_t number;        /* the core's */
    struct list_node node;  /* of whoever has it */
    struct list_node token; /* the core's, while the store has it */
};

struct read *read_create(void (*done)(struct read *read, struct step *step), void *context);
void read_free(struct read *read); /* rows and their references too; NULL is fine */
/* Where to go on when a read is not complete: the `from` of the next one, in reverse its `to`.
 * A row that was written in between meanwhile is not passed over. */
struct key read_next_from(const struct read *read);
/* Takes row i's blob out of the read (the caller owns that reference afterwards). */
struct blob *read_take_value(struct read *read, uint32_t i);
/* Does what the read says, at once, on this thread: for the reader threads, tools and tests. */
void read_execute(struct read *read, const struct engine *engine, void *self);

struct store;

struct store_options {
    const char *engine;   /* "log", "lmdb", "memory", or NULL for the default */
    const char *location; /* directory */
    uint64_t map_bytes;   /* 0: the engine's default */
    uint64_t room_wanted; /* below so many free bytes the engine is asked for relief */
    const struct engine *with_engine; /* instead of `engine`, for tests; else NULL */
    void (*wake)(void *context);      /* from any thread: something is ready for store_poll */
    void *wake_context;
};

struct store_events {
    /* `take_batch` is the caller's again. `fatal`: a sync failed, or (STATUS_FENCED) the store
     * is somebody else's now: the process must stop. */
    void (*committed)(void *context, struct batch *take_batch, enum status status, bool fatal,
                      const struct why *why);
    void (*read)(void *context, struct read *take_read);
    void *context;
};

MUST_CHECK enum status store_open(const struct store_options *options, struct store **ret_store,
                                  struct why *why);
/* Finishes what was handed in, without reporting it, and closes. NULL is fine. */
void store_close(struct store *store);
/* Commits in call order on the commit thread. After one failure every later batch that was
 * handed in before the failure was reported fails too (order is part of the promise). */
void store_commit(struct store *store, struct batch *take_batch);
/* Answered on the reader threads, in any order: reads of one key do not wait behind the longer
 * ones, and all overtake commits freely. */
void store_read(struct store *store, struct read *take_read);
/* On the loop thread: reports what has finished. */
void store_poll(struct store *store, const struct store_events *events);
/* What opening found: for the log. */
struct engine_opening store_opening(const struct store *store);
/* As of the last commit or two seconds ago; cheap. */
uint64_t store_free_bytes(const struct store *store);

#endif
