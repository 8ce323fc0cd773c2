/* Inside metrics/: the table of families. */
#ifndef METRICS_INTERNAL_H
#define METRICS_INTERNAL_H

#include "metrics/metrics.h"

struct metric {
    const char *name;
    const char *type; /* "counter", "gauge" */
    const char *help; /* one line, neither backslashes nor line ends */
    /* One of the three. */
    double (*read)(const struct metrics_sources *sources);
    double (*of_queue)(const struct queue *queue, int64_t now_ms);
    double (*of_lane)(const struct lane_status *lane);
};

extern const struct metric metrics_table[]; /* NULL-terminated by name */

/* metrics_begin() is that of metrics_table. */
struct metrics_reading *metrics_begin_over(const struct metric *table,
                                           const struct metrics_sources *sources,
                                           bool has_objects);

#endif
