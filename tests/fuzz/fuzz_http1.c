/* One HTTP/1 connection under any bytes, in reads of any size, answered at once or later.
 * # link: net base */
#include "net/internal.h"

#include <stdlib.h>
#include <string.h>

enum {
    HELD_MAX = 8,
    PIPELINE_MAX = 4
};

struct held {
    struct http_request *requests[HELD_MAX];
    size_t count;
    size_t handed;
};

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool claim)
{
    if (!claim) {
        abort();
    }
}

/* Every byte of it can be read, by who checks addresses. */
static unsigned touch(struct text text)
{
    unsigned sum = 0;

    for (size_t i = 0; i < text.len; i++) {
        sum += (uint8_t)text.at[i];
    }
    return sum;
}

static void check(const struct http_request *request)
{
    volatile unsigned sum = touch(request->method) + touch(request->target)
                            + touch(request->path) + touch(request->query)
                            + touch(request->host) + touch(request->body);

    for (size_t i = 0; i < request->header_count; i++) {
        struct text name = request->headers[i].name;
        struct text value = request->headers[i].value;

        must(head_is_token(name));
        must(value.len == 0 || memchr(value.at, '\n', value.len) == NULL);
        must(value.len == 0 || memchr(value.at, '\r', value.len) == NULL);
        must(value.len == 0 || memchr(value.at, '\0', value.len) == NULL);
        sum += touch(name) + touch(value);
    }
    (void)sum;
}

static void answer(struct held *held, size_t which)
{
    struct http_request *request = held->requests[which];
    struct http_response response = {.status = 200, .body = request->body};

    check(request);
    held->count--;
    for (size_t i = which; i < held->count; i++) {
        held->requests[i] = held->requests[i + 1];
    }
    http_respond(request, &response);
}

static void on_request(void *context, struct http_request *request)
{
    struct held *held = context;

    check(request);
    must(held->count < HELD_MAX);
    held->requests[held->count++] = request;
    held->handed++;
    if (request->path.len % 2 == 0) {
        answer(held, held->count - 1);
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
    struct net_handler handler = {.request = on_request, .context = &held};
    uv_loop_t loop = {0};
    struct net_server *server = server_create(&loop, &options, &handler);
    struct connection *connection = connection_create(server);
    size_t step =
        size == 0 ? 1 : 1 + (size_t)(data[0] % 64) * (data[0] % 64); /* 1 byte to 4 KB */
    struct text rest = text_after(text_make(data, size), 1);

    while (rest.len > 0) {
        connection_feed(connection, text_first(rest, step));
        rest = text_after(rest, step);
        while (held.count >= PIPELINE_MAX / 2) {
            answer(&held, held.count - 1); /* the last first */
        }
        connection_take(connection);
        chain_free(&server->blocks, &connection->output);
    }
    if (size % 2 == 0) {
        connection_close(connection); /* with answers owed */
    }
    while (held.count > 0) {
        answer(&held, 0);
    }
    connection_abandon(connection);
    server_free(server);
    return 0;
}
