/* Rows, sealed and opened. */
#include "base/bytes.h"
#include "base/memory.h"
#include "base/must.h"
#include "base/mutants.h"
#include "sealing/aead.h"
#include "sealing/sealing.h"

#define SEALED_BIT 0x80U

struct sealer {
    struct aead *aead;
};

struct sealer *sealer_create(void)
{
    struct sealer *sealer = memory_zero(sizeof *sealer);

    sealer->aead = aead_create();
    return sealer;
}

void sealer_free(struct sealer *sealer)
{
    if (sealer != NULL) {
        aead_free(sealer->aead);
        memory_free(sealer);
    }
}

/* What stands behind the encrypted bytes. */
struct trailer {
    struct text tag;
    uint64_t counter;
    uint32_t key_number;
    size_t head;
};

static bool trailer_read(struct text row, struct trailer *ret)
{
    if (row.len <= ROW_SEAL_SIZE || !row_is_sealed(row)) {
        return false;
    }
    const char *at = row.at + row.len - ROW_SEAL_SIZE;

    ret->tag = text_make(at, AEAD_TAG_SIZE);
    ret->counter = bytes_number(at + 16, 8);
    ret->key_number = (uint32_t)bytes_number(at + 24, 4);
    ret->head = bytes_number(at + 28, 2);
    return ret->head > 0 && ret->head <= row.len - ROW_SEAL_SIZE;
}

static void nonce_make(uint64_t counter, uint8_t ret_nonce[AEAD_NONCE_SIZE])
{
    bytes_put_number(ret_nonce, 0, 4);
    bytes_put_number(ret_nonce + 4, mutant("sealing.one-nonce") ? 0 : counter, 8);
}

/* Authenticated beside the place: number of the key and the head, as it is in the sealed row.
 */
#define BOUND_MAX (4 + ROW_HEAD_MAX)

static struct text bound_make(uint32_t key_number, struct text head, char at[BOUND_MAX])
{
    char *end = bytes_put_number(at, key_number, 4);

    end = bytes_put(end, head.at, head.len);
    return text_make(at, (size_t)(end - at));
}

struct blob *row_seal(struct sealer *sealer, struct text row, const struct row_seal *seal)
{
    struct blob *sealed = blob_new(row.len + ROW_SEAL_SIZE);
    char bound[BOUND_MAX];
    uint8_t nonce[AEAD_NONCE_SIZE];
    uint8_t tag[AEAD_TAG_SIZE];

    must(seal->head > 0 && seal->head <= ROW_HEAD_MAX && seal->head <= row.len
         && !row_is_sealed(row));
    char *at = bytes_put(sealed->at, row.at, seal->head);

    sealed->at[0] = (char)((uint8_t)row.at[0] | SEALED_BIT);
    nonce_make(seal->counter, nonce);
    const struct aead_parts parts = {
        .key = seal->key,
        .nonce = nonce,
        .with = {seal->place,
                 bound_make(seal->key_number, text_make(sealed->at, seal->head), bound)},
    };
    struct text rest = text_after(row, seal->head);

    aead_seal(sealer->aead, &parts, rest, at, tag);
    at = bytes_put(at + rest.len, tag, sizeof tag);
    at = bytes_put_number(at, seal->counter, 8);
    at = bytes_put_number(at, seal->key_number, 4);
    bytes_put_number(at, seal->head, 2);
    return sealed;
}

bool row_key_number(struct text row, uint32_t *ret_number)
{
    struct trailer trailer;
    bool is_sealed = trailer_read(row, &trailer);

    if (is_sealed) {
        *ret_number = trailer.key_number;
    }
    return is_sealed;
}

struct blob *row_open(struct sealer *sealer, struct text row,
                      const uint8_t key[SEALING_KEY_SIZE], struct text place)
{
    struct trailer trailer;
    char bound[BOUND_MAX];
    uint8_t nonce[AEAD_NONCE_SIZE];

    if (!trailer_read(row, &trailer) || trailer.head > ROW_HEAD_MAX) {
        return NULL;
    }
    nonce_make(trailer.counter, nonce);
    const struct aead_parts parts = {
        .key = key,
        .nonce = nonce,
        .with = {place, bound_make(trailer.key_number, text_first(row, trailer.head), bound)},
    };
    size_t len = row.len - ROW_SEAL_SIZE;
    struct blob *opened = blob_new(len);

    bytes_put(opened->at, row.at, trailer.head);
    opened->at[0] = (char)((uint8_t)row.at[0] & ~SEALED_BIT);
    if (!aead_open(sealer->aead, &parts, text_make(row.at + trailer.head, len - trailer.head),
                   (const uint8_t *)trailer.tag.at, opened->at + trailer.head)) {
        blob_unref(opened);
        return NULL;
    }
    return opened;
}

struct blob *row_open_head(struct text row)
{
    struct blob *head = blob_copy(row);

    if (head->len > 0) {
        head->at[0] = (char)((uint8_t)head->at[0] & ~SEALED_BIT);
    }
    return head;
}
