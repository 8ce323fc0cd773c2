/* One HTTP/2 connection under any bytes behind the preface; what is handed up is answered in
 * turn at once, later, or after the connection has gone.
 * # link: net base */
#include "net/internal.h"

#include <stdlib.h>
#include <string.h>

enum {
    HELD_MAX = 64,
    PIPELINE_MAX = 8
};

struct held {
    struct http_request *requests[HELD_MAX];
    size_t count;
    size_t handed;
    size_t gone;
};

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool claim)
{
    if (!claim) {
        abort();
    }
}

static void answer(struct held *held, size_t which)
{
    struct http_request *request = held->requests[which];
    struct http_header header = {T("x-path"), request->path};
    struct http_response response = {
        .status = 200, .headers = &header, .header_count = 1, .body = request->body};

    held->count--;
    for (size_t i = which; i < held->count; i++) {
        held->requests[i] = held->requests[i + 1];
    }
    http_respond(request, &response);
}

static void on_request(void *context, struct http_request *request)
{
    struct held *held = context;

    must(request->http2 && request->method.len > 0);
    must(held->count < PIPELINE_MAX);
    held->requests[held->count++] = request;
    held->handed++;
    if (held->handed % 3 == 0) {
        answer(held, held->count - 1);
    }
}

/* Every other one is answered when its client goes, as a long poll is. */
static void on_gone(void *context, struct http_request *request)
{
    struct held *held = context;

    held->gone++;
    must(held->gone <= held->handed);
    for (size_t i = 0; i < held->count && held->gone % 2 == 0; i++) {
        if (held->requests[i] == request) {
            answer(held, i);
            return;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct net_options options = {.header_max = 2048,
                                  .body_max = 65536,
                                  .pipeline_max = PIPELINE_MAX,
                                  .connection_max = 1,
                                  .idle_ms = 1000,
                                  .slow_ms = 1000};
    struct held held = {0};
    struct net_handler handler = {.request = on_request, .gone = on_gone, .context = &held};
    uv_loop_t loop = {0};
    struct net_server *server = server_create(&loop, &options, &handler);
    struct connection *connection = connection_create(server);
    size_t step = size == 0 ? 1 : 1 + (size_t)(data[0] % 64) * (data[0] % 64);
    struct text rest = text_after(text_make(data, size), 1);

    connection_feed(connection, T("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
    while (rest.len > 0) {
        connection_feed(connection, text_first(rest, step));
        rest = text_after(rest, step);
        if (held.count > PIPELINE_MAX / 2) {
            answer(&held, 0);
        }
        (void)connection->protocol->fill(connection);
        chain_free(&server->blocks, &connection->output);
    }
    if (size % 2 == 0) {
        connection_close(connection);
    }
    while (held.count > 0) {
        answer(&held, 0);
    }
    connection_abandon(connection);
    server_free(server);
    return 0;
}
