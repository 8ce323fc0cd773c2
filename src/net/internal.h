/* Private to net: what its files share. */
#ifndef NET_INTERNAL_H
#define NET_INTERNAL_H

#include "base/list.h"
#include "base/map.h"
#include "net/net.h"

#include <netinet/in.h>
#include <sys/uio.h>
#include <uv.h>

#include <llhttp.h>

/* --- Blocks: bytes with a reference count, pooled in two sizes.  A request borrows its texts
 * from the block that was read into, so a block's bytes below `len` are never moved while
 * somebody else holds a reference. */

enum {
    BLOCK_SMALL = 4096 - 64,
    BLOCK_LARGE = 16384 - 64,
    BLOCK_SIZES = 2
};

struct block {
    struct block *next; /* of a chain, or of the pool */
    uint32_t references;
    size_t len;  /* bytes in use */
    size_t room; /* bytes there are */
    char at[];
};

struct block_pool {
    struct block *spare[BLOCK_SIZES];
    uint32_t count[BLOCK_SIZES];
};

/* At least `room` bytes, one reference. `pool` may be NULL (here and below): memory only. */
struct block *block_take(struct block_pool *pool, size_t room);
struct block *block_ref(struct block *block);
void block_release(struct block_pool *pool, struct block *block); /* NULL is fine */
void block_pool_free(struct block_pool *pool);

/* Bytes on their way out: blocks one behind the other.  A zeroed struct is an empty chain. */
struct chain {
    struct block *first;
    struct block *last;
    size_t bytes;   /* not yet sent */
    size_t skipped; /* bytes of the first block that are sent */
};

/* `size` contiguous bytes at the end, to be written and then counted by chain_commit. */
char *chain_reserve(struct block_pool *pool, struct chain *chain, size_t size);
void chain_commit(struct chain *chain, size_t size);
void chain_add(struct block_pool *pool, struct chain *chain, struct text text);
void chain_move(struct chain *to,
                struct chain *from); /* all of it; nothing of `from` was sent */
/* What is to be sent next, as at most `max` vectors; how many. */
int chain_vectors(const struct chain *chain, struct iovec *vectors, int max);
void chain_consume(struct block_pool *pool, struct chain *chain, size_t size);
void chain_free(struct block_pool *pool, struct chain *chain);

/* --- The header block of HTTP/1. */

enum head_state {
    HEAD_MORE,     /* not complete yet */
    HEAD_COMPLETE, /* ret_len bytes, the empty line included */
    HEAD_BROKEN    /* a control byte, a bare CR or LF, or a folded line */
};

/* Finds the end of the head at `at`, and refuses every byte that two servers could read
 * differently.  `*scanned` is where the last call stopped, 0 at first. */
enum head_state head_scan(struct text bytes, size_t *scanned, size_t *ret_len);
bool head_is_token(struct text name);

/* --- The date, formatted once a second. */

enum {
    DATE_SIZE = 29 /* "Sun, 06 Nov 1994 08:49:37 GMT" */
};

struct date {
    char text[DATE_SIZE + 1];
    uint64_t expires_ms; /* on the loop's clock */
};

struct text date_text(struct date *date, uint64_t loop_ms);

/* --- Requests. */

struct connection;

struct request {
    struct http_request http; /* what the handler sees */
    struct list_node node;    /* of the connection's requests or of those not complete yet */
    struct connection *connection;
    struct arena arena;
    struct http_header *headers;
    size_t header_room;
    struct block *head;  /* what the head was borrowed from */
    struct block *body;  /* what the body was borrowed from, when it is another block */
    struct chain answer; /* HTTP/1: until those before are answered; HTTP/2: the body */
    bool is_head;        /* the answer has no body */
    bool keeps_alive;    /* the connection stays open after the answer */
    bool is_answered;
    bool is_handed_up; /* the handler has it */
    bool is_told_gone;
    bool is_detached; /* HTTP/2: the stream has gone, the answer goes nowhere */
    bool is_refused;  /* HTTP/2: answered by us before it was complete */
    bool is_complete; /* all of it has come: the connection has its body parked */
    bool expects_100;
    bool is_streaming; /* its answer comes in pieces */
    bool has_ended;    /* the last of them has */
    bool wants_room;   /* it is to hear of room */
    struct http_stream stream;
    int32_t stream_id;
    int64_t announced; /* HTTP/2: content-length, or -1 */
    size_t header_bytes;
    size_t withheld; /* HTTP/2: window not given back yet */
    uint64_t number; /* HTTP/2: in order of arrival, from 1 */
    uint64_t started_ms;
};

struct request *http_request_take(struct connection *connection);
void http_request_finish(struct request *request); /* it is in no list; NULL is fine */
struct http_header *request_add_header(struct request *request);
/* From http.target: path, query, and the absolute form reduced. */
void request_split_target(struct request *request);
/* Tells the handler, once, that nobody waits for the answer. */
void request_tell_gone(struct request *request);
/* Appends the whole answer in HTTP/1's form to `chain`; of one in pieces, the head. */
void response_write(struct request *request, const struct http_response *response,
                    struct chain *chain);
/* The answer of this folder itself: "413 Content Too Large: reason\n". */
struct http_response response_refusal(struct request *request, int status, const char *reason);

/* --- Who holds what (sources.c). */

struct source {
    struct map_node map; /* in server->sources */
    struct in6_addr key; /* IPv4 is mapped; of IPv6 the /64 */
    uint32_t connections;
    size_t held;
    bool is_local; /* this machine */
};

/* One connection more of that address (IPv4 as mapped), or less; the last one frees it. */
struct source *source_enter(struct net_server *server, const struct in6_addr *address);
void source_leave(struct net_server *server, struct source *source);
bool source_may_enter(const struct net_server *server, const struct source *source);
void sources_free(struct net_server *server);
/* So many bytes does the connection hold now. */
void source_hold(struct connection *connection, size_t bytes);
/* While too much is held in all: closes, a few at a time, who has not taken its answers for the
 * longest time, but not this one. */
void stalled_evict(const struct connection *but);
/* Whether the server, or whom the connection is from, holds more than it may. */
bool source_is_over(const struct connection *connection);

/* --- Connections. */

/* What HTTP/1 and HTTP/2 do differently. */
struct protocol {
    /* Consumes input while connection_may_take; sets is_starved when it needs more bytes. */
    void (*take)(struct connection *connection);
    void (*answer)(struct request *request, const struct http_response *response);
    /* Of an answer in pieces, once `answer` has taken its head. */
    bool (*write)(struct request *request, struct text piece);
    void (*end)(struct request *request, bool is_whole);
    /* Moves what is ready into the connection's output; true when there was no room for all. */
    bool (*fill)(struct connection *connection);
    /* The number of the oldest request that is not complete yet, or 0; when its time is over.
     */
    uint64_t (*partial)(const struct connection *connection);
    void (*expire)(struct connection *connection);
    /* Takes no further requests; closes once all are answered. */
    void (*leave)(struct connection *connection);
    /* Bytes that it holds beside the input and the output. */
    size_t (*held)(const struct connection *connection);
    /* Too much is held: refuses what is still being received. */
    void (*overdraw)(struct connection *connection);
    void (*close)(struct connection *connection); /* frees what it holds */
};

extern const struct protocol http1_protocol;
extern const struct protocol http2_protocol;

struct http1 {
    llhttp_t parser;
    struct request *request; /* the one being received, once its head is complete */
    size_t scanned;          /* bytes of the head that head_scan has seen */
    size_t body_len;         /* bytes of the body, at input_keep */
    const char *reason;      /* for people */
    int refusal;             /* HTTP status with which the callbacks refuse it, or 0 */
    bool is_name_open;
    bool is_old;   /* HTTP/1.0: keeping alive must be said */
    bool owes_100; /* "100 Continue" once those before are answered */
};

struct http2;

/* For what a connection waits while time runs against it. */
enum timing {
    TIMING_IDLE,
    TIMING_SLOW,
    TIMING_WRITE,
    TIMING_LINGER,
    TIMING_COUNT,
    TIMING_NONE = TIMING_COUNT
};

struct connection {
    struct list_node node;           /* of the server's connections, open or closed */
    struct list_node timed;          /* of server->timed[timing] */
    struct list_node dirty;          /* of server->dirty: something to send or to take */
    struct list_node stalled;        /* of server->stalled: wants to read, but net is paused */
    struct net_server *server;       /* NULL when the server has gone before the last answer */
    const struct protocol *protocol; /* NULL until the first bytes tell */
    uv_poll_t poll;
    int fd;     /* -1: nobody there (fuzzing): output stays, input is fed */
    int events; /* what the poll waits for */
    struct block *input;
    size_t input_at;   /* bytes before are taken */
    size_t input_keep; /* bytes from here are kept when the input moves: the body so far */
    struct chain output;
    struct list requests; /* complete, not answered or not in line to be sent yet */
    uint32_t pipelined;   /* HTTP/1: how many those are */
    uint32_t unsent;      /* HTTP/2: answers that wait for the client's window, too */
    uint64_t taken;       /* requests so far */
    uint64_t progress;    /* grows as answers leave */
    enum timing timing;
    uint64_t timing_number;
    uint64_t deadline_ms; /* on the loop's clock */
    struct http1 http1;
    struct http2 *http2;
    struct source *source; /* NULL: nobody's (fuzzing) */
    size_t held;           /* as the source knows it */
    size_t parked_bytes;   /* bodies of requests that are not answered */
    size_t waiting_bytes;  /* HTTP/1: answers behind one that is still to come */
    bool is_starved;       /* the input holds nothing complete */
    bool is_bulky;         /* a read filled its block: take large ones */
    bool is_eof;           /* the client has sent all it will */
    bool is_done;          /* no more input is taken; what comes is thrown away */
    bool is_closing;       /* to be closed once the output is out */
    bool is_leaving;       /* the server stops */
    bool is_lingering;     /* all sent; reading on so that the client can read its answer */
    bool must_linger;
    bool is_blocked; /* the socket takes no more output for now */
    bool is_serving; /* inside connection_service */
    bool is_closed;
    bool is_released; /* the poll handle is closed, too */
    char peer[INET6_ADDRSTRLEN + 10];
    size_t peer_len;
};

/* A connection of `server` without a socket. */
struct connection *connection_create(struct net_server *server);
/* Begins to read `fd`, which is nonblocking and now the connection's. */
void connection_open(struct connection *connection, int fd);
/* Takes, sends, closes: whatever can be done now. */
void connection_service(struct connection *connection);
/* Has it serviced before the loop next sleeps. */
void connection_mark(struct connection *connection);
/* Frees it when it is closed and nothing refers to it any more. */
void connection_release(struct connection *connection);
/* Closes the socket and tells the handler of every unanswered request. */
void connection_close(struct connection *connection);
/* For one without a socket: closes it, and frees it once all is answered. */
void connection_abandon(struct connection *connection);
/* Its time of `timing` is over. */
void connection_expire(struct connection *connection);
/* Takes no further request and closes once all are answered. */
void connection_leave(struct connection *connection);

/* For the protocols: may more input be taken now; what there is; that `size` bytes of it are
 * taken; a block with room for `room` bytes from input_keep on. */
bool connection_may_take(const struct connection *connection);
struct text connection_input(const struct connection *connection);
void connection_consume(struct connection *connection, size_t size);
void connection_move_input(struct connection *connection, size_t room);
void connection_drop_input(struct connection *connection);
/* For tests: takes what was fed as if it had been read. */
void connection_feed(struct connection *connection, struct text bytes);
void connection_take(struct connection *connection);

/* --- The server. */

enum {
    CONNECTION_OUTPUT_MAX = 64 * 1024, /* beyond, nothing more is taken or filled */
    STREAM_ROOM = 64 * 1024,           /* what an answer in pieces may have waiting */
    SCRATCH_SIZE = 16 * 1024
};

struct nghttp2_session_callbacks;
struct nghttp2_option;

struct net_server {
    uv_loop_t *loop;
    struct net_options options;
    struct net_handler handler;
    struct net_counters counters;
    struct list connections; /* open */
    struct list closed;      /* closed, with requests that are still to be answered */
    struct list dirty;
    struct list stalled;
    struct map sources;
    size_t held;                     /* bytes, of all connections */
    struct list timed[TIMING_COUNT]; /* each has one duration, so the first is the next due */
    struct block_pool blocks;
    struct list requests; /* spare ones */
    uint32_t request_count;
    struct date date;
    struct nghttp2_session_callbacks *http2_callbacks;
    struct nghttp2_option *http2_option;
    bool is_paused;
    bool is_stopping;
    bool is_finishing;
    int fd; /* listening, or -1 */
    uint16_t port;
    bool accepts;             /* the listener is watched */
    uint64_t accept_after_ms; /* no descriptors were left: not before */
    uint64_t stop_by_ms;
    uint64_t timer_due_ms;
    uint32_t handles; /* not closed yet, of all kinds */
    uv_poll_t listener;
    uv_timer_t timer;
    uv_prepare_t prepare;
    uv_check_t check;
    void (*stopped)(void *context);
    void *stopped_context;
};

/* A server that does not listen, and its end. */
struct net_server *server_create(uv_loop_t *loop, const struct net_options *options,
                                 const struct net_handler *handler);
void server_free(struct net_server *server);
/* Opens its handles once it has a socket to listen on. */
void server_open(struct net_server *server);
/* Has the timer look at the deadlines at `due_ms` of the loop's clock, or earlier. */
void server_wake(struct net_server *server, uint64_t due_ms);
/* Watches the listener exactly while another connection may be accepted. */
void accept_update(struct net_server *server);
/* Puts the connection where its time runs; TIMING_NONE: nowhere. */
void server_time(struct connection *connection, enum timing timing, uint64_t number);
/* A connection's socket is closed; its poll handle is. */
void server_connection_closed(struct net_server *server);
void server_handle_closed(struct net_server *server);

void http2_server_init(struct net_server *server);
void http2_server_free(struct net_server *server);
/* Begins HTTP/2 on a connection whose input starts with the preface. */
void http2_open(struct connection *connection);

#endif
