/* Inside http/: POSTs under way. */
#ifndef DELIVERERS_HTTP_HTTP_H
#define DELIVERERS_HTTP_HTTP_H

#include "custom.h"

#include "deliverers/common/transfers.h"
#include "deliverers/common/url.h"
#include "deliverers/common/vetted.h"
#include "deliverers/deliverer.h"

#define ANSWER_KEPT 1024

struct http {
    struct deliverer_host *host;
    struct transfers transfers;
    struct post **posts; /* by slot */
    uint32_t post_count;
    struct post *spare; /* the last given back first */
    uint32_t spare_count;
    struct customs customs;
    /* options */
    long connect_timeout_ms;
    const char *ca_file; /* NULL: the system's */
};

enum post_state {
    POST_SPARE,
    POST_RESOLVING,       /* the endpoint */
    POST_RESOLVING_PROXY, /* behind which it is */
    POST_SENDING
};

/* One delivery's POST; its easy handle and memory are used again and again. */
struct post {
    struct http *http;
    struct post *next_spare;
    uint32_t slot;
    uint32_t turn; /* how often it was used: tells a late answer of the resolver */
    enum post_state state;
    const struct delivery *delivery;
    struct url url;
    CURL *easy;
    struct custom *custom; /* or NULL */
    struct vetted vetted;  /* the addresses to connect to: the proxy's, if there is one */
    char target[INET6_ADDRSTRLEN]; /* behind a proxy: the endpoint's */
    char connect_text[URL_HOST_MAX + INET6_ADDRSTRLEN + 24];
    struct curl_slist connect_to;
    char *header_text;
    size_t header_text_room;
    struct curl_slist *headers;
    size_t header_room;
    uint64_t started_ns;
    int64_t resolved_us;
    /* The answer so far. */
    int status;
    bool has_head; /* complete, and not of a 1xx */
    size_t head_size;
    size_t body_size;
    char answer[ANSWER_KEPT];
    size_t answer_size;
    char error[CURL_ERROR_SIZE];
};

/* post.c */
struct post *post_take(struct http *http); /* NULL: out of memory */
void post_give_back(struct post *post);
void post_free(struct post *post);
/* false: out of memory, or a header that cannot be sent. */
bool post_prepare(struct post *post);
bool post_has_proxy(const struct post *post);

/* headers.c; false: out of memory, or a header that cannot be sent. */
bool headers_prepare(struct post *post);

/* answer.c */
size_t on_header(char *at, size_t size, size_t count, void *context);
size_t on_body(char *at, size_t size, size_t count, void *context);
void answer_forget(struct post *post);
/* Says what came of it, to the host. */
void answer_settle(struct post *post, CURLcode code);

#endif
