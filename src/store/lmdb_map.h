/* One LMDB environment: a durable ordered map, written by one transaction at a time.  Keys that
 * begin with byte 0 are the engine's own and never part of a view. */
#ifndef STORE_LMDB_MAP_H
#define STORE_LMDB_MAP_H

#include "store/lmdb_row.h"
#include "store/ordered_ops.h"
#include "store/rows.h"

struct lmdb_map;

/* `map_bytes` of address space, 0 for as much as the process may have (up to 1 TiB).  The
 * caller has locked the directory.  STATUS_STORAGE with the reason. */
MUST_CHECK enum status lmdb_map_open(const char *location, uint64_t map_bytes,
                                     struct lmdb_map **ret_map, struct why *why);
void lmdb_map_close(struct lmdb_map *map); /* NULL is fine */

/* Writing: begin, put and delete in key order where possible, then commit or abandon; all on
 * one thread.  Errors are remembered and come out of commit, so the calls between need no
 * check. */
void lmdb_map_begin(struct lmdb_map *map);
void lmdb_map_put(struct lmdb_map *map, struct text key, struct text value);
void lmdb_map_delete(struct lmdb_map *map, struct text key); /* absent is fine */
void lmdb_map_apply(struct lmdb_map *map, const struct ordered_ops *ordered);
/* Statuses as engine.commit's. */
MUST_CHECK enum status lmdb_map_commit(struct lmdb_map *map, bool *ret_fatal, struct why *why);
void lmdb_map_drop(struct lmdb_map *map);

/* One row on any thread, for what the engine keeps for itself: copies at most `room` bytes. */
MUST_CHECK enum status lmdb_map_get(struct lmdb_map *map, struct text key, void *ret_value,
                                    size_t room, size_t *ret_len);

/* Puts one such row, durably and apart from the transaction that is being written (for whose
 * end it waits), on any thread.  Statuses as engine.commit's. */
MUST_CHECK enum status lmdb_map_note(struct lmdb_map *map, struct text key, struct text value,
                                     bool *ret_fatal, struct why *why);

/* A view of one moment, on any thread; begins at lmdb_view_open. */
struct lmdb_view {
    struct rows rows; /* first */
    const struct lmdb_map *map;
    struct row_range range;
    MDB_txn *txn;
    MDB_cursor *cursor;
    struct lmdb_room room;
    bool has_begun;
};

enum status lmdb_view_open(struct lmdb_map *map, struct row_range range,
                           struct lmdb_view *ret_view);
void lmdb_view_close(struct lmdb_view *view);

/* Whoever adds leaves the reserve alone; what settles may use half of it, deletions all. */
enum lmdb_reserve {
    LMDB_KEEP_ALL,
    LMDB_KEEP_HALF
};

/* What may still be written, without what is kept. */
uint64_t lmdb_map_room(const struct lmdb_map *map, enum lmdb_reserve kept);
/* Whether these puts and deletions may be written now, with `pending` bytes before them.
 * STATUS_FULL with the reason. */
MUST_CHECK enum status lmdb_map_admit(const struct lmdb_map *map,
                                      const struct ordered_ops *ordered, uint64_t pending,
                                      struct why *why);

#endif
