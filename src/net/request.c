/* Requests as the handler sees them, from a pool, and answers in HTTP/1's form. */
#include "base/memory.h"
#include "net/internal.h"

#include <stdio.h>
#include <string.h>

enum {
    REQUEST_SPARES = 1024,
    HEADERS_FIRST = 24,
    HEADERS_KEPT = 64 /* a spare request with room for more gives it back */
};

struct request *http_request_take(struct connection *connection)
{
    struct net_server *server = connection->server;
    struct list_node *node = list_pop(&server->requests);
    struct request *request;

    if (node != NULL) {
        request = container_of(node, struct request, node);
        server->request_count--;
    } else {
        request = memory_zero(sizeof(*request));
        request->header_room = HEADERS_FIRST;
        request->headers = memory_array(HEADERS_FIRST, sizeof(*request->headers));
    }
    request->connection = connection;
    request->http.arena = &request->arena;
    request->http.peer = text_make(connection->peer, connection->peer_len);
    request->announced = -1;
    request->number = ++connection->taken;
    return request;
}

void http_request_finish(struct request *request)
{
    struct net_server *server;
    struct block_pool *pool;

    if (request == NULL) {
        return;
    }
    request->connection->parked_bytes -= request->is_complete ? request->http.body.len : 0;
    server = request->connection->server;
    pool = server == NULL ? NULL : &server->blocks;
    block_release(pool, request->head);
    block_release(pool, request->body);
    chain_free(pool, &request->answer);
    if (server == NULL || server->request_count >= REQUEST_SPARES
        || request->header_room > HEADERS_KEPT) {
        arena_free(&request->arena);
        memory_free(request->headers);
        memory_free(request);
        return;
    }
    if (request->arena.used > 0) {
        arena_reset(&request->arena);
    }
    *request = (struct request){.arena = request->arena,
                                .headers = request->headers,
                                .header_room = request->header_room};
    list_push_first(&server->requests, &request->node);
    server->request_count++;
}

struct http_header *request_add_header(struct request *request)
{
    struct http_header *header;

    if (request->http.header_count == request->header_room) {
        request->header_room *= 2;
        request->headers =
            memory_resize(request->headers, request->header_room * sizeof(*request->headers));
    }
    header = &request->headers[request->http.header_count++];
    *header = (struct http_header){0};
    return header;
}

struct text http_request_header(const struct http_request *request, struct text name)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (text_equal_ignore_case(request->headers[i].name, name)) {
            return request->headers[i].value;
        }
    }
    return (struct text){0};
}

/* "http://host:1/a?b": the authority counts more than Host (RFC 9112, 3.2.2). */
static void target_reduce(struct request *request)
{
    struct http_request *http = &request->http;
    size_t colon = text_find(http->target, ':');
    struct text rest = text_after(http->target, colon + 3);
    size_t end = text_find(rest, '/');
    size_t query = text_find(rest, '?');

    end = query < end ? query : end;
    http->host = text_first(rest, end);
    http->target = text_after(rest, end);
    if (http->target.len == 0 || http->target.at[0] != '/') {
        http->target = arena_printf(&request->arena, "/%.*s", TEXT_PRINTF(http->target));
    }
}

void request_split_target(struct request *request)
{
    struct http_request *http = &request->http;
    size_t question;

    if (http->target.len > 0 && http->target.at[0] != '/' && http->target.at[0] != '*'
        && text_starts_with(text_after(http->target, text_find(http->target, ':')), T("://"))) {
        target_reduce(request);
    }
    question = text_find(http->target, '?');
    http->path = text_first(http->target, question);
    http->query = text_after(http->target, question + 1);
}

void request_tell_gone(struct request *request)
{
    const struct net_server *server = request->connection->server;

    request->is_told_gone = true;
    if (server->handler.gone != NULL) {
        server->handler.gone(server->handler.context, &request->http);
    }
}

/* Of a connection that is closed: whoever had the request gives it back. */
static bool is_given_back(struct request *own)
{
    struct connection *connection = own->connection;

    if (!connection->is_closed) {
        return false;
    }
    list_remove(&own->node);
    http_request_finish(own);
    connection_release(connection);
    return true;
}

void http_respond(struct http_request *request, const struct http_response *response)
{
    struct request *own = container_of(request, struct request, http);
    struct connection *connection = own->connection;

    if (!is_given_back(own)) {
        connection->protocol->answer(own, response);
        connection_mark(connection);
    }
}

/* --- Answers in pieces. */

/* Of a client that has gone: nothing is owed any more but the request itself. */
static bool is_nobodys(struct request *own)
{
    return own->connection->is_closed || own->is_detached;
}

void http_begin(struct http_request *request, const struct http_response *response,
                const struct http_stream *stream)
{
    struct request *own = container_of(request, struct request, http);

    own->is_streaming = true;
    own->stream = *stream;
    if (!is_nobodys(own)) {
        own->connection->protocol->answer(own, response);
        connection_mark(own->connection);
    }
}

bool http_write(struct http_request *request, struct text piece)
{
    struct request *own = container_of(request, struct request, http);

    if (is_nobodys(own) || own->is_head) {
        return true;
    }
    own->wants_room = piece.len > 0 && !own->connection->protocol->write(own, piece);
    connection_mark(own->connection);
    return !own->wants_room;
}

static void stream_end(struct http_request *request, bool is_whole)
{
    struct request *own = container_of(request, struct request, http);
    struct connection *connection = own->connection;

    if (!is_given_back(own)) {
        connection->protocol->end(own, is_whole);
        connection_mark(connection);
    }
}

void http_end(struct http_request *request)
{
    stream_end(request, true);
}

void http_abort(struct http_request *request)
{
    stream_end(request, false);
}

/* --- Answers. */

struct status_line {
    int status;
    struct text line;
};

static const struct status_line status_lines[] = {
    {200, TEXT("HTTP/1.1 200 OK\r\n")},
    {400, TEXT("HTTP/1.1 400 Bad Request\r\n")},
    {403, TEXT("HTTP/1.1 403 Forbidden\r\n")},
    {404, TEXT("HTTP/1.1 404 Not Found\r\n")},
    {201, TEXT("HTTP/1.1 201 Created\r\n")},
    {202, TEXT("HTTP/1.1 202 Accepted\r\n")},
    {204, TEXT("HTTP/1.1 204 No Content\r\n")},
    {301, TEXT("HTTP/1.1 301 Moved Permanently\r\n")},
    {302, TEXT("HTTP/1.1 302 Found\r\n")},
    {303, TEXT("HTTP/1.1 303 See Other\r\n")},
    {304, TEXT("HTTP/1.1 304 Not Modified\r\n")},
    {307, TEXT("HTTP/1.1 307 Temporary Redirect\r\n")},
    {308, TEXT("HTTP/1.1 308 Permanent Redirect\r\n")},
    {401, TEXT("HTTP/1.1 401 Unauthorized\r\n")},
    {405, TEXT("HTTP/1.1 405 Method Not Allowed\r\n")},
    {406, TEXT("HTTP/1.1 406 Not Acceptable\r\n")},
    {408, TEXT("HTTP/1.1 408 Request Timeout\r\n")},
    {409, TEXT("HTTP/1.1 409 Conflict\r\n")},
    {421, TEXT("HTTP/1.1 421 Misdirected Request\r\n")},
    {410, TEXT("HTTP/1.1 410 Gone\r\n")},
    {411, TEXT("HTTP/1.1 411 Length Required\r\n")},
    {412, TEXT("HTTP/1.1 412 Precondition Failed\r\n")},
    {413, TEXT("HTTP/1.1 413 Content Too Large\r\n")},
    {415, TEXT("HTTP/1.1 415 Unsupported Media Type\r\n")},
    {417, TEXT("HTTP/1.1 417 Expectation Failed\r\n")},
    {422, TEXT("HTTP/1.1 422 Unprocessable Content\r\n")},
    {429, TEXT("HTTP/1.1 429 Too Many Requests\r\n")},
    {431, TEXT("HTTP/1.1 431 Request Header Fields Too Large\r\n")},
    {500, TEXT("HTTP/1.1 500 Internal Server Error\r\n")},
    {501, TEXT("HTTP/1.1 501 Not Implemented\r\n")},
    {502, TEXT("HTTP/1.1 502 Bad Gateway\r\n")},
    {503, TEXT("HTTP/1.1 503 Service Unavailable\r\n")},
    {504, TEXT("HTTP/1.1 504 Gateway Timeout\r\n")},
    {505, TEXT("HTTP/1.1 505 HTTP Version Not Supported\r\n")},
};

static struct text status_line_find(int status)
{
    for (size_t i = 0; i < countof(status_lines); i++) {
        if (status_lines[i].status == status) {
            return status_lines[i].line;
        }
    }
    return (struct text){0};
}

/* "Bad Request" */
static struct text status_phrase(int status)
{
    struct text line = status_line_find(status);

    return text_after(text_first(line, line.len < 2 ? 0 : line.len - 2),
                      sizeof("HTTP/1.1 400 ") - 1);
}

struct http_response response_refusal(struct request *request, int status, const char *reason)
{
    return (struct http_response){.status = status,
                                  .content_type = T("text/plain; charset=utf-8"),
                                  .body =
                                      arena_printf(&request->arena, "%d %.*s: %s\n", status,
                                                   TEXT_PRINTF(status_phrase(status)), reason)};
}

static char *put(char *to, struct text text)
{
    if (text.len > 0) {
        memcpy(to, text.at, text.len);
    }
    return to + text.len;
}

/* A value with a line break in it would become headers of its own: blanks instead. */
static char *put_value(char *to, struct text text)
{
    char *end = put(to, text);

    for (; to < end; to++) {
        if ((unsigned char)*to < 0x20) {
            *to = ' ';
        }
    }
    return end;
}

static char *put_number(char *to, size_t number)
{
    char digits[20];
    size_t place = sizeof(digits);

    do {
        digits[--place] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    return put(to, text_make(digits + place, sizeof(digits) - place));
}

static char *put_status(char *to, int status)
{
    struct text line = status_line_find(status);

    if (line.len > 0) {
        return put(to, line);
    }
    to = put(to, T("HTTP/1.1 "));
    to = put_number(to, (size_t)(status < 0 ? 500 : status));
    return put(to, T(" \r\n"));
}

static char *put_headers(char *to, const struct http_header *headers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        to = put_value(to, headers[i].name);
        to = put(to, T(": "));
        to = put_value(to, headers[i].value);
        to = put(to, T("\r\n"));
    }
    return to;
}

/* The most bytes that the head can take. */
static size_t headers_size(const struct http_header *headers, size_t count)
{
    size_t size = 0;

    for (size_t i = 0; i < count; i++) {
        size += headers[i].name.len + headers[i].value.len + 4;
    }
    return size;
}

static size_t head_size(const struct http_request *http, const struct http_response *response)
{
    return 384 + response->content_type.len /* every line that is not theirs */
           + headers_size(response->headers, response->header_count)
           + headers_size(http->answer_headers, http->answer_header_count);
}

void response_write(struct request *request, const struct http_response *response,
                    struct chain *chain)
{
    struct net_server *server = request->connection->server;
    bool has_body = response->status != 204 && response->status != 304;
    char *head = chain_reserve(&server->blocks, chain, head_size(&request->http, response));
    char *at = put_status(head, response->status);

    at = put(at, T("Date: "));
    at = put(at, date_text(&server->date, uv_now(server->loop)));
    if (response->content_type.len > 0) {
        at = put(at, T("\r\nContent-Type: "));
        at = put_value(at, response->content_type);
    }
    if (request->is_streaming && !request->connection->http1.is_old) {
        at = put(at, T("\r\nTransfer-Encoding: chunked"));
    } else if (has_body && !request->is_streaming) {
        at = put(at, T("\r\nContent-Length: "));
        at = put_number(at, response->body.len);
    }
    at = put(at, T("\r\nX-Content-Type-Options: nosniff\r\n"
                   "Cross-Origin-Resource-Policy: same-origin\r\n"));
    at = put_headers(at, response->headers, response->header_count);
    at = put_headers(at, request->http.answer_headers, request->http.answer_header_count);
    if (!request->keeps_alive) {
        at = put(at, T("Connection: close\r\n"));
    } else if (request->connection->http1.is_old) {
        at = put(at, T("Connection: keep-alive\r\n"));
    }
    at = put(at, T("\r\n"));
    chain_commit(chain, (size_t)(at - head));
    if (has_body && !request->is_head && !request->is_streaming) {
        chain_add(&server->blocks, chain, response->body);
    }
}
