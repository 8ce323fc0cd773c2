/* The hostile endpoint's certificates: one authority and one key per process, made when first
 * asked for. */
#include "hostile_peer.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <pthread.h>
#include <stdio.h>

#define DAY 86400L

static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_PKEY *key; /* of the authority and of every server */
static X509 *authority;

struct certificate_wish {
    const char *common_name;
    const char *names; /* subjectAltName, or NULL: an authority */
    long from, until;  /* seconds from now */
    X509 *issuer;      /* NULL: itself */
};

static void add_extension(X509 *certificate, int kind, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, kind, value);

    (void)X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

static X509 *certificate_make(const struct certificate_wish *wish)
{
    static long serial = 1;
    X509 *certificate = X509_new();
    X509_NAME *name = X509_get_subject_name(certificate);

    (void)X509_set_version(certificate, X509_VERSION_3);
    (void)ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
    (void)X509_gmtime_adj(X509_getm_notBefore(certificate), wish->from);
    (void)X509_gmtime_adj(X509_getm_notAfter(certificate), wish->until);
    (void)X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                     (const unsigned char *)wish->common_name, -1, -1, 0);
    (void)X509_set_issuer_name(
        certificate, wish->issuer == NULL ? name : X509_get_subject_name(wish->issuer));
    (void)X509_set_pubkey(certificate, key);
    if (wish->names == NULL) {
        add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
    } else {
        add_extension(certificate, NID_subject_alt_name, wish->names);
    }
    (void)X509_sign(certificate, key, EVP_sha256());
    return certificate;
}

static void make_authority(void)
{
    const struct certificate_wish wish = {
        .common_name = "hostile test authority", .from = -DAY, .until = DAY};

    key = EVP_RSA_gen(2048);
    authority = certificate_make(&wish);
}

SSL_CTX *hostile_tls_context(enum hostile_tls tls)
{
    static const char here[] = "IP:127.0.0.1,DNS:localhost";
    struct certificate_wish wish = {
        .common_name = "here", .names = here, .from = -DAY, .until = DAY};

    if (tls == HOSTILE_PLAIN) {
        return NULL;
    }
    (void)pthread_once(&once, make_authority);
    wish.issuer = tls == HOSTILE_TLS_UNKNOWN_CA ? NULL : authority;
    wish.names = tls == HOSTILE_TLS_OTHER_HOST ? "DNS:elsewhere.example" : here;
    if (tls == HOSTILE_TLS_EXPIRED) {
        wish.from = -2 * DAY;
        wish.until = -DAY;
    }
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    X509 *certificate = certificate_make(&wish);

    (void)SSL_CTX_use_certificate(context, certificate);
    (void)SSL_CTX_use_PrivateKey(context, key);
    X509_free(certificate);
    return context;
}

bool hostile_ca_write(const char *path)
{
    FILE *file = fopen(path, "we");

    (void)pthread_once(&once, make_authority);
    if (file == NULL) {
        return false;
    }
    bool is_written = PEM_write_X509(file, authority) == 1;

    return fclose(file) == 0 && is_written;
}
