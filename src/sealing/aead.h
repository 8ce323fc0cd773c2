/* AES-256-GCM, over OpenSSL: for sealing/, and for rooms that keep ciphertexts. */
#ifndef SEALING_AEAD_H
#define SEALING_AEAD_H

#include "sealing/key_room.h"

#define AEAD_NONCE_SIZE 12
#define AEAD_TAG_SIZE   16

/* A context that is used again and again; one thread at a time. */
struct aead;

struct aead *aead_create(void);
/* Wipes what it knows of keys; NULL is fine. */
void aead_free(struct aead *aead);

/* What one call is about.  A nonce is used once under a key. */
struct aead_parts {
    const uint8_t *key;   /* SEALING_KEY_SIZE bytes */
    const uint8_t *nonce; /* AEAD_NONCE_SIZE bytes */
    struct text with[2];  /* authenticated with it, in that order; not encrypted */
};

/* Writes plain.len bytes to `ret`, which may be where they are, and the tag. */
void aead_seal(struct aead *aead, const struct aead_parts *parts, struct text plain, void *ret,
               uint8_t ret_tag[AEAD_TAG_SIZE]);
/* Writes sealed.len bytes to `ret`; false: not what was sealed so, and `ret` is zeroed. */
MUST_CHECK bool aead_open(struct aead *aead, const struct aead_parts *parts, struct text sealed,
                          const uint8_t tag[AEAD_TAG_SIZE], void *ret);

#endif
