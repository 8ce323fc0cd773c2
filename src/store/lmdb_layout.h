/* How rows lie in LMDB (see lmdb_row.h) as a number in the database: 1 was values as they are,
 * 2 is checksums and pieces. */
#ifndef STORE_LMDB_LAYOUT_H
#define STORE_LMDB_LAYOUT_H

#include "base/status.h"

#include <lmdb.h>

/* A new database gets the layout, an old one is rewritten, in transactions of which a start
 * after a crash does not repeat those that are done.  STATUS_INVALID: a newer version wrote it;
 * STATUS_FULL: no room to rewrite it; STATUS_STORAGE: it is damaged.  All with the reason. */
MUST_CHECK enum status lmdb_layout_bring(MDB_env *env, MDB_dbi dbi, struct why *why);

#endif
