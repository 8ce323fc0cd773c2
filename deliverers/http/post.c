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

static bool easy_open(struct post *post)
{
    CURL *easy = transfers_easy(&post->http->transfers, "http,https");

    if (easy == NULL) {
        return false;
    }
    (void)curl_easy_setopt(easy, CURLOPT_PRIVATE, post);
    (void)curl_easy_setopt(easy, CURLOPT_POST, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    (void)curl_easy_setopt(easy, CURLOPT_USERAGENT, USER_AGENT);
    (void)curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, RECEIVE_BUFFER);
    (void)curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, SEND_BUFFER);
    (void)curl_easy_setopt(easy, CURLOPT_MAXLIFETIME_CONN, CONNECTION_LIFE_S);
    (void)curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, CONNECTION_IDLE_S);
    (void)curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, DNS_REMEMBERED_S);
    (void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, post->http->connect_timeout_ms);
    (void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, post->error);
    (void)curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    (void)curl_easy_setopt(easy, CURLOPT_HEADERDATA, post);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, post);
    if (post->http->ca_file != NULL) {
        (void)curl_easy_setopt(easy, CURLOPT_CAINFO, post->http->ca_file);
    }
    post->easy = easy;
    return true;
}

static struct post *post_create(struct http *http)
{
    struct post **posts = realloc(http->posts, (http->post_count + 1) * sizeof(struct post *));

    if (posts == NULL) {
        return NULL;
    }
    http->posts = posts;
    struct post *post = calloc(1, sizeof *post);

    if (post == NULL) {
        return NULL;
    }
    post->http = http;
    post->slot = http->post_count;
    posts[http->post_count++] = post;
    return post;
}

struct post *post_take(struct http *http)
{
    struct post *post = http->spare;

    if (post != NULL) {
        http->spare = post->next_spare;
        http->spare_count--;
        return post;
    }
    return post_create(http);
}

void post_give_back(struct post *post)
{
    struct http *http = post->http;

    /* What a handle has learned of a Digest challenge is for that endpoint alone, and so is
     * what a subscription set of TLS and proxies. */
    if (post->url.has_user || custom_marks_handle(post->custom)
        || http->spare_count >= SPARE_EASY_MAX) {
        curl_easy_cleanup(post->easy);
        post->easy = NULL;
    }
    custom_release(post->custom);
    post->custom = NULL;
    post->state = POST_SPARE;
    post->turn++;
    post->delivery = NULL;
    post->next_spare = http->spare;
    http->spare = post;
    http->spare_count++;
}

void post_free(struct post *post)
{
    curl_easy_cleanup(post->easy);
    custom_release(post->custom);
    free(post->headers);
    free(post->header_text);
    free(post);
}

/* --- The rest. */

/* As AWS does it: first without, then what a 401 asks for. */
static void prepare_user(struct post *post)
{
    if (!post->url.has_user) {
        return;
    }
    (void)curl_easy_setopt(post->easy, CURLOPT_HTTPAUTH,
                           (long)(CURLAUTH_BASIC | CURLAUTH_DIGEST));
    (void)curl_easy_setopt(post->easy, CURLOPT_USERNAME, post->url.user);
    (void)curl_easy_setopt(post->easy, CURLOPT_PASSWORD, post->url.password);
}

static void prepare_tls(struct post *post)
{
    const struct custom *custom = post->custom;

    if (custom->tls_version != 0) {
        (void)curl_easy_setopt(post->easy, CURLOPT_SSLVERSION, custom->tls_version);
    }
    if (custom->ca.len > 0) {
        (void)curl_easy_setopt(post->easy, CURLOPT_CAINFO_BLOB, &custom->ca);
    }
    if (custom->certificate.len > 0) {
        (void)curl_easy_setopt(post->easy, CURLOPT_SSLCERT_BLOB, &custom->certificate);
        (void)curl_easy_setopt(post->easy, CURLOPT_SSLKEY_BLOB, &custom->certificate);
    }
}

/* The proxy is given the address that was allowed, never a name to resolve by itself: it could
 * be told another. */
static void write_target(struct post *post)
{
    const struct url *url = &post->url;
    const char *address = post->target;
    bool is_v6 = strchr(address, ':') != NULL;
    bool is_v6_host = url->kind == URL_IPV6;

    (void)snprintf(post->connect_text, sizeof post->connect_text, "%s%s%s:%u:%s%s%s:%u",
                   is_v6_host ? "[" : "", url->host, is_v6_host ? "]" : "", url->port,
                   is_v6 ? "[" : "", address, is_v6 ? "]" : "", url->port);
    post->connect_to = (struct curl_slist){.data = post->connect_text, .next = NULL};
}

static void prepare_proxy(struct post *post)
{
    static const long types[] = {
        [PROXY_HTTP] = CURLPROXY_HTTP,
        [PROXY_HTTPS] = CURLPROXY_HTTPS,
        [PROXY_SOCKS5] = CURLPROXY_SOCKS5,
    };
    const struct custom *custom = post->custom;
    const struct url *proxy = &custom->proxy;
    bool is_v6 = proxy->kind == URL_IPV6;
    CURL *easy = post->easy;
    char host[URL_HOST_MAX + 3];

    (void)snprintf(host, sizeof host, "%s%s%s", is_v6 ? "[" : "", proxy->host,
                   is_v6 ? "]" : "");
    write_target(post);
    (void)curl_easy_setopt(easy, CURLOPT_PROXY, host);
    (void)curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
    (void)curl_easy_setopt(easy, CURLOPT_PROXYPORT, (long)proxy->port);
    (void)curl_easy_setopt(easy, CURLOPT_PROXYTYPE, types[custom->proxy_kind]);
    (void)curl_easy_setopt(easy, CURLOPT_HTTPPROXYTUNNEL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_CONNECT_TO, &post->connect_to);
    if (post->http->ca_file != NULL) {
        (void)curl_easy_setopt(easy, CURLOPT_PROXY_CAINFO, post->http->ca_file);
    }
    if (custom->ca.len > 0) {
        (void)curl_easy_setopt(easy, CURLOPT_PROXY_CAINFO_BLOB, &custom->ca);
    }
    if (proxy->has_user) {
        (void)curl_easy_setopt(easy, CURLOPT_PROXYUSERNAME, proxy->user);
        (void)curl_easy_setopt(easy, CURLOPT_PROXYPASSWORD, proxy->password);
    }
}

bool post_has_proxy(const struct post *post)
{
    return post->custom != NULL && post->custom->proxy_kind != PROXY_NONE;
}

static void prepare_custom(struct post *post)
{
    if (post->custom == NULL) {
        return;
    }
    prepare_tls(post);
    if (post_has_proxy(post)) {
        prepare_proxy(post);
    }
}

bool post_prepare(struct post *post)
{
    const struct delivery *delivery = post->delivery;

    if (post->easy == NULL && !easy_open(post)) {
        return false;
    }
    answer_forget(post);
    vetted_apply(&post->vetted, post_has_proxy(post) ? &post->custom->proxy : &post->url,
                 post->easy);
    prepare_custom(post);
    prepare_user(post);
    (void)curl_easy_setopt(post->easy, CURLOPT_LOW_SPEED_TIME, 0L); /* see on_header */
    (void)curl_easy_setopt(post->easy, CURLOPT_TIMEOUT_MS, (long)delivery->timeout_ms);
    (void)curl_easy_setopt(post->easy, CURLOPT_POSTFIELDSIZE_LARGE,
                           (curl_off_t)delivery->payload_size);
    (void)curl_easy_setopt(post->easy, CURLOPT_POSTFIELDS,
                           delivery->payload_size > 0 ? delivery->payload : "");
    return headers_prepare(post)
           && curl_easy_setopt(post->easy, CURLOPT_URL, post->url.plain) == CURLE_OK;
}
