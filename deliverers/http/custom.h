/* What a subscription sets for its requests: Fanfare.Headers, ClientCertificate, CA, Proxy,
 * TLSMinVersion.  Read once for all deliveries whose subscriptions say the same. */
#ifndef DELIVERERS_HTTP_CUSTOM_H
#define DELIVERERS_HTTP_CUSTOM_H

#include "deliverers/common/url.h"
#include "deliverers/deliverer.h"

#include <curl/curl.h>

enum proxy_kind {
    PROXY_NONE,
    PROXY_HTTP,
    PROXY_HTTPS,
    PROXY_SOCKS5
};

/* Shared by requests; refuse to change it once it is made. */
struct custom {
    uint32_t references;
    uint64_t hash;
    char *key; /* the settings as they were written */
    size_t key_size;
    const char *fault; /* NULL, or why it cannot be used (static text) */
    char **headers;    /* "Name: value" */
    size_t header_count;
    bool has_content_type;            /* among them */
    struct curl_blob certificate, ca; /* PEM; empty: none */
    long tls_version;                 /* of CURLOPT_SSLVERSION, 0: the default */
    enum proxy_kind proxy_kind;
    struct url proxy;
};

/* Those used lately, by hash. */
#define CUSTOMS_KEPT 128

struct customs {
    struct custom *kept[CUSTOMS_KEPT];
    const char *proxy; /* of subscriptions that set none; "": none */
};

/* NULL: the subscription sets nothing of this; *ret_failed then says whether memory ran out.
 * To be released. */
struct custom *custom_take(struct customs *customs, const struct delivery *delivery,
                           bool *ret_failed);
void custom_release(struct custom *custom); /* NULL is fine */
void customs_free(struct customs *customs);
/* Whether handles that were set up for it must not serve others. */
bool custom_marks_handle(const struct custom *custom);

/* NULL, or why this value of Fanfare.<name> is refused (static text); true in *ret_is_ours when
 * it is one of these at all; *ret_proxy is filled in when it is Fanfare.Proxy. */
const char *custom_fault(const char *name, const char *value, bool *ret_is_ours,
                         struct url *ret_proxy);

/* headers.c: reads Fanfare.Headers into custom->headers: NULL, or why not. */
const char *custom_read_headers(struct custom *custom, const char *value);

#endif
