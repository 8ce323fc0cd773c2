/* The key that signs and its certificate: loaded, or made at first start. */
#include "notification/certificate.h"

#include "base/digest.h"
#include "base/encoding.h"
#include "base/files.h"
#include "base/memory.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define KEY_BITS_MIN  2048
#define KEY_BITS_MAX  4096
#define FILE_MAX      65536
#define DAY_SECONDS   (24L * 3600)
#define VALID_DAYS    3650
#define RENEW_DAYS    30
#define COMMON_NAME   "sns.amazonaws.com"
#define FILE_NAME_HEX 16 /* bytes of the certificate's hash */

static const char name_start[] = "SimpleNotificationService-";

static void buffer_add_bio(struct buffer *to, BIO *bio)
{
    char *at = NULL;
    long len = BIO_get_mem_data(bio, &at);

    buffer_add(to, text_make(at, len < 0 ? 0 : (size_t)len));
}

/* --- The key. */

static enum status key_make(const char *directory, EVP_PKEY **ret_key, struct why *why)
{
    EVP_PKEY *key = EVP_RSA_gen(KEY_BITS_MIN);
    BIO *bio = BIO_new(BIO_s_mem());
    struct buffer pem;
    enum status status = STATUS_OK;

    buffer_init(&pem, FILE_MAX);
    if (key == NULL || bio == NULL
        || PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1) {
        status = fail(why, STATUS_STORAGE, "OpenSSL made no RSA key");
        goto done;
    }
    buffer_add_bio(&pem, bio);
    status = file_write_whole(directory, CERTIFICATE_KEY_FILE, buffer_text(&pem), 0600, why);
done:
    OPENSSL_cleanse(pem.at, pem.len);
    buffer_free(&pem);
    BIO_free(bio);
    if (status != STATUS_OK) {
        EVP_PKEY_free(key);
        return status;
    }
    *ret_key = key;
    return STATUS_OK;
}

/* A new key beside an old certificate would be no pair, and whoever knows the old one would not
 * believe it. */
static enum status key_make_first(const char *directory, struct certificate *io,
                                  struct why *why)
{
    char path[PATH_MAX];

    (void)snprintf(path, sizeof path, "%s/%s", directory, CERTIFICATE_FILE);
    if (access(path, F_OK) == 0) {
        return fail(why, STATUS_INVALID,
                    "%s is there, but its key %s is not: bring the key back, or move the "
                    "certificate away for a new pair",
                    path, CERTIFICATE_KEY_FILE);
    }
    io->made = "a key and its certificate";
    return key_make(directory, &io->key, why);
}

static bool is_readable_by_others(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 && (info.st_mode & (S_IRWXG | S_IRWXO)) != 0;
}

static enum status key_open(const char *directory, struct certificate *io, struct why *why)
{
    char path[PATH_MAX];
    struct buffer pem;

    (void)snprintf(path, sizeof path, "%s/%s", directory, CERTIFICATE_KEY_FILE);
    buffer_init(&pem, FILE_MAX);
    enum status status = file_read_whole(path, &pem, why);

    if (status != STATUS_OK) {
        buffer_free(&pem);
        return status == STATUS_NOT_FOUND ? key_make_first(directory, io, why) : status;
    }
    io->is_key_readable = is_readable_by_others(path);
    BIO *bio = BIO_new_mem_buf(pem.at, (int)pem.len);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);

    BIO_free(bio);
    OPENSSL_cleanse(pem.at, pem.len);
    buffer_free(&pem);
    if (key == NULL || EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA
        || EVP_PKEY_get_bits(key) < KEY_BITS_MIN || EVP_PKEY_get_bits(key) > KEY_BITS_MAX) {
        EVP_PKEY_free(key);
        return fail(why, STATUS_INVALID,
                    "%s is not an RSA key of 2048 to 4096 bits; move it away for a new one",
                    path);
    }
    io->key = key;
    return STATUS_OK;
}

/* --- The certificate. */

static bool serial_set(X509 *certificate)
{
    uint64_t serial = 0;

    return RAND_bytes((unsigned char *)&serial, sizeof serial) == 1
           && ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1U | 1U)
                  == 1;
}

static X509 *certificate_for(EVP_PKEY *key)
{
    X509 *certificate = X509_new();

    if (certificate == NULL) {
        return NULL;
    }
    X509_NAME *name = X509_get_subject_name(certificate);
    bool is_made =
        X509_set_version(certificate, X509_VERSION_3) == 1 && serial_set(certificate)
        && X509_gmtime_adj(X509_getm_notBefore(certificate), -DAY_SECONDS) != NULL
        && X509_gmtime_adj(X509_getm_notAfter(certificate), VALID_DAYS * DAY_SECONDS) != NULL
        && X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                      (const unsigned char *)COMMON_NAME, -1, -1, 0)
               == 1
        && X509_set_issuer_name(certificate, name) == 1
        && X509_set_pubkey(certificate, key) == 1
        && X509_sign(certificate, key, EVP_sha256()) > 0;

    if (!is_made) {
        X509_free(certificate);
        return NULL;
    }
    return certificate;
}

/* STATUS_NOT_FOUND: it runs out. */
static enum status certificate_read(const char *path, struct text pem, EVP_PKEY *key,
                                    X509 **ret, struct why *why)
{
    BIO *bio = BIO_new_mem_buf(pem.at, (int)pem.len);
    X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    time_t soon = time(NULL) + RENEW_DAYS * DAY_SECONDS;
    enum status status = STATUS_OK;

    BIO_free(bio);
    if (certificate == NULL) {
        return fail(why, STATUS_INVALID, "%s is no certificate; move it away for a new one",
                    path);
    }
    if (X509_check_private_key(certificate, key) != 1) {
        status = fail(why, STATUS_INVALID,
                      "%s does not belong to the key in %s: bring back the one that does, or "
                      "move the certificate away for a new one",
                      path, CERTIFICATE_KEY_FILE);
    } else if (X509_cmp_time(X509_get0_notAfter(certificate), &soon) < 0) {
        status = STATUS_NOT_FOUND;
    }
    if (status != STATUS_OK) {
        X509_free(certificate);
        return status;
    }
    *ret = certificate;
    return STATUS_OK;
}

static enum status certificate_make(const char *directory, EVP_PKEY *key, struct buffer *pem,
                                    X509 **ret, struct why *why)
{
    X509 *certificate = certificate_for(key);
    BIO *bio = BIO_new(BIO_s_mem());
    enum status status = STATUS_OK;

    if (certificate == NULL || bio == NULL || PEM_write_bio_X509(bio, certificate) != 1) {
        status = fail(why, STATUS_STORAGE, "OpenSSL made no certificate");
    } else {
        buffer_clear(pem);
        buffer_add_bio(pem, bio);
        status = file_write_whole(directory, CERTIFICATE_FILE, buffer_text(pem), 0644, why);
    }
    BIO_free(bio);
    if (status != STATUS_OK) {
        X509_free(certificate);
        return status;
    }
    *ret = certificate;
    return STATUS_OK;
}

/* Verifiers look for the path's shape; the hash in it lets them cache by URL. */
static void certificate_name(X509 *certificate, char ret_name[CERTIFICATE_NAME_SIZE])
{
    unsigned char *der = NULL;
    int size = i2d_X509(certificate, &der);
    uint8_t hash[SHA256_SIZE] = {0};
    struct buffer name;

    if (size > 0) {
        digest_sha256(text_make(der, (size_t)size), hash);
    }
    OPENSSL_free(der);
    buffer_init(&name, CERTIFICATE_NAME_SIZE);
    buffer_add_string(&name, name_start);
    hex_encode(&name, text_make(hash, FILE_NAME_HEX));
    buffer_add_string(&name, ".pem");
    memcpy(ret_name, name.at, name.len);
    ret_name[name.len] = '\0';
    buffer_free(&name);
}

enum status certificate_open(const char *directory, struct certificate *ret, struct why *why)
{
    char path[PATH_MAX];
    struct certificate opened = {0};
    struct buffer pem;
    X509 *certificate = NULL;
    enum status status = key_open(directory, &opened, why);

    if (status != STATUS_OK) {
        return status;
    }
    (void)snprintf(path, sizeof path, "%s/%s", directory, CERTIFICATE_FILE);
    buffer_init(&pem, FILE_MAX);
    status = file_read_whole(path, &pem, why);
    if (status == STATUS_OK) {
        status = certificate_read(path, buffer_text(&pem), opened.key, &certificate, why);
    }
    if (status == STATUS_NOT_FOUND) {
        opened.made = opened.made != NULL ? opened.made : "a certificate for the key";
        status = certificate_make(directory, opened.key, &pem, &certificate, why);
    }
    if (status == STATUS_OK) {
        opened.pem = memory_copy_text(buffer_text(&pem));
        certificate_name(certificate, opened.name);
        *ret = opened;
    } else {
        EVP_PKEY_free(opened.key);
    }
    X509_free(certificate);
    buffer_free(&pem);
    return status;
}

void certificate_close(struct certificate *certificate)
{
    EVP_PKEY_free(certificate->key);
    memory_free(certificate->pem);
    *certificate = (struct certificate){0};
}
