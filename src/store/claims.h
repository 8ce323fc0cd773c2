/* Which segments of the change log are in use, as the database knows it: noted durably before
 * the first record of a use, so that a file that is missing, emptied or another one is seen. */
#ifndef STORE_CLAIMS_H
#define STORE_CLAIMS_H

#include "store/lmdb_map.h"

/* One is written, one is being checkpointed, and the rest wait for slow readers to let go. */
#define SEGMENTS_MAX 4

/* One use of one segment. */
struct segment_claim {
    uint64_t secret; /* see log_record.h */
    uint64_t first;  /* sequence of its first record; 0: the segment was never used */
    uint64_t bytes;  /* the file was at least so long */
};

struct claims {
    bool are_noted; /* false: a store of a version that noted none, or a new one */
    struct segment_claim of[SEGMENTS_MAX];
};

MUST_CHECK enum status claims_load(struct lmdb_map *map, struct claims *ret_claims,
                                   struct why *why);
/* In a durable transaction of its own; statuses as engine.commit's. */
MUST_CHECK enum status claims_save(struct lmdb_map *map, struct claims *claims, bool *ret_fatal,
                                   struct why *why);

#endif
