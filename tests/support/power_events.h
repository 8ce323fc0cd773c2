/* What a process did to the files of one directory, as power_recorder writes it down and
 * power_cut reads it: headers, each followed by `len` bytes and by zeros up to a multiple of 8.
 */
#ifndef TESTS_SUPPORT_POWER_EVENTS_H
#define TESTS_SUPPORT_POWER_EVENTS_H

#include <stddef.h>
#include <stdint.h>

#define POWER_NAME_ROOM 48

enum power_kind {
    POWER_CREATE = 1, /* the file came to be */
    POWER_WRITE,      /* the bytes went to `offset` */
    POWER_SIZE,       /* the file became at least `offset` bytes long */
    POWER_CUT,        /* the file became exactly `offset` bytes long */
    POWER_SYNC_BEGIN, /* number `offset`; the name "." is the directory */
    POWER_SYNC_END,   /* what was written before the begin of that number is on disk */
    POWER_RENAME,     /* to the name that follows */
    POWER_UNLINK,
    POWER_MARK /* something outside of the files: a number (`offset`) was acknowledged */
};

/* What follows a header whose `len` this is. */
#define POWER_PADDED(len) (((size_t)(len) + 7) / 8 * 8)

struct power_event {
    uint32_t kind;
    uint32_t len; /* of what follows */
    uint64_t offset;
    char name[POWER_NAME_ROOM];
};

#endif
