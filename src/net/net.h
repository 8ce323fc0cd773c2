/* Sockets and HTTP: a server for HTTP/1.1 and HTTP/2 with prior knowledge on one port.
 * Knows nothing of SNS.  Everything here happens on the loop's thread. */
#ifndef NET_NET_H
#define NET_NET_H

#include "base/arena.h"
#include "base/status.h"

#include <uv.h>

struct http_header {
    struct text name; /* as received; compare without case */
    struct text value;
};

/* One request, complete with its body.  All texts live until it is answered. */
struct http_request {
    struct text method;
    struct text target; /* as sent: "/a/b?c=d"; absolute forms are reduced to this */
    struct text path;   /* before the '?', still percent-encoded */
    struct text query;  /* behind the '?', or empty */
    struct text host;   /* Host or :authority, may be empty */
    const struct http_header *headers;
    size_t header_count;
    struct text body;
    struct text peer; /* "127.0.0.1:50000" */
    bool http2;
    /* Headers that its answer carries beside the response's, whoever answers: the handler's to
     * set, in the arena; names in lower case. */
    const struct http_header *answer_headers;
    size_t answer_header_count;
    struct arena *arena; /* freed with the request: for what answering it needs */
    void *user;          /* the handler's */
};

/* The first header of that name, or empty text with at == NULL. */
struct text http_request_header(const struct http_request *request, struct text name);

struct http_response {
    int status;
    const struct http_header *headers; /* without Content-Length, Date, Connection */
    size_t header_count;
    struct text content_type; /* empty: no such header */
    struct text body;         /* copied before http_respond returns */
};

/* Exactly once for each request, now or later; the request is gone afterwards. Also legal when
 * the client has gone. */
void http_respond(struct http_request *request, const struct http_response *response);

/* --- Answers in pieces, over both protocols: begun instead of http_respond, then written, then
 * ended or aborted once; the request is gone afterwards.  Those behind it on HTTP/1 wait. */

struct http_stream {
    /* There is room again after http_write had none.  May write, end and abort; never from
     * inside a call of these functions. */
    void (*drained)(void *context);
    void *context;
};

/* Status and headers of `response`; its body is not looked at.  HTTP/1.1 is sent chunks, to
 * HTTP/1.0 the connection's end is the answer's. */
void http_begin(struct http_request *request, const struct http_response *response,
                const struct http_stream *stream);
/* Takes the piece, whole; false: there is no room for another one before `drained`.  What is
 * written to a client that has gone is dropped. */
bool http_write(struct http_request *request, struct text piece);
void http_end(struct http_request *request);
/* The rest will never come, and the client can tell: no last chunk, or RST_STREAM. */
void http_abort(struct http_request *request);

struct net_options {
    const char *address; /* numeric IPv4 or IPv6 */
    uint16_t port;       /* 0: the kernel picks one, see net_server_port */
    size_t header_max;   /* bytes of all headers and the request line; more is 431 */
    size_t body_max;     /* bytes; more is 413, before it is read when announced */
    /* Beyond, the connection that is idle longest makes room; while none is idle, further ones
     * wait in the backlog, but for so many from this machine: whoever looks after it. */
    uint32_t connection_max;
    uint32_t local_reserve;
    uint32_t connections_per_source; /* of one address (IPv6: /64) but loopback; 0: any */
    size_t held_max;        /* bytes of bodies and answers under way; beyond, bodies that still
                             * come are refused (503); 0: any */
    size_t held_per_source; /* the same of one address but loopback; 0: any */
    uint32_t pipeline_max;  /* requests of one connection under way; reading stops beyond */
    int64_t idle_ms;        /* a connection without a request */
    int64_t slow_ms;        /* a request that is not complete after so long: 408, closed */
};

struct net_handler {
    void (*request)(void *context, struct http_request *request);
    /* The client of an unanswered request has gone; http_respond is still owed. */
    void (*gone)(void *context, struct http_request *request);
    void *context;
};

struct net_server;

/* Listens.  `why` names the address and what to do (a taken port, no permission). */
MUST_CHECK enum status net_server_start(uv_loop_t *loop, const struct net_options *options,
                                        const struct net_handler *handler,
                                        struct net_server **ret_server, struct why *why);
uint16_t net_server_port(const struct net_server *server);
/* Backpressure: while paused no socket is read; answers still go out. */
void net_server_pause(struct net_server *server, bool paused);
/* Answers are written once per turn of the loop; whoever answers right before the loop may
 * sleep (in a prepare handle of its own) calls this. */
void net_server_flush(struct net_server *server);
/* Stops accepting, closes idle connections, lets answers under way finish (at most `grace_ms`),
 * then runs `stopped` and frees the server. */
void net_server_stop(struct net_server *server, int64_t grace_ms,
                     void (*stopped)(void *context), void *context);

struct net_counters {
    uint64_t connections_open, connections_total, requests_total, refused_total;
    uint64_t evicted_total; /* idle connections that made room */
    uint64_t held_bytes;    /* of bodies and answers under way */
};

struct net_counters net_server_counters(const struct net_server *server);

#endif
