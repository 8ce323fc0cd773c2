/* Listening and accepting. */
#include "base/mutants.h"
#include "net/internal.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    BACKLOG = 1024,
    ACCEPT_ROUNDS = 64,   /* of one event, then it is the others' turn */
    ACCEPT_RETRY_MS = 100 /* after descriptors ran out */
};

union address {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
};

static size_t peer_format(const union address *peer, char *to, size_t size)
{
    const struct in6_addr *six = &peer->six.sin6_addr;
    bool is_four = peer->any.sa_family == AF_INET;
    bool is_six = !is_four && !IN6_IS_ADDR_V4MAPPED(six);
    unsigned port = ntohs(is_four ? peer->four.sin_port : peer->six.sin6_port);
    char name[INET6_ADDRSTRLEN] = "";
    int len;

    if (is_six) {
        (void)uv_ip6_name(&peer->six, name, sizeof(name));
    } else {
        (void)uv_inet_ntop(AF_INET,
                           is_four ? (const void *)&peer->four.sin_addr
                                   : (const void *)&six->s6_addr[sizeof(*six) - 4],
                           name, sizeof(name));
    }
    len = snprintf(to, size, "%s%s%s:%u", is_six ? "[" : "", name, is_six ? "]" : "", port);
    return len < 0 ? 0 : (size_t)len;
}

static struct in6_addr mapped(const union address *peer)
{
    struct in6_addr address = {.s6_addr = {[10] = 0xff, [11] = 0xff}};

    if (peer->any.sa_family != AF_INET) {
        return peer->six.sin6_addr;
    }
    memcpy(address.s6_addr + 12, &peer->four.sin_addr, sizeof peer->four.sin_addr);
    return address;
}

/* False: nobody is idle. */
static bool idle_evict(struct net_server *server)
{
    struct list_node *idle = list_first(&server->timed[TIMING_IDLE]);

    if (idle == NULL || mutant("net.nobody-makes-room")) {
        return false;
    }
    server->counters.evicted_total++;
    connection_close(container_of(idle, struct connection, timed));
    return true;
}

/* Room for one more, if need be that of whoever is idle longest. */
static bool room_make(struct net_server *server, const struct source *source)
{
    const struct net_options *options = &server->options;
    uint64_t open = server->counters.connections_open;

    if (!source_may_enter(server, source)) {
        return false;
    }
    if (open < options->connection_max || idle_evict(server)) {
        return true;
    }
    return source->is_local
           && open < (uint64_t)options->connection_max + options->local_reserve;
}

static void connection_enter(struct net_server *server, int fd, const union address *peer)
{
    struct in6_addr address = mapped(peer);
    struct source *source = source_enter(server, &address);

    if (!room_make(server, source)) {
        server->counters.refused_total++;
        source_leave(server, source);
        (void)close(fd);
        return;
    }
    struct connection *connection = connection_create(server);

    connection->source = source;
    connection->peer_len = peer_format(peer, connection->peer, sizeof(connection->peer));
    connection_open(connection, fd);
}

/* False when there is nothing more to accept for now. */
static bool accept_one(struct net_server *server)
{
    union address peer = {.six = {0}};
    socklen_t peer_len = sizeof(peer);
    int fd = accept4(server->fd, &peer.any, &peer_len, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0) {
        if (errno == EAGAIN) {
            return false;
        }
        if (errno == EINTR || errno == ECONNABORTED) {
            return true;
        }
        if ((errno == EMFILE || errno == ENFILE) && idle_evict(server)) {
            return true;
        }
        /* No descriptors, or no memory for one: those who wait are accepted later. */
        server->counters.refused_total++;
        server->accept_after_ms = uv_now(server->loop) + ACCEPT_RETRY_MS;
        return false;
    }
    connection_enter(server, fd, &peer);
    return true;
}

/* Whether it is worth while to look who wants in. */
static bool may_accept(const struct net_server *server)
{
    const struct net_options *options = &server->options;

    return server->counters.connections_open
               < (uint64_t)options->connection_max + options->local_reserve
           || list_first(&server->timed[TIMING_IDLE]) != NULL;
}

static void on_listener(uv_poll_t *listener, int status, int events)
{
    struct net_server *server = listener->data;
    int round = 0;

    (void)status;
    (void)events;
    while (round < ACCEPT_ROUNDS && may_accept(server) && accept_one(server)) {
        round++;
    }
    accept_update(server);
}

void accept_update(struct net_server *server)
{
    bool waits = uv_now(server->loop) < server->accept_after_ms;
    bool accepts = !server->is_stopping && server->fd >= 0 && !waits && may_accept(server);

    if (waits) {
        server_wake(server, server->accept_after_ms);
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
static int listen_open(const union address *address, socklen_t len)
{
    const int on = 1;
    int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int error;

    if (fd < 0) {
        return -errno;
    }
    /* Accepted sockets inherit TCP_NODELAY. */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0
        && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0
        && bind(fd, &address->any, len) == 0 && listen(fd, BACKLOG) == 0) {
        return fd;
    }
    error = errno;
    (void)close(fd);
    return -error;
}

static uint16_t port_of(int fd)
{
    union address address = {.six = {0}};
    socklen_t len = sizeof(address);

    (void)getsockname(fd, &address.any, &len);
    return ntohs(address.any.sa_family == AF_INET6 ? address.six.sin6_port
                                                   : address.four.sin_port);
}

enum status net_server_start(uv_loop_t *loop, const struct net_options *options,
                             const struct net_handler *handler, struct net_server **ret_server,
                             struct why *why)
{
    union address address = {.six = {0}};
    struct net_server *server;
    socklen_t len = sizeof(address.four);
    int fd;

    if (uv_ip4_addr(options->address, options->port, &address.four) != 0) {
        len = sizeof(address.six);
        if (uv_ip6_addr(options->address, options->port, &address.six) != 0) {
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
    server_open(server);
    *ret_server = server;
    return STATUS_OK;
}
