/* The data directory: one process at a time, and how much room its disk has. */
#ifndef STORE_DIRECTORY_H
#define STORE_DIRECTORY_H

#include "base/status.h"

#define PATH_ROOM 4096

/* Takes the directory for this process until directory_unlock(*ret_lock).  STATUS_BUSY when
 * somebody has it, STATUS_STORAGE when it is missing or cannot be written. */
MUST_CHECK enum status directory_lock(const char *location, int *ret_lock, struct why *why);
void directory_unlock(int lock);

/* Whether a store was ever opened here: then its files must be here, too. */
MUST_CHECK bool directory_is_marked(const char *location);
/* From now on it is.  A disk that is full leaves it unmarked. */
MUST_CHECK enum status directory_mark(const char *location, struct why *why);

/* Makes durable which files the directory has. */
MUST_CHECK enum status directory_sync(const char *location, struct why *why);

/* `location`/`name` into `ret_path`; false when that is too long. */
MUST_CHECK bool directory_path(const char *location, const char *name,
                               char ret_path[PATH_ROOM]);

/* Bytes that a file of `file_bytes` in the directory may still grow by: the disk's, or the
 * process's file-size limit if that is nearer. */
uint64_t directory_room(const char *location, uint64_t file_bytes);

/* True for the errors that mean "no room": nothing is broken, try again when there is some. */
bool errno_means_full(int error);

#endif
