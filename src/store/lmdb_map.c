/* LMDB behind a few calls: transactions, cursors and what its errors mean. */
#include "store/lmdb_map.h"

#include "base/memory.h"
#include "base/mutants.h"
#include "store/directory.h"

#include <sys/resource.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define MAP_BYTES_DEFAULT ((uint64_t)1 << 40)
#define MAP_BYTES_MIN     ((uint64_t)1 << 20)
#define READERS_MAX       64
#define PAGE_BYTES        4096
/* What a transaction may touch besides its own bytes: a page per level and row, and the free
 * list.  Only decides whether an EIO was a full disk, so it may be generous. */
#define PAGES_PER_ROW ((uint64_t)4)
#define COMMIT_SLACK  ((uint64_t)4 << 20)

struct lmdb_map {
    MDB_env *env;
    MDB_dbi dbi;
    char *location;
    /* The transaction that is being written. */
    MDB_txn *txn;
    MDB_cursor *cursor;
    int error;      /* the first one, or 0 */
    uint64_t bytes; /* that it may write */
};

static MDB_val val_from(struct text text)
{
    union { /* LMDB takes a pointer that it promises to read only */
        const char *ours;
        void *theirs;
    } at = {.ours = text.at};

    return (MDB_val){.mv_size = text.len, .mv_data = at.theirs};
}

static struct text text_from_val(MDB_val val)
{
    return text_make(val.mv_data, val.mv_size);
}

/* The largest power of two that fits what the process may map, with as much left for the rest.
 */
static uint64_t default_map_bytes(void)
{
    struct rlimit limit;
    uint64_t bytes = MAP_BYTES_DEFAULT;

    if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
        while (bytes > MAP_BYTES_MIN && bytes > limit.rlim_cur / 2) {
            bytes /= 2;
        }
    }
    return bytes;
}

/* LMDB wants a whole number of pages. */
static uint64_t whole_pages(uint64_t bytes)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

    bytes = bytes < MAP_BYTES_MIN ? MAP_BYTES_MIN : bytes;
    return (bytes + page - 1) / page * page;
}

static int environment_try(const char *location, uint64_t map_bytes, MDB_env **ret_env)
{
    MDB_env *env = NULL;
    int error = mdb_env_create(&env);

    if (error != 0) {
        return error;
    }
    error = mdb_env_set_mapsize(env, whole_pages(map_bytes));
    error = error != 0 ? error : mdb_env_set_maxreaders(env, READERS_MAX);
    error = error != 0 ? error : mdb_env_open(env, location, MDB_NOTLS, 0600);
    if (error != 0) {
        mdb_env_close(env);
        return error;
    }
    *ret_env = env;
    return 0;
}

/* A container may allow less address space than asked for without saying so: halve until it
 * fits. */
static int environment_open(const char *location, uint64_t map_bytes, MDB_env **ret_env)
{
    uint64_t bytes = map_bytes == 0 ? default_map_bytes() : map_bytes;
    int error = environment_try(location, bytes, ret_env);

    while (error == ENOMEM && map_bytes == 0 && bytes > MAP_BYTES_MIN) {
        bytes /= 2;
        error = environment_try(location, bytes, ret_env);
    }
    return error;
}

static int database_open(MDB_env *env, MDB_dbi *ret_dbi)
{
    MDB_txn *txn = NULL;
    int error = mdb_txn_begin(env, NULL, 0, &txn);

    if (error != 0) {
        return error;
    }
    error = mdb_dbi_open(txn, NULL, 0, ret_dbi);
    if (error != 0) {
        mdb_txn_abort(txn);
        return error;
    }
    error = mdb_txn_commit(txn);
    /* A process that was killed has left in the page cache what the disk may not have yet: what
     * is read from here on must not be taken back by a power cut. */
    return error != 0 || mutant("store.map-unsynced") ? error : mdb_env_sync(env, 1);
}

enum status lmdb_map_open(const char *location, uint64_t map_bytes, struct lmdb_map **ret_map,
                          struct why *why)
{
    MDB_env *env = NULL;
    MDB_dbi dbi = 0;
    int error = environment_open(location, map_bytes, &env);

    if (error == 0) {
        error = database_open(env, &dbi);
    }
    if (error != 0) {
        if (env != NULL) {
            mdb_env_close(env);
        }
        return fail(why, errno_means_full(error) ? STATUS_FULL : STATUS_STORAGE,
                    "the database in %s cannot be opened: %s", location, mdb_strerror(error));
    }
    enum status status = directory_sync(location, why);

    if (status != STATUS_OK) {
        mdb_env_close(env);
        return status;
    }
    struct lmdb_map *map = memory_zero(sizeof *map);

    map->env = env;
    map->dbi = dbi;
    map->location = memory_copy_text(text_from(location));
    *ret_map = map;
    return STATUS_OK;
}

void lmdb_map_close(struct lmdb_map *map)
{
    if (map == NULL) {
        return;
    }
    lmdb_map_abandon(map);
    mdb_env_close(map->env);
    memory_free(map->location);
    memory_free(map);
}

void lmdb_map_begin(struct lmdb_map *map)
{
    map->bytes = COMMIT_SLACK;
    map->error = mdb_txn_begin(map->env, NULL, 0, &map->txn);
    if (map->error == 0) {
        map->error = mdb_cursor_open(map->txn, map->dbi, &map->cursor);
    }
}

void lmdb_map_put(struct lmdb_map *map, struct text key, struct text value)
{
    MDB_val key_val = val_from(key);
    MDB_val value_val = val_from(value);

    map->bytes += PAGES_PER_ROW * PAGE_BYTES + 2 * value.len;
    if (map->error == 0) {
        map->error = mdb_cursor_put(map->cursor, &key_val, &value_val, 0);
    }
}

void lmdb_map_delete(struct lmdb_map *map, struct text key)
{
    MDB_val key_val = val_from(key);

    map->bytes += PAGES_PER_ROW * PAGE_BYTES;
    if (map->error != 0) {
        return;
    }
    int error = mdb_cursor_get(map->cursor, &key_val, NULL, MDB_SET);

    if (error == 0) {
        error = mdb_cursor_del(map->cursor, 0);
    }
    map->error = error == MDB_NOTFOUND ? 0 : error;
}

void lmdb_map_apply(struct lmdb_map *map, const struct ordered_ops *ordered)
{
    for (size_t i = 0; i < ordered->count; i++) {
        const struct batch_op *op = ordered->ops[i];

        if (op->value == NULL) {
            lmdb_map_delete(map, key_text(op->key));
        } else {
            lmdb_map_put(map, key_text(op->key), blob_text(op->value));
        }
    }
}

void lmdb_map_abandon(struct lmdb_map *map)
{
    if (map->cursor != NULL) {
        mdb_cursor_close(map->cursor);
        map->cursor = NULL;
    }
    if (map->txn != NULL) {
        mdb_txn_abort(map->txn);
        map->txn = NULL;
    }
}

static uint64_t file_size(const MDB_envinfo *info)
{
    return ((uint64_t)info->me_last_pgno + 1) * PAGE_BYTES;
}

/* LMDB gives EIO for a write cut short, which is what a disk does that fills up half-way. */
static bool was_full(const struct lmdb_map *map, int error)
{
    MDB_envinfo info;

    if (errno_means_full(error) || error == MDB_MAP_FULL) {
        return true;
    }
    return error == EIO && mdb_env_info(map->env, &info) == 0
           && directory_room(map->location, file_size(&info)) < map->bytes;
}

static enum status commit_failed(const struct lmdb_map *map, int error, struct why *why)
{
    bool is_full = was_full(map, error);

    return fail(why, is_full ? STATUS_FULL : STATUS_STORAGE, "%s in %s: %s",
                is_full ? "no room to commit" : "the commit failed", map->location,
                mdb_strerror(error));
}

enum status lmdb_map_commit(struct lmdb_map *map, bool *ret_fatal, struct why *why)
{
    if (map->error != 0) { /* nothing has been written yet */
        lmdb_map_abandon(map);
        return commit_failed(map, map->error, why);
    }
    mdb_cursor_close(map->cursor);
    map->cursor = NULL;
    int error = mdb_txn_commit(map->txn);

    map->txn = NULL;
    if (error == 0) {
        return STATUS_OK;
    }
    enum status status = commit_failed(map, error, why);

    *ret_fatal = status != STATUS_FULL;
    return status;
}

enum status lmdb_map_get(struct lmdb_map *map, struct text key, void *ret_value, size_t room,
                         size_t *ret_len)
{
    MDB_txn *txn = NULL;
    MDB_val key_val = val_from(key);
    MDB_val value = {0};
    int error = mdb_txn_begin(map->env, NULL, MDB_RDONLY, &txn);

    if (error != 0) {
        return STATUS_STORAGE;
    }
    error = mdb_get(txn, map->dbi, &key_val, &value);
    if (error == 0) {
        *ret_len = value.mv_size < room ? value.mv_size : room;
        memcpy(ret_value, value.mv_data, *ret_len);
    }
    mdb_txn_abort(txn);
    if (error == MDB_NOTFOUND) {
        return STATUS_NOT_FOUND;
    }
    return error == 0 ? STATUS_OK : STATUS_STORAGE;
}

enum status lmdb_map_note(struct lmdb_map *map, struct text key, struct text value,
                          bool *ret_fatal, struct why *why)
{
    struct lmdb_map writing = {.env = map->env, .dbi = map->dbi, .location = map->location};

    lmdb_map_begin(&writing);
    lmdb_map_put(&writing, key, value);
    return lmdb_map_commit(&writing, ret_fatal, why);
}

/* To the first row of the range, seen from the side the view starts at. */
static int view_begin(struct lmdb_view *view, MDB_val *key, MDB_val *value)
{
    const struct range *range = &view->range;

    if (!range->reverse) {
        *key = val_from(range->from);
        return mdb_cursor_get(view->cursor, key, value, MDB_SET_RANGE);
    }
    if (range->to.len == 0) {
        return mdb_cursor_get(view->cursor, key, value, MDB_LAST);
    }
    *key = val_from(range->to);
    int error = mdb_cursor_get(view->cursor, key, value, MDB_SET_RANGE);

    if (error == MDB_NOTFOUND) {
        return mdb_cursor_get(view->cursor, key, value, MDB_LAST);
    }
    return error != 0 ? error : mdb_cursor_get(view->cursor, key, value, MDB_PREV);
}

static bool is_inside(const struct range *range, struct text key)
{
    if (range->reverse) {
        return text_compare(key, range->from) >= 0;
    }
    return range->to.len == 0 || text_compare(key, range->to) < 0;
}

static bool view_advance(struct rows *rows)
{
    struct lmdb_view *view = container_of(rows, struct lmdb_view, rows);
    MDB_cursor_op step = view->range.reverse ? MDB_PREV : MDB_NEXT;
    MDB_val key = {0};
    MDB_val value = {0};
    int error = view->has_begun ? mdb_cursor_get(view->cursor, &key, &value, step)
                                : view_begin(view, &key, &value);

    view->has_begun = true;
    if (error != 0) {
        rows->status = error == MDB_NOTFOUND ? STATUS_OK : STATUS_STORAGE;
        return false;
    }
    rows->row.key = text_from_val(key);
    rows->row.value = text_from_val(value);
    return is_inside(&view->range, rows->row.key);
}

enum status lmdb_view_open(struct lmdb_map *map, struct range range, struct lmdb_view *ret_view)
{
    struct lmdb_view view = {.rows = {.advance = view_advance}, .range = range};

    if (range.from.len == 0) {
        view.range.from = T("\1"); /* behind the engine's own rows */
    }
    if (mdb_txn_begin(map->env, NULL, MDB_RDONLY, &view.txn) != 0) {
        return STATUS_STORAGE;
    }
    if (mdb_cursor_open(view.txn, map->dbi, &view.cursor) != 0) {
        mdb_txn_abort(view.txn);
        return STATUS_STORAGE;
    }
    *ret_view = view;
    return STATUS_OK;
}

void lmdb_view_close(struct lmdb_view *view)
{
    mdb_cursor_close(view->cursor);
    mdb_txn_abort(view->txn);
}

uint64_t lmdb_map_free_bytes(const struct lmdb_map *map)
{
    MDB_envinfo info;
    MDB_stat rows;

    if (mdb_env_info(map->env, &info) != 0 || mdb_env_stat(map->env, &rows) != 0) {
        return 0;
    }
    uint64_t file_bytes = file_size(&info);
    uint64_t used = (rows.ms_branch_pages + rows.ms_leaf_pages + rows.ms_overflow_pages)
                    * (uint64_t)PAGE_BYTES;
    uint64_t reusable = file_bytes > used ? file_bytes - used : 0; /* the file never shrinks */
    uint64_t left = info.me_mapsize > used ? info.me_mapsize - used : 0;
    uint64_t room = directory_room(map->location, file_bytes);

    room = room > UINT64_MAX - reusable ? UINT64_MAX : room + reusable;
    return left < room ? left : room;
}
