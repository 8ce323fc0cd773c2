/* One delivery's POST: what is sent, and to which address. */
#include "http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define USER_AGENT        "Amazon Simple Notification Service Agent"
#define RECEIVE_BUFFER    4096L  /* answers are short */
#define SEND_BUFFER       16384L /* libcurl's least: TLS takes one per handle, and keeps it */
#define SPARE_EASY_MAX    128U   /* handles kept after a burst */
#define CONNECTION_LIFE_S 300L   /* then its name is asked for again */
#define CONNECTION_IDLE_S 118L
#define DNS_REMEMBERED_S  60L

/* --- Its memory and its handle. */

static bool easy_open(struct request *request)
{
    CURL *easy = curl_easy_init();

    if (easy == NULL) {
        return false;
    }
    (void)curl_easy_setopt(easy, CURLOPT_PRIVATE, request);
    (void)curl_easy_setopt(easy, CURLOPT_POST, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* not even that of the environment */
    (void)curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    (void)curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    (void)curl_easy_setopt(easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);
    (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    (void)curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    (void)curl_easy_setopt(easy, CURLOPT_USERAGENT, USER_AGENT);
    (void)curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, RECEIVE_BUFFER);
    (void)curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, SEND_BUFFER);
    (void)curl_easy_setopt(easy, CURLOPT_MAXLIFETIME_CONN, CONNECTION_LIFE_S);
    (void)curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, CONNECTION_IDLE_S);
    (void)curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, DNS_REMEMBERED_S);
    (void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, request->http->connect_timeout_ms);
    (void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, request->error);
    (void)curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    (void)curl_easy_setopt(easy, CURLOPT_HEADERDATA, request);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, request);
    transfers_adopt(&request->http->transfers, easy);
    if (request->http->ca_file != NULL) {
        (void)curl_easy_setopt(easy, CURLOPT_CAINFO, request->http->ca_file);
    }
    request->easy = easy;
    return true;
}

static struct request *request_create(struct http *http)
{
    struct request **requests =
        realloc(http->requests, (http->request_count + 1) * sizeof(struct request *));

    if (requests == NULL) {
        return NULL;
    }
    http->requests = requests;
    struct request *request = calloc(1, sizeof *request);

    if (request == NULL) {
        return NULL;
    }
    request->http = http;
    request->slot = http->request_count;
    requests[http->request_count++] = request;
    return request;
}

struct request *request_take(struct http *http)
{
    struct request *request = http->spare;

    if (request != NULL) {
        http->spare = request->next_spare;
        http->spare_count--;
        return request;
    }
    return request_create(http);
}

void request_give_back(struct request *request)
{
    struct http *http = request->http;

    /* What a handle has learned of a Digest challenge is for that endpoint alone, and so is
     * what a subscription set of TLS and proxies. */
    if (request->url.has_user || custom_marks_handle(request->custom)
        || http->spare_count >= SPARE_EASY_MAX) {
        curl_easy_cleanup(request->easy);
        request->easy = NULL;
    }
    custom_release(request->custom);
    request->custom = NULL;
    request->state = REQUEST_SPARE;
    request->turn++;
    request->delivery = NULL;
    request->next_spare = http->spare;
    http->spare = request;
    http->spare_count++;
}

void request_free(struct request *request)
{
    curl_easy_cleanup(request->easy);
    custom_release(request->custom);
    free(request->headers);
    free(request->header_text);
    free(request);
}

/* --- The rest. */

/* As AWS does it: first without, then what a 401 asks for. */
static void prepare_user(struct request *request)
{
    if (!request->url.has_user) {
        return;
    }
    (void)curl_easy_setopt(request->easy, CURLOPT_HTTPAUTH,
                           (long)(CURLAUTH_BASIC | CURLAUTH_DIGEST));
    (void)curl_easy_setopt(request->easy, CURLOPT_USERNAME, request->url.user);
    (void)curl_easy_setopt(request->easy, CURLOPT_PASSWORD, request->url.password);
}

static void prepare_tls(struct request *request)
{
    const struct custom *custom = request->custom;

    if (custom->tls_version != 0) {
        (void)curl_easy_setopt(request->easy, CURLOPT_SSLVERSION, custom->tls_version);
    }
    if (custom->ca.len > 0) {
        (void)curl_easy_setopt(request->easy, CURLOPT_CAINFO_BLOB, &custom->ca);
    }
    if (custom->certificate.len > 0) {
        (void)curl_easy_setopt(request->easy, CURLOPT_SSLCERT_BLOB, &custom->certificate);
        (void)curl_easy_setopt(request->easy, CURLOPT_SSLKEY_BLOB, &custom->certificate);
    }
}

/* The proxy is given the address that was allowed, never a name to resolve by itself: it could
 * be told another. */
static void write_target(struct request *request)
{
    const struct url *url = &request->url;
    const char *address = request->target;
    bool is_v6 = strchr(address, ':') != NULL;
    bool is_v6_host = url->kind == URL_IPV6;

    (void)snprintf(request->connect_text, sizeof request->connect_text, "%s%s%s:%u:%s%s%s:%u",
                   is_v6_host ? "[" : "", url->host, is_v6_host ? "]" : "", url->port,
                   is_v6 ? "[" : "", address, is_v6 ? "]" : "", url->port);
    request->connect_to = (struct curl_slist){.data = request->connect_text, .next = NULL};
}

static void prepare_proxy(struct request *request)
{
    static const long types[] = {
        [PROXY_HTTP] = CURLPROXY_HTTP,
        [PROXY_HTTPS] = CURLPROXY_HTTPS,
        [PROXY_SOCKS5] = CURLPROXY_SOCKS5,
    };
    const struct custom *custom = request->custom;
    const struct url *proxy = &custom->proxy;
    bool is_v6 = proxy->kind == URL_IPV6;
    CURL *easy = request->easy;
    char host[URL_HOST_MAX + 3];

    (void)snprintf(host, sizeof host, "%s%s%s", is_v6 ? "[" : "", proxy->host,
                   is_v6 ? "]" : "");
    write_target(request);
    (void)curl_easy_setopt(easy, CURLOPT_PROXY, host);
    (void)curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
    (void)curl_easy_setopt(easy, CURLOPT_PROXYPORT, (long)proxy->port);
    (void)curl_easy_setopt(easy, CURLOPT_PROXYTYPE, types[custom->proxy_kind]);
    (void)curl_easy_setopt(easy, CURLOPT_HTTPPROXYTUNNEL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_CONNECT_TO, &request->connect_to);
    if (request->http->ca_file != NULL) {
        (void)curl_easy_setopt(easy, CURLOPT_PROXY_CAINFO, request->http->ca_file);
    }
    if (custom->ca.len > 0) {
        (void)curl_easy_setopt(easy, CURLOPT_PROXY_CAINFO_BLOB, &custom->ca);
    }
    if (proxy->has_user) {
        (void)curl_easy_setopt(easy, CURLOPT_PROXYUSERNAME, proxy->user);
        (void)curl_easy_setopt(easy, CURLOPT_PROXYPASSWORD, proxy->password);
    }
}

bool request_has_proxy(const struct request *request)
{
    return request->custom != NULL && request->custom->proxy_kind != PROXY_NONE;
}

static void prepare_custom(struct request *request)
{
    if (request->custom == NULL) {
        return;
    }
    prepare_tls(request);
    if (request_has_proxy(request)) {
        prepare_proxy(request);
    }
}

bool request_prepare(struct request *request)
{
    const struct delivery *delivery = request->delivery;

    if (request->easy == NULL && !easy_open(request)) {
        return false;
    }
    answer_forget(request);
    vetted_apply(&request->vetted,
                 request_has_proxy(request) ? &request->custom->proxy : &request->url,
                 request->easy);
    prepare_custom(request);
    prepare_user(request);
    (void)curl_easy_setopt(request->easy, CURLOPT_LOW_SPEED_TIME, 0L); /* see on_header */
    (void)curl_easy_setopt(request->easy, CURLOPT_TIMEOUT_MS, (long)delivery->timeout_ms);
    (void)curl_easy_setopt(request->easy, CURLOPT_POSTFIELDSIZE_LARGE,
                           (curl_off_t)delivery->payload_size);
    (void)curl_easy_setopt(request->easy, CURLOPT_POSTFIELDS,
                           delivery->payload_size > 0 ? delivery->payload : "");
    return headers_prepare(request)
           && curl_easy_setopt(request->easy, CURLOPT_URL, request->url.plain) == CURLE_OK;
}
