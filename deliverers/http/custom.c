/* The settings of single subscriptions, read and remembered. */
#include "custom.h"

#include <openssl/pem.h>
#include <openssl/x509.h>

#include <stdlib.h>
#include <string.h>

/* --- What each may say: NULL, or why it is refused. */

static const char *blob_take(struct curl_blob *blob, const char *value)
{
    size_t size = strlen(value);
    char *copy = malloc(size + 1);

    if (copy == NULL) {
        return "out of memory";
    }
    memcpy(copy, value, size + 1);
    *blob = (struct curl_blob){.data = copy, .len = size, .flags = CURL_BLOB_NOCOPY};
    return NULL;
}

/* OpenSSL takes it as the passphrase: none is ever asked for at a terminal. */
static char no_passphrase[] = "";

static X509 *first_certificate(const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, no_passphrase);

    BIO_free(bio);
    return certificate;
}

static EVP_PKEY *first_key(const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, no_passphrase);

    BIO_free(bio);
    return key;
}

static const char *read_certificate(struct custom *custom, const char *value)
{
    X509 *certificate = first_certificate(value);
    EVP_PKEY *key = first_key(value);
    const char *fault = NULL;

    if (certificate == NULL) {
        fault = "holds no certificate in PEM form";
    } else if (key == NULL) {
        fault = "holds no private key in PEM form (one without a passphrase)";
    } else if (X509_check_private_key(certificate, key) != 1) {
        fault = "the private key does not belong to the certificate";
    }
    X509_free(certificate);
    EVP_PKEY_free(key);
    return fault != NULL ? fault : blob_take(&custom->certificate, value);
}

static const char *read_ca(struct custom *custom, const char *value)
{
    X509 *certificate = first_certificate(value);

    if (certificate == NULL) {
        return "holds no certificate in PEM form";
    }
    X509_free(certificate);
    return blob_take(&custom->ca, value);
}

static const char *read_tls_version(struct custom *custom, const char *value)
{
    bool is_13 = strcmp(value, "1.3") == 0;

    if (!is_13 && strcmp(value, "1.2") != 0) {
        return "must be 1.2 or 1.3";
    }
    custom->tls_version = is_13 ? CURL_SSLVERSION_TLSv1_3 : CURL_SSLVERSION_TLSv1_2;
    return NULL;
}

static const struct {
    const char *scheme;
    enum proxy_kind kind;
    const char *read_as;
} proxy_schemes[] = {
    {"http://", PROXY_HTTP, "http://"},
    {"https://", PROXY_HTTPS, "https://"},
    {"socks5://", PROXY_SOCKS5, "http://"},
};

/* A proxy has no usual port of its own: it must be written. */
static bool names_port(const char *authority)
{
    const char *colon = strrchr(authority, ':');

    return colon != NULL && strpbrk(colon, "]@") == NULL;
}

static const char *read_proxy(struct custom *custom, const char *value)
{
    char text[URL_MAX + 16];
    const char *why = "must begin with http://, https:// or socks5://";

    for (size_t i = 0; i < sizeof proxy_schemes / sizeof proxy_schemes[0]; i++) {
        size_t size = strlen(proxy_schemes[i].scheme);

        if (strncmp(value, proxy_schemes[i].scheme, size) != 0) {
            continue;
        }
        if (strlen(value) > URL_MAX || strpbrk(value + size, "/?") != NULL
            || !names_port(value + size)) {
            return "must be scheme://[user:password@]host:port and nothing more";
        }
        (void)snprintf(text, sizeof text, "%s%s", proxy_schemes[i].read_as, value + size);
        custom->proxy_kind = proxy_schemes[i].kind;
        return url_read(text, &custom->proxy, &why) ? NULL : why;
    }
    return why;
}

/* In the order of their key. */
static const struct setting {
    const char *name;
    const char *(*read)(struct custom *custom, const char *value);
} settings[] = {
    {"Headers", custom_read_headers},
    {"ClientCertificate", read_certificate},
    {"CA", read_ca},
    {"Proxy", read_proxy},
    {"TLSMinVersion", read_tls_version},
};

#define SETTING_COUNT (sizeof settings / sizeof settings[0])

/* --- One. */

static void custom_free(struct custom *custom)
{
    for (size_t i = 0; i < custom->header_count; i++) {
        free(custom->headers[i]);
    }
    free(custom->headers);
    free(custom->certificate.data);
    free(custom->ca.data);
    free(custom->key);
    free(custom);
}

void custom_release(struct custom *custom)
{
    if (custom != NULL && --custom->references == 0) {
        custom_free(custom);
    }
}

bool custom_marks_handle(const struct custom *custom)
{
    return custom != NULL
           && (custom->certificate.len > 0 || custom->ca.len > 0 || custom->tls_version != 0
               || custom->proxy_kind != PROXY_NONE);
}

/* NULL: it is not set. */
static const char *value_find(const struct delivery *delivery, const char *name)
{
    for (size_t i = 0; i < delivery->setting_count; i++) {
        if (strcmp(delivery->settings[i].name, name) == 0) {
            return delivery->settings[i].value;
        }
    }
    return NULL;
}

/* The values in the order of `settings`; NULL where there is none. false: none at all. */
static bool gather(const struct customs *customs, const struct delivery *delivery,
                   const char *values[SETTING_COUNT])
{
    bool has_any = false;

    for (size_t i = 0; i < SETTING_COUNT; i++) {
        values[i] = value_find(delivery, settings[i].name);
        if (values[i] == NULL && settings[i].read == read_proxy && customs->proxy[0] != '\0') {
            values[i] = customs->proxy;
        }
        has_any = has_any || values[i] != NULL;
    }
    return has_any;
}

/* Each value with its NUL, an absent one as a byte of its own. */
static char *key_make(const char *const values[SETTING_COUNT], size_t *ret_size)
{
    size_t size = 0;

    for (size_t i = 0; i < SETTING_COUNT; i++) {
        size += values[i] == NULL ? 1 : strlen(values[i]) + 2;
    }
    char *key = malloc(size);
    char *at = key;

    for (size_t i = 0; i < SETTING_COUNT && key != NULL; i++) {
        *at++ = values[i] == NULL ? '-' : '+';
        if (values[i] != NULL) {
            size_t len = strlen(values[i]) + 1;

            memcpy(at, values[i], len);
            at += len;
        }
    }
    *ret_size = size;
    return key;
}

/* FNV-1a: which place it takes, no more; equality is decided by the key. */
static uint64_t key_hash(const char *key, size_t size)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ (unsigned char)key[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

/* Takes the key over. */
static struct custom *custom_make(const char *const values[SETTING_COUNT], char *take_key,
                                  size_t key_size, uint64_t hash)
{
    struct custom *custom = calloc(1, sizeof *custom);

    if (custom == NULL) {
        free(take_key);
        return NULL;
    }
    custom->references = 1;
    custom->hash = hash;
    custom->key = take_key;
    custom->key_size = key_size;
    for (size_t i = 0; i < SETTING_COUNT && custom->fault == NULL; i++) {
        custom->fault = values[i] == NULL ? NULL : settings[i].read(custom, values[i]);
    }
    return custom;
}

/* --- Those that are kept. */

struct custom *custom_take(struct customs *customs, const struct delivery *delivery,
                           bool *ret_failed)
{
    const char *values[SETTING_COUNT];
    size_t size = 0;

    *ret_failed = false;
    if ((delivery->setting_count == 0 && customs->proxy[0] == '\0')
        || !gather(customs, delivery, values)) {
        return NULL;
    }
    char *key = key_make(values, &size);
    uint64_t hash = key == NULL ? 0 : key_hash(key, size);
    struct custom **place = &customs->kept[hash % CUSTOMS_KEPT];

    if (key != NULL && *place != NULL && (*place)->hash == hash && (*place)->key_size == size
        && memcmp((*place)->key, key, size) == 0) {
        free(key);
    } else if (key != NULL) {
        custom_release(*place);
        *place = custom_make(values, key, size, hash);
    }
    *ret_failed = key == NULL || *place == NULL;
    if (*ret_failed) {
        return NULL;
    }
    (*place)->references++;
    return *place;
}

void customs_free(struct customs *customs)
{
    for (size_t i = 0; i < CUSTOMS_KEPT; i++) {
        custom_release(customs->kept[i]);
        customs->kept[i] = NULL;
    }
}

const char *custom_fault(const char *name, const char *value, bool *ret_is_ours,
                         struct url *ret_proxy)
{
    struct custom *custom = calloc(1, sizeof *custom);
    const char *fault = NULL;

    *ret_is_ours = false;
    for (size_t i = 0; i < SETTING_COUNT && custom != NULL; i++) {
        if (strcmp(settings[i].name, name) == 0) {
            *ret_is_ours = true;
            fault = settings[i].read(custom, value);
            *ret_proxy = custom->proxy;
        }
    }
    if (custom == NULL) {
        return "out of memory";
    }
    custom_free(custom);
    return fault;
}
