/* Whether the tree of a database is whole, as far as a look at the start may go. */
#ifndef STORE_LMDB_CHECK_H
#define STORE_LMDB_CHECK_H

#include "base/status.h"

#include <lmdb.h>

/* Walks over all rows: their keys ascend, a read finds the first and the last one of each leaf,
 * and there are as many as the database says itself.
 * A page inside the tree that is damaged leads a read astray, to "there is no such row", and
 * no row's own checksum tells.  A database of more than 64 MiB of pages is not walked: the
 * start must not wait for it.  STATUS_STORAGE with the reason. */
MUST_CHECK enum status lmdb_check(MDB_env *env, MDB_dbi dbi, const char *location,
                                  struct why *why);

#endif
