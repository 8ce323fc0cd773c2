/* Small files, read and written whole: keys, secrets, certificates.  They block. */
#ifndef BASE_FILES_H
#define BASE_FILES_H

#include "base/buffer.h"
#include "base/status.h"

#include <sys/types.h>

/* Appends the file to `to`, up to its maximum.  STATUS_NOT_FOUND: there is none;
 * STATUS_STORAGE: it cannot be read, or is longer, and why. */
MUST_CHECK enum status file_read_whole(const char *path, struct buffer *to, struct why *why);
/* `directory`/`name` with that content and mode: all of it or what was there, also through a
 * power cut.  A symbolic link in its place is replaced, not followed.  STATUS_STORAGE and why.
 */
MUST_CHECK enum status file_write_whole(const char *directory, const char *name,
                                        struct text content, mode_t mode, struct why *why);

#endif
