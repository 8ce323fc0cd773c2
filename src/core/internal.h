/* Inside core/: the cell and its parts. */
#ifndef CORE_INTERNAL_H
#define CORE_INTERNAL_H

#include "core/core.h"

#define CELL_SECRET_SIZE 16

struct cell {
    struct step step;
    struct cell_options options;
    struct blob *history_row; /* until it is started */
    struct list calls;        /* struct call: neither over nor cancelled */
    bool is_committing;
    bool is_ready;
    bool has_failed;
    bool is_stopped;
    struct why why;
    uint8_t secret[CELL_SECRET_SIZE];
    struct task opening; /* the first: counters and the secret */
};

/* A part of the cell: router, queues, deliveries, ...  It is created, its table (if it has one)
 * is loaded, it is started, it is freed.  Optional: noun, table and load. */
struct part {
    const char *noun; /* of a row of its table, for people */
    void (*create)(struct cell *cell);
    enum table table;
    enum status (*load)(struct cell *cell, const struct key *key, struct text value);
    void (*start)(struct cell *cell);
    void (*free)(struct cell *cell);
};

/* In the order in which they are created, loaded and started; freed from the end. */
extern const struct part cell_parts[];
extern const size_t cell_part_count;

/* loading.c: reads the counters and the parts' tables, then starts the parts. */
void cell_load(struct cell *cell);

static inline struct cell *cell_of(struct step *step)
{
    return container_of(step, struct cell, step);
}

#endif
