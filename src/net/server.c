/* The server: listening, which connections there are, time, backpressure, the end. */
#include "base/memory.h"
#include "net/internal.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    BACKLOG = 1024,
    ACCEPT_ROUNDS = 64,    /* of one event, then it is the others' turn */
    ACCEPT_RETRY_MS = 100, /* after descriptors ran out */
    LINGER_MS = 2000,      /* how long a refused client may take to read why */
    TICK_MS = 50           /* deadlines are met no more exactly than this */
};

struct net_server *server_create(uv_loop_t *loop, const struct net_options *options,
                                 const struct net_handler *handler)
{
    struct net_server *server = memory_zero(sizeof(*server));

    server->loop = loop;
    server->options = *options;
    server->options.address = NULL; /* the caller's */
    server->handler = *handler;
    server->fd = -1;
    server->stop_by_ms = UINT64_MAX;
    server->timer_due_ms = UINT64_MAX;
    list_init(&server->connections);
    list_init(&server->closed);
    list_init(&server->dirty);
    list_init(&server->stalled);
    list_init(&server->requests);
    for (size_t i = 0; i < TIMING_COUNT; i++) {
        list_init(&server->timed[i]);
    }
    http2_server_init(server);
    return server;
}

void server_free(struct net_server *server)
{
    struct list_node *node;

    while ((node = list_pop(&server->closed)) != NULL) {
        container_of(node, struct connection, node)->server = NULL; /* answers are still owed */
    }
    while ((node = list_pop(&server->requests)) != NULL) {
        struct request *request = container_of(node, struct request, node);

        arena_free(&request->arena);
        memory_free(request->headers);
        memory_free(request);
    }
    block_pool_free(&server->blocks);
    http2_server_free(server);
    memory_free(server);
}

uint16_t net_server_port(const struct net_server *server)
{
    return server->port;
}

struct net_counters net_server_counters(const struct net_server *server)
{
    return server->counters;
}

/* --- Time: one timer for all, set for the first deadline, and not at all when there is none.
 */

static void on_timer(uv_timer_t *timer);

static void timer_arm(struct net_server *server, uint64_t due_ms)
{
    uint64_t now_ms = uv_now(server->loop);

    if (due_ms >= server->timer_due_ms || server->handles == 0) {
        return; /* it goes off before that anyway, or there is none (fuzzing) */
    }
    server->timer_due_ms = due_ms;
    (void)uv_timer_start(&server->timer, on_timer, due_ms > now_ms ? due_ms - now_ms : 0, 0);
}

void server_time(struct connection *connection, enum timing timing, uint64_t number)
{
    struct net_server *server = connection->server;
    const uint64_t durations_ms[TIMING_COUNT] = {
        [TIMING_IDLE] = (uint64_t)server->options.idle_ms,
        [TIMING_SLOW] = (uint64_t)server->options.slow_ms,
        [TIMING_WRITE] = (uint64_t)server->options.slow_ms,
        [TIMING_LINGER] = LINGER_MS,
    };

    if (connection->timing == timing && connection->timing_number == number) {
        return;
    }
    list_remove(&connection->timed);
    connection->timing = timing;
    connection->timing_number = number;
    if (timing != TIMING_NONE) {
        connection->deadline_ms = uv_now(server->loop) + durations_ms[timing];
        list_push(&server->timed[timing], &connection->timed);
        timer_arm(server, connection->deadline_ms);
    }
}

/* The first deadline of that list, or UINT64_MAX. */
static uint64_t timed_first(const struct net_server *server, enum timing timing)
{
    struct list_node *node = list_first(&server->timed[timing]);

    return node == NULL ? UINT64_MAX
                        : container_of(node, struct connection, timed)->deadline_ms;
}

/* While we do not read, nobody can be slow. */
static bool timing_counts(const struct net_server *server, enum timing timing)
{
    return timing != TIMING_SLOW || !server->is_paused;
}

static void timed_expire(struct net_server *server, enum timing timing, uint64_t now_ms)
{
    while (timing_counts(server, timing) && timed_first(server, timing) <= now_ms) {
        connection_expire(
            container_of(list_first(&server->timed[timing]), struct connection, timed));
    }
}

static void accept_update(struct net_server *server);

static void connections_close(struct net_server *server)
{
    struct list_node *node;

    while ((node = list_first(&server->connections)) != NULL) {
        connection_close(container_of(node, struct connection, node));
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct net_server *server = timer->data;
    uint64_t now_ms = uv_now(server->loop);
    uint64_t due_ms = server->stop_by_ms;

    server->timer_due_ms = UINT64_MAX;
    if (now_ms >= server->stop_by_ms) {
        connections_close(server);
        return;
    }
    for (enum timing i = 0; i < TIMING_COUNT; i++) {
        timed_expire(server, i, now_ms);
    }
    accept_update(server);
    for (enum timing i = 0; i < TIMING_COUNT; i++) {
        uint64_t first_ms = timing_counts(server, i) ? timed_first(server, i) : UINT64_MAX;

        due_ms = first_ms < due_ms ? first_ms : due_ms;
    }
    if (due_ms != UINT64_MAX) {
        timer_arm(server, due_ms < now_ms + TICK_MS ? now_ms + TICK_MS : due_ms);
    }
}

/* --- Backpressure. */

void net_server_pause(struct net_server *server, bool paused)
{
    struct list_node *node;

    if (server->is_paused == paused) {
        return;
    }
    server->is_paused = paused;
    if (paused) {
        return; /* each connection stops when it next has something to read */
    }
    while ((node = list_pop(&server->stalled)) != NULL) {
        connection_mark(container_of(node, struct connection, stalled));
    }
    /* The pause was our fault, so everybody's time begins anew. */
    list_each (timed, &server->timed[TIMING_SLOW]) {
        container_of(timed, struct connection, timed)->deadline_ms =
            uv_now(server->loop) + (uint64_t)server->options.slow_ms;
    }
    if (!list_is_empty(&server->timed[TIMING_SLOW])) {
        timer_arm(server, timed_first(server, TIMING_SLOW));
    }
}

/* Whatever was answered or may go on since the loop last came by: one system call for each
 * connection however many answers it has. */
static void server_settle(struct net_server *server)
{
    struct list_node *node;

    while ((node = list_first(&server->dirty)) != NULL) {
        connection_service(container_of(node, struct connection, dirty));
    }
}

static void on_prepare(uv_prepare_t *prepare)
{
    server_settle(prepare->data);
}

void net_server_flush(struct net_server *server)
{
    server_settle(server);
}

static void on_check(uv_check_t *check)
{
    server_settle(check->data);
}

/* --- Accepting. */

static size_t peer_format(const struct sockaddr_storage *peer, char *to, size_t size)
{
    const struct sockaddr_in *four = (const struct sockaddr_in *)(const void *)peer;
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)(const void *)peer;
    char name[INET6_ADDRSTRLEN] = "";
    bool is_six = false;
    unsigned port = ntohs(four->sin_port);
    int len;

    if (peer->ss_family == AF_INET) {
        (void)uv_ip4_name(four, name, sizeof(name));
    } else if (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr)) {
        port = ntohs(six->sin6_port);
        (void)uv_inet_ntop(AF_INET, &six->sin6_addr.s6_addr[12], name, sizeof(name));
    } else {
        is_six = true;
        port = ntohs(six->sin6_port);
        (void)uv_ip6_name(six, name, sizeof(name));
    }
    len = snprintf(to, size, "%s%s%s:%u", is_six ? "[" : "", name, is_six ? "]" : "", port);
    return len < 0 ? 0 : (size_t)len;
}

/* False when there is nothing more to accept for now. */
static bool accept_one(struct net_server *server)
{
    struct sockaddr_storage peer = {0};
    socklen_t peer_len = sizeof(peer);
    struct connection *connection;
    int fd =
        accept4(server->fd, (struct sockaddr *)&peer, &peer_len, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0) {
        if (errno == EAGAIN) {
            return false;
        }
        if (errno == EINTR || errno == ECONNABORTED) {
            return true;
        }
        /* No descriptors, or no memory for one: those who wait are accepted later. */
        server->counters.refused_total++;
        server->accept_after_ms = uv_now(server->loop) + ACCEPT_RETRY_MS;
        return false;
    }
    connection = connection_create(server);
    connection->peer_len = peer_format(&peer, connection->peer, sizeof(connection->peer));
    connection_open(connection, fd);
    return true;
}

static void on_listener(uv_poll_t *listener, int status, int events)
{
    struct net_server *server = listener->data;
    int round = 0;

    (void)status;
    (void)events;
    while (round < ACCEPT_ROUNDS
           && server->counters.connections_open < server->options.connection_max
           && accept_one(server)) {
        round++;
    }
    accept_update(server);
}

/* Watches the listener exactly while another connection may be accepted. */
static void accept_update(struct net_server *server)
{
    bool waits = uv_now(server->loop) < server->accept_after_ms;
    bool accepts = !server->is_stopping && server->fd >= 0 && !waits
                   && server->counters.connections_open < server->options.connection_max;

    if (waits) {
        timer_arm(server, server->accept_after_ms);
    }
    if (accepts == server->accepts) {
        return;
    }
    server->accepts = accepts;
    if (accepts) {
        (void)uv_poll_start(&server->listener, UV_READABLE, on_listener);
    } else {
        (void)uv_poll_stop(&server->listener);
    }
}

/* --- Starting. */

static const struct {
    int error;
    const char *advice;
} listen_advice[] = {
    {EADDRINUSE, "another program listens there: stop it, or listen on another port"},
    {EACCES, "ports below 1024 need a privilege: listen on a higher port"},
    {EADDRNOTAVAIL, "this machine has no such address: listen on 127.0.0.1 or 0.0.0.0"},
};

static enum status listen_fail(const struct net_options *options, int error, struct why *why)
{
    const char *advice = strerrordesc_np(error);
    bool is_six = strchr(options->address, ':') != NULL;

    for (size_t i = 0; i < countof(listen_advice); i++) {
        if (listen_advice[i].error == error) {
            advice = listen_advice[i].advice;
        }
    }
    return fail(why, error == EACCES ? STATUS_DENIED : STATUS_EXISTS,
                "cannot listen on %s%s%s:%u: %s", is_six ? "[" : "", options->address,
                is_six ? "]" : "", options->port, advice == NULL ? "unknown error" : advice);
}

/* The listening socket, or the negative of an errno. */
static int listen_open(const struct sockaddr_storage *address, socklen_t len)
{
    const int on = 1;
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int error;

    if (fd < 0) {
        return -errno;
    }
    /* Accepted sockets inherit TCP_NODELAY. */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0
        && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0
        && bind(fd, (const struct sockaddr *)address, len) == 0 && listen(fd, BACKLOG) == 0) {
        return fd;
    }
    error = errno;
    (void)close(fd);
    return -error;
}

static void handles_open(struct net_server *server)
{
    server->timer.data = server;
    server->prepare.data = server;
    server->check.data = server;
    server->listener.data = server;
    (void)uv_timer_init(server->loop, &server->timer);
    (void)uv_prepare_init(server->loop, &server->prepare);
    (void)uv_check_init(server->loop, &server->check);
    (void)uv_prepare_start(&server->prepare, on_prepare);
    (void)uv_check_start(&server->check, on_check);
    server->handles += 4; /* with the listener */
    accept_update(server);
}

static uint16_t port_of(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof(address);

    (void)getsockname(fd, (struct sockaddr *)&address, &len);
    if (address.ss_family == AF_INET6) {
        return ntohs(((const struct sockaddr_in6 *)(const void *)&address)->sin6_port);
    }
    return ntohs(((const struct sockaddr_in *)(const void *)&address)->sin_port);
}

enum status net_server_start(uv_loop_t *loop, const struct net_options *options,
                             const struct net_handler *handler, struct net_server **ret_server,
                             struct why *why)
{
    struct sockaddr_storage address = {0};
    struct net_server *server;
    socklen_t len = sizeof(struct sockaddr_in);
    int fd;

    if (uv_ip4_addr(options->address, options->port, (struct sockaddr_in *)&address) != 0) {
        len = sizeof(struct sockaddr_in6);
        if (uv_ip6_addr(options->address, options->port, (struct sockaddr_in6 *)&address)
            != 0) {
            return fail(why, STATUS_INVALID, "\"%s\" is not a numeric IPv4 or IPv6 address",
                        options->address);
        }
    }
    fd = listen_open(&address, len);
    if (fd < 0) {
        return listen_fail(options, -fd, why);
    }
    server = server_create(loop, options, handler);
    if (uv_poll_init(loop, &server->listener, fd) != 0) {
        (void)close(fd);
        server_free(server);
        return listen_fail(options, ENOMEM, why);
    }
    server->fd = fd;
    server->port = port_of(fd);
    handles_open(server);
    *ret_server = server;
    return STATUS_OK;
}

/* --- The end. */

static void on_handle_closed(uv_handle_t *handle)
{
    server_handle_closed(handle->data);
}

/* The last handles go when the last connection has gone. */
static void server_finish(struct net_server *server)
{
    if (server->is_stopping && !server->is_finishing && list_is_empty(&server->connections)) {
        server->is_finishing = true;
        uv_close((uv_handle_t *)&server->timer, on_handle_closed);
        uv_close((uv_handle_t *)&server->prepare, on_handle_closed);
        uv_close((uv_handle_t *)&server->check, on_handle_closed);
    }
}

void server_connection_closed(struct net_server *server)
{
    server->counters.connections_open--;
    server->accept_after_ms = 0; /* a descriptor is free again */
    accept_update(server);
    server_finish(server);
}

void server_handle_closed(struct net_server *server)
{
    void (*stopped)(void *context) = server->stopped;
    void *context = server->stopped_context;

    server->handles--;
    if (server->handles == 0) {
        server_free(server);
        stopped(context);
    }
}

void net_server_stop(struct net_server *server, int64_t grace_ms,
                     void (*stopped)(void *context), void *context)
{
    if (server->is_stopping) {
        return;
    }
    server->is_stopping = true;
    server->stopped = stopped;
    server->stopped_context = context;
    accept_update(server);
    uv_close((uv_handle_t *)&server->listener, on_handle_closed);
    (void)close(server->fd);
    server->fd = -1;
    net_server_pause(server, false); /* what is on its way is let in */
    list_each (node, &server->connections) {
        connection_leave(container_of(node, struct connection, node));
    }
    server->stop_by_ms = uv_now(server->loop) + (uint64_t)(grace_ms < 0 ? 0 : grace_ms);
    timer_arm(server, server->stop_by_ms);
    server_finish(server);
}
