/* How a call ended, and the reason for people when it did not end well. */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

#include "base/text.h"

enum status {
    STATUS_OK = 0,
    STATUS_WAIT,      /* something must be read first; the call will be run again */
    STATUS_NOT_FOUND, /* what was named does not exist */
    STATUS_EXISTS,    /* it exists already, differently */
    STATUS_INVALID,   /* the input is wrong; the reason says how */
    STATUS_DENIED,    /* not allowed, whoever asks */
    STATUS_BUSY,      /* over a limit for now: try again later */
    STATUS_FULL,      /* no room: a quota, or the disk's free-space watermark */
    STATUS_STORAGE,   /* the store failed */
    STATUS_FENCED     /* another owner has taken over: stop, reload nothing */
};

const char *status_name(enum status status);

#define WHY_MAX 1024

/* The reason for people.  An empty text means none was given. */
struct why {
    char text[WHY_MAX];
};

/* Writes the reason (cut to WHY_MAX - 1 bytes) and returns `status`.  `why` may be NULL. */
PRINTF_LIKE(3, 4)
enum status fail(struct why *why, enum status status, const char *format, ...);

#endif
