/* Figures of the running daemon, in Prometheus' text form. */
#ifndef METRICS_METRICS_H
#define METRICS_METRICS_H

#include "api/api.h"
#include "core/core.h"
#include "net/net.h"
#include "store/store.h"

/* How long the loop is busy between two sleeps: as long as its longest step, at least. */
struct turns {
    uint64_t ended_ns, idle_ns; /* at the last turn's end */
    uint64_t count, busy_ns;
    uint64_t longest_ns; /* since somebody read it last, without the turn in which that was */
    bool was_read;
};

/* Where the figures are; looked up anew for each piece, as a cell may be loaded anew. */
struct metrics_sources {
    struct cell *cell;
    struct store *store;
    struct api *api;
    struct net_server *net;
    struct turns *turns;
    int64_t clock_ahead_us; /* the wall clock, of the cell's time */
    bool signing_failed;
};

/* One reading, from the first family to the last. */
struct metrics_reading;

/* `has_objects`: with the families that have a line for each queue or subscription. */
struct metrics_reading *metrics_begin(const struct metrics_sources *sources, bool has_objects);
/* Adds whole lines until there are `enough` bytes more in `to`, or all is written: false then.
 * `to` must take a line beyond that. */
MUST_CHECK bool metrics_write(struct metrics_reading *reading,
                              const struct metrics_sources *sources, struct buffer *to,
                              size_t enough);
void metrics_end(struct metrics_reading *reading); /* NULL is fine */

#endif
