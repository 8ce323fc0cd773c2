/* How a row lies in LMDB: with a checksum over key and value, and when it is long, in pieces.
 * No piece needs more than one page, so that whatever is free can be used, wherever it is.
 * Stored under the key: u64 checksum, u8 form, then the value (form 0) or its u32 length (form
 * 1), the pieces of which are the engine's own rows: byte 0, 'p', u8 length of the key, key,
 * u16 index.  Numbers big-endian. */
#ifndef STORE_LMDB_ROW_H
#define STORE_LMDB_ROW_H

#include "base/text.h"

#include <lmdb.h>

/* Of the file: what LMDB takes from the machine, and what the forms below are made for. */
#define LMDB_PAGE_BYTES 4096

/* Room for a value that is put together from pieces; a zeroed struct is an empty one. */
struct lmdb_room {
    char *at;
    size_t size;
};

void lmdb_room_free(struct lmdb_room *room);

MDB_val lmdb_val(struct text text);

/* Where rows are written: a cursor of a write transaction.  Both return LMDB's error codes;
 * deleting what is absent is fine. */
int lmdb_row_put(MDB_cursor *cursor, struct text key, struct text value);
int lmdb_row_delete(MDB_cursor *cursor, struct text key);

/* The value behind what was stored under `key`: points into LMDB or into the room.  False: it
 * is not what was written. */
bool lmdb_row_value(MDB_txn *txn, MDB_dbi dbi, struct text key, MDB_val stored,
                    struct lmdb_room *room, struct text *ret_value);

#endif
