/* Inside keyring/. */
#ifndef KEYRING_INTERNAL_H
#define KEYRING_INTERNAL_H

#include "base/memory.h"
#include "keyring/keyring.h"
#include "sealing/aead.h"

#include <string.h>

struct kms {
    const struct masters *masters; /* or NULL */
    struct aead *aead;
    struct key_room *room;    /* of the key in use */
    struct map keys;          /* struct kms_key, by id */
    struct kms_key **ordered; /* by id */
    size_t count, room_count;
    struct map aliases; /* struct kms_alias, by account, region and name */
    struct timer timer; /* the next deletion */
};

/* Frees the bytes of an owned text. */
static inline void text_drop(struct text text)
{
    void *bytes = NULL;

    memcpy(&bytes, &text.at, sizeof bytes);
    memory_free(bytes);
}

void kms_key_put(struct step *step, const struct kms_key *key);
/* Of a row: an alias without writing it. */
void kms_alias_add(struct kms *kms, struct kms_key *key, struct text name, int64_t created_ms);
void kms_alias_free(struct kms *kms, struct kms_alias *alias);
/* Its bytes, until kms_key_close; NULL: the master is not at hand, and why. */
const uint8_t *kms_key_open(const struct kms *kms, const struct kms_key *key, struct why *why);
void kms_key_close(const struct kms *kms);

#endif
