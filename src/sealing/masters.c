/* Master keys: read at the start, held in locked memory, used to wrap and unwrap data keys.
 * Wrapped: id of the master, nonce, the key's 32 bytes encrypted, tag. */
#include "base/bytes.h"
#include "base/digest.h"
#include "base/encoding.h"
#include "base/memory.h"
#include "base/must.h"
#include "base/mutants.h"
#include "sealing/aead.h"
#include "sealing/place.h"
#include "sealing/sealing.h"

#include <openssl/crypto.h>

#include <string.h>

struct masters {
    struct key_room *room;
    struct aead *aead;
    uint8_t ids[MASTERS_MAX][MASTER_ID_SIZE];
    size_t count;
};

/* Of the key under a label of its own, so that the id is good for nothing else. */
static void id_make(const uint8_t key[SEALING_KEY_SIZE], uint8_t ret_id[MASTER_ID_SIZE])
{
    uint8_t digest[SHA256_SIZE];

    digest_hmac_sha256(text_make(key, SEALING_KEY_SIZE), T("fanfare master key id"), digest);
    memcpy(ret_id, digest, MASTER_ID_SIZE);
}

static struct masters *masters_create(void)
{
    struct masters *masters = memory_zero(sizeof *masters);

    masters->room = key_room_create(MASTERS_MAX);
    masters->aead = aead_create();
    return masters;
}

/* The key is in its place. */
static void master_added(struct masters *masters)
{
    id_make(key_room_at(masters->room, masters->count), masters->ids[masters->count]);
    masters->count++;
}

struct masters *masters_of(const uint8_t *keys, size_t count)
{
    struct masters *masters = masters_create();

    must(count > 0 && count <= MASTERS_MAX);
    for (size_t i = 0; i < count; i++) {
        memcpy(key_room_at(masters->room, i), keys + i * SEALING_KEY_SIZE, SEALING_KEY_SIZE);
        master_added(masters);
    }
    return masters;
}

enum status masters_open(struct text places, struct masters **ret_masters, struct why *why)
{
    struct masters *masters = masters_create();
    enum status status = places.len > 0
                             ? STATUS_OK
                             : fail(why, STATUS_INVALID, "no place of a master key is given");

    for (struct text rest = places; rest.len > 0 && status == STATUS_OK;) {
        struct text place = text_cut(&rest, ',');

        if (masters->count == MASTERS_MAX) {
            status = fail(why, STATUS_INVALID, "more than %d master keys", MASTERS_MAX);
            break;
        }
        status = place_read(place, key_room_at(masters->room, masters->count), why);
        if (status == STATUS_OK) {
            master_added(masters);
        }
    }
    if (status != STATUS_OK) {
        masters_free(masters);
        return status;
    }
    *ret_masters = masters;
    return STATUS_OK;
}

void masters_free(struct masters *masters)
{
    if (masters == NULL) {
        return;
    }
    key_room_free(masters->room);
    aead_free(masters->aead);
    memory_free(masters);
}

bool masters_are_locked(const struct masters *masters)
{
    return key_room_is_locked(masters->room);
}

static void id_name(const uint8_t *id, char ret_name[MASTER_ID_TEXT])
{
    struct buffer hex = buffer_over(ret_name, MASTER_ID_TEXT - 1);

    hex_encode(&hex, text_make(id, MASTER_ID_SIZE));
    ret_name[hex.len] = '\0';
}

void masters_name(const struct masters *masters, char ret_name[MASTER_ID_TEXT])
{
    id_name(masters->ids[0], ret_name);
}

/* Where the parts of a wrapped key begin. */
enum {
    NONCE_AT = MASTER_ID_SIZE,
    KEY_AT = NONCE_AT + AEAD_NONCE_SIZE,
    TAG_AT = KEY_AT + SEALING_KEY_SIZE
};

_Static_assert(TAG_AT + AEAD_TAG_SIZE == WRAPPED_SIZE, "a wrapped key's parts");

void masters_wrap(const struct masters *masters, struct random *random, struct text context,
                  const uint8_t key[SEALING_KEY_SIZE], uint8_t ret_wrapped[WRAPPED_SIZE])
{
    const struct aead_parts parts = {
        .key = key_room_at(masters->room, 0),
        .nonce = ret_wrapped + NONCE_AT,
        .with = {T("fanfare data key"), context},
    };

    memcpy(ret_wrapped, masters->ids[0], MASTER_ID_SIZE);
    random->fill(random, ret_wrapped + NONCE_AT, AEAD_NONCE_SIZE);
    aead_seal(masters->aead, &parts, text_make(key, SEALING_KEY_SIZE), ret_wrapped + KEY_AT,
              ret_wrapped + TAG_AT);
}

/* Which of them has that id; count: none. */
static size_t master_find(const struct masters *masters, const void *id)
{
    size_t i = 0;

    while (i < masters->count && memcmp(masters->ids[i], id, MASTER_ID_SIZE) != 0) {
        i++;
    }
    return i;
}

enum status masters_unwrap(const struct masters *masters, struct text context,
                           struct text wrapped, uint8_t ret_key[SEALING_KEY_SIZE],
                           struct why *why)
{
    const uint8_t *at = (const uint8_t *)wrapped.at;

    if (wrapped.len != WRAPPED_SIZE) {
        return fail(why, STATUS_INVALID, "it is not a wrapped key");
    }
    size_t index = master_find(masters, at);

    if (index == masters->count) {
        char name[MASTER_ID_TEXT];

        id_name(at, name);
        return fail(why, STATUS_NOT_FOUND,
                    "it was wrapped by the master key %s, which is not among those given",
                    name);
    }
    const struct aead_parts parts = {
        .key = key_room_at(masters->room, index),
        .nonce = at + NONCE_AT,
        .with = {T("fanfare data key"), context},
    };

    if (!aead_open(masters->aead, &parts, text_make(at + KEY_AT, SEALING_KEY_SIZE), at + TAG_AT,
                   ret_key)) {
        return fail(why, STATUS_INVALID, "a wrapped key was changed, or is another's");
    }
    return STATUS_OK;
}

bool masters_wrapped_last(const struct masters *masters, struct text wrapped)
{
    return wrapped.len == WRAPPED_SIZE
           && (memcmp(wrapped.at, masters->ids[0], MASTER_ID_SIZE) == 0
               || mutant("sealing.old-master-stays"));
}
