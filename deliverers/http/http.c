/* HTTP and HTTPS endpoints: one POST per delivery, by libcurl on the daemon's loop. */
#include "http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IDLE_CONNECTIONS "idle_connections"
#define CONNECT_TIMEOUT  "connect_timeout_ms"
#define CA_FILE          "ca_file"
#define PROXY            "proxy"

/* --- From a delivery to a request. */

static void settle_with(struct http *http, uint64_t delivery_id, enum verdict verdict,
                        const char *reason)
{
    const struct outcome outcome = {
        .verdict = verdict, .reason = reason, .peer = "", .answer = ""};

    http->host->settle(http->host, delivery_id, &outcome);
}

/* Ends a request that libcurl has not got. */
static void post_fail(struct post *post, enum verdict verdict, const char *reason)
{
    settle_with(post->http, post->delivery->id, verdict, reason);
    post_give_back(post);
}

static void post_send(struct post *post)
{
    struct http *http = post->http;

    post->resolved_us = (int64_t)((uv_hrtime() - post->started_ns) / 1000);
    if (!post_prepare(post)) {
        post_fail(post, VERDICT_REFUSED, "its headers cannot be sent");
        return;
    }
    if (curl_multi_add_handle(http->transfers.multi, post->easy) != CURLM_OK) {
        post_fail(post, VERDICT_RETRY, "libcurl took no further request");
        return;
    }
    post->state = POST_SENDING;
}

/* Names a request to the resolver: its slot, and which turn of it. */
static uint64_t post_ticket(const struct post *post)
{
    return (uint64_t)post->turn << 32U | post->slot;
}

static void on_resolved(void *self, uint64_t ticket, const struct resolved *resolved);

/* Asks for what a host stands for, or for a vote about an address. */
static void post_vet(struct post *post, const struct url *url, enum post_state state)
{
    struct http *http = post->http;
    struct deliverer_host *host = http->host;
    const char *address = url->host;
    const struct resolved resolved = {.addresses = &address, .count = 1};
    const char *why = "";

    post->state = state;
    if (url->kind == URL_NAME) {
        host->resolve(host, url->host, url->port, on_resolved, http, post_ticket(post));
    } else if (host->may_connect(host, url->host, url->port, &why)) {
        on_resolved(http, post_ticket(post), &resolved);
    } else {
        post_fail(post, VERDICT_REFUSED, why);
    }
}

/* A proxy takes one address: another one on each attempt. */
static void target_take(struct post *post, const struct resolved *resolved)
{
    size_t turn = post->delivery->attempt > 0 ? post->delivery->attempt - 1 : 0;

    (void)snprintf(post->target, sizeof post->target, "%s",
                   resolved->addresses[turn % resolved->count]);
}

static void on_resolved(void *self, uint64_t ticket, const struct resolved *resolved)
{
    struct http *http = self;
    struct post *post = http->posts[(uint32_t)ticket];

    if ((post->state != POST_RESOLVING && post->state != POST_RESOLVING_PROXY)
        || post_ticket(post) != ticket) {
        return; /* it was cancelled meanwhile */
    }
    if (resolved->count == 0) {
        post_fail(post, resolved->denied ? VERDICT_REFUSED : VERDICT_RETRY, resolved->why);
        return;
    }
    if (post->state == POST_RESOLVING && post_has_proxy(post)) {
        target_take(post, resolved);
        post_vet(post, &post->custom->proxy, POST_RESOLVING_PROXY);
        return;
    }
    vetted_take(&post->vetted, resolved);
    post_send(post);
}

static void deliver_one(struct http *http, const struct delivery *delivery)
{
    struct post *post = post_take(http);
    const char *why = "";
    bool has_failed = false;

    if (post == NULL) {
        settle_with(http, delivery->id, VERDICT_RETRY, "out of memory");
        return;
    }
    post->delivery = delivery;
    post->started_ns = uv_hrtime();
    post->url.has_user = false;
    post->custom = custom_take(&http->customs, delivery, &has_failed);
    if (!url_read(delivery->endpoint, &post->url, &why)) {
        post_fail(post, VERDICT_REFUSED, why);
    } else if (has_failed) {
        post_fail(post, VERDICT_RETRY, "out of memory");
    } else if (post->custom != NULL && post->custom->fault != NULL) {
        post_fail(post, VERDICT_RETRY, post->custom->fault);
    } else {
        post_vet(post, &post->url, POST_RESOLVING);
    }
}

static void http_deliver(void *self, const struct delivery *const *deliveries, size_t count)
{
    struct http *http = self;

    for (size_t i = 0; i < count; i++) {
        deliver_one(http, deliveries[i]);
    }
}

/* --- And back. */

static void on_finished(void *context, void *transfer, CURLcode code)
{
    struct http *http = context;
    struct post *post = transfer;

    answer_settle(post, code);
    (void)curl_multi_remove_handle(http->transfers.multi, post->easy);
    post_give_back(post);
}

static void http_cancel(void *self, uint64_t delivery_id)
{
    struct http *http = self;

    for (uint32_t i = 0; i < http->post_count; i++) {
        struct post *post = http->posts[i];

        if (post->state == POST_SPARE || post->delivery->id != delivery_id) {
            continue;
        }
        if (post->state == POST_SENDING) {
            (void)curl_multi_remove_handle(http->transfers.multi, post->easy);
        }
        post_fail(post, VERDICT_RETRY, "cancelled");
        return;
    }
}

static bool http_accepts(void *self, const char *protocol, const char *endpoint,
                         const char **ret_why)
{
    struct http *http = self;
    struct url url;

    if (!url_read(endpoint, &url, ret_why)) {
        return false;
    }
    if (strcmp(protocol, url.is_tls ? "https" : "http") != 0) {
        *ret_why = "the endpoint's scheme is not the protocol";
        return false;
    }
    return http->host->may_connect(http->host, url.host, url.port, ret_why);
}

static bool http_accepts_setting(void *self, const char *name, const char *value,
                                 const char **ret_why)
{
    struct http *http = self;
    struct url proxy = {.port = 0};
    bool is_ours = false;
    const char *fault = custom_fault(name, value, &is_ours, &proxy);

    if (fault != NULL) {
        *ret_why = fault;
        return false;
    }
    return !is_ours || proxy.port == 0
           || http->host->may_connect(http->host, proxy.host, proxy.port, ret_why);
}

/* --- Its life. */

/* Of the form OPTION_NUMBER: the host has checked it. */
static long option_number(struct deliverer_host *host, const char *name)
{
    return strtol(host->option(host, name), NULL, 10);
}

static void http_close(void *self)
{
    struct http *http = self;

    for (uint32_t i = 0; i < http->post_count; i++) {
        struct post *post = http->posts[i];

        if (post->state == POST_SENDING) {
            (void)curl_multi_remove_handle(http->transfers.multi, post->easy);
        }
        post_free(post);
    }
    free(http->posts);
    customs_free(&http->customs);
    transfers_close(&http->transfers);
    free(http);
}

static int http_open(struct deliverer_host *host, void **ret_self)
{
    long idle_connections = option_number(host, IDLE_CONNECTIONS);
    const char *ca_file = host->option(host, CA_FILE);
    struct http *http = calloc(1, sizeof *http);

    if (http == NULL) {
        return -1;
    }
    http->host = host;
    http->connect_timeout_ms = option_number(host, CONNECT_TIMEOUT);
    http->ca_file = ca_file[0] == '\0' ? NULL : ca_file;
    http->customs.proxy = host->option(host, PROXY);
    http->transfers.finished = on_finished;
    http->transfers.context = http;
    if (!transfers_open(&http->transfers, host->loop)) {
        free(http);
        return -1;
    }
    (void)curl_multi_setopt(http->transfers.multi, CURLMOPT_MAXCONNECTS, idle_connections);
    *ret_self = http;
    return 0;
}

static bool http_check(const char *option, const char *value, const char **ret_why)
{
    struct url proxy;
    bool is_ours = false;
    const char *fault = strcmp(option, PROXY) == 0 && value[0] != '\0'
                            ? custom_fault("Proxy", value, &is_ours, &proxy)
                            : NULL;

    if (fault != NULL) {
        *ret_why = fault;
    }
    return fault == NULL;
}

static const char *const http_protocols[] = {"http", "https", NULL};
static const struct deliverer_option http_options[] = {
    {IDLE_CONNECTIONS, "1024",
     "connections kept open for the next delivery, all endpoints together", OPTION_NUMBER},
    {CONNECT_TIMEOUT, "5000", "how long a connection may take, TLS included", OPTION_NUMBER},
    {CA_FILE, "", "PEM file of trusted certificate authorities instead of the system's",
     OPTION_TEXT},
    {PROXY, "",
     "for subscriptions without Fanfare.Proxy: http://, https:// or socks5://host:port; "
     "a private address must be in egress_allow",
     OPTION_SECRET},
    {.name = NULL},
};

extern const struct deliverer deliverer_http;

const struct deliverer deliverer_http = {
    .abi = DELIVERER_ABI,
    .name = "http",
    .protocols = http_protocols,
    .options = http_options,
    .max_batch = 1,
    .open = http_open,
    .accepts = http_accepts,
    .deliver = http_deliver,
    .cancel = http_cancel,
    .close = http_close,
    .check = http_check,
    .accepts_setting = http_accepts_setting,
};
