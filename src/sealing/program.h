/* A master key that a program brings.  Inside sealing/. */
#ifndef SEALING_PROGRAM_H
#define SEALING_PROGRAM_H

#include "base/status.h"

/* Runs that program (its whole path; no arguments, no shell) and takes what it writes, at most
 * `room` bytes.  It has half a minute.  STATUS_INVALID with the reason; what it writes to its
 * standard error goes to ours. */
MUST_CHECK enum status program_read(const char *path, char *ret_at, size_t room,
                                    size_t *ret_len, struct why *why);

#endif
