/* LMDB behind a few calls: transactions, cursors and what its errors mean. */
#include "store/lmdb_map.h"

#include "base/memory.h"
#include "base/mutants.h"
#include "store/batch.h"
#include "store/directory.h"
#include "store/lmdb_check.h"
#include "store/lmdb_layout.h"
#include "store/lmdb_row.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAP_BYTES_DEFAULT ((uint64_t)1 << 40)
#define MAP_BYTES_MIN     ((uint64_t)1 << 20)
#define READERS_MAX       64
#define META_PAGES        2
/* What a transaction may touch besides its own bytes: a page per level and row, and the free
 * list.  Only decides whether an EIO was a full disk, so it may be generous. */
#define PAGES_PER_ROW ((uint64_t)4)
#define COMMIT_SLACK  ((uint64_t)4 << 20)
/* Room that is kept for deletions, half of it also for the small rows that settling what was
 * accepted writes.  LMDB writes pages anew before it frees the old ones, and those only two
 * transactions later. */
#define RESERVE_BYTES  ((uint64_t)4 << 20)
#define RESERVE_PART   16 /* of a small map */
#define SETTLING_BYTES ((uint64_t)16 << 10)

struct lmdb_map {
    MDB_env *env;
    MDB_dbi dbi;
    char *location;
    /* The transaction that is being written. */
    MDB_txn *txn;
    MDB_cursor *cursor;
    int error;              /* the first one, or 0 */
    uint64_t bytes;         /* that it may write */
    _Atomic(uint64_t) held; /* file bytes up to which the disk has been asked to keep room */
};

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

static enum status open_failed(const char *location, int error, struct why *why)
{
    return fail(why, errno_means_full(error) ? STATUS_FULL : STATUS_STORAGE,
                "the database in %s cannot be opened: %s", location, mdb_strerror(error));
}

/* LMDB's own assertions: what they find is damage in the file, not a fault of this process. */
static void on_assertion(MDB_env *env, const char *message)
{
    const char *location = "";

    (void)mdb_env_get_path(env, &location);
    (void)fprintf(
        stderr,
        "fanfare: the database in %s is damaged: %s; restore the data directory from a "
        "copy\n",
        location, message);
    _exit(EXIT_FAILURE);
}

/* A file that was cut would be read beyond its end. */
static enum status refuse_if_cut(MDB_env *env, const char *location, struct why *why)
{
    MDB_envinfo info;
    struct stat file;
    mdb_filehandle_t fd = -1;

    if (mdb_env_info(env, &info) != 0 || mdb_env_get_fd(env, &fd) != 0
        || fstat(fd, &file) != 0) {
        return fail(why, STATUS_STORAGE, "the database in %s cannot be read", location);
    }
    if ((uint64_t)file.st_size / LMDB_PAGE_BYTES <= info.me_last_pgno) {
        return fail(why, STATUS_STORAGE,
                    "the database in %s was cut: it has %llu bytes and should have at least "
                    "%llu; restore the data directory from a copy",
                    location, (unsigned long long)file.st_size,
                    (unsigned long long)(info.me_last_pgno + 1) * LMDB_PAGE_BYTES);
    }
    return STATUS_OK;
}

/* Opened and looked at, before anything in it is believed. */
static enum status environment_check(MDB_env *env, const char *location, MDB_dbi *ret_dbi,
                                     struct why *why)
{
    (void)mdb_env_set_assert(env, on_assertion);
    enum status status = refuse_if_cut(env, location, why);

    if (status != STATUS_OK) {
        return status;
    }
    int error = database_open(env, ret_dbi);

    if (error != 0) {
        return open_failed(location, error, why);
    }
    status = lmdb_check(env, *ret_dbi, location, why);
    return status == STATUS_OK ? lmdb_layout_bring(env, *ret_dbi, why) : status;
}

/* LMDB takes a file that is missing or empty for a new database. */
static enum status refuse_lost_file(const char *location, struct why *why)
{
    char path[PATH_ROOM];
    struct stat file;

    if (!directory_is_marked(location) || !directory_path(location, "data.mdb", path)
        || mutant("store.lost-file-is-new")) {
        return STATUS_OK;
    }
    if (stat(path, &file) == 0 && file.st_size > 0) {
        return STATUS_OK;
    }
    return fail(why, STATUS_STORAGE,
                "the database %s is missing or empty, but this directory has had one: restore "
                "it from a copy; to begin anew, choose an empty directory",
                path);
}

enum status lmdb_map_open(const char *location, uint64_t map_bytes, struct lmdb_map **ret_map,
                          struct why *why)
{
    MDB_env *env = NULL;
    MDB_dbi dbi = 0;
    enum status status = refuse_lost_file(location, why);

    if (status != STATUS_OK) {
        return status;
    }
    int error = environment_open(location, map_bytes, &env);

    if (error != 0) {
        return open_failed(location, error, why);
    }
    status = environment_check(env, location, &dbi, why);
    if (status == STATUS_OK) {
        status = directory_sync(location, why);
    }
    if (status == STATUS_OK && !directory_is_marked(location)) {
        status = directory_mark(location, why);
    }
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
    lmdb_map_drop(map);
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
    map->bytes += PAGES_PER_ROW * LMDB_PAGE_BYTES + 2 * value.len;
    if (map->error == 0) {
        map->error = lmdb_row_put(map->cursor, key, value);
    }
}

void lmdb_map_delete(struct lmdb_map *map, struct text key)
{
    map->bytes += PAGES_PER_ROW * LMDB_PAGE_BYTES;
    if (map->error == 0) {
        map->error = lmdb_row_delete(map->cursor, key);
    }
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

void lmdb_map_drop(struct lmdb_map *map)
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
    return ((uint64_t)info->me_last_pgno + 1) * LMDB_PAGE_BYTES;
}

static uint64_t reserve_bytes(const MDB_envinfo *info)
{
    uint64_t part = info->me_mapsize / RESERVE_PART;

    return part < RESERVE_BYTES ? part : RESERVE_BYTES;
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

/* Asks the disk to keep the reserve behind the end of the file, so that others on it cannot
 * take what deletions need.  A file system that cannot do that is no error. */
static void hold_room(struct lmdb_map *map)
{
    MDB_envinfo info;
    mdb_filehandle_t fd = -1;

    if (mdb_env_info(map->env, &info) != 0 || mdb_env_get_fd(map->env, &fd) != 0) {
        return;
    }
    uint64_t reserve = reserve_bytes(&info);
    uint64_t end = file_size(&info);

    if (end + reserve / 2 > map->held
        && fallocate(fd, FALLOC_FL_KEEP_SIZE, (off_t)end, (off_t)reserve) == 0) {
        map->held = end + reserve;
    }
}

enum status lmdb_map_commit(struct lmdb_map *map, bool *ret_fatal, struct why *why)
{
    if (map->error != 0) { /* nothing has been written yet */
        lmdb_map_drop(map);
        return commit_failed(map, map->error, why);
    }
    mdb_cursor_close(map->cursor);
    map->cursor = NULL;
    int error = mdb_txn_commit(map->txn);

    map->txn = NULL;
    if (error == 0) {
        hold_room(map);
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
    MDB_val key_val = lmdb_val(key);
    MDB_val value = {0};
    int error = mdb_txn_begin(map->env, NULL, MDB_RDONLY, &txn);

    if (error != 0) {
        return STATUS_STORAGE;
    }
    struct lmdb_room pieces = {0};
    struct text bytes = {0};

    error = mdb_get(txn, map->dbi, &key_val, &value);
    if (error == 0 && !lmdb_row_value(txn, map->dbi, key, value, &pieces, &bytes)) {
        error = MDB_CORRUPTED;
    }
    if (error == 0) {
        *ret_len = bytes.len < room ? bytes.len : room;
        memcpy(ret_value, bytes.at, *ret_len);
    }
    mdb_txn_abort(txn);
    lmdb_room_free(&pieces);
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
    const struct row_range *range = &view->range;

    if (!range->reverse) {
        *key = lmdb_val(range->from);
        return mdb_cursor_get(view->cursor, key, value, MDB_SET_RANGE);
    }
    if (range->to.len == 0) {
        return mdb_cursor_get(view->cursor, key, value, MDB_LAST);
    }
    *key = lmdb_val(range->to);
    int error = mdb_cursor_get(view->cursor, key, value, MDB_SET_RANGE);

    if (error == MDB_NOTFOUND) {
        return mdb_cursor_get(view->cursor, key, value, MDB_LAST);
    }
    return error != 0 ? error : mdb_cursor_get(view->cursor, key, value, MDB_PREV);
}

static bool is_inside(const struct row_range *range, struct text key)
{
    if (range->reverse) {
        return text_compare(key, range->from) >= 0;
    }
    return range->to.len == 0 || text_compare(key, range->to) < 0;
}

/* Keys that do not come in order, or that are none, are damage in the tree: whatever else it
 * says cannot be believed, and a scan might never end. */
static bool is_in_order(const struct lmdb_view *view, struct text key)
{
    const struct row_range *range = &view->range;
    struct text last = view->rows.row.key;

    if (key.len == 0 || key.len >= KEY_MAX) {
        return false;
    }
    if (last.len == 0) {
        return range->reverse ? range->to.len == 0 || text_compare(key, range->to) < 0
                              : text_compare(key, range->from) >= 0;
    }
    return range->reverse ? text_compare(key, last) < 0 : text_compare(key, last) > 0;
}

static bool view_advance(struct rows *rows)
{
    struct lmdb_view *view = container_of(rows, struct lmdb_view, rows);
    MDB_cursor_op step = view->range.reverse ? MDB_PREV : MDB_NEXT;
    MDB_val key = {0};
    MDB_val value = {0};
    int error = view->has_begun ? mdb_cursor_get(view->cursor, &key, &value, step)
                                : view_begin(view, &key, &value);
    struct text found = text_from_val(key);

    view->has_begun = true;
    if (error == MDB_NOTFOUND || (error == 0 && !is_inside(&view->range, found))) {
        return false;
    }
    if (error != 0 || !is_in_order(view, found)) {
        rows->status = STATUS_STORAGE;
        return false;
    }
    rows->row = (struct engine_row){.key = found};
    rows->row.is_damaged =
        !lmdb_row_value(view->txn, view->map->dbi, found, value, &view->room, &rows->row.value);
    if (rows->row.is_damaged) {
        rows->row.value = (struct text){0};
    }
    return true;
}

enum status lmdb_view_open(struct lmdb_map *map, struct row_range range,
                           struct lmdb_view *ret_view)
{
    struct lmdb_view view = {.rows = {.advance = view_advance}, .map = map, .range = range};

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
    lmdb_room_free(&view->room);
}

/* Pages of the list of free pages, which are not free themselves. */
static uint64_t free_list_pages(const struct lmdb_map *map)
{
    MDB_txn *txn = NULL;
    MDB_stat stat = {0};

    if (mdb_txn_begin(map->env, NULL, MDB_RDONLY, &txn) != 0) {
        return 0;
    }
    (void)mdb_stat(txn, 0, &stat);
    mdb_txn_abort(txn);
    return stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
}

/* No value needs more than one page in one place, so every free page counts. */
uint64_t lmdb_map_room(const struct lmdb_map *map, enum lmdb_reserve kept)
{
    MDB_envinfo info;
    MDB_stat rows;

    if (mdb_env_info(map->env, &info) != 0 || mdb_env_stat(map->env, &rows) != 0) {
        return 0;
    }
    uint64_t file_bytes = file_size(&info);
    uint64_t used = (META_PAGES + free_list_pages(map) + rows.ms_branch_pages
                     + rows.ms_leaf_pages + rows.ms_overflow_pages)
                    * (uint64_t)LMDB_PAGE_BYTES;
    uint64_t reusable = file_bytes > used ? file_bytes - used : 0; /* the file never shrinks */
    uint64_t left = info.me_mapsize > used ? info.me_mapsize - used : 0;
    uint64_t room = directory_room(map->location, file_bytes);
    uint64_t reserve = reserve_bytes(&info);

    uint64_t held = map->held;

    reusable += held > file_bytes ? held - file_bytes : 0; /* ours already */

    if (kept == LMDB_KEEP_HALF) {
        reserve /= 2;
    }
    if (mutant("store.no-reserve")) {
        reserve = 0;
    }
    room = room > UINT64_MAX - reusable ? UINT64_MAX : room + reusable;
    room = left < room ? left : room;
    return room > reserve ? room - reserve : 0;
}

enum status lmdb_map_admit(const struct lmdb_map *map, const struct ordered_ops *ordered,
                           uint64_t pending, struct why *why)
{
    uint64_t room = 0;
    uint64_t wanted = 0;

    for (size_t i = 0; i < ordered->count; i++) {
        const struct batch_op *op = ordered->ops[i];

        wanted += op->value == NULL ? 0 : row_room(op->key->len, op->value->len);
    }
    bool grows = wanted > SETTLING_BYTES;

    if (wanted > 0) {
        room = lmdb_map_room(map, grows ? LMDB_KEEP_ALL : LMDB_KEEP_HALF);
    }
    /* What settles goes in front of what waits: it is what makes room. */
    return wanted + (grows ? pending : 0) <= room
               ? STATUS_OK
               : fail(why, STATUS_FULL, "no room to commit in %s: %llu bytes are free",
                      map->location, (unsigned long long)room);
}
