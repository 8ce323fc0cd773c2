/* One file of the change log: written from front to back, then used again from the front.
 *
 * Page 0 is a header (magic, format, secret, first sequence, how far earlier uses came,
 * checksum), durable before the database notes the use; every record begins on a page
 * of its own, so that what is durable is never written again.  Blocks are zeroed in steps
 * before their first use, because overwriting is the one write that costs the file system
 * nothing. */
#ifndef STORE_SEGMENT_H
#define STORE_SEGMENT_H

#include "store/change_log.h"
#include "store/directory.h"

#define SEGMENT_BYTES_MAX ((uint64_t)64 << 20)
#define SEGMENT_BYTES_MIN ((uint64_t)1 << 20)

/* What was found in page 0 when the file was opened. */
enum segment_header {
    SEGMENT_BLANK, /* nothing: it was never used */
    SEGMENT_OLD,   /* of a version that noted no claims */
    SEGMENT_WHOLE,
    SEGMENT_DAMAGED, /* or of a newer version */
};

struct segment {
    struct stretch stretch; /* of this use, first 0: not begun; must come first */
    char *path;
    unsigned index;
    int fd;
    char *map; /* read-only, map_bytes long; beyond `zeroed` there is no file behind it */
    uint64_t map_bytes;
    uint64_t limit;  /* nothing is written from here on */
    uint64_t zeroed; /* length of the file */
    uint64_t last;   /* where the last record begins */
    uint64_t end;    /* where the next one goes; 0: this use has none yet */
    uint64_t secret; /* of this use, see log_record.h */
    uint64_t used;   /* what earlier uses may have written ends here: zeros behind it */
    enum segment_header header;
};

/* The name of the file, without the folder. */
const char *segment_name(const struct segment *segment);
bool segment_exists(const char *location, unsigned index);
/* `location`'s segment `index` into `ret_path`; false when that is too long. */
MUST_CHECK bool segment_path(const char *location, unsigned index, char ret_path[PATH_ROOM]);
/* Opens segment `index` in `location`, or makes it; it may be `limit` bytes long.  What its
 * header says is in ->header, ->secret and ->stretch.  STATUS_FULL or STATUS_STORAGE with a
 * reason. */
MUST_CHECK enum status segment_open(const char *location, unsigned index, uint64_t limit,
                                    struct segment **ret_segment, struct why *why);
void segment_close(struct segment *segment); /* NULL is fine */

/* Everything in it has been checkpointed and nobody reads it any more: begin again. */
void segment_recycle(struct segment *segment);
/* True when a record of `size` bytes fits behind what is there. */
bool segment_fits(const struct segment *segment, size_t size);
/* Begins a use, whose first record will be `first`: when it returns its header is durable, with
 * a new secret, and nothing that is in the file counts any more.  Statuses as engine.commit's.
 */
MUST_CHECK enum status segment_begin(struct segment *segment, uint64_t first, bool *ret_fatal,
                                     struct why *why);
/* Before each record: makes room for `size` bytes, which fit. */
MUST_CHECK enum status segment_reserve(struct segment *segment, size_t size, bool *ret_fatal,
                                       struct why *why);
/* Writes the record's whole pages durably.  After a failure that is not fatal the segment is as
 * before. */
MUST_CHECK enum status segment_write(struct segment *segment, struct text pages,
                                     bool *ret_fatal, struct why *why);

/* Replaying: lends the next record (the first when segment->end is 0) from the map if it is
 * whole and bears `sequence`, and moves the end behind it. */
MUST_CHECK bool segment_replay(struct segment *segment, uint64_t sequence,
                               struct log_record *ret_record);
/* True when a whole record of this use lies behind the end: after the replay, what stopped it
 * was damage and not a write cut short. */
bool segment_has_more(const struct segment *segment);
/* After the replay: how many bytes behind the end are of a record of this use that is not
 * whole, as far as that can be told from what earlier uses have left. */
uint64_t segment_torn_bytes(struct segment *segment);
/* After the replay: writes the last record once more, for a sync that failed may have left it
 * in the page cache only, where a restarted process still reads it. */
MUST_CHECK enum status segment_settle(struct segment *segment, struct why *why);

#endif
