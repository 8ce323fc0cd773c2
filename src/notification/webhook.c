/* Signatures as Standard Webhooks has them: over "<id>.<timestamp>.<body>", as many as there
 * are secrets, so that receivers can change theirs at leisure. */
#include "notification/webhook.h"

#include "base/digest.h"
#include "notification/notification.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <string.h>

#define KEY_MAX        64
#define HMAC_KEY_MIN   24
#define SEED_SIZE      32
#define SIGNATURE_SIZE 64 /* ed25519 */
#define SIGNED_MAX     ((size_t)64 * 1024 * 1024)

enum secret_kind {
    SECRET_HMAC,
    SECRET_ED25519
};

struct secret {
    enum secret_kind kind;
    uint8_t key[KEY_MAX];
    size_t size;
    int64_t until_ms; /* INT64_MAX: for ever */
};

static const struct {
    struct text prefix;
    enum secret_kind kind;
} prefixes[] = {{TEXT("whsec_"), SECRET_HMAC}, {TEXT("whsk_"), SECRET_ED25519}};

/* --- Reading them. */

static bool read_key(struct text encoded, struct secret *ret)
{
    struct buffer bytes;
    bool is_good = false;

    buffer_init(&bytes, KEY_MAX);
    if (base64_decode(&bytes, encoded) && bytes.len > 0) {
        memcpy(ret->key, bytes.at, bytes.len);
        ret->size = bytes.len;
        is_good = true;
        OPENSSL_cleanse(bytes.at, bytes.len);
    }
    buffer_free(&bytes);
    return is_good;
}

static EVP_PKEY *ed25519_key(const struct secret *secret)
{
    return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret->key, SEED_SIZE);
}

/* The public half, if there is one, belongs to the seed. */
static bool is_ed25519_key(const struct secret *secret)
{
    uint8_t public_key[SEED_SIZE];
    size_t size = sizeof public_key;

    if (secret->size == SEED_SIZE) {
        return true;
    }
    EVP_PKEY *key = secret->size == KEY_MAX ? ed25519_key(secret) : NULL;
    bool is_good = key != NULL && EVP_PKEY_get_raw_public_key(key, public_key, &size) == 1
                   && memcmp(public_key, secret->key + SEED_SIZE, sizeof public_key) == 0;

    EVP_PKEY_free(key);
    return is_good;
}

/* NULL, or why it is none. */
static const char *secret_read(struct text text, struct secret *ret)
{
    struct text key = text;
    size_t kind = 0;

    if (!webhook_secret_cut(&key, &ret->until_ms)) {
        return "behind the ; of a secret there must be until= and milliseconds since 1970";
    }
    while (kind < countof(prefixes) && !text_starts_with(key, prefixes[kind].prefix)) {
        kind++;
    }
    if (kind == countof(prefixes)) {
        return "a secret must begin with whsec_ or whsk_";
    }
    ret->kind = prefixes[kind].kind;
    if (!read_key(text_after(key, prefixes[kind].prefix.len), ret)) {
        return "behind whsec_ or whsk_ there must be at most 64 bytes in base64";
    }
    if (ret->kind == SECRET_HMAC) {
        return ret->size >= HMAC_KEY_MIN ? NULL : "a whsec_ secret must have 24 to 64 bytes";
    }
    return is_ed25519_key(ret) ? NULL : "a whsk_ secret must be an ed25519 private key";
}

const char *webhook_secrets_fault(struct text secrets)
{
    struct text rest = secrets;
    const char *fault = "there is no secret in it";

    while (rest.len > 0) {
        struct secret secret;

        fault = secret_read(text_cut(&rest, ' '), &secret);
        OPENSSL_cleanse(&secret, sizeof secret);
        if (fault != NULL) {
            return fault;
        }
    }
    return fault;
}

/* --- Signing. */

static bool sign_ed25519(const struct secret *secret, struct text text,
                         uint8_t ret[SIGNATURE_SIZE])
{
    EVP_PKEY *key = ed25519_key(secret);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    size_t size = SIGNATURE_SIZE;
    bool is_signed =
        key != NULL && context != NULL
        && EVP_DigestSignInit(context, NULL, NULL, NULL, key) == 1
        && EVP_DigestSign(context, ret, &size, (const unsigned char *)text.at, text.len) == 1;

    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    return is_signed;
}

static bool add_signature(struct buffer *to, const struct secret *secret, struct text text)
{
    uint8_t signature[SIGNATURE_SIZE];
    size_t size = SHA256_SIZE;

    if (secret->kind == SECRET_HMAC) {
        digest_hmac_sha256(text_make(secret->key, secret->size), text, signature);
    } else if (sign_ed25519(secret, text, signature)) {
        size = SIGNATURE_SIZE;
    } else {
        return false;
    }
    buffer_add_string(to, to->len > 0 ? " " : "");
    buffer_add_string(to, secret->kind == SECRET_HMAC ? "v1," : "v1a,");
    base64_encode(to, text_make(signature, size));
    return true;
}

bool webhook_sign(struct buffer *to, const struct webhook *webhook, struct text secrets)
{
    struct text rest = secrets;
    struct buffer text;
    bool is_signed = false;

    buffer_init(&text, SIGNED_MAX);
    buffer_add(&text, webhook->id);
    buffer_printf(&text, ".%lld.", (long long)(webhook->time_ms / 1000));
    buffer_add(&text, webhook->body);
    while (rest.len > 0 && !text.overflown) {
        struct secret secret;

        if (secret_read(text_cut(&rest, ' '), &secret) == NULL
            && webhook->time_ms < secret.until_ms
            && add_signature(to, &secret, buffer_text(&text))) {
            is_signed = true;
        }
        OPENSSL_cleanse(&secret, sizeof secret);
    }
    buffer_free(&text);
    return is_signed;
}
