/* One connection's life: read, tell HTTP/1 from HTTP/2, send, wait, close. */
#include "base/memory.h"
#include "net/internal.h"

#include <sys/socket.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum {
    READ_ROUNDS = 4, /* of one event, then it is the others' turn */
    SEND_VECTORS = 32
};

static const struct text http2_preface = TEXT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

struct connection *connection_create(struct net_server *server)
{
    struct connection *connection = memory_zero(sizeof(*connection));

    connection->server = server;
    connection->fd = -1;
    connection->timing = TIMING_NONE;
    connection->is_released = true;
    list_init(&connection->requests);
    list_push(&server->connections, &connection->node);
    server->counters.connections_open++;
    server->counters.connections_total++;
    return connection;
}

/* --- The input. */

struct text connection_input(const struct connection *connection)
{
    const struct block *input = connection->input;

    if (input == NULL) {
        return (struct text){0};
    }
    return text_make(input->at + connection->input_at, input->len - connection->input_at);
}

void connection_consume(struct connection *connection, size_t size)
{
    connection->input_at += size;
    connection->input_keep = connection->input_at;
}

void connection_drop_input(struct connection *connection)
{
    block_release(&connection->server->blocks, connection->input);
    connection->input = NULL;
    connection->input_at = 0;
    connection->input_keep = 0;
}

void connection_move_input(struct connection *connection, size_t room)
{
    struct block *old = connection->input;
    struct block *block = block_take(&connection->server->blocks, room);

    block->len = old->len - connection->input_keep;
    memcpy(block->at, old->at + connection->input_keep, block->len);
    connection->input = block;
    connection->input_at -= connection->input_keep;
    connection->input_keep = 0;
    block_release(&connection->server->blocks, old);
}

/* Sees to it that at least one more byte can be read. */
static void input_make_room(struct connection *connection)
{
    struct block *input = connection->input;

    if (input == NULL) {
        connection->input = block_take(&connection->server->blocks,
                                       connection->is_bulky ? BLOCK_LARGE : BLOCK_SMALL);
    } else if (input->len == input->room) {
        size_t kept = input->len - connection->input_keep;

        connection_move_input(connection, kept < BLOCK_LARGE / 2 ? BLOCK_LARGE : 2 * kept);
    }
}

bool connection_may_take(const struct connection *connection)
{
    return !connection->is_starved && !connection->is_done && !connection->is_closing
           && connection_input(connection).len > 0 && !connection->server->is_paused
           && connection->pipelined < connection->server->options.pipeline_max
           && connection->output.bytes + connection->waiting_bytes < CONNECTION_OUTPUT_MAX;
}

/* False while the bytes so far fit both. */
static bool protocol_choose(struct connection *connection)
{
    struct text rest = connection_input(connection);
    struct text first = text_first(rest, http2_preface.len);

    if (!text_starts_with(http2_preface, first)) {
        connection->protocol = &http1_protocol;
    } else if (first.len == http2_preface.len) {
        http2_open(connection);
    } else {
        connection->is_starved = true;
        return false;
    }
    return true;
}

void connection_take(struct connection *connection)
{
    if (connection_may_take(connection)
        && (connection->protocol != NULL || protocol_choose(connection))) {
        connection->protocol->take(connection);
    }
    if (connection->input != NULL && connection_input(connection).len == 0) {
        connection->is_starved = true;
    }
    if (connection->is_done && connection->input != NULL) {
        connection_drop_input(connection);
    }
}

void connection_feed(struct connection *connection, struct text bytes)
{
    while (bytes.len > 0 && !connection->is_done && !connection->is_closing) {
        struct text part;
        struct block *input;

        input_make_room(connection);
        input = connection->input;
        part = text_first(bytes, input->room - input->len);
        memcpy(input->at + input->len, part.at, part.len);
        input->len += part.len;
        bytes = text_after(bytes, part.len);
        connection->is_starved = false;
        connection_take(connection);
    }
}

/* --- What the poll waits for. */

static void on_poll(uv_poll_t *poll, int status, int events);

static void events_set(struct connection *connection, int events)
{
    if (connection->fd < 0 || events == connection->events) {
        return;
    }
    connection->events = events;
    if (events == 0) {
        (void)uv_poll_stop(&connection->poll);
    } else {
        (void)uv_poll_start(&connection->poll, events, on_poll);
    }
}

/* Bytes are read only to be thrown away. */
static bool connection_drains(const struct connection *connection)
{
    return connection->is_lingering || connection->is_done;
}

static bool connection_may_read(const struct connection *connection)
{
    const struct net_server *server = connection->server;

    if (connection->is_eof || connection_drains(connection)) {
        return !connection->is_eof;
    }
    return !server->is_paused && connection->pipelined < server->options.pipeline_max
           && connection->output.bytes + connection->waiting_bytes < CONNECTION_OUTPUT_MAX;
}

/* Reading is stopped only when something arrives that may not be read yet (see on_poll), so
 * that a limit that comes and goes costs no system calls. */
static void events_update(struct connection *connection)
{
    int events = connection->is_eof ? 0 : connection->events & UV_READABLE;

    if (connection_may_read(connection)) {
        events |= UV_READABLE;
    } else if (connection->server->is_paused && !list_contains(&connection->stalled)) {
        list_push(&connection->server->stalled, &connection->stalled);
    }
    events_set(connection, connection->is_blocked ? events | UV_WRITABLE : events);
}

/* --- Reading. */

/* The client sends no more, and may or may not wait for its answers: they are still sent, but
 * whoever only waits for something to happen may stop. */
static void connection_end(struct connection *connection)
{
    struct list_node *node = connection->requests.head.next;

    connection->is_eof = true;
    while (node != &connection->requests.head) {
        struct request *request = container_of(node, struct request, node);

        node = node->next;
        if (!request->is_answered && !request->is_told_gone) {
            request_tell_gone(request);
            node = connection->requests.head.next; /* the handler may have answered any */
        }
    }
}

/* What failed for now can be tried again; what failed for good closes the connection. */
static void connection_fail(struct connection *connection, int error)
{
    if (error != EAGAIN && error != EINTR) {
        connection_close(connection);
    }
}

static void connection_drain(struct connection *connection)
{
    char scratch[SCRATCH_SIZE];
    ssize_t len = read(connection->fd, scratch, sizeof(scratch));

    if (len > 0) {
        connection->must_linger = true;
    } else if (len == 0) {
        connection_end(connection);
    } else {
        connection_fail(connection, errno);
    }
}

/* True when there may be more to read. */
static bool connection_read(struct connection *connection)
{
    struct block *input;
    size_t room;
    ssize_t len;

    input_make_room(connection);
    input = connection->input;
    room = input->room - input->len;
    len = read(connection->fd, input->at + input->len, room);
    if (len > 0) {
        input->len += (size_t)len;
        connection->is_starved = false;
        connection->is_bulky = connection->is_bulky || (size_t)len == room;
        return (size_t)len == room;
    }
    if (len == 0) {
        connection_end(connection);
    } else {
        connection_fail(connection, errno);
    }
    if (connection->input == input && input->len == 0) {
        connection_drop_input(connection);
    }
    return false;
}

static void connection_read_all(struct connection *connection)
{
    for (int round = 0; round < READ_ROUNDS; round++) {
        bool has_more = connection_read(connection);

        if (!connection->is_closed) {
            connection_service(connection);
        }
        if (!has_more || connection->is_closed || connection_drains(connection)
            || !connection_may_read(connection)) {
            return;
        }
    }
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct connection *connection = container_of(poll, struct connection, poll);

    if (status < 0) {
        connection_close(connection); /* reset */
        return;
    }
    if ((events & UV_READABLE) != 0 && connection_drains(connection)) {
        connection_drain(connection);
    } else if ((events & UV_READABLE) != 0 && connection_may_read(connection)) {
        connection_read_all(connection);
        return;
    } else if ((events & UV_READABLE) != 0) {
        events_set(connection, connection->events & ~UV_READABLE);
    }
    if (!connection->is_closed) {
        connection->is_blocked = connection->is_blocked && (events & UV_WRITABLE) == 0;
        connection_service(connection);
    }
}

/* --- Sending. */

static void connection_send(struct connection *connection)
{
    struct block_pool *pool = &connection->server->blocks;
    struct iovec vectors[SEND_VECTORS];
    struct msghdr message = {.msg_iov = vectors};
    bool was_blocked = connection->timing == TIMING_WRITE && connection->unsent == 0;
    ssize_t len;

    while (connection->output.bytes > 0 && !connection->is_blocked && connection->fd >= 0) {
        int count = chain_vectors(&connection->output, vectors, SEND_VECTORS);

        message.msg_iovlen = (size_t)count;
        len = count == 1
                  ? send(connection->fd, vectors[0].iov_base, vectors[0].iov_len, MSG_NOSIGNAL)
                  : sendmsg(connection->fd, &message, MSG_NOSIGNAL);
        if (len < 0) {
            connection->is_blocked = errno == EAGAIN;
            connection_fail(connection, errno);
            continue; /* a closed connection has no output */
        }
        chain_consume(pool, &connection->output, (size_t)len);
        /* What HTTP/2 says between answers (that it heard a PING) is none. */
        connection->progress += connection->http2 == NULL || was_blocked;
    }
}

/* --- Time. */

static void timing_update(struct connection *connection)
{
    uint64_t partial = connection->protocol == NULL ? (uint64_t)(connection->input != NULL)
                                                    : connection->protocol->partial(connection);

    if (connection->is_lingering) {
        server_time(connection, TIMING_LINGER, 0);
    } else if (connection->is_blocked || connection->unsent > 0) {
        server_time(connection, TIMING_WRITE, connection->progress); /* from the last one on */
    } else if (partial != 0) {
        server_time(connection, TIMING_SLOW, partial);
    } else if (list_is_empty(&connection->requests)) {
        server_time(connection, TIMING_IDLE, connection->taken);
    } else {
        server_time(connection, TIMING_NONE, 0);
    }
}

void connection_expire(struct connection *connection)
{
    enum timing timing = connection->timing;

    server_time(connection, TIMING_NONE, 0);
    if (timing == TIMING_WRITE || timing == TIMING_LINGER) {
        connection_close(connection);
        return;
    }
    if (connection->protocol == NULL) {
        connection->is_closing = true;
    } else if (timing == TIMING_SLOW) {
        connection->protocol->expire(connection);
    } else {
        connection->protocol->leave(connection);
    }
    connection_service(connection);
}

/* --- The end. */

static void on_released(uv_handle_t *handle)
{
    struct connection *connection = container_of(handle, struct connection, poll);
    struct net_server *server = connection->server;

    connection->is_released = true;
    connection_release(connection);
    server_handle_closed(server);
}

void connection_release(struct connection *connection)
{
    if (!connection->is_closed || !connection->is_released
        || !list_is_empty(&connection->requests)) {
        return;
    }
    list_remove(&connection->node);
    memory_free(connection);
}

/* Answers that will not be sent. */
static void connection_forget_answered(struct connection *connection)
{
    list_each (node, &connection->requests) {
        struct request *request = container_of(node, struct request, node);

        if (request->is_answered) {
            list_remove(node);
            http_request_finish(request);
        }
    }
}

void connection_close(struct connection *connection)
{
    struct net_server *server = connection->server;

    if (connection->is_closed) {
        return;
    }
    connection->is_closed = true;
    connection->is_released = false;
    server_time(connection, TIMING_NONE, 0);
    list_remove(&connection->dirty);
    list_remove(&connection->stalled);
    list_remove(&connection->node);
    list_push(&server->closed, &connection->node);
    if (connection->fd >= 0) {
        uv_close((uv_handle_t *)&connection->poll, on_released);
        (void)close(connection->fd);
        connection->fd = -1;
    }
    connection_drop_input(connection);
    chain_free(&server->blocks, &connection->output);
    if (connection->protocol != NULL) {
        connection->protocol->close(connection);
    }
    connection_forget_answered(connection);
    connection_end(connection);
    source_hold(connection, 0);
    source_leave(server, connection->source);
    connection->source = NULL;
    server_connection_closed(server);
}

void connection_abandon(struct connection *connection)
{
    connection_close(connection);
    connection->is_released = true;
    connection_release(connection);
}

static void connection_finish(struct connection *connection)
{
    if (!connection->must_linger || connection->is_eof || connection->fd < 0) {
        connection_close(connection);
    } else if (!connection->is_lingering) {
        connection->is_lingering = true;
        (void)shutdown(connection->fd, SHUT_WR);
    }
}

/* Nothing will come and nothing is owed. */
static bool connection_is_over(const struct connection *connection)
{
    bool has_all_taken = connection->is_starved || connection_input(connection).len == 0;

    return connection->output.bytes == 0
           && (connection->is_closing
               || (connection->is_eof && has_all_taken
                   && list_is_empty(&connection->requests)));
}

void connection_leave(struct connection *connection)
{
    if (connection->protocol == NULL) {
        connection->is_closing = true;
    } else {
        connection->protocol->leave(connection);
    }
    connection_mark(connection);
}

/* --- What it holds.  Less than a block of input is everybody's. */

static void held_update(struct connection *connection)
{
    const struct block *input = connection->input;
    size_t body = input == NULL ? 0 : input->len - connection->input_keep;

    source_hold(
        connection,
        (body > BLOCK_LARGE ? body : 0) + connection->parked_bytes + connection->output.bytes
            + connection->waiting_bytes
            + (connection->protocol == NULL ? 0 : connection->protocol->held(connection)));
}

/* --- All of it together. */

void connection_mark(struct connection *connection)
{
    if (!connection->is_serving && !connection->is_closed
        && !list_contains(&connection->dirty)) {
        list_push(&connection->server->dirty, &connection->dirty);
    }
}

void connection_service(struct connection *connection)
{
    bool has_more;

    connection->is_serving = true;
    list_remove(&connection->dirty);
    if (connection->protocol != NULL && source_is_over(connection)) {
        connection->protocol->overdraw(connection);
        stalled_evict(connection);
    }
    do {
        connection_take(connection);
        has_more = connection->protocol != NULL && connection->protocol->fill(connection);
        connection_send(connection);
    } while (!connection->is_closed
             && (connection_may_take(connection) || (has_more && !connection->is_blocked)));
    connection->is_serving = false;
    if (connection->is_closed) {
        return;
    }
    if (connection_is_over(connection)) {
        connection_finish(connection);
    }
    if (!connection->is_closed) {
        held_update(connection);
        events_update(connection);
        timing_update(connection);
    }
}

void connection_open(struct connection *connection, int fd)
{
    struct net_server *server = connection->server;

    if (uv_poll_init(server->loop, &connection->poll, fd) != 0) {
        (void)close(fd);
        connection_abandon(connection);
        return;
    }
    server->handles++;
    connection->fd = fd;
    events_update(connection);
    timing_update(connection);
}
