/* The server: which connections there are, time, backpressure, the end. */
#include "base/memory.h"
#include "net/internal.h"

#include <unistd.h>

enum {
    LINGER_MS = 2000, /* how long a refused client may take to read why */
    TICK_MS = 50      /* deadlines are met no more exactly than this */
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
    sources_free(server);
    http2_server_free(server);
    memory_free(server);
}

uint16_t net_server_port(const struct net_server *server)
{
    return server->port;
}

struct net_counters net_server_counters(const struct net_server *server)
{
    struct net_counters counters = server->counters;

    counters.held_bytes = server->held;
    return counters;
}

/* --- Time: one timer for all, set for the first deadline, and not at all when there is none.
 */

static void on_timer(uv_timer_t *timer);

void server_wake(struct net_server *server, uint64_t due_ms)
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
        server_wake(server, connection->deadline_ms);
        if (timing == TIMING_IDLE && !server->accepts) {
            accept_update(server); /* it could make room */
        }
    }
}

/* The first deadline of that list, or UINT64_MAX. */
static uint64_t timed_first(const struct net_server *server, enum timing timing)
{
    struct list_node *node = list_first(&server->timed[timing]);

    return node == NULL ? UINT64_MAX
                        : container_of(node, struct connection, timed)->deadline_ms;
}

/* While we do not read, nobody can be slow or idle. */
static bool timing_counts(const struct net_server *server, enum timing timing)
{
    return !server->is_paused || (timing != TIMING_SLOW && timing != TIMING_IDLE);
}

static void timed_expire(struct net_server *server, enum timing timing, uint64_t now_ms)
{
    while (timing_counts(server, timing) && timed_first(server, timing) <= now_ms) {
        connection_expire(
            container_of(list_first(&server->timed[timing]), struct connection, timed));
    }
}

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
        server_wake(server, due_ms < now_ms + TICK_MS ? now_ms + TICK_MS : due_ms);
    }
}

/* --- Backpressure. */

/* A pause was our fault, so everybody's time begins anew. */
static void timed_renew(struct net_server *server, enum timing timing, int64_t duration_ms)
{
    uint64_t deadline_ms = uv_now(server->loop) + (uint64_t)duration_ms;

    list_each (node, &server->timed[timing]) {
        container_of(node, struct connection, timed)->deadline_ms = deadline_ms;
    }
    if (!list_is_empty(&server->timed[timing])) {
        server_wake(server, deadline_ms);
    }
}

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
    timed_renew(server, TIMING_SLOW, server->options.slow_ms);
    timed_renew(server, TIMING_IDLE, server->options.idle_ms);
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

/* --- Starting (see also listener.c). */

void server_open(struct net_server *server)
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
    server_wake(server, server->stop_by_ms);
    server_finish(server);
}
