/* A walk over the tree, at the start. */
#include "store/lmdb_check.h"

#include "base/mutants.h"
#include "store/lmdb_row.h"

#include <stdbool.h>
#include <stdint.h>

#define PAGES_MAX      16384
#define KEY_MAX_STORED 511 /* LMDB's own limit: what says more is no key */

/* Two keys that lie in the same page of the file, so in the same leaf. */
static bool is_same_leaf(const MDB_val *a, const MDB_val *b)
{
    return (uintptr_t)a->mv_data / LMDB_PAGE_BYTES == (uintptr_t)b->mv_data / LMDB_PAGE_BYTES;
}

/* Whether a read that goes down the tree comes to where the walk is. */
static bool is_found(MDB_txn *txn, MDB_dbi dbi, MDB_val key)
{
    MDB_val value;

    return mdb_get(txn, dbi, &key, &value) == 0;
}

/* Of each leaf the first and the last key are looked up, too: what a page above it says is
 * between two leaves may be wrong, and the walk does not go by that. */
static bool may_follow(MDB_txn *txn, MDB_dbi dbi, const MDB_val *before, const MDB_val *key)
{
    if (key->mv_size == 0 || key->mv_size > KEY_MAX_STORED) {
        return false;
    }
    if (before->mv_data == NULL) {
        return is_found(txn, dbi, *key);
    }
    return mdb_cmp(txn, dbi, before, key) < 0
           && (is_same_leaf(before, key)
               || (is_found(txn, dbi, *before) && is_found(txn, dbi, *key)));
}

/* Rows up to where it stops; the error is MDB_NOTFOUND at the end. */
static int rows_walk(MDB_txn *txn, MDB_dbi dbi, MDB_cursor *cursor, size_t *ret_rows)
{
    MDB_val key = {0};
    MDB_val before = {0};
    size_t rows = 0;
    int error = mdb_cursor_get(cursor, &key, NULL, MDB_FIRST);

    while (error == 0) {
        if (!may_follow(txn, dbi, &before, &key)) {
            return MDB_CORRUPTED;
        }
        before = key;
        rows++;
        error = mdb_cursor_get(cursor, &key, NULL, MDB_NEXT);
    }
    *ret_rows = rows;
    return error == MDB_NOTFOUND && rows > 0 && !is_found(txn, dbi, before) ? MDB_CORRUPTED
                                                                            : error;
}

static enum status damaged(const char *location, const char *what, struct why *why)
{
    return fail(why, STATUS_STORAGE,
                "the database in %s is damaged: %s; restore the data directory from a copy",
                location, what);
}

static enum status rows_count(MDB_txn *txn, MDB_dbi dbi, size_t wanted, const char *location,
                              struct why *why)
{
    MDB_cursor *cursor = NULL;
    size_t rows = 0;
    int error = mdb_cursor_open(txn, dbi, &cursor);

    if (error == 0) {
        error = rows_walk(txn, dbi, cursor, &rows);
        mdb_cursor_close(cursor);
    }
    if (error != MDB_NOTFOUND) {
        return damaged(location, mdb_strerror(error), why);
    }
    return rows == wanted
               ? STATUS_OK
               : damaged(location, "rows are out of reach that should be there", why);
}

enum status lmdb_check(MDB_env *env, MDB_dbi dbi, const char *location, struct why *why)
{
    MDB_txn *txn = NULL;
    MDB_stat stat = {0};
    enum status status = STATUS_OK;
    int error = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn);

    if (error != 0) {
        return damaged(location, mdb_strerror(error), why);
    }
    error = mdb_stat(txn, dbi, &stat);
    bool is_small = stat.ms_branch_pages + stat.ms_leaf_pages <= PAGES_MAX;

    if (error != 0) {
        status = damaged(location, mdb_strerror(error), why);
    } else if (is_small && !mutant("store.tree-unchecked")) {
        status = rows_count(txn, dbi, stat.ms_entries, location, why);
    }
    mdb_txn_abort(txn);
    return status;
}
