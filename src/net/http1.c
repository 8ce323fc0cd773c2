/* HTTP/1.0 and 1.1: llhttp reads, answers go out in the order of the requests. */
#include "net/internal.h"

#include <stdio.h>
#include <string.h>

static struct connection *parser_connection(const llhttp_t *parser)
{
    return parser->data;
}

/* For a callback: the request will be refused with `status`; the parser stops. */
static int refuse_later(struct http1 *http1, int status, const char *reason)
{
    http1->refusal = status;
    http1->reason = reason;
    return -1;
}

/* --- What the parser finds.  All of it lies in one block, so that a text that comes in two
 * pieces is one from the first to the last byte. */

static void text_grow(struct text *text, const char *at, size_t len)
{
    if (text->at == NULL) {
        text->at = at;
    }
    text->len = (size_t)(at + len - text->at);
}

static int on_url(llhttp_t *parser, const char *at, size_t len)
{
    text_grow(&parser_connection(parser)->http1.request->http.target, at, len);
    return 0;
}

static int on_name(llhttp_t *parser, const char *at, size_t len)
{
    struct http1 *http1 = &parser_connection(parser)->http1;
    struct request *request = http1->request;

    if (request->head != NULL) {
        return 0; /* a trailer */
    }
    if (!http1->is_name_open) {
        http1->is_name_open = true;
        (void)request_add_header(request);
    }
    text_grow(&request->headers[request->http.header_count - 1].name, at, len);
    return 0;
}

static int on_value(llhttp_t *parser, const char *at, size_t len)
{
    struct http1 *http1 = &parser_connection(parser)->http1;
    struct request *request = http1->request;

    if (request->head != NULL) {
        return 0;
    }
    http1->is_name_open = false;
    text_grow(&request->headers[request->http.header_count - 1].value, at, len);
    return 0;
}

static int on_value_complete(llhttp_t *parser)
{
    parser_connection(parser)->http1.is_name_open = false; /* also after an empty value */
    return 0;
}

/* --- Whether the head is one we accept. */

/* What the headers say that decides how the request goes on. */
struct head_facts {
    unsigned hosts;
    unsigned lengths;
    unsigned codings;
    bool is_chunked;
    bool expects_100;
    bool expects_other;
};

static void fact_host(struct head_facts *facts, struct request *request, struct text value)
{
    facts->hosts++;
    request->http.host = value;
}

static void fact_length(struct head_facts *facts, struct request *request, struct text value)
{
    (void)request;
    (void)value;
    facts->lengths++;
}

static void fact_coding(struct head_facts *facts, struct request *request, struct text value)
{
    (void)request;
    facts->codings++;
    facts->is_chunked = text_equal_ignore_case(value, T("chunked"));
}

static void fact_expect(struct head_facts *facts, struct request *request, struct text value)
{
    (void)request;
    facts->expects_100 = text_equal_ignore_case(value, T("100-continue"));
    facts->expects_other = !facts->expects_100;
}

static const struct {
    struct text name;
    void (*note)(struct head_facts *facts, struct request *request, struct text value);
} head_notes[] = {
    {TEXT("host"), fact_host},
    {TEXT("content-length"), fact_length},
    {TEXT("transfer-encoding"), fact_coding},
    {TEXT("expect"), fact_expect},
};

static struct text trim_end(struct text text)
{
    while (text.len > 0 && (text.at[text.len - 1] == ' ' || text.at[text.len - 1] == '\t')) {
        text.len--;
    }
    return text;
}

static void head_note(struct request *request, const struct http_header *header,
                      struct head_facts *facts)
{
    for (size_t i = 0; i < countof(head_notes); i++) {
        if (text_equal_ignore_case(header->name, head_notes[i].name)) {
            head_notes[i].note(facts, request, header->value);
        }
    }
}

/* False when a name is not a token. */
static bool head_note_all(struct request *request, struct head_facts *facts)
{
    for (size_t i = 0; i < request->http.header_count; i++) {
        struct http_header *header = &request->headers[i];

        header->value = trim_end(header->value);
        if (!head_is_token(header->name)) {
            return false;
        }
        head_note(request, header, facts);
    }
    return true;
}

/* What makes two servers disagree where a request ends is refused, whatever the parser thinks.
 */
static int head_check(struct connection *connection, const struct head_facts *facts)
{
    struct http1 *http1 = &connection->http1;
    const llhttp_t *parser = &http1->parser;

    if (parser->http_major != 1 || parser->http_minor > 1) {
        return refuse_later(http1, 505, "this is a server for HTTP/1.0, HTTP/1.1 and HTTP/2");
    }
    if (facts->hosts > 1 || (facts->hosts == 0 && parser->http_minor == 1)) {
        return refuse_later(http1, 400, "exactly one Host header is needed");
    }
    if (facts->lengths > 1) {
        return refuse_later(http1, 400, "more than one Content-Length");
    }
    if (facts->codings > 0 && (facts->lengths > 0 || parser->http_minor == 0)) {
        return refuse_later(http1, 400, "Transfer-Encoding beside Content-Length or HTTP/1.0");
    }
    if (facts->codings > 1 || (facts->codings == 1 && !facts->is_chunked)) {
        return refuse_later(http1, 400, "the only Transfer-Encoding understood is chunked");
    }
    if (facts->lengths > 0 && parser->content_length > connection->server->options.body_max) {
        return refuse_later(http1, 413, "the body is larger than this server takes");
    }
    if (facts->expects_other) {
        return refuse_later(http1, 417, "the only expectation understood is 100-continue");
    }
    return 0;
}

static int on_headers_complete(llhttp_t *parser)
{
    struct connection *connection = parser_connection(parser);
    struct request *request = connection->http1.request;
    struct head_facts facts = {0};
    int result;

    if (!head_note_all(request, &facts)) {
        return refuse_later(&connection->http1, 400, "a header's name is not a token");
    }
    result = head_check(connection, &facts);
    if (result != 0) {
        return result;
    }
    parser->upgrade = 0; /* an offer we do not take up: an ordinary request */
    connection->http1.is_old = parser->http_minor == 0;
    request->expects_100 = facts.expects_100 && parser->http_minor == 1;
    request->is_head = parser->method == HTTP_HEAD;
    request->http.method = text_from(llhttp_method_name((llhttp_method_t)parser->method));
    request->http.headers = request->headers;
    request_split_target(request);
    request->head = block_ref(connection->input);
    return 0;
}

/* --- The body. */

static int on_chunk(llhttp_t *parser)
{
    struct connection *connection = parser_connection(parser);
    size_t body_max = connection->server->options.body_max;

    if (parser->content_length > body_max - connection->http1.body_len) {
        return refuse_later(&connection->http1, 413,
                            "the body is larger than this server takes");
    }
    return 0;
}

/* The bytes of chunks are moved together; those of a plain body are where they belong. */
static int on_body(llhttp_t *parser, const char *at, size_t len)
{
    struct connection *connection = parser_connection(parser);
    struct http1 *http1 = &connection->http1;
    char *to = connection->input->at + connection->input_keep + http1->body_len;

    if (at != to) {
        memmove(to, at, len);
    }
    http1->body_len += len;
    return 0;
}

static int on_complete(llhttp_t *parser)
{
    struct http1 *http1 = &parser_connection(parser)->http1;

    http1->request->keeps_alive = llhttp_should_keep_alive(parser) != 0;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_url = on_url,
    .on_header_field = on_name,
    .on_header_value = on_value,
    .on_header_value_complete = on_value_complete,
    .on_headers_complete = on_headers_complete,
    .on_chunk_header = on_chunk,
    .on_body = on_body,
    .on_message_complete = on_complete,
};

/* --- Answers, in order. */

static void add_100(struct connection *connection)
{
    chain_add(&connection->server->blocks, &connection->output,
              T("HTTP/1.1 100 Continue\r\n\r\n"));
}

/* Moves the answers that are next in line into the output. */
static void line_advance(struct connection *connection)
{
    struct list_node *node;

    while ((node = list_first(&connection->requests)) != NULL && !connection->is_closing) {
        struct request *request = container_of(node, struct request, node);

        if (!request->is_answered && !request->is_streaming) {
            return;
        }
        connection->waiting_bytes -= request->answer.bytes;
        chain_move(&connection->output, &request->answer);
        if (!request->is_answered) {
            return; /* the rest of it goes into the output from now on */
        }
        connection->is_closing = !request->keeps_alive;
        connection->pipelined--;
        list_remove(node);
        http_request_finish(request);
    }
    if (connection->http1.owes_100 && !connection->is_closing) {
        connection->http1.owes_100 = false;
        add_100(connection);
    }
}

static void http1_answer(struct request *request, const struct http_response *response)
{
    struct connection *connection = request->connection;
    bool is_first = connection->requests.head.next == &request->node;
    bool is_last = connection->requests.head.prev == &request->node;

    if (connection->server->is_stopping && is_last && connection->http1.request == NULL) {
        request->keeps_alive = false;
        connection->is_done = true;
    }
    if (request->is_streaming && connection->http1.is_old) {
        request->keeps_alive = false; /* the end of the connection is that of the answer */
    }
    response_write(request, response, is_first ? &connection->output : &request->answer);
    request->is_answered = !request->is_streaming;
    connection->waiting_bytes += request->answer.bytes;
    if (is_first) {
        line_advance(connection);
    }
}

static bool is_in_front(const struct request *request)
{
    return request->connection->requests.head.next == &request->node;
}

/* A chunk; HTTP/1.0 knows none. */
static bool http1_write(struct request *request, struct text piece)
{
    struct connection *connection = request->connection;
    struct block_pool *pool = &connection->server->blocks;
    struct chain *chain = is_in_front(request) ? &connection->output : &request->answer;
    size_t before = request->answer.bytes;
    char head[32];
    int len = snprintf(head, sizeof head, "%zx\r\n", piece.len);

    if (connection->http1.is_old) {
        chain_add(pool, chain, piece);
    } else {
        chain_add(pool, chain, text_make(head, (size_t)len));
        chain_add(pool, chain, piece);
        chain_add(pool, chain, T("\r\n"));
    }
    connection->waiting_bytes += request->answer.bytes - before;
    return chain->bytes < STREAM_ROOM;
}

static void http1_end(struct request *request, bool is_whole)
{
    struct connection *connection = request->connection;
    bool is_chunked = !connection->http1.is_old && !request->is_head;
    bool is_first = is_in_front(request);

    if (is_whole && is_chunked) {
        chain_add(&connection->server->blocks,
                  is_first ? &connection->output : &request->answer, T("0\r\n\r\n"));
        connection->waiting_bytes += is_first ? 0 : sizeof "0\r\n\r\n" - 1;
    }
    request->keeps_alive = request->keeps_alive && is_whole;
    connection->is_done = connection->is_done || !is_whole;
    request->is_answered = true;
    if (is_first) {
        line_advance(connection);
    }
}

/* Answers what is being received, or what cannot even be received, and takes nothing more. */
static void http1_refuse(struct connection *connection, int status, const char *reason)
{
    struct http1 *http1 = &connection->http1;
    struct request *request = http1->request;
    struct http_response response;

    if (request == NULL) {
        request = http_request_take(connection);
    }
    http1->request = NULL;
    http1->owes_100 = false;
    request->keeps_alive = false;
    connection->is_done = true;
    connection->must_linger = true;
    connection->server->counters.refused_total++;
    list_push(&connection->requests, &request->node);
    connection->pipelined++;
    response = response_refusal(request, status, reason);
    http1_answer(request, &response);
}

static void refuse_parsed(struct connection *connection, llhttp_errno_t error)
{
    struct http1 *http1 = &connection->http1;
    const char *reason = llhttp_get_error_reason(&http1->parser);

    if (http1->refusal != 0) {
        http1_refuse(connection, http1->refusal, http1->reason);
    } else {
        http1_refuse(connection, error == HPE_INVALID_VERSION ? 505 : 400,
                     reason == NULL || *reason == '\0' ? "not HTTP" : reason);
    }
}

/* --- Taking input. */

static void hand_up(struct connection *connection)
{
    struct http1 *http1 = &connection->http1;
    struct net_server *server = connection->server;
    struct request *request = http1->request;

    if (http1->body_len > 0) {
        request->http.body =
            text_make(connection->input->at + connection->input_keep, http1->body_len);
    }
    if (connection->input != request->head) {
        request->body = block_ref(connection->input);
    }
    connection->input_keep = connection->input_at;
    connection->is_done = connection->is_done || !request->keeps_alive;
    http1->request = NULL;
    http1->owes_100 = false;
    list_push(&connection->requests, &request->node);
    connection->pipelined++;
    connection->parked_bytes += request->http.body.len;
    request->is_complete = true;
    server->counters.requests_total++;
    server->handler.request(server->handler.context, &request->http);
}

/* The head is complete, its body is not: sees to its place and to who waits for a word. */
static void body_begin(struct connection *connection)
{
    struct http1 *http1 = &connection->http1;
    const struct block *input = connection->input;
    uint64_t announced = http1->parser.content_length;
    bool is_chunked = (http1->parser.flags & F_CHUNKED) != 0;

    if (!is_chunked && announced > input->room - connection->input_keep) {
        connection_move_input(connection, (size_t)announced);
    }
    if (http1->request->expects_100 && connection_input(connection).len == 0) {
        http1->owes_100 = !list_is_empty(&connection->requests);
        if (!http1->owes_100) {
            add_100(connection);
        }
    }
}

static void head_parse(struct connection *connection, struct text head)
{
    struct http1 *http1 = &connection->http1;
    llhttp_errno_t error;

    http1->scanned = 0;
    http1->body_len = 0;
    http1->refusal = 0;
    http1->is_name_open = false;
    http1->request = http_request_take(connection);
    llhttp_init(&http1->parser, HTTP_REQUEST, &settings);
    http1->parser.data = connection;
    error = llhttp_execute(&http1->parser, head.at, head.len);
    if (error != HPE_OK && error != HPE_PAUSED) {
        refuse_parsed(connection, error);
        return;
    }
    connection_consume(connection, head.len);
    if (error == HPE_PAUSED) {
        hand_up(connection);
    } else {
        body_begin(connection);
    }
}

static void head_take(struct connection *connection)
{
    size_t header_max = connection->server->options.header_max;
    struct text rest = connection_input(connection);
    size_t len = 0;

    if (text_starts_with(rest, T("\r\n"))) {
        connection_consume(connection, 2); /* some send one behind a body */
        return;
    }
    switch (head_scan(rest, &connection->http1.scanned, &len)) {
    case HEAD_BROKEN:
        http1_refuse(connection, 400, "a stray control character in the head");
        return;
    case HEAD_MORE:
        connection->is_starved = true;
        len = rest.len;
        break;
    case HEAD_COMPLETE: break;
    }
    if (len > header_max) {
        http1_refuse(connection, 431, "the headers are larger than this server takes");
    } else if (!connection->is_starved) {
        head_parse(connection, text_first(rest, len));
    }
}

static void body_take(struct connection *connection)
{
    struct http1 *http1 = &connection->http1;
    struct text rest = connection_input(connection);
    llhttp_errno_t error = llhttp_execute(&http1->parser, rest.at, rest.len);

    if (error == HPE_PAUSED) {
        connection->input_at += (size_t)(llhttp_get_error_pos(&http1->parser) - rest.at);
        hand_up(connection);
    } else if (error == HPE_OK) {
        /* All is taken, and what held the chunks together is not needed any more. */
        connection->input_at = connection->input_keep + http1->body_len;
        connection->input->len = connection->input_at;
        connection->is_starved = true;
    } else {
        refuse_parsed(connection, error);
    }
}

static void http1_take(struct connection *connection)
{
    while (connection_may_take(connection)) {
        if (connection->http1.request == NULL) {
            head_take(connection);
        } else {
            body_take(connection);
        }
    }
    if (connection->http1.request == NULL && connection_input(connection).len == 0) {
        connection_drop_input(connection);
    }
}

/* --- The rest of what a protocol does. */

static uint64_t http1_partial(const struct connection *connection)
{
    if (connection->is_done || !connection->is_starved) {
        return 0;
    }
    if (connection->http1.request != NULL) {
        return connection->http1.request->number;
    }
    return connection->input == NULL ? 0 : connection->taken + 1;
}

static void http1_expire(struct connection *connection)
{
    http1_refuse(connection, 408, "the request took too long to arrive");
}

static void http1_leave(struct connection *connection)
{
    bool is_idle = list_is_empty(&connection->requests) && http1_partial(connection) == 0;

    connection->is_closing = connection->is_closing || (is_idle && connection->input == NULL);
}

/* Whole answers are written into the output at once; one in pieces hears of room. */
static bool http1_fill(struct connection *connection)
{
    struct list_node *node = list_first(&connection->requests);
    struct request *first = node == NULL ? NULL : container_of(node, struct request, node);

    if (first == NULL || !first->wants_room) {
        return false;
    }
    if (connection->output.bytes <= STREAM_ROOM / 2) {
        first->wants_room = false;
        first->stream.drained(first->stream.context);
    }
    return connection->output.bytes > 0 && connection->fd >= 0; /* once that is sent, again */
}

static void http1_close(struct connection *connection)
{
    http_request_finish(connection->http1.request);
    connection->http1.request = NULL;
}

static size_t http1_held(const struct connection *connection)
{
    (void)connection; /* a body that comes is in the input */
    return 0;
}

static void http1_overdraw(struct connection *connection)
{
    if (connection->http1.request != NULL && connection->http1.body_len > BLOCK_LARGE) {
        http1_refuse(connection, 503, "too much is under way: try again in a moment");
    }
}

const struct protocol http1_protocol = {
    .take = http1_take,
    .answer = http1_answer,
    .write = http1_write,
    .end = http1_end,
    .fill = http1_fill,
    .partial = http1_partial,
    .expire = http1_expire,
    .leave = http1_leave,
    .held = http1_held,
    .overdraw = http1_overdraw,
    .close = http1_close,
};
