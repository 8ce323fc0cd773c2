/* Changes that are durable in the change log but not in LMDB yet: versions of rows in key
 * order. One thread adds; any number of others read at the same time, each up to its own
 * sequence. */
#ifndef STORE_OVERLAY_H
#define STORE_OVERLAY_H

#include "store/rows.h"

#include <stdatomic.h>

struct overlay;
struct overlay_entry;

struct overlay *overlay_create(void);
void overlay_free(struct overlay *overlay); /* nobody reads any more; NULL is fine */

struct overlay_change {
    struct text key;   /* copied */
    struct text value; /* borrowed: lives as long as the overlay */
    bool is_deleted;
};

/* At most once per key and sequence.  Sequences never go down; keys in order within a sequence
 * are cheap. */
void overlay_add(struct overlay *overlay, uint64_t sequence,
                 const struct overlay_change *change);

/* What its rows may take in the database at most, each in its last version.  Any thread. */
uint64_t overlay_room(const struct overlay *overlay);

/* What the overlay held when `sequence` was its last one, deleted rows included. */
struct overlay_view {
    struct rows rows; /* first */
    struct row_range range;
    const struct overlay *overlay;
    const struct overlay_entry *entry; /* the current row, NULL before the first */
    uint64_t sequence;
};

void overlay_view_open(const struct overlay *overlay, uint64_t sequence, struct row_range range,
                       struct overlay_view *ret_view);

#endif
