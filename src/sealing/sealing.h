/* Encryption at rest: master keys wrap data keys, data keys seal rows (access.md section 6).
 *
 * Pure but for the reading of master keys at the start: chance comes in as an argument, nothing
 * is stored here.  One thread. */
#ifndef SEALING_SEALING_H
#define SEALING_SEALING_H

#include "base/blob.h"
#include "base/random.h"
#include "base/status.h"
#include "sealing/key_room.h"

/* --- Master keys: the first wraps, all of them unwrap. */

struct masters;

#define MASTERS_MAX 8
/* Of a digest: tells which of them, and nothing of the key. */
#define MASTER_ID_SIZE 8
#define WRAPPED_SIZE   (MASTER_ID_SIZE + 12 + SEALING_KEY_SIZE + 16)
#define MASTER_ID_TEXT (2 * MASTER_ID_SIZE + 1)

/* Of places, separated by commas: a file's path, which only its owner may read; "exec:PATH", a
 * program that prints the key; "credential:NAME", systemd's $CREDENTIALS_DIRECTORY/NAME;
 * "credential", the one named fanfare-master.  32 bytes, 64 hexadecimal digits or base64.
 * STATUS_INVALID with the reason. */
MUST_CHECK enum status masters_open(struct text places, struct masters **ret_masters,
                                    struct why *why);
/* Of bytes: for simulators and tests. `keys`: count times SEALING_KEY_SIZE. */
struct masters *masters_of(const uint8_t *keys, size_t count);
void masters_free(struct masters *masters); /* wipes; NULL is fine */
bool masters_are_locked(const struct masters *masters);
/* For people: the id of the one that wraps, in hexadecimal. */
void masters_name(const struct masters *masters, char ret_name[MASTER_ID_TEXT]);

/* Wraps a data key with the first.  `context` says whose it is, and must be said again. */
void masters_wrap(const struct masters *masters, struct random *random, struct text context,
                  const uint8_t key[SEALING_KEY_SIZE], uint8_t ret_wrapped[WRAPPED_SIZE]);
/* STATUS_NOT_FOUND: by a master that is not here (the reason names it); STATUS_INVALID: it was
 * changed, or is another's. */
MUST_CHECK enum status masters_unwrap(const struct masters *masters, struct text context,
                                      struct text wrapped, uint8_t ret_key[SEALING_KEY_SIZE],
                                      struct why *why);
/* Whether the first wrapped it: else it is to be wrapped anew. */
bool masters_wrapped_last(const struct masters *masters, struct text wrapped);

/* --- Rows: sealed so that their first bytes can still be read, whole or cut.
 * Sealed: the head as it was but for the highest bit of its first byte, the rest encrypted,
 * 16 bytes of tag, u64 nonce's counter, u32 number of the data key, u16 length of the head. */

#define ROW_SEAL_SIZE (16 + 8 + 4 + 2)
#define ROW_HEAD_MAX  1024

struct sealer;

struct sealer *sealer_create(void);
void sealer_free(struct sealer *sealer); /* NULL is fine */

struct row_seal {
    const uint8_t *key;  /* SEALING_KEY_SIZE bytes */
    uint32_t key_number; /* which key this is: rows say it, so that it is found again */
    uint64_t counter;    /* of no other row under that key */
    struct text place;   /* the row's key in the store: no row passes for another */
    size_t head;         /* bytes that stay readable, 1 to ROW_HEAD_MAX, at most the row's */
};

/* The row's first byte must be below 0x80.  The caller's reference. */
struct blob *row_seal(struct sealer *sealer, struct text row, const struct row_seal *seal);

static inline bool row_is_sealed(struct text row)
{
    return row.len > 0 && ((uint8_t)row.at[0] & 0x80U) != 0;
}

/* Which key a whole sealed row needs; false: it is none. */
MUST_CHECK bool row_key_number(struct text row, uint32_t *ret_number);
/* The row as it was, the caller's reference; NULL: it was changed, or is not of this place. */
MUST_CHECK struct blob *row_open(struct sealer *sealer, struct text row,
                                 const uint8_t key[SEALING_KEY_SIZE], struct text place);
/* Of a row that was cut, or whose key is not at hand: its beginning, as long as the cut is;
 * only what lies in the head is the row's. */
struct blob *row_open_head(struct text row);

#endif
