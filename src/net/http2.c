/* HTTP/2 with prior knowledge: libnghttp2 speaks, this file turns streams into requests. */
#include "base/memory.h"
#include "net/internal.h"

#include <nghttp2/nghttp2.h>

#include <stdlib.h>
#include <string.h>

enum {
    CONNECTION_WINDOW = 1024 * 1024,
    HEADERS_OF_OURS = 6, /* of an answer, beside the handler's: see nv_fill */
    /* A client may take back this many requests at once, and so many a second for good. */
    RESETS_MAX = 200,
    RESET_MS = 20,
    /* Headers over the limit are still decoded, so that their client can read why; of a client
     * that goes on to so many times the limit (a small block can unfold to many megabytes) the
     * connection ends. */
    HEADERS_BOMB_TIMES = 4,
    HEADER_TABLE_SIZE = 1024, /* what a reference in such a block can unfold to */
    UNSENT_MAX = 256 * 1024   /* bytes of answers that the client does not take: no new work */
};

struct http2 {
    nghttp2_session *session;
    struct list partials; /* requests not complete yet, oldest first */
    struct list complete; /* not handed up while too much of what was answered waits */
    size_t unsent_bytes;  /* bodies of answers that wait for the client's window */
    uint32_t open;        /* requests begun whose stream or whose answer is still to come */
    size_t held;          /* body bytes of the partials */
    size_t withheld;      /* of their windows */
    uint32_t resets;
    uint64_t resets_ms; /* when `resets` was last counted down */
    bool is_leaving;
};

static struct request *stream_request(struct http2 *http2, int32_t stream_id)
{
    return nghttp2_session_get_stream_user_data(http2->session, stream_id);
}

/* libnghttp2 takes pointers to what it only reads. */
static nghttp2_nv nv_make(struct text name, struct text value)
{
    union {
        const char *in;
        uint8_t *out;
    } name_at = {.in = name.at}, value_at = {.in = value.at};

    return (nghttp2_nv){.name = name_at.out,
                        .namelen = name.len,
                        .value = value_at.out,
                        .valuelen = value.len,
                        .flags = NGHTTP2_NV_FLAG_NONE};
}

/* --- Windows.  One connection may have as many bodies on their way as it has requests: beyond
 * one body's maximum, only the oldest is let go on. */

static void window_open(struct http2 *http2, struct request *request)
{
    http2->withheld -= request->withheld;
    (void)nghttp2_session_consume_stream(http2->session, request->stream_id, request->withheld);
    request->withheld = 0;
}

static void windows_update(struct connection *connection)
{
    struct http2 *http2 = connection->http2;
    const struct list_node *first = list_first(&http2->partials);

    if (http2->withheld == 0) {
        return;
    }
    list_each (node, &http2->partials) {
        if (node == first || http2->held <= connection->server->options.body_max) {
            window_open(http2, container_of(node, struct request, node));
        }
    }
}

/* --- From stream to request. */

/* It is not on its way any more, for better or worse. */
static void partial_end(struct request *request)
{
    struct http2 *http2 = request->connection->http2;

    http2->held -= request->body == NULL ? 0 : request->body->len;
    http2->withheld -= request->withheld;
    request->withheld = 0;
    list_remove(&request->node);
    windows_update(request->connection);
}

static void request_end(struct request *request)
{
    request->connection->http2->open--;
    /* One in pieces waits for its client only while there is some of it. */
    request->connection->unsent -=
        request->is_streaming ? request->answer.bytes > 0 : request->is_answered;
    request->connection->http2->unsent_bytes -= request->answer.bytes;
    list_remove(&request->node);
    http_request_finish(request);
}

static void http2_answer(struct request *request, const struct http_response *response);

/* Answers before the request is complete; what still comes of it is thrown away. */
static void http2_refuse(struct request *request, int status, const char *reason)
{
    struct connection *connection = request->connection;
    struct http_response response = response_refusal(request, status, reason);

    partial_end(request);
    connection->server->counters.refused_total++;
    request->is_refused = true;
    list_push(&connection->requests, &request->node);
    http2_answer(request, &response);
}

static void hand_up(struct request *request)
{
    struct connection *connection = request->connection;
    struct net_server *server = connection->server;

    list_remove(&request->node);
    request->is_handed_up = true;
    list_push(&connection->requests, &request->node);
    server->counters.requests_total++;
    server->handler.request(server->handler.context, &request->http);
}

/* A client that takes no answers gets no more work done. */
static void request_complete(struct request *request)
{
    struct http2 *http2 = request->connection->http2;

    partial_end(request);
    if (request->body != NULL) {
        request->http.body = text_make(request->body->at, request->body->len);
    }
    request->is_complete = true;
    request->connection->parked_bytes += request->http.body.len;
    if (http2->unsent_bytes > UNSENT_MAX || !list_is_empty(&http2->complete)) {
        list_push(&http2->complete, &request->node);
    } else {
        hand_up(request);
    }
}

static void complete_go_on(struct http2 *http2)
{
    struct list_node *node = NULL;

    while (http2->unsent_bytes <= UNSENT_MAX && (node = list_pop(&http2->complete)) != NULL) {
        hand_up(container_of(node, struct request, node));
    }
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
    struct connection *connection = context;
    struct http2 *http2 = connection->http2;
    struct request *request;

    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) {
        return 0;
    }
    if (http2->is_leaving || http2->open >= connection->server->options.pipeline_max) {
        (void)nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
                                        NGHTTP2_REFUSED_STREAM);
        return 0;
    }
    request = http_request_take(connection);
    request->stream_id = frame->hd.stream_id;
    request->started_ms = uv_now(connection->server->loop);
    request->http.http2 = true;
    http2->open++;
    list_push(&http2->partials, &request->node);
    (void)nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, request);
    return 0;
}

static void note_method(struct request *request, struct text value)
{
    request->http.method = value;
    request->is_head = text_equal(value, T("HEAD"));
}

static void note_target(struct request *request, struct text value)
{
    request->http.target = value;
}

static void note_host(struct request *request, struct text value)
{
    if (request->http.host.len == 0) {
        request->http.host = value; /* :authority comes first and counts more than Host */
    }
}

static void note_length(struct request *request, struct text value)
{
    if (!text_to_int64(value, &request->announced)) {
        request->announced = INT64_MAX; /* too long a number */
    }
}

static void note_expect(struct request *request, struct text value)
{
    request->expects_100 = text_equal_ignore_case(value, T("100-continue"));
}

static const struct {
    struct text name;
    void (*note)(struct request *request, struct text value);
} header_notes[] = {
    {TEXT(":method"), note_method},        {TEXT(":path"), note_target},
    {TEXT(":authority"), note_host},       {TEXT("host"), note_host},
    {TEXT("content-length"), note_length}, {TEXT("expect"), note_expect},
};

static void header_keep(struct request *request, struct text name, struct text value)
{
    name = arena_copy(&request->arena, name);
    value = arena_copy(&request->arena, value);
    for (size_t i = 0; i < countof(header_notes); i++) {
        if (text_equal(name, header_notes[i].name)) {
            header_notes[i].note(request, value);
        }
    }
    if (name.len > 0 && name.at[0] != ':') {
        *request_add_header(request) = (struct http_header){.name = name, .value = value};
    }
}

static void calm_down(struct connection *connection)
{
    connection->server->counters.refused_total++;
    (void)nghttp2_session_terminate_session(connection->http2->session,
                                            NGHTTP2_ENHANCE_YOUR_CALM);
}

/* Requests begun and taken back, or refused for their headers, cost us and not the client, so
 * they are rationed. */
static void reset_count(struct connection *connection)
{
    struct http2 *http2 = connection->http2;
    uint64_t now_ms = uv_now(connection->server->loop);
    uint64_t forgiven = (now_ms - http2->resets_ms) / RESET_MS;

    if (forgiven > 0) {
        http2->resets -= forgiven < http2->resets ? (uint32_t)forgiven : http2->resets;
        http2->resets_ms = now_ms;
    }
    http2->resets++;
    if (http2->resets > RESETS_MAX) {
        calm_down(connection);
    }
}

/* libnghttp2's signature has more parameters than we like; it is not ours to choose.
 * NOLINTNEXTLINE(readability-function-size) */
static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *context)
{
    struct connection *connection = context;
    struct request *request = stream_request(connection->http2, frame->hd.stream_id);

    (void)session;
    (void)flags;
    if (request == NULL) {
        return 0;
    }
    request->header_bytes += name_len + value_len + 4;
    if (request->header_bytes > HEADERS_BOMB_TIMES * connection->server->options.header_max) {
        calm_down(connection);
        return NGHTTP2_ERR_CALLBACK_FAILURE; /* nothing more of it is decoded */
    }
    if (request->is_answered || request->is_handed_up) {
        return 0;
    }
    if (request->header_bytes > connection->server->options.header_max) {
        http2_refuse(request, 431, "the headers are larger than this server takes");
        reset_count(connection);
    } else if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
        header_keep(request, text_make(name, name_len), text_make(value, value_len));
    }
    return 0;
}

static void headers_end(struct request *request, bool is_last)
{
    struct connection *connection = request->connection;
    int64_t body_max = (int64_t)connection->server->options.body_max;

    request->http.headers = request->headers;
    request_split_target(request);
    if (request->announced > body_max) {
        http2_refuse(request, 413, "the body is larger than this server takes");
    } else if (request->expects_100 && !is_last) {
        nghttp2_nv status = nv_make(T(":status"), T("100"));

        (void)nghttp2_submit_headers(connection->http2->session, NGHTTP2_FLAG_NONE,
                                     request->stream_id, NULL, &status, 1, NULL);
    }
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
    struct connection *connection = context;
    bool is_last = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    struct request *request;

    (void)session;
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) {
        return 0;
    }
    request = stream_request(connection->http2, frame->hd.stream_id);
    if (request == NULL || request->is_answered || request->is_handed_up) {
        return 0;
    }
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
        headers_end(request, is_last);
    }
    if (is_last && !request->is_answered) {
        request_complete(request);
    }
    return 0;
}

static void body_add(struct request *request, struct text data)
{
    struct block_pool *pool = &request->connection->server->blocks;
    struct block *body = request->body;
    size_t needed = data.len + (body == NULL ? 0 : body->len);

    if (body == NULL || needed > body->room) {
        size_t room = body == NULL ? 0 : 2 * body->room;
        struct block *larger;

        /* What is announced is believed only so far: it costs the client nothing to say. */
        if (request->announced > 0 && request->announced <= CONNECTION_WINDOW) {
            room = (size_t)request->announced;
        }
        larger = block_take(pool, room < needed ? needed : room);
        if (body != NULL) {
            memcpy(larger->at, body->at, body->len);
            larger->len = body->len;
            block_release(pool, body);
        }
        request->body = larger;
    }
    memcpy(request->body->at + request->body->len, data.at, data.len);
    request->body->len += data.len;
    request->connection->http2->held += data.len;
}

static int on_data_chunk(nghttp2_session *session, uint8_t flags, int32_t stream_id,
                         const uint8_t *data, size_t len, void *context)
{
    struct connection *connection = context;
    struct http2 *http2 = connection->http2;
    struct request *request = stream_request(http2, stream_id);
    size_t body_max = connection->server->options.body_max;

    (void)flags;
    (void)nghttp2_session_consume_connection(session, len);
    if (request == NULL || request->is_answered || request->is_handed_up) {
        (void)nghttp2_session_consume_stream(session, stream_id, len);
        return 0;
    }
    if (len > body_max - (request->body == NULL ? 0 : request->body->len)) {
        http2_refuse(request, 413, "the body is larger than this server takes");
        return 0;
    }
    body_add(request, text_make(data, len));
    request->withheld += len;
    http2->withheld += len;
    if (list_first(&http2->partials) == &request->node || http2->held <= body_max) {
        window_open(http2, request);
    }
    return 0;
}

/* By its client, or by libnghttp2 because its client made it: it ends before its answer, or in
 * the middle of that, and not because we gave it up. */
static bool is_taken_back(const struct request *request, uint32_t error)
{
    bool is_given_up = request->is_streaming && request->has_ended;

    return !request->is_refused && !is_given_up && (error != 0 || !request->is_answered);
}

static int on_stream_close(nghttp2_session *session, int32_t stream_id, uint32_t error,
                           void *context)
{
    struct connection *connection = context;
    struct request *request = stream_request(connection->http2, stream_id);

    if (request == NULL) {
        return 0;
    }
    (void)nghttp2_session_set_stream_user_data(session, stream_id, NULL);
    if (is_taken_back(request, error)) {
        reset_count(connection);
    }
    if (request->is_answered) {
        request_end(request);
    } else if (request->is_handed_up) {
        request->is_detached = true;
        if (!request->is_told_gone) {
            request_tell_gone(request);
        }
    } else {
        if (!request->is_complete) {
            partial_end(request);
        }
        request_end(request);
    }
    return 0;
}

/* A refused request may still be on its way: once it is answered its client may stop. */
static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
    struct connection *connection = context;
    const struct request *request;
    bool is_payload = frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS;

    connection->progress += is_payload;
    if (is_payload && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
        request = stream_request(connection->http2, frame->hd.stream_id);
        if (request != NULL && request->is_refused) {
            (void)nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
                                            NGHTTP2_NO_ERROR);
        }
    }
    return 0;
}

/* --- Answers. */

/* As above.
 * NOLINTNEXTLINE(readability-function-size) */
static ssize_t on_body_read(nghttp2_session *session, int32_t stream_id, uint8_t *to,
                            size_t room, uint32_t *flags, nghttp2_data_source *source,
                            void *context)
{
    struct connection *connection = context;
    struct request *request = source->ptr;
    struct iovec part = {0};
    size_t len;

    (void)session;
    (void)stream_id;
    (void)chain_vectors(&request->answer, &part, 1);
    len = part.iov_len < room ? part.iov_len : room;
    if (len > 0) {
        memcpy(to, part.iov_base, len);
        chain_consume(&connection->server->blocks, &request->answer, len);
        connection->http2->unsent_bytes -= len;
        connection->unsent -= request->is_streaming && request->answer.bytes == 0;
    }
    if (request->answer.bytes == 0 && request->is_streaming && !request->has_ended) {
        return len > 0 ? (ssize_t)len : NGHTTP2_ERR_DEFERRED;
    }
    if (request->answer.bytes == 0) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    }
    return (ssize_t)len;
}

/* The response's headers; how many. */
static size_t nv_fill(struct request *request, const struct http_response *response,
                      nghttp2_nv *to)
{
    struct net_server *server = request->connection->server;
    size_t count = 0;

    to[count++] =
        nv_make(T(":status"), arena_printf(&request->arena, "%03d", response->status));
    to[count++] = nv_make(T("date"), date_text(&server->date, uv_now(server->loop)));
    if (response->content_type.len > 0) {
        to[count++] = nv_make(T("content-type"), response->content_type);
    }
    if (response->status != 204 && response->status != 304 && !request->is_streaming) {
        to[count++] = nv_make(T("content-length"),
                              arena_printf(&request->arena, "%zu", response->body.len));
    }
    to[count++] = nv_make(T("x-content-type-options"), T("nosniff"));
    to[count++] = nv_make(T("cross-origin-resource-policy"), T("same-origin"));
    for (size_t i = 0; i < response->header_count; i++) {
        to[count++] = nv_make(response->headers[i].name, response->headers[i].value);
    }
    for (size_t i = 0; i < request->http.answer_header_count; i++) {
        const struct http_header *header = &request->http.answer_headers[i];

        to[count++] = nv_make(header->name, header->value);
    }
    return count;
}

static void http2_answer(struct request *request, const struct http_response *response)
{
    struct connection *connection = request->connection;
    struct http2 *http2 = connection->http2;
    bool has_body = !request->is_head && (response->body.len > 0 || request->is_streaming)
                    && response->status != 204 && response->status != 304;
    nghttp2_data_provider provider = {.source.ptr = request, .read_callback = on_body_read};
    nghttp2_nv *headers;
    size_t count;

    if (request->is_detached) {
        request_end(request);
        return;
    }
    request->is_answered = !request->is_streaming;
    connection->unsent += !request->is_streaming;
    headers = arena_array(&request->arena,
                          response->header_count + request->http.answer_header_count
                              + HEADERS_OF_OURS,
                          sizeof(*headers));
    count = nv_fill(request, response, headers);
    if (has_body && !request->is_streaming) {
        char *body =
            chain_reserve(&connection->server->blocks, &request->answer, response->body.len);

        memcpy(body, response->body.at, response->body.len);
        chain_commit(&request->answer, response->body.len);
        http2->unsent_bytes += response->body.len;
    }
    if (nghttp2_submit_response(http2->session, request->stream_id, headers, count,
                                has_body ? &provider : NULL)
        != 0) {
        (void)nghttp2_submit_rst_stream(http2->session, NGHTTP2_FLAG_NONE, request->stream_id,
                                        NGHTTP2_INTERNAL_ERROR);
    }
}

/* --- Answers in pieces. */

static bool http2_write(struct request *request, struct text piece)
{
    struct connection *connection = request->connection;

    connection->unsent += request->answer.bytes == 0;
    chain_add(&connection->server->blocks, &request->answer, piece);
    connection->http2->unsent_bytes += piece.len;
    (void)nghttp2_session_resume_data(connection->http2->session, request->stream_id);
    return request->answer.bytes < STREAM_ROOM;
}

static void http2_end(struct request *request, bool is_whole)
{
    struct http2 *http2 = request->connection->http2;

    if (request->is_detached) {
        request_end(request);
        return;
    }
    request->is_answered = true;
    request->has_ended = true;
    if (is_whole) {
        (void)nghttp2_session_resume_data(http2->session, request->stream_id);
    } else {
        (void)nghttp2_submit_rst_stream(http2->session, NGHTTP2_FLAG_NONE, request->stream_id,
                                        NGHTTP2_INTERNAL_ERROR);
    }
}

/* Who waits for room and has it. */
static void streams_go_on(struct connection *connection)
{
    struct list_node *node = connection->requests.head.next;

    while (node != &connection->requests.head) {
        struct request *request = container_of(node, struct request, node);

        node = node->next; /* it may end the request, and that alone */
        if (request->wants_room && request->answer.bytes <= STREAM_ROOM / 2) {
            request->wants_room = false;
            request->stream.drained(request->stream.context);
        }
    }
}

/* --- What a protocol does. */

static bool http2_fill(struct connection *connection)
{
    struct http2 *http2 = connection->http2;
    const uint8_t *frames;
    ssize_t len = 1;

    complete_go_on(http2);
    streams_go_on(connection);
    while (len > 0 && connection->output.bytes < CONNECTION_OUTPUT_MAX) {
        len = nghttp2_session_mem_send(http2->session, &frames);
        if (len > 0) {
            chain_add(&connection->server->blocks, &connection->output,
                      text_make(frames, (size_t)len));
        }
    }
    if (len > 0) {
        return true;
    }
    if (len < 0 || (http2->is_leaving && http2->open == 0)
        || (nghttp2_session_want_read(http2->session) == 0
            && nghttp2_session_want_write(http2->session) == 0)) {
        connection->is_closing = true;
    }
    return false;
}

static void http2_take(struct connection *connection)
{
    struct text input = connection_input(connection);
    ssize_t len = nghttp2_session_mem_recv(connection->http2->session,
                                           (const uint8_t *)input.at, input.len);

    if (len < 0) {
        connection->server->counters.refused_total++;
        connection->is_done = true; /* what it wants to say about it is still sent */
        connection->must_linger = true;
        connection->is_closing = true;
    }
    connection_consume(connection, input.len);
    connection_drop_input(connection);
}

static uint64_t http2_partial(const struct connection *connection)
{
    struct list_node *node = list_first(&connection->http2->partials);

    return node == NULL ? 0 : container_of(node, struct request, node)->number;
}

/* Each request has its own time, from its first frame; the oldest's is over now. */
static void http2_expire(struct connection *connection)
{
    uint64_t now_ms = uv_now(connection->server->loop);
    uint64_t slow_ms = (uint64_t)connection->server->options.slow_ms;
    struct list_node *node = NULL;

    while ((node = list_first(&connection->http2->partials)) != NULL) {
        struct request *request = container_of(node, struct request, node);

        if (request->started_ms + slow_ms > now_ms) {
            return;
        }
        http2_refuse(request, 408, "the request took too long to arrive");
    }
}

static void http2_leave(struct connection *connection)
{
    struct http2 *http2 = connection->http2;

    if (!http2->is_leaving) {
        http2->is_leaving = true;
        (void)nghttp2_submit_goaway(http2->session, NGHTTP2_FLAG_NONE,
                                    nghttp2_session_get_last_proc_stream_id(http2->session),
                                    NGHTTP2_NO_ERROR, NULL, 0);
    }
}

static void http2_close(struct connection *connection)
{
    struct http2 *http2 = connection->http2;
    struct list_node *node;

    while ((node = list_pop(&http2->partials)) != NULL
           || (node = list_pop(&http2->complete)) != NULL) {
        http_request_finish(container_of(node, struct request, node));
    }
    nghttp2_session_del(http2->session);
    memory_free(http2);
    connection->http2 = NULL;
}

static size_t http2_held(const struct connection *connection)
{
    return connection->http2->held + connection->http2->unsent_bytes;
}

/* The one with the most of a body, of those that still come. */
static void http2_overdraw(struct connection *connection)
{
    struct request *largest = NULL;

    list_each (node, &connection->http2->partials) {
        struct request *request = container_of(node, struct request, node);
        size_t most = largest == NULL ? BLOCK_LARGE : largest->body->len;

        if (request->body != NULL && request->body->len > most) {
            largest = request;
        }
    }
    if (largest != NULL) {
        http2_refuse(largest, 503, "too much is under way: try again in a moment");
    }
}

const struct protocol http2_protocol = {
    .take = http2_take,
    .answer = http2_answer,
    .write = http2_write,
    .end = http2_end,
    .fill = http2_fill,
    .partial = http2_partial,
    .expire = http2_expire,
    .leave = http2_leave,
    .held = http2_held,
    .overdraw = http2_overdraw,
    .close = http2_close,
};

/* --- Beginning. */

static void *session_take(size_t size, void *context)
{
    (void)context;
    return memory_take(size);
}

static void *session_array(size_t count, size_t size, void *context)
{
    (void)context;
    return memory_array(count, size);
}

static void *session_resize(void *memory, size_t size, void *context)
{
    (void)context;
    return memory_resize(memory, size);
}

static void session_free(void *memory, void *context)
{
    (void)context;
    memory_free(memory);
}

void http2_open(struct connection *connection)
{
    const struct net_options *options = &connection->server->options;
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, options->pipeline_max},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)options->header_max},
        {NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, HEADER_TABLE_SIZE},
        {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 0},
    };
    nghttp2_mem memory = {.malloc = session_take,
                          .free = session_free,
                          .calloc = session_array,
                          .realloc = session_resize};
    struct http2 *http2 = memory_zero(sizeof(*http2));

    list_init(&http2->partials);
    list_init(&http2->complete);
    http2->resets_ms = uv_now(connection->server->loop);
    connection->http2 = http2;
    connection->protocol = &http2_protocol;
    /* Memory is there or we are not, and the arguments are constants: none of these fails. */
    (void)nghttp2_session_server_new3(&http2->session, connection->server->http2_callbacks,
                                      connection, connection->server->http2_option, &memory);
    (void)nghttp2_submit_settings(http2->session, NGHTTP2_FLAG_NONE, settings,
                                  countof(settings));
    (void)nghttp2_session_set_local_window_size(http2->session, NGHTTP2_FLAG_NONE, 0,
                                                CONNECTION_WINDOW);
}

void http2_server_init(struct net_server *server)
{
    nghttp2_session_callbacks *callbacks = NULL;

    if (nghttp2_session_callbacks_new(&callbacks) != 0
        || nghttp2_option_new(&server->http2_option) != 0) {
        abort(); /* out of memory */
    }
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame_recv);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_send);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data_chunk);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    server->http2_callbacks = callbacks;
    nghttp2_option_set_no_auto_window_update(server->http2_option, 1);
    nghttp2_option_set_max_reserved_remote_streams(server->http2_option, 0);
}

void http2_server_free(struct net_server *server)
{
    nghttp2_session_callbacks_del(server->http2_callbacks);
    nghttp2_option_del(server->http2_option);
}
