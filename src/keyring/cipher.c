/* What users have encrypted under their keys. */
#include "keyring/internal.h"

enum {
    FORMAT = 1,
    ID_AT = 1,
    NONCE_AT = ID_AT + 16,
    TEXT_AT = NONCE_AT + AEAD_NONCE_SIZE
};

_Static_assert(TEXT_AT + AEAD_TAG_SIZE == KMS_CIPHER_EXTRA, "a ciphertext's parts");

static bool is_cipher(struct text cipher)
{
    return cipher.len >= KMS_CIPHER_EXTRA && cipher.at[0] == FORMAT;
}

/* `head`: format and the key's id. */
static struct aead_parts parts_of(const uint8_t *bytes, const void *head, struct text context)
{
    return (struct aead_parts){
        .key = bytes,
        .nonce = (const uint8_t *)head + NONCE_AT,
        .with = {text_make(head, NONCE_AT), context},
    };
}

enum status kms_encrypt(struct step *step, const struct kms_key *key, struct text context,
                        struct text plain, struct buffer *to, struct why *why)
{
    const struct kms *kms = kms_of(step);
    const uint8_t *bytes = kms_key_open(kms, key, why);
    uint8_t *head = (uint8_t *)buffer_extend(to, KMS_CIPHER_EXTRA + plain.len);

    if (bytes == NULL || head == NULL) {
        kms_key_close(kms);
        return bytes == NULL ? STATUS_DENIED : fail(why, STATUS_FULL, "it is too long");
    }
    const struct aead_parts parts = parts_of(bytes, head, context);

    head[0] = FORMAT;
    memcpy(head + ID_AT, key->id, sizeof key->id);
    step->random->fill(step->random, head + NONCE_AT, AEAD_NONCE_SIZE);
    aead_seal(kms->aead, &parts, plain, head + TEXT_AT, head + TEXT_AT + plain.len);
    kms_key_close(kms);
    return STATUS_OK;
}

struct kms_key *kms_cipher_key(const struct kms *kms, const struct kms_scope *scope,
                               struct text cipher)
{
    char name[UUID_SIZE];

    if (!is_cipher(cipher)) {
        return NULL;
    }
    uuid_format((const uint8_t *)cipher.at + ID_AT, name);
    return kms_key_find(kms, scope, text_from(name));
}

enum status kms_decrypt(struct step *step, const struct kms_key *key, struct text context,
                        struct text cipher, struct buffer *to, struct why *why)
{
    const struct kms *kms = kms_of(step);
    const uint8_t *head = (const uint8_t *)cipher.at;

    if (!is_cipher(cipher) || memcmp(head + ID_AT, key->id, sizeof key->id) != 0) {
        return fail(why, STATUS_INVALID, "it is not this key's");
    }
    size_t len = cipher.len - KMS_CIPHER_EXTRA;
    const uint8_t *bytes = kms_key_open(kms, key, why);
    char *plain = bytes == NULL ? NULL : buffer_extend(to, len + 1);

    if (plain == NULL) {
        kms_key_close(kms);
        return bytes == NULL ? STATUS_DENIED : fail(why, STATUS_FULL, "it is too long");
    }
    const struct aead_parts parts = parts_of(bytes, head, context);
    bool is_open = aead_open(kms->aead, &parts, text_make(head + TEXT_AT, len),
                             head + TEXT_AT + len, plain);

    to->len--; /* the byte more: an empty text has a place too */
    kms_key_close(kms);
    return is_open ? STATUS_OK : fail(why, STATUS_INVALID, "it was changed");
}
