/* Rows in LMDB: the checksum, and long values in pieces of a page. */
#include "store/lmdb_row.h"

#include "base/bytes.h"
#include "base/memory.h"
#include "base/must.h"
#include "base/mutants.h"
#include "store/batch.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum {
    SUM_BYTES = 8,
    HEAD_BYTES = SUM_BYTES + 1,
    PAGE_ROOM = LMDB_PAGE_BYTES - 16, /* what LMDB puts into one page beside the tree */
    WHOLE_MAX = PAGE_ROOM - HEAD_BYTES,
    LONG_BYTES = HEAD_BYTES + 4,
    PIECES_MAX = UINT16_MAX
};

enum form {
    FORM_WHOLE = 0,
    FORM_PIECES = 1
};

/* What is stored under the key itself. */
struct head {
    uint64_t sum;
    enum form form;
    size_t len; /* of the value */
    const char *value;
};

struct piece_key {
    size_t len;
    char at[3 + KEY_MAX + 2];
};

MDB_val lmdb_val(struct text text)
{
    union { /* LMDB takes a pointer that it promises to read only */
        const char *ours;
        void *theirs;
    } at = {.ours = text.at};

    return (MDB_val){.mv_size = text.len, .mv_data = at.theirs};
}

void lmdb_room_free(struct lmdb_room *room)
{
    memory_free(room->at);
    *room = (struct lmdb_room){0};
}

/* With the key in it, so that a value under another's key is no row either. */
static uint64_t row_sum(struct text key, struct text value)
{
    return XXH3_64bits_withSeed(value.at, value.len, XXH3_64bits(key.at, key.len));
}

static bool head_read(MDB_val stored, struct head *ret_head)
{
    const char *at = stored.mv_data;

    if (stored.mv_size < HEAD_BYTES || stored.mv_size > PAGE_ROOM) {
        return false; /* also a length that leads out of the file */
    }
    *ret_head = (struct head){.sum = bytes_number(at, SUM_BYTES),
                              .form = (enum form)(uint8_t)at[SUM_BYTES],
                              .len = stored.mv_size - HEAD_BYTES,
                              .value = at + HEAD_BYTES};
    if (ret_head->form == FORM_PIECES && stored.mv_size == LONG_BYTES) {
        ret_head->len = bytes_number(at + HEAD_BYTES, LONG_BYTES - HEAD_BYTES);
        return ret_head->len <= (size_t)PIECES_MAX * PAGE_ROOM;
    }
    return ret_head->form == FORM_WHOLE;
}

static void head_write(char *at, struct text key, struct text value, enum form form)
{
    bytes_put_number(at, row_sum(key, value), SUM_BYTES);
    at[SUM_BYTES] = (char)form;
    if (form == FORM_PIECES) {
        bytes_put_number(at + HEAD_BYTES, value.len, LONG_BYTES - HEAD_BYTES);
    } else if (value.len > 0) {
        memcpy(at + HEAD_BYTES, value.at, value.len);
    }
}

static struct piece_key piece_key(struct text key, size_t index)
{
    struct piece_key piece = {.len = 3 + key.len + 2, .at = "\0p"};

    must(key.len <= KEY_MAX);
    piece.at[2] = (char)key.len;
    memcpy(piece.at + 3, key.at, key.len);
    bytes_put_number(piece.at + 3 + key.len, index, 2);
    return piece;
}

static struct text piece_text(const struct piece_key *piece)
{
    return text_make(piece->at, piece->len);
}

static int pieces_put(MDB_cursor *cursor, struct text key, struct text value)
{
    int error = 0;

    for (size_t index = 0; error == 0 && value.len > 0; index++) {
        struct piece_key piece = piece_key(key, index);
        struct text bytes = text_first(value, PAGE_ROOM);
        MDB_val piece_val = lmdb_val(piece_text(&piece));
        MDB_val bytes_val = lmdb_val(bytes);

        must(index < PIECES_MAX);
        error = mdb_cursor_put(cursor, &piece_val, &bytes_val, 0);
        value = text_make(value.at + bytes.len, value.len - bytes.len);
    }
    return error;
}

/* The first piece there is; MDB_NOTFOUND: none is left. */
static int piece_find(MDB_cursor *cursor, const struct piece_key *first)
{
    struct text prefix = text_first(piece_text(first), first->len - 2);
    MDB_val found = lmdb_val(piece_text(first));
    int error = mdb_cursor_get(cursor, &found, NULL, MDB_SET_RANGE);

    if (error != 0) {
        return error;
    }
    struct text at = text_make(found.mv_data, found.mv_size);

    return at.len == first->len && text_equal(text_first(at, prefix.len), prefix)
               ? 0
               : MDB_NOTFOUND;
}

/* All there are: how many there should be may not be readable any more. */
static int pieces_delete(MDB_cursor *cursor, struct text key)
{
    struct piece_key first = piece_key(key, 0);
    int error = piece_find(cursor, &first);

    while (error == 0) {
        error = mdb_cursor_del(cursor, 0);
        error = error != 0 ? error : piece_find(cursor, &first);
    }
    return error == MDB_NOTFOUND ? 0 : error;
}

/* What is stored may have pieces, also when it cannot be read. */
static bool may_have_pieces(MDB_val stored)
{
    struct head head;

    return !head_read(stored, &head) || head.form == FORM_PIECES;
}

static int head_put(MDB_cursor *cursor, struct text key, struct text value, enum form form)
{
    size_t len = form == FORM_PIECES ? (size_t)LONG_BYTES : HEAD_BYTES + value.len;
    MDB_val key_val = lmdb_val(key);
    MDB_val stored = {.mv_size = len};
    int error = mdb_cursor_put(cursor, &key_val, &stored, MDB_RESERVE | MDB_NOOVERWRITE);

    if (error == MDB_KEYEXIST) {
        error = may_have_pieces(stored) && !mutant("store.old-pieces-stay")
                    ? pieces_delete(cursor, key)
                    : 0;
        stored = (MDB_val){.mv_size = len};
        key_val = lmdb_val(key);
        error = error != 0 ? error : mdb_cursor_put(cursor, &key_val, &stored, MDB_RESERVE);
    }
    if (error == 0) {
        head_write(stored.mv_data, key, value, form);
    }
    return error;
}

int lmdb_row_put(MDB_cursor *cursor, struct text key, struct text value)
{
    bool is_long = value.len > WHOLE_MAX;
    int error = head_put(cursor, key, value, is_long ? FORM_PIECES : FORM_WHOLE);

    return error == 0 && is_long ? pieces_put(cursor, key, value) : error;
}

int lmdb_row_delete(MDB_cursor *cursor, struct text key)
{
    MDB_val key_val = lmdb_val(key);
    MDB_val stored = {0};
    int error = mdb_cursor_get(cursor, &key_val, &stored, MDB_SET);

    if (error != 0) {
        return error == MDB_NOTFOUND ? 0 : error;
    }
    bool has_pieces = may_have_pieces(stored);

    error = mdb_cursor_del(cursor, 0);
    return error == 0 && has_pieces ? pieces_delete(cursor, key) : error;
}

static bool pieces_get(MDB_txn *txn, MDB_dbi dbi, struct text key, char *to, size_t len)
{
    for (size_t index = 0; len > 0; index++) {
        struct piece_key piece = piece_key(key, index);
        MDB_val piece_val = lmdb_val(piece_text(&piece));
        MDB_val bytes = {0};
        size_t wanted = len < PAGE_ROOM ? len : PAGE_ROOM;

        if (mdb_get(txn, dbi, &piece_val, &bytes) != 0 || bytes.mv_size != wanted) {
            return false;
        }
        memcpy(to, bytes.mv_data, wanted);
        to += wanted;
        len -= wanted;
    }
    return true;
}

bool lmdb_row_value(MDB_txn *txn, MDB_dbi dbi, struct text key, MDB_val stored,
                    struct lmdb_room *room, struct text *ret_value)
{
    struct head head;

    if (!head_read(stored, &head)) {
        return false;
    }
    if (head.form == FORM_PIECES) {
        if (room->size < head.len) {
            room->at = memory_resize(room->at, head.len);
            room->size = head.len;
        }
        if (!pieces_get(txn, dbi, key, room->at, head.len)) {
            return false;
        }
        head.value = room->at;
    }
    *ret_value = text_make(head.value, head.len);
    return row_sum(key, *ret_value) == head.sum || mutant("store.row-checksum-ignored");
}
