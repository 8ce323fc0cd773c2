/* One file of the change log: written from front to back, then used again from the front.
 *
 * Page 0 is a header (magic, secret, first sequence, checksum); every record begins on a page
 * of its own, so that what is durable is never written again.  Blocks are zeroed in steps
 * before their first use, because overwriting is the one write that costs the file system
 * nothing. */
#ifndef STORE_SEGMENT_H
#define STORE_SEGMENT_H

#include "store/record.h"

#define SEGMENT_BYTES_MAX ((uint64_t)64 << 20)
#define SEGMENT_BYTES_MIN ((uint64_t)1 << 20)

struct segment {
    char *path;
    int fd;
    char *map; /* read-only, map_bytes long; beyond `zeroed` there is no file behind it */
    uint64_t map_bytes;
    uint64_t limit;  /* nothing is written from here on */
    uint64_t zeroed; /* length of the file */
    uint64_t last;   /* where the last record begins */
    uint64_t end;    /* where the next one goes; 0: this use has none yet */
    uint64_t secret; /* of this use, see record.h */
    uint64_t first;  /* sequence of the first record of this use; 0: never used */
};

bool segment_exists(const char *location, unsigned index);
/* Opens segment `index` in `location`, or makes it; it may be `limit` bytes long.  STATUS_FULL
 * or STATUS_STORAGE with a reason, the latter also when its header is damaged. */
MUST_CHECK enum status segment_open(const char *location, unsigned index, uint64_t limit,
                                    struct segment **ret_segment, struct why *why);
void segment_close(struct segment *segment); /* NULL is fine */

/* Everything in it has been checkpointed and nobody reads it any more: begin again. */
void segment_recycle(struct segment *segment);
/* True when a record of `size` bytes fits behind what is there. */
bool segment_fits(const struct segment *segment, size_t size);
/* Before each record: makes room for `size` bytes (which fit), and begins a new use if this is
 * its first record.  segment->secret is the record's afterwards.  Statuses as engine.commit's.
 */
MUST_CHECK enum status segment_prepare(struct segment *segment, size_t size, uint64_t sequence,
                                       bool *ret_fatal, struct why *why);
/* Writes the record's whole pages durably.  After a failure that is not fatal the segment is as
 * before. */
MUST_CHECK enum status segment_write(struct segment *segment, struct text pages,
                                     bool *ret_fatal, struct why *why);

/* Replaying: lends the next record (the first when segment->end is 0) from the map if it is
 * whole and bears `sequence`, and moves the end behind it. */
MUST_CHECK bool segment_replay(struct segment *segment, uint64_t sequence,
                               struct record *ret_record);
/* After the replay: true when a whole record of this use lies behind the end, so that what
 * stopped the replay was damage and not a write cut short. */
bool segment_is_damaged(const struct segment *segment);
/* After the replay: writes the last record once more, for a sync that failed may have left it
 * in the page cache only, where a restarted process still reads it. */
MUST_CHECK enum status segment_settle(struct segment *segment, struct why *why);

#endif
