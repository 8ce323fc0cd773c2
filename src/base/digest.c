/* Digests and signatures: OpenSSL's, with everything that is slow to set up kept per thread.
 * OpenSSL refusing one of its calls means no memory or a broken installation. */
#include "base/digest.h"

#include "base/must.h"

#define XXH_INLINE_ALL
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum {
    SIPHASH_KEY_SIZE = 16,
    SIPHASH_SIZE = 8
};

/* Fetched once: a fetch by name costs more than hashing a short text. */
struct algorithms {
    EVP_MD *md5;
    EVP_MD *sha256;
    EVP_MAC *hmac;
    EVP_MAC *siphash;
};

/* Contexts that only need their state set back for the next text. */
struct contexts {
    EVP_MD_CTX *md5;
    EVP_MD_CTX *sha256;
    EVP_MAC_CTX *hmac_sha256;
    EVP_MAC_CTX *siphash;
};

static struct algorithms algorithms;
static pthread_once_t algorithms_once = PTHREAD_ONCE_INIT;
static pthread_key_t contexts_key; /* frees a thread's contexts when it ends */
static _Thread_local struct contexts *thread_contexts;

static void contexts_free(void *memory)
{
    struct contexts *contexts = memory;

    EVP_MD_CTX_free(contexts->md5);
    EVP_MD_CTX_free(contexts->sha256);
    EVP_MAC_CTX_free(contexts->hmac_sha256);
    EVP_MAC_CTX_free(contexts->siphash);
    OPENSSL_free(contexts);
    thread_contexts = NULL;
}

static void algorithms_fetch(void)
{
    algorithms.md5 = EVP_MD_fetch(NULL, "MD5", NULL);
    algorithms.sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    algorithms.hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    algorithms.siphash = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
    must(algorithms.md5 != NULL && algorithms.sha256 != NULL && algorithms.hmac != NULL
         && algorithms.siphash != NULL);
    must(pthread_key_create(&contexts_key, contexts_free) == 0);
}

static EVP_MD_CTX *digest_context(const EVP_MD *digest)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    must(context != NULL && EVP_DigestInit_ex(context, digest, NULL) == 1);
    return context;
}

static EVP_MAC_CTX *mac_context(EVP_MAC *mac, const OSSL_PARAM *parameters)
{
    EVP_MAC_CTX *context = EVP_MAC_CTX_new(mac);

    must(context != NULL && EVP_MAC_CTX_set_params(context, parameters) == 1);
    return context;
}

static struct contexts *contexts_create(void)
{
    static char sha256_name[] = "SHA256";
    size_t siphash_size = SIPHASH_SIZE;
    OSSL_PARAM hmac_parameters[] = {OSSL_PARAM_construct_utf8_string("digest", sha256_name, 0),
                                    OSSL_PARAM_construct_end()};
    OSSL_PARAM siphash_parameters[] = {OSSL_PARAM_construct_size_t("size", &siphash_size),
                                       OSSL_PARAM_construct_end()};
    struct contexts *contexts;

    must(pthread_once(&algorithms_once, algorithms_fetch) == 0);
    contexts = OPENSSL_zalloc(sizeof(*contexts));
    must(contexts != NULL);
    contexts->md5 = digest_context(algorithms.md5);
    contexts->sha256 = digest_context(algorithms.sha256);
    contexts->hmac_sha256 = mac_context(algorithms.hmac, hmac_parameters);
    contexts->siphash = mac_context(algorithms.siphash, siphash_parameters);
    must(pthread_setspecific(contexts_key, contexts) == 0);
    return contexts;
}

static struct contexts *contexts_here(void)
{
    if (thread_contexts == NULL) {
        thread_contexts = contexts_create();
    }
    return thread_contexts;
}

static void digest_with(EVP_MD_CTX *context, struct text bytes, uint8_t *ret)
{
    must(EVP_DigestInit_ex(context, NULL, NULL) == 1
         && EVP_DigestUpdate(context, bytes.at, bytes.len) == 1
         && EVP_DigestFinal_ex(context, ret, NULL) == 1);
}

static void mac_with(EVP_MAC_CTX *context, struct text key, struct text bytes)
{
    /* A NULL key would mean the previous one. */
    const char *key_at = key.len == 0 ? "" : key.at;

    must(EVP_MAC_init(context, (const uint8_t *)key_at, key.len, NULL) == 1
         && EVP_MAC_update(context, (const uint8_t *)bytes.at, bytes.len) == 1);
}

void digest_md5(struct text bytes, uint8_t ret[MD5_SIZE])
{
    digest_with(contexts_here()->md5, bytes, ret);
}

void digest_sha256(struct text bytes, uint8_t ret[SHA256_SIZE])
{
    digest_with(contexts_here()->sha256, bytes, ret);
}

void digest_hmac_sha256(struct text key, struct text bytes, uint8_t ret[SHA256_SIZE])
{
    EVP_MAC_CTX *context = contexts_here()->hmac_sha256;

    mac_with(context, key, bytes);
    must(EVP_MAC_final(context, ret, NULL, SHA256_SIZE) == 1);
}

uint64_t digest_siphash(const uint8_t key[16], struct text bytes)
{
    EVP_MAC_CTX *context = contexts_here()->siphash;
    uint8_t mac[SIPHASH_SIZE];
    uint64_t value = 0;

    mac_with(context, text_make(key, SIPHASH_KEY_SIZE), bytes);
    must(EVP_MAC_final(context, mac, NULL, sizeof(mac)) == 1);
    for (size_t i = sizeof(mac); i > 0; i--) { /* SipHash is defined little-endian */
        value = value << 8 | mac[i - 1];
    }
    return value;
}

uint64_t digest_fast(struct text bytes)
{
    return XXH3_64bits(bytes.at, bytes.len);
}

/* XXH3 with a secret of its own keeps its speed. */
static uint8_t process_secret[XXH3_SECRET_DEFAULT_SIZE];
static bool has_process_secret;

void digest_set_secret(const uint8_t secret[DIGEST_SECRET_SIZE])
{
    must(XXH3_generateSecret(process_secret, sizeof process_secret, secret, DIGEST_SECRET_SIZE)
         == XXH_OK);
    has_process_secret = true;
}

uint64_t digest_in_process(struct text bytes)
{
    return has_process_secret ? XXH3_64bits_withSecret(bytes.at, bytes.len, process_secret,
                                                       sizeof process_secret)
                              : digest_fast(bytes);
}

bool digest_equal(struct text a, struct text b)
{
    return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.at, b.at, a.len) == 0);
}
