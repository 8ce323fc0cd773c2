/* Rows that come one by one in key order: what a scan is made of, whoever holds them. */
#ifndef STORE_ROWS_H
#define STORE_ROWS_H

#include "base/status.h"
#include "store/engine.h"

struct row_range {
    struct text from; /* inclusive */
    struct text to;   /* exclusive; empty: to the end */
    bool reverse;
};

/* One sorted origin of rows; the first member of the struct that implements it.  Bytes are lent
 * until the next advance. */
struct rows {
    bool (*advance)(struct rows *rows); /* to the next (the first) row; false at the end */
    struct engine_row row;
    enum status status; /* why it ended: STATUS_OK, or STATUS_STORAGE */
};

/* What a row takes in a database of pages: large ones have pages of their own, and pages that
 * rows share are rarely full. */
uint64_t row_room(size_t key_len, size_t value_len);

/* Visits the union of `origins`, newest first; where two have the same key the newest one
 * counts, also when it says that the row is deleted.  `visit` and `context` as in engine.h. */
enum status rows_merge(struct rows **origins, size_t count, bool reverse, engine_visit *visit,
                       void *context);

#endif
