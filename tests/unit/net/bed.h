/* A server and raw clients in one loop, for the tests of net: nothing sleeps, all is bounded.
 */
#ifndef TESTS_UNIT_NET_BED_H
#define TESTS_UNIT_NET_BED_H

#include "base/buffer.h"
#include "base/clock.h"
#include "net/net.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <uv.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* As functions, because Criterion's macros nest too deeply for helpers. `what` is for people.
 */
/* NOLINTNEXTLINE(readability-function-size) */
static inline void must(bool claim, const char *what)
{
    cr_assert(claim, "%s", what);
}

/* NOLINTNEXTLINE(readability-function-size) */
static inline void should(bool claim, const char *what)
{
    cr_expect(claim, "%s", what);
}

enum {
    BED_HELD_MAX = 64,
    BED_PATIENCE_MS = 5000
};

#define BED_MIB ((size_t)1024 * 1024)

struct bed {
    uv_loop_t loop;
    struct net_server *server;
    struct net_options options;
    /* Requests whose path starts with "/hold" are kept; the others are answered at once with
     * what was received. */
    struct http_request *held[BED_HELD_MAX];
    size_t held_count;
    size_t gone_count;
    size_t request_count;
    bool answers_gone; /* gone requests are answered at once, as a long poll is */
    bool is_stopped;
    struct buffer last; /* method, target, host and body of the last request */
    /* Requests to "/stream" are answered in pieces: so many, each of `piece` bytes. */
    struct http_request *streaming;
    size_t pieces, piece, pieces_written, drained_count;
    bool aborts;
};

static inline void bed_forget(struct bed *bed, struct http_request *request)
{
    size_t kept = 0;

    for (size_t i = 0; i < bed->held_count; i++) {
        if (bed->held[i] != request) {
            bed->held[kept++] = bed->held[i];
        }
    }
    bed->held_count = kept;
}

static inline void bed_answer(struct bed *bed, struct http_request *request, const char *body)
{
    struct http_header header = {T("x-test"), T("yes")};
    struct http_response response = {.status = 200,
                                     .content_type = T("text/plain"),
                                     .headers = &header,
                                     .header_count = 1,
                                     .body = text_from(body)};

    bed_forget(bed, request);
    http_respond(request, &response);
}

/* Writes while there is room; ends, or aborts, behind the last piece. */
static inline void bed_stream(void *context)
{
    static char bytes[100000];
    struct bed *bed = context;

    memset(bytes, 's', sizeof bytes);
    bed->drained_count++;
    while (bed->pieces_written < bed->pieces) {
        bed->pieces_written++;
        if (!http_write(bed->streaming, text_make(bytes, bed->piece))) {
            return;
        }
    }
    struct http_request *request = bed->streaming;

    bed->streaming = NULL;
    if (bed->aborts) {
        http_abort(request);
    } else {
        http_end(request);
    }
}

static inline void bed_stream_begin(struct bed *bed, struct http_request *request)
{
    const struct http_response response = {.status = 200, .content_type = T("text/plain")};
    const struct http_stream stream = {.drained = bed_stream, .context = bed};

    bed->streaming = request;
    http_begin(request, &response, &stream);
    bed_stream(bed);
}

static inline void bed_on_request(void *context, struct http_request *request)
{
    struct bed *bed = context;
    struct http_response response = {.status = 200};

    bed->request_count++;
    buffer_clear(&bed->last);
    buffer_printf(&bed->last, "%.*s %.*s?%.*s host=%.*s headers=%zu body=%.*s",
                  TEXT_PRINTF(request->method), TEXT_PRINTF(request->path),
                  TEXT_PRINTF(request->query), TEXT_PRINTF(request->host),
                  request->header_count, TEXT_PRINTF(request->body));
    if (text_starts_with(request->path, T("/hold"))) {
        must(bed->held_count < BED_HELD_MAX, "holds too many");
        bed->held[bed->held_count++] = request;
        return;
    }
    if (text_starts_with(request->path, T("/stream"))) {
        bed_stream_begin(bed, request);
        return;
    }
    if (text_starts_with(request->path, T("/large"))) {
        response.body = arena_printf(request->arena, "%0100000d", 7);
    } else {
        response.body = request->body.len > 0 ? request->body : request->target;
    }
    http_respond(request, &response);
}

static inline void bed_on_gone(void *context, struct http_request *request)
{
    struct bed *bed = context;

    bed->gone_count++;
    if (bed->answers_gone) {
        bed_answer(bed, request, "gone");
    }
}

static inline void bed_start(struct bed *bed)
{
    struct net_handler handler = {
        .request = bed_on_request, .gone = bed_on_gone, .context = bed};
    struct why why = {0};

    if (bed->options.address == NULL) {
        bed->options.address = "127.0.0.1";
    }
    if (bed->options.header_max == 0) {
        bed->options.header_max = 8192;
    }
    if (bed->options.body_max == 0) {
        bed->options.body_max = BED_MIB;
    }
    if (bed->options.connection_max == 0) {
        bed->options.connection_max = 100;
    }
    if (bed->options.pipeline_max == 0) {
        bed->options.pipeline_max = 16;
    }
    bed->options.idle_ms = bed->options.idle_ms == 0 ? 60000 : bed->options.idle_ms;
    bed->options.slow_ms = bed->options.slow_ms == 0 ? 30000 : bed->options.slow_ms;
    buffer_init(&bed->last, 16 * BED_MIB);
    must(uv_loop_init(&bed->loop) == 0, "loop");
    must(net_server_start(&bed->loop, &bed->options, &handler, &bed->server, &why) == STATUS_OK,
         why.text);
}

static inline void bed_turn(struct bed *bed)
{
    (void)uv_run(&bed->loop, UV_RUN_NOWAIT);
}

/* A few turns, for what should not happen. */
static inline void bed_turns(struct bed *bed)
{
    for (int i = 0; i < 20; i++) {
        bed_turn(bed);
    }
}

static inline void bed_on_stopped(void *context)
{
    struct bed *bed = context;

    bed->is_stopped = true;
    bed->server = NULL;
}

static inline bool bed_late(int64_t since_us)
{
    return clock_monotonic_us() - since_us > (int64_t)BED_PATIENCE_MS * 1000;
}

static inline void bed_stop(struct bed *bed)
{
    int64_t since_us = clock_monotonic_us();

    while (bed->held_count > 0) {
        bed_answer(bed, bed->held[0], "late");
    }
    if (bed->server != NULL) {
        net_server_stop(bed->server, 0, bed_on_stopped, bed);
    }
    while (uv_run(&bed->loop, UV_RUN_NOWAIT) != 0 && !bed_late(since_us)) {
    }
    should(bed->is_stopped, "the server stops");
    should(uv_loop_close(&bed->loop) == 0, "nothing is left in the loop");
    buffer_free(&bed->last);
}

/* --- A client. */

struct client {
    struct bed *bed;
    int fd;
    bool has_ended; /* the server closed, or reset */
    struct buffer got;
};

static inline void client_open(struct client *client, struct bed *bed)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(net_server_port(bed->server)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int on = 1;

    *client = (struct client){.bed = bed};
    buffer_init(&client->got, 64 * BED_MIB);
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(client->fd >= 0, "socket");
    must(connect(client->fd, (const struct sockaddr *)&address, sizeof(address)) == 0,
         "connect");
    /* Else a small second send waits for an acknowledgement that is in no hurry. */
    must(setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0, "setsockopt");
    must(fcntl(client->fd, F_SETFL, O_NONBLOCK) == 0, "fcntl");
}

static inline void client_close(struct client *client)
{
    if (client->fd >= 0) {
        (void)close(client->fd);
        client->fd = -1;
    }
    buffer_free(&client->got);
}

static inline void client_read(struct client *client)
{
    char bytes[65536];
    ssize_t len = recv(client->fd, bytes, sizeof(bytes), 0);

    if (len > 0) {
        buffer_add(&client->got, text_make(bytes, (size_t)len));
    } else if (len == 0 || (errno != EAGAIN && errno != EINTR)) {
        client->has_ended = true;
    }
}

/* Sends all of it while the server runs; stops when the server has closed. */
static inline void client_send_text(struct client *client, struct text text)
{
    int64_t since_us = clock_monotonic_us();

    while (text.len > 0 && !client->has_ended && !bed_late(since_us)) {
        ssize_t len = send(client->fd, text.at, text.len, MSG_NOSIGNAL);

        if (len > 0) {
            text = text_after(text, (size_t)len);
        } else if (errno != EAGAIN) {
            return;
        }
        bed_turn(client->bed);
        client_read(client);
    }
    bed_turn(client->bed);
}

static inline void client_send(struct client *client, const char *string)
{
    client_send_text(client, text_from(string));
}

static inline bool client_has(const struct client *client, const char *needle)
{
    return client->got.len > 0
           && memmem(client->got.at, client->got.len, needle, strlen(needle)) != NULL;
}

static inline size_t client_count(const struct client *client, const char *needle)
{
    struct text rest = buffer_text(&client->got);
    size_t count = 0;

    for (;;) {
        const char *at =
            rest.len == 0 ? NULL : memmem(rest.at, rest.len, needle, strlen(needle));

        if (at == NULL) {
            return count;
        }
        count++;
        rest = text_after(rest, (size_t)(at - rest.at) + strlen(needle));
    }
}

/* Runs until `needle` has arrived; false when the connection ended or time did. */
static inline bool client_await(struct client *client, const char *needle)
{
    int64_t since_us = clock_monotonic_us();

    while (!client_has(client, needle)) {
        if (client->has_ended || bed_late(since_us)) {
            return false;
        }
        bed_turn(client->bed);
        client_read(client);
    }
    return true;
}

static inline bool client_await_end(struct client *client)
{
    int64_t since_us = clock_monotonic_us();

    while (!client->has_ended && !bed_late(since_us)) {
        bed_turn(client->bed);
        client_read(client);
    }
    return client->has_ended;
}

/* Runs until the handler holds `count` requests. */
static inline bool bed_await_held(struct bed *bed, size_t count)
{
    int64_t since_us = clock_monotonic_us();

    while (bed->held_count < count && !bed_late(since_us)) {
        bed_turn(bed);
    }
    return bed->held_count >= count;
}

static inline bool bed_await_gone(struct bed *bed, size_t count)
{
    int64_t since_us = clock_monotonic_us();

    while (bed->gone_count < count && !bed_late(since_us)) {
        bed_turn(bed);
    }
    return bed->gone_count >= count;
}

#endif
