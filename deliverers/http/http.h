/* Inside http/: requests under way. */
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
    struct request **requests; /* by slot */
    uint32_t request_count;
    struct request *spare; /* the last given back first */
    uint32_t spare_count;
    struct customs customs;
    /* options */
    long connect_timeout_ms;
    const char *ca_file; /* NULL: the system's */
};

enum request_state {
    REQUEST_SPARE,
    REQUEST_RESOLVING,       /* the endpoint */
    REQUEST_RESOLVING_PROXY, /* behind which it is */
    REQUEST_SENDING
};

/* One delivery's POST; its easy handle and memory are used again and again. */
struct request {
    struct http *http;
    struct request *next_spare;
    uint32_t slot;
    uint32_t turn; /* how often it was used: tells a late answer of the resolver */
    enum request_state state;
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

/* request.c */
struct request *request_take(struct http *http); /* NULL: out of memory */
void request_give_back(struct request *request);
void request_free(struct request *request);
/* false: out of memory, or a header that cannot be sent. */
bool request_prepare(struct request *request);
bool request_has_proxy(const struct request *request);

/* headers.c; false: out of memory, or a header that cannot be sent. */
bool headers_prepare(struct request *request);

/* answer.c */
size_t on_header(char *at, size_t size, size_t count, void *context);
size_t on_body(char *at, size_t size, size_t count, void *context);
void answer_forget(struct request *request);
/* Says what came of it, to the host. */
void answer_settle(struct request *request, CURLcode code);

#endif
