/* The change log: the segments of a data directory, and which of them are in use. */
#ifndef STORE_CHANGE_LOG_H
#define STORE_CHANGE_LOG_H

#include "store/segment.h"

/* One is written, one is being checkpointed, and the rest wait for slow readers to let go. */
#define SEGMENTS_MAX 4

struct change_log {
    char *location;
    uint64_t segment_bytes;
    struct segment *segments[SEGMENTS_MAX]; /* NULL: not made yet */
    bool is_used[SEGMENTS_MAX];
};

/* STATUS_STORAGE when the directory has a change log: for engines that would not see what is in
 * it. */
MUST_CHECK enum status change_log_refuse(const char *location, struct why *why);

/* Opens what is there.  Segments whose records are all at or below `checkpointed` are free, the
 * others in use.  `store_bytes`: the most the store may hold, 0 for no limit. */
MUST_CHECK enum status change_log_open(struct change_log *log, const char *location,
                                       uint64_t store_bytes, uint64_t checkpointed,
                                       struct why *why);
void change_log_close(struct change_log *log);
/* The segment in use whose first record is `sequence`, or NULL. */
struct segment *change_log_find(struct change_log *log, uint64_t sequence);
/* The number of segments in use. */
size_t change_log_used(const struct change_log *log);
/* A free segment, made if need be, in use from now on.  *ret_segment is NULL when all are in
 * use. */
MUST_CHECK enum status change_log_take(struct change_log *log, struct segment **ret_segment,
                                       struct why *why);
/* It has been recycled. */
void change_log_give_back(struct change_log *log, struct segment *segment);

#endif
