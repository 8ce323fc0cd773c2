/* Four HMACs make a day's key of a secret; most requests come with one that was made before. */
#include "access/signed.h"
#include "base/memory.h"

#include <string.h>

#define SLOT_COUNT   512 /* each scope has its one place; who comes later has it */
#define NAME_MAX_LEN 256 /* longer ones are made anew each time */

struct slot {
    uint16_t name_len; /* 0: empty */
    char name[NAME_MAX_LEN];
    uint8_t key[SHA256_SIZE];
};

struct signing_keys {
    struct slot slots[SLOT_COUNT];
};

struct signing_keys *signing_keys_create(void)
{
    return memory_zero(sizeof(struct signing_keys));
}

void signing_keys_free(struct signing_keys *keys)
{
    if (keys != NULL) {
        explicit_bzero(keys, sizeof *keys);
    }
    memory_free(keys);
}

/* The secret is part of the name: a key that was made again under its old id is another one.
 * Lengths stand before the texts, so no two scopes have one name. */
static struct text slot_name(char room[NAME_MAX_LEN], struct text secret,
                             const struct signing_scope *scope)
{
    struct buffer name = buffer_over(room, NAME_MAX_LEN);

    buffer_add_counted(&name, secret);
    buffer_add_counted(&name, scope->date);
    buffer_add_counted(&name, scope->region);
    buffer_add_counted(&name, scope->service);
    return name.overflown ? (struct text){0} : buffer_text(&name);
}

static size_t slot_index(struct text name)
{
    return digest_fast(name) % SLOT_COUNT;
}

static void key_derive(struct text secret, const struct signing_scope *scope,
                       uint8_t ret_key[SHA256_SIZE])
{
    const struct text steps[] = {scope->date, scope->region, scope->service,
                                 T(SIGNATURE_TERMINATOR)};
    struct buffer start;

    buffer_init(&start, secret.len + sizeof "AWS4");
    buffer_add(&start, T("AWS4"));
    buffer_add(&start, secret);
    digest_hmac_sha256(buffer_text(&start), steps[0], ret_key);
    explicit_bzero(start.at, start.len);
    buffer_free(&start);
    for (size_t i = 1; i < countof(steps); i++) {
        uint8_t next[SHA256_SIZE];

        digest_hmac_sha256(text_make(ret_key, SHA256_SIZE), steps[i], next);
        memcpy(ret_key, next, sizeof next);
    }
}

void signing_key_find(const struct signing_keys *keys, struct text secret,
                      const struct signing_scope *scope, uint8_t ret_key[SHA256_SIZE])
{
    char room[NAME_MAX_LEN];
    struct text name = slot_name(room, secret, scope);

    if (keys != NULL && name.len > 0) {
        const struct slot *slot = &keys->slots[slot_index(name)];

        if (digest_equal(text_make(slot->name, slot->name_len), name)) {
            memcpy(ret_key, slot->key, SHA256_SIZE);
            explicit_bzero(room, sizeof room);
            return;
        }
    }
    explicit_bzero(room, sizeof room);
    key_derive(secret, scope, ret_key);
}

void signing_key_keep(struct signing_keys *keys, struct text secret,
                      const struct signing_scope *scope, const uint8_t key[SHA256_SIZE])
{
    char room[NAME_MAX_LEN];
    struct text name = slot_name(room, secret, scope);

    if (keys != NULL && name.len > 0) {
        struct slot *slot = &keys->slots[slot_index(name)];

        slot->name_len = (uint16_t)name.len;
        memcpy(slot->name, name.at, name.len);
        memcpy(slot->key, key, SHA256_SIZE);
    }
    explicit_bzero(room, sizeof room);
}
