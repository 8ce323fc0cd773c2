/* Bringing a database's rows from the layout that is found to the current one. */
#include "store/lmdb_layout.h"

#include "base/buffer.h"
#include "store/batch.h"
#include "store/directory.h"
#include "store/lmdb_row.h"

#include <string.h>

#define LAYOUT          2
#define LAYOUT_OLD      1 /* it has no number */
#define FORMAT_BYTES    4 /* of the store's format row in the old layout */
#define MOVE_ROWS       512
#define MOVE_BYTES      ((size_t)512 << 10)
#define LAYOUT_ROOM     (5 + KEY_MAX + 1)
#define CHECKPOINT_ROOM 8

static const struct text layout_key = TEXT("\0layout");
static const struct text checkpoint_key = TEXT("\0checkpoint");
static const struct text claims_key = TEXT("\0claims");
static const struct text format_key = TEXT("mformat");
static const struct text first_key = TEXT("\1"); /* behind the engine's own rows */

/* The row "\0layout", stored as it is: u32 layout, u8 whether rows are still being moved, and
 * then the first key that was not. */
struct layout {
    uint32_t number;
    bool is_moving;
    struct text next;
    char room[LAYOUT_ROOM];
};

struct layout_move {
    MDB_env *env;
    MDB_dbi dbi;
    MDB_txn *txn;
    MDB_cursor *cursor;
    struct buffer value;
};

static int move_begin(struct layout_move *move)
{
    int error = mdb_txn_begin(move->env, NULL, 0, &move->txn);

    if (error != 0) {
        return error;
    }
    error = mdb_cursor_open(move->txn, move->dbi, &move->cursor);
    if (error != 0) {
        mdb_txn_abort(move->txn);
    }
    return error;
}

static int move_end(struct layout_move *move, int error)
{
    mdb_cursor_close(move->cursor);
    if (error == 0) {
        return mdb_txn_commit(move->txn);
    }
    mdb_txn_abort(move->txn);
    return error;
}

static int layout_save(struct layout_move *move, bool is_moving, struct text next)
{
    struct buffer row;
    MDB_val key = lmdb_val(layout_key);

    buffer_init(&row, LAYOUT_ROOM);
    buffer_add_u32(&row, LAYOUT);
    buffer_add_u8(&row, is_moving);
    buffer_add(&row, next);
    MDB_val value = lmdb_val(buffer_text(&row));
    int error = mdb_cursor_put(move->cursor, &key, &value, 0);

    buffer_free(&row);
    return error;
}

/* MDB_NOTFOUND: it has none; MDB_CORRUPTED: it has, and it is not one. */
static int layout_load(const struct layout_move *move, struct layout *ret_layout)
{
    MDB_val key = lmdb_val(layout_key);
    MDB_val value = {0};
    int error = mdb_cursor_get(move->cursor, &key, &value, MDB_SET);

    if (error != 0) {
        return error;
    }
    struct cursor cursor = cursor_over(text_make(value.mv_data, value.mv_size));

    ret_layout->number = cursor_u32(&cursor);
    uint8_t is_moving = cursor_u8(&cursor);
    size_t len = value.mv_size < 5 ? 0 : value.mv_size - 5;

    if (cursor.broken || is_moving > 1 || len > LAYOUT_ROOM) {
        return MDB_CORRUPTED;
    }
    ret_layout->is_moving = is_moving == 1;
    memcpy(ret_layout->room, (const char *)value.mv_data + 5, len);
    ret_layout->next = text_make(ret_layout->room, len);
    return 0;
}

/* The size of what is stored under the key as it is, 0 when nothing is. */
static size_t stored_size(const struct layout_move *move, struct text key)
{
    MDB_val key_val = lmdb_val(key);
    MDB_val value = {0};

    return mdb_cursor_get(move->cursor, &key_val, &value, MDB_SET) == 0 ? value.mv_size : 0;
}

/* Without a number it is a database of the old layout, a new one, or a damaged one.  Only what
 * can be told for certain is touched. */
static int old_or_new(struct layout_move *move)
{
    MDB_val key = lmdb_val(first_key);
    MDB_val value = {0};
    int error = mdb_cursor_get(move->cursor, &key, &value, MDB_SET_RANGE);
    size_t checkpoint = stored_size(move, checkpoint_key);

    if (error != 0 && error != MDB_NOTFOUND) {
        return error;
    }
    if (checkpoint != 0 && checkpoint != CHECKPOINT_ROOM) {
        return MDB_CORRUPTED;
    }
    if (error == 0 && stored_size(move, format_key) != FORMAT_BYTES) {
        return MDB_CORRUPTED;
    }
    return 0;
}

/* One row from the old layout into the current one. */
static int row_move(struct layout_move *move, struct text key, MDB_val value)
{
    buffer_clear(&move->value); /* a copy: writing moves what LMDB lends */
    buffer_add(&move->value, text_make(value.mv_data, value.mv_size));
    return lmdb_row_put(move->cursor, key, buffer_text(&move->value));
}

static int own_move(struct layout_move *move, struct text own)
{
    MDB_val key = lmdb_val(own);
    MDB_val value = {0};
    int error = mdb_cursor_get(move->cursor, &key, &value, MDB_SET);

    if (error == MDB_NOTFOUND) {
        return 0;
    }
    return error != 0 ? error : row_move(move, own, value);
}

/* Some rows from `layout->next` on; it moves with them. */
static int rows_move(struct layout_move *move, struct layout *layout)
{
    size_t bytes = 0;
    int error = 0;

    for (size_t i = 0; error == 0 && i < MOVE_ROWS && bytes < MOVE_BYTES; i++) {
        MDB_val key = lmdb_val(layout->next);
        MDB_val value = {0};

        error = mdb_cursor_get(move->cursor, &key, &value, MDB_SET_RANGE);
        if (error == MDB_NOTFOUND) {
            layout->is_moving = false;
            layout->next.len = 0;
            break;
        }
        if (error == 0 && key.mv_size >= LAYOUT_ROOM) {
            error = MDB_CORRUPTED;
        }
        if (error == 0) {
            struct text at = text_make(layout->room, key.mv_size);

            memcpy(layout->room, key.mv_data, key.mv_size);
            error = row_move(move, at, value);
            bytes += value.mv_size;
            layout->room[at.len] = '\0';
            layout->next = text_make(layout->room, at.len + 1);
        }
    }
    error = error == MDB_NOTFOUND ? 0 : error;
    return error != 0 ? error : layout_save(move, layout->is_moving, layout->next);
}

static int layout_begin(struct layout_move *move, struct layout *ret_layout)
{
    int error = move_begin(move);

    if (error != 0) {
        return error;
    }
    *ret_layout = (struct layout){.number = LAYOUT_OLD};
    error = layout_load(move, ret_layout);
    if (error == MDB_NOTFOUND) {
        error = old_or_new(move);
        error = error != 0 ? error : own_move(move, checkpoint_key);
        error = error != 0 ? error : own_move(move, claims_key);
        error = error != 0 ? error : layout_save(move, true, first_key);
        error = error != 0 ? error : layout_load(move, ret_layout);
    }
    return move_end(move, error);
}

enum status lmdb_layout_bring(MDB_env *env, MDB_dbi dbi, struct why *why)
{
    struct layout_move move = {.env = env, .dbi = dbi};
    struct layout layout;

    buffer_init(&move.value, SIZE_MAX);
    int error = layout_begin(&move, &layout);

    while (error == 0 && layout.number == LAYOUT && layout.is_moving) {
        error = move_begin(&move);
        if (error == 0) {
            error = move_end(&move, rows_move(&move, &layout));
        }
    }
    buffer_free(&move.value);
    if (error != 0) {
        bool is_full = errno_means_full(error) || error == MDB_MAP_FULL;

        return fail(why, is_full ? STATUS_FULL : STATUS_STORAGE,
                    is_full ? "there is no room to bring the database up to date: %s"
                            : "the database is damaged where it says how its rows lie: %s; "
                              "restore the data directory from a copy",
                    mdb_strerror(error));
    }
    return layout.number == LAYOUT
               ? STATUS_OK
               : fail(
                   why, STATUS_INVALID,
                   "the database has layout %u, this version reads up to %u: use the version "
                   "that wrote it, or a newer one",
                   layout.number, (unsigned)LAYOUT);
}
