/* A walk over the tree, at the start. */
#include "store/lmdb_check.h"

#include "base/mutants.h"

#include <stdbool.h>

#define PAGES_MAX      16384 /* of 4 KiB: some 20 ms, when they are in memory */
#define KEY_MAX_STORED 511   /* LMDB's own limit: what says more is no key */

/* Rows up to where it stops; the error is MDB_NOTFOUND at the end. */
static int rows_walk(MDB_txn *txn, MDB_dbi dbi, MDB_cursor *cursor, size_t *ret_rows)
{
    MDB_val key = {0};
    MDB_val before = {0};
    size_t rows = 0;
    int error = mdb_cursor_get(cursor, &key, NULL, MDB_FIRST);

    while (error == 0) {
        if (key.mv_size == 0 || key.mv_size > KEY_MAX_STORED
            || (rows > 0 && mdb_cmp(txn, dbi, &before, &key) >= 0)) {
            return MDB_CORRUPTED;
        }
        before = key;
        rows++;
        error = mdb_cursor_get(cursor, &key, NULL, MDB_NEXT);
    }
    *ret_rows = rows;
    return error;
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
