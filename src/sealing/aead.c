/* AES-256-GCM.  The cipher is fetched once: a fetch by name costs more than sealing a message.
 */
#include "sealing/aead.h"

#include "base/memory.h"
#include "base/must.h"
#include "base/mutants.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <limits.h>
#include <string.h>

struct aead {
    EVP_CIPHER *cipher;
    EVP_CIPHER_CTX *context;
};

struct aead *aead_create(void)
{
    struct aead *aead = memory_zero(sizeof *aead);

    aead->cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    aead->context = EVP_CIPHER_CTX_new();
    must(aead->cipher != NULL && aead->context != NULL);
    must(EVP_CipherInit_ex2(aead->context, aead->cipher, NULL, NULL, 1, NULL) == 1);
    return aead;
}

void aead_free(struct aead *aead)
{
    if (aead == NULL) {
        return;
    }
    EVP_CIPHER_CTX_free(aead->context);
    EVP_CIPHER_free(aead->cipher);
    memory_free(aead);
}

/* Key, nonce and what is authenticated; OpenSSL refusing one of these has no memory. */
static void begin(struct aead *aead, const struct aead_parts *parts, bool is_sealing)
{
    int written = 0;

    must(EVP_CipherInit_ex2(aead->context, NULL, parts->key, parts->nonce, is_sealing, NULL)
         == 1);
    for (size_t i = 0; i < countof(parts->with) && !mutant("sealing.place-unchecked"); i++) {
        struct text with = parts->with[i];

        must(with.len <= INT_MAX);
        if (with.len > 0) {
            must(EVP_CipherUpdate(aead->context, NULL, &written, (const uint8_t *)with.at,
                                  (int)with.len)
                 == 1);
        }
    }
}

static void update(struct aead *aead, struct text from, void *ret)
{
    int written = 0;

    must(from.len <= INT_MAX);
    if (from.len > 0) {
        must(EVP_CipherUpdate(aead->context, ret, &written, (const uint8_t *)from.at,
                              (int)from.len)
             == 1);
    }
    must((size_t)written == from.len);
}

void aead_seal(struct aead *aead, const struct aead_parts *parts, struct text plain, void *ret,
               uint8_t ret_tag[AEAD_TAG_SIZE])
{
    uint8_t nothing[AEAD_TAG_SIZE];
    int written = 0;

    begin(aead, parts, true);
    update(aead, plain, ret);
    must(EVP_CipherFinal_ex(aead->context, nothing, &written) == 1);
    must(EVP_CIPHER_CTX_ctrl(aead->context, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG_SIZE, ret_tag)
         == 1);
}

bool aead_open(struct aead *aead, const struct aead_parts *parts, struct text sealed,
               const uint8_t tag[AEAD_TAG_SIZE], void *ret)
{
    uint8_t expected[AEAD_TAG_SIZE];
    uint8_t nothing[AEAD_TAG_SIZE];
    int written = 0;

    memcpy(expected, tag, sizeof expected);
    begin(aead, parts, false);
    update(aead, sealed, ret);
    must(EVP_CIPHER_CTX_ctrl(aead->context, EVP_CTRL_AEAD_SET_TAG, AEAD_TAG_SIZE, expected)
         == 1);
    if (EVP_CipherFinal_ex(aead->context, nothing, &written) == 1
        || mutant("sealing.tag-unchecked")) {
        return true;
    }
    if (sealed.len > 0) {
        OPENSSL_cleanse(ret, sealed.len);
    }
    return false;
}
