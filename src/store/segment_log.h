/* The change log in files of the data directory, `changes.0` to `changes.3`.
 *
 * A use of a file begins with a header that is durable (segment_begin), then the claim that is
 * durable in the database (claims_save), then records.  So at open
 * - a claim without its header, whole and with the same secret, or with a file that is shorter
 *   than the claim says, is damage: refused;
 * - a header without a claim and without records is a crash between the two: nothing was
 *   acknowledged in it, and the file is free;
 * - a header without a claim but with records is a database older than the log: refused.
 * Claims and headers of checkpointed records count for nothing. */
#ifndef STORE_SEGMENT_LOG_H
#define STORE_SEGMENT_LOG_H

#include "store/change_log.h"
#include "store/lmdb_map.h"

/* STATUS_STORAGE when the directory has a change log: for engines that would not see what is in
 * it. */
MUST_CHECK enum status segment_log_refuse(const char *location, struct why *why);

/* The log of the data directory; `map`, which outlives it, keeps its notes.  `store_bytes`: the
 * most the store may hold, 0 for no limit.  Files are opened by replay. */
struct change_log *segment_log_create(const char *location, uint64_t store_bytes,
                                      struct lmdb_map *map);

#endif
