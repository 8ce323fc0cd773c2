/* Inside step/: what the records are made of. */
#ifndef STEP_RECORDS_H
#define STEP_RECORDS_H

#include "step/step.h"

/* One key as the core knows it. */
struct record {
    struct map_node map;
    struct key key;
    struct blob *value;   /* NULL: known to be absent (or not known while loading) */
    struct list waiters;  /* tasks, while loading */
    struct list_node lru; /* in records.clean while nothing holds it */
    uint64_t batch;       /* number of the last batch that wrote it */
    size_t op;            /* its place in that batch */
    uint32_t pins;        /* ops of batches that are not retired, and holds */
    bool is_loading;      /* a read is under way and nothing has been written since */
    bool is_hidden;       /* it is on disk, but not as it was written: as good as missing */
};

/* A task that starts over needs all its records at a time: what it once waited for stays known
 * until it is done, or two of them could push each other out for ever. */
struct hold {
    struct hold *next;
    struct record *record;
    struct records *records;
    struct list_node
        node; /* in records.holds: a task that is dropped with the cell leaves them */
};

struct records {
    struct map map;
    struct list clean; /* least recently used first */
    uint64_t cache_bytes;
    uint64_t used_bytes; /* of clean records */

    struct batch *filling; /* NULL until something is written or hooked */
    struct list closed;    /* full, waiting for their turn to be committed */
    uint64_t next_batch;
    uint64_t written; /* record_put and record_delete, since the start */
    uint64_t bytes_under_way;
    struct list retiring; /* durable batches whose records older reads might still contradict */
    struct list sealed;

    struct list wanted;      /* reads to be handed out */
    struct list outstanding; /* reads handed out, by number */
    struct list held; /* reads that came back and are not freed: their rows are current */
    uint64_t last_read;

    struct list runnable; /* tasks */
    struct list holds;
    struct list walks;  /* struct walking */
    struct list ranges; /* struct range, their reads under way */
    struct heap timers;

    uint64_t counters[COUNTER_COUNT];
    bool counters_changed;

    uint64_t free_bytes;
    uint64_t watermark_bytes;

    struct list damages;   /* struct damage, for records_next_damage */
    uint32_t damages_told; /* of them in the list */
    struct map damaged;    /* keys that were told of, the first so many */
    uint64_t damaged_count;
    uint64_t mended_count;
};

/* `take_value` is what is known from now on (NULL: gone), `stored` (lent) what the batch gets.
 */
void record_write(struct step *step, const struct key *key, struct blob *take_value,
                  struct blob *stored);
/* Sealed rows of a read that came back, as they were put; those that do not open stay. */
void seals_open(struct step *step, struct read *read);
struct batch *records_filling(struct records *records);
void batches_retire(struct records *records);
/* Closes the filling batch when it has become large. */
void batches_limit(struct step *step);
/* Nothing holds it any more: it may be evicted. */
void record_release(struct records *records, struct record *record);
void record_free(struct records *records, struct record *record);
/* Into the rows of reads that are held: what is known of that record is newer. */
void held_reads_update(struct records *records, const struct record *record);

static inline uint64_t records_written(const struct records *records)
{
    return records->written;
}

/* Reads that others will free are in no list of ours any more. */
void reads_cancel(struct records *records);
void ranges_end(struct records *records);
void timers_cancel(struct records *records);
void table_walks_end(struct records *records);
void damages_free(struct records *records);
void record_hold(struct records *records, struct record *record, struct task *task);
void holds_release(struct task *task);
void tasks_run(struct step *step);
void tasks_wake_all(struct records *records, struct list *waiters);
void counters_seal(struct step *step);

#endif
