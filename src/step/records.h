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
    uint64_t next_batch;
    uint64_t bytes_under_way;
    struct list retiring; /* durable batches whose records older reads might still contradict */
    struct list sealed;

    struct list wanted;      /* reads to be handed out */
    struct list outstanding; /* reads handed out, by number */
    uint64_t last_read;

    struct list runnable; /* tasks */
    struct list holds;
    struct heap timers;

    uint64_t counters[COUNTER_COUNT];
    bool counters_changed;

    uint64_t free_bytes;
    uint64_t watermark_bytes;
};

struct batch *records_filling(struct records *records);
void record_hold(struct records *records, struct record *record, struct task *task);
void holds_release(struct task *task);
void tasks_run(struct step *step);
void tasks_wake_all(struct records *records, struct list *waiters);
void counters_seal(struct step *step);

#endif
