/* The hostile endpoint: its listener, its connections, its memory of what came. */
#include "hostile_endpoint.h"

#include "hostile_peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONNECTIONS_MAX 4096
#define PATIENCE_MS     60000 /* nothing here lasts longer */

struct hostile_endpoint {
    const struct hostile_mode *mode;
    char mode_name[64];
    int listener;
    uint16_t port;
    SSL_CTX *tls;
    pthread_t thread;
    atomic_bool is_stopping;
    atomic_uint requests;
    atomic_uint connections;
    atomic_uint running;
    pthread_mutex_t lock; /* of last */
    char last[65536];
    size_t last_size;
};

const char *hostile_mode_name(const struct hostile_peer *peer)
{
    return peer->endpoint->mode_name;
}

uint32_t hostile_request_number(struct hostile_peer *peer)
{
    return atomic_load(&peer->endpoint->requests);
}

/* --- Reading and writing, never blocking for long. */

/* Waits until the socket can do `events`, the endpoint is stopped, or patience is over. */
static bool wait_for(struct hostile_peer *peer, short events)
{
    for (int waited = 0; waited < PATIENCE_MS; waited += 20) {
        struct pollfd item = {.fd = peer->socket, .events = events};

        if (atomic_load(&peer->endpoint->is_stopping)) {
            return false;
        }
        if (poll(&item, 1, 20) > 0) {
            return true;
        }
    }
    return false;
}

static ssize_t peer_write(struct hostile_peer *peer, const void *at, size_t size)
{
    if (peer->tls != NULL) {
        int written = SSL_write(peer->tls, at, size > 65536 ? 65536 : (int)size);

        return written <= 0 ? -1 : written;
    }
    return send(peer->socket, at, size, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static ssize_t peer_read(struct hostile_peer *peer, void *at, size_t size)
{
    if (peer->tls != NULL) {
        int got = SSL_read(peer->tls, at, (int)size);

        return got <= 0 ? -1 : got;
    }
    return recv(peer->socket, at, size, 0);
}

bool hostile_send_bytes(struct hostile_peer *peer, const void *at, size_t size)
{
    const char *next = at;

    while (size > 0) {
        if (!wait_for(peer, POLLOUT)) {
            return false;
        }
        ssize_t written = peer_write(peer, next, size);

        if (written < 0 && peer->tls == NULL && errno == EAGAIN) {
            continue;
        }
        if (written <= 0) {
            return false;
        }
        next += written;
        size -= (size_t)written;
    }
    return true;
}

bool hostile_send(struct hostile_peer *peer, const char *text)
{
    return hostile_send_bytes(peer, text, strlen(text));
}

bool hostile_sleep(struct hostile_peer *peer, int ms)
{
    for (; ms > 0 && !atomic_load(&peer->endpoint->is_stopping); ms -= 20) {
        (void)poll(NULL, 0, ms < 20 ? ms : 20);
    }
    return !atomic_load(&peer->endpoint->is_stopping);
}

void hostile_hang(struct hostile_peer *peer)
{
    for (int waited = 0; waited < PATIENCE_MS && hostile_sleep(peer, 20); waited += 20) {
        struct pollfd item = {.fd = peer->socket, .events = POLLRDHUP};

        if (poll(&item, 1, 0) > 0) {
            return;
        }
    }
}

/* --- Requests. */

/* Content-Length of a complete head, or 0. */
static size_t body_size(const struct hostile_peer *peer)
{
    static const char name[] = "\r\nContent-Length: ";
    const char *found = memmem(peer->request, peer->head_size, name, sizeof name - 1);

    return found == NULL ? 0 : (size_t)strtoul(found + sizeof name - 1, NULL, 10);
}

static bool is_complete(struct hostile_peer *peer)
{
    if (peer->head_size == 0) {
        const char *end = memmem(peer->request, peer->request_size, "\r\n\r\n", 4);

        if (end == NULL) {
            return false;
        }
        peer->head_size = (size_t)(end - peer->request) + 4;
    }
    return peer->request_size >= peer->head_size + body_size(peer);
}

static bool read_request(struct hostile_peer *peer)
{
    peer->request_size = 0;
    peer->head_size = 0;
    while (!is_complete(peer)) {
        size_t room = sizeof peer->request - peer->request_size;
        bool has_some = peer->tls != NULL && SSL_pending(peer->tls) > 0;

        if (room == 0 || (!has_some && !wait_for(peer, POLLIN))) {
            return false;
        }
        ssize_t got = peer_read(peer, peer->request + peer->request_size, room);

        if (got <= 0) {
            return false;
        }
        peer->request_size += (size_t)got;
    }
    return true;
}

static void remember(struct hostile_peer *peer)
{
    struct hostile_endpoint *endpoint = peer->endpoint;

    (void)pthread_mutex_lock(&endpoint->lock);
    memcpy(endpoint->last, peer->request, peer->request_size);
    endpoint->last_size = peer->request_size;
    (void)pthread_mutex_unlock(&endpoint->lock);
    peer->requests++;
    (void)atomic_fetch_add(&endpoint->requests, 1);
}

/* --- Connections. */

static void converse(struct hostile_peer *peer)
{
    const struct hostile_mode *mode = peer->endpoint->mode;

    if (mode->before_request) {
        (void)mode->act(peer);
        return;
    }
    while (read_request(peer)) {
        remember(peer);
        if (!mode->act(peer)) {
            return;
        }
    }
}

static void *connection_run(void *argument)
{
    struct hostile_peer *peer = argument;
    struct hostile_endpoint *endpoint = peer->endpoint;

    if (endpoint->tls != NULL) {
        struct timeval limit = {.tv_sec = 5};

        (void)setsockopt(peer->socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        (void)setsockopt(peer->socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
        peer->tls = SSL_new(endpoint->tls);
        (void)SSL_set_fd(peer->tls, peer->socket);
    }
    if (peer->tls == NULL || SSL_accept(peer->tls) == 1) {
        converse(peer);
    }
    SSL_free(peer->tls);
    (void)close(peer->socket);
    free(peer);
    (void)atomic_fetch_sub(&endpoint->running, 1); /* last: the endpoint may go now */
    return NULL;
}

static void connection_start(struct hostile_endpoint *endpoint, int socket)
{
    struct hostile_peer *peer = calloc(1, sizeof *peer);
    pthread_t thread;
    pthread_attr_t attributes;

    if (peer == NULL || atomic_load(&endpoint->running) >= CONNECTIONS_MAX) {
        (void)close(socket);
        free(peer);
        return;
    }
    peer->endpoint = endpoint;
    peer->socket = socket;
    (void)atomic_fetch_add(&endpoint->connections, 1);
    (void)atomic_fetch_add(&endpoint->running, 1);
    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    (void)pthread_attr_setstacksize(&attributes, (size_t)256 * 1024);
    if (pthread_create(&thread, &attributes, connection_run, peer) != 0) {
        (void)atomic_fetch_sub(&endpoint->running, 1);
        (void)close(socket);
        free(peer);
    }
    (void)pthread_attr_destroy(&attributes);
}

static void *listener_run(void *argument)
{
    struct hostile_endpoint *endpoint = argument;

    while (!atomic_load(&endpoint->is_stopping)) {
        struct pollfd item = {.fd = endpoint->listener, .events = POLLIN};

        if (poll(&item, 1, 20) <= 0) {
            continue;
        }
        int socket = accept4(endpoint->listener, NULL, NULL, SOCK_CLOEXEC);

        if (socket >= 0) {
            connection_start(endpoint, socket);
        }
    }
    return NULL;
}

/* --- Its life. */

static bool listen_on(struct hostile_endpoint *endpoint, uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int yes = 1;

    endpoint->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)setsockopt(endpoint->listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (endpoint->listener < 0
        || bind(endpoint->listener, (const struct sockaddr *)&address, size) != 0
        || listen(endpoint->listener, 1024) != 0
        || getsockname(endpoint->listener, (struct sockaddr *)&address, &size) != 0) {
        return false;
    }
    endpoint->port = ntohs(address.sin_port);
    return true;
}

struct hostile_endpoint *hostile_start(const struct hostile_options *options)
{
    struct hostile_endpoint *endpoint = calloc(1, sizeof *endpoint);

    if (endpoint == NULL) {
        return NULL;
    }
    endpoint->mode = hostile_mode_find(options->mode);
    (void)snprintf(endpoint->mode_name, sizeof endpoint->mode_name, "%s", options->mode);
    (void)pthread_mutex_init(&endpoint->lock, NULL);
    if (endpoint->mode == NULL) {
        (void)fprintf(stderr, "no such mode: %s\n", options->mode);
        free(endpoint);
        return NULL;
    }
    endpoint->tls = hostile_tls_context(options->tls);
    (void)signal(SIGPIPE, SIG_IGN); /* OpenSSL writes to sockets without MSG_NOSIGNAL */
    if (!listen_on(endpoint, options->port)
        || pthread_create(&endpoint->thread, NULL, listener_run, endpoint) != 0) {
        (void)fprintf(stderr, "cannot listen on port %u\n", options->port);
        (void)close(endpoint->listener);
        SSL_CTX_free(endpoint->tls);
        free(endpoint);
        return NULL;
    }
    return endpoint;
}

void hostile_stop(struct hostile_endpoint *endpoint)
{
    if (endpoint == NULL) {
        return;
    }
    atomic_store(&endpoint->is_stopping, true);
    (void)pthread_join(endpoint->thread, NULL);
    while (atomic_load(&endpoint->running) > 0) {
        (void)poll(NULL, 0, 5);
    }
    (void)close(endpoint->listener);
    (void)pthread_mutex_destroy(&endpoint->lock);
    SSL_CTX_free(endpoint->tls);
    free(endpoint);
}

uint16_t hostile_port(const struct hostile_endpoint *endpoint)
{
    return endpoint->port;
}

uint32_t hostile_connections(struct hostile_endpoint *endpoint)
{
    return atomic_load(&endpoint->connections);
}

uint32_t hostile_requests(struct hostile_endpoint *endpoint)
{
    return atomic_load(&endpoint->requests);
}

size_t hostile_last_request(struct hostile_endpoint *endpoint, char *ret_request, size_t room)
{
    (void)pthread_mutex_lock(&endpoint->lock);
    size_t size = endpoint->last_size < room ? endpoint->last_size : room - 1;

    memcpy(ret_request, endpoint->last, size);
    ret_request[size] = '\0';
    (void)pthread_mutex_unlock(&endpoint->lock);
    return size;
}
