/* HTTP/2 with prior knowledge, by a libnghttp2 client in the same loop. */
#include "tests/unit/net/bed.h"

#include <nghttp2/nghttp2.h>

enum {
    STREAMS_MAX = 512
};

struct stream {
    int32_t id;
    int status;
    size_t guards; /* headers that every answer has for browsers */
    bool is_closed;
    uint32_t error;
    struct text to_send; /* the rest of its body */
    bool never_ends;     /* the body is never finished */
    bool withholds;      /* nothing of the body is sent */
    struct buffer body;
};

struct client2 {
    struct client raw;
    nghttp2_session *session;
    struct stream streams[STREAMS_MAX];
    size_t count;
    bool is_told_to_go;
    uint32_t goaway;
    size_t continues;
};

static nghttp2_nv nv(const char *name, const char *value)
{
    union {
        const char *in;
        uint8_t *out;
    } name_at = {.in = name}, value_at = {.in = value};

    return (nghttp2_nv){.name = name_at.out,
                        .namelen = strlen(name),
                        .value = value_at.out,
                        .valuelen = strlen(value)};
}

/* The signature is libnghttp2's.
 * NOLINTNEXTLINE(readability-function-size) */
static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *context)
{
    struct client2 *client = context;
    struct stream *stream = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    int64_t status = 0;

    (void)flags;
    if (stream != NULL) {
        struct text text = text_make(name, name_len);

        stream->guards += text_equal(text, T("x-content-type-options"))
                          || text_equal(text, T("cross-origin-resource-policy"));
    }
    if (stream != NULL && text_equal(text_make(name, name_len), T(":status"))) {
        should(text_to_int64(text_make(value, value_len), &status), "a number");
        if (status == 100) {
            client->continues++;
        } else {
            stream->status = (int)status;
        }
    }
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream_id,
                   const uint8_t *data, size_t len, void *context)
{
    struct stream *stream = nghttp2_session_get_stream_user_data(session, stream_id);

    (void)flags;
    (void)context;
    if (stream != NULL) {
        buffer_add(&stream->body, text_make(data, len));
    }
    return 0;
}

static int on_close(nghttp2_session *session, int32_t stream_id, uint32_t error, void *context)
{
    struct stream *stream = nghttp2_session_get_stream_user_data(session, stream_id);

    (void)context;
    if (stream != NULL) {
        stream->is_closed = true;
        stream->error = error;
    }
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
    struct client2 *client = context;

    (void)session;
    if (frame->hd.type == NGHTTP2_GOAWAY) {
        client->is_told_to_go = true;
        client->goaway = frame->goaway.error_code;
    }
    return 0;
}

/* The signature is libnghttp2's.
 * NOLINTNEXTLINE(readability-function-size) */
static ssize_t on_read(nghttp2_session *session, int32_t stream_id, uint8_t *to, size_t room,
                       uint32_t *flags, nghttp2_data_source *source, void *context)
{
    struct stream *stream = source->ptr;
    struct text part = text_first(stream->to_send, room);

    (void)session;
    (void)stream_id;
    (void)context;
    if (stream->withholds || (part.len == 0 && stream->never_ends)) {
        return NGHTTP2_ERR_DEFERRED;
    }
    memcpy(to, part.at, part.len);
    stream->to_send = text_after(stream->to_send, part.len);
    if (stream->to_send.len == 0 && !stream->never_ends) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    }
    return (ssize_t)part.len;
}

static void client2_open(struct client2 *client, struct bed *bed)
{
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;

    memset(client, 0, sizeof(*client));
    client_open(&client->raw, bed);
    must(nghttp2_session_callbacks_new(&callbacks) == 0, "a client session");
    must(nghttp2_option_new(&option) == 0, "a client session");
    /* A client that does as it likes. */
    nghttp2_option_set_peer_max_concurrent_streams(option, 100000);
    nghttp2_option_set_max_send_header_block_length(option, 16 * BED_MIB);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    must(nghttp2_session_client_new2(&client->session, callbacks, client, option) == 0,
         "a client session");
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(option);
    (void)nghttp2_submit_settings(client->session, NGHTTP2_FLAG_NONE, NULL, 0);
}

static void client2_close(struct client2 *client)
{
    nghttp2_session_del(client->session);
    for (size_t i = 0; i < client->count; i++) {
        buffer_free(&client->streams[i].body);
    }
    client_close(&client->raw);
}

/* `body` may be NULL; `extra` is one more header or NULL. */
static struct stream *client2_ask(struct client2 *client, const char *method, const char *path,
                                  struct text *body, const nghttp2_nv *extra)
{
    struct stream *stream = &client->streams[client->count++];
    nghttp2_nv headers[5] = {nv(":method", method), nv(":path", path), nv(":scheme", "http"),
                             nv(":authority", "h:1")};
    nghttp2_data_provider provider = {.source.ptr = stream, .read_callback = on_read};

    buffer_init(&stream->body, 64 * BED_MIB);
    if (extra != NULL) {
        headers[4] = *extra;
    }
    if (body != NULL) {
        stream->to_send = *body;
    }
    stream->id = nghttp2_submit_request(client->session, NULL, headers, extra == NULL ? 4 : 5,
                                        body == NULL ? NULL : &provider, stream);
    must(stream->id > 0, "a request");
    return stream;
}

/* Sends what is to be sent, lets the server run, reads what came. */
static void client2_turn(struct client2 *client)
{
    const uint8_t *frames;
    ssize_t len = 1;

    while (len > 0 && !client->raw.has_ended) {
        len = nghttp2_session_mem_send(client->session, &frames);
        if (len > 0) {
            client_send_text(&client->raw, text_make(frames, (size_t)len));
        }
    }
    bed_turn(client->raw.bed);
    client_read(&client->raw);
    if (client->raw.got.len > 0) {
        must(nghttp2_session_mem_recv(client->session, (const uint8_t *)client->raw.got.at,
                                      client->raw.got.len)
                 >= 0,
             "frames");
        buffer_clear(&client->raw.got);
    }
}

static void client2_turns(struct client2 *client)
{
    for (int i = 0; i < 30; i++) {
        client2_turn(client);
    }
}

static bool stream_await(struct client2 *client, const struct stream *stream)
{
    int64_t since_us = clock_monotonic_us();

    while (!stream->is_closed && !client->raw.has_ended && !bed_late(since_us)) {
        client2_turn(client);
    }
    return stream->is_closed;
}

static bool client2_await_end(struct client2 *client)
{
    int64_t since_us = clock_monotonic_us();

    while (!client->raw.has_ended && !bed_late(since_us)) {
        client2_turn(client);
    }
    return client->raw.has_ended;
}

Test(http2, answers_many_streams_in_any_order)
{
    struct bed bed = {0};
    struct client2 client;
    struct stream *held;
    struct stream *other;
    struct text body = T("a body");

    bed_start(&bed);
    client2_open(&client, &bed);
    held = client2_ask(&client, "GET", "/hold?x", NULL, NULL);
    other = client2_ask(&client, "POST", "/b?c", &body, NULL);
    cr_assert(stream_await(&client, other));
    cr_expect_eq(other->status, 200);
    cr_expect_eq(other->guards, 2);
    cr_expect(text_equal(buffer_text(&other->body), body));
    cr_expect(
        text_equal(buffer_text(&bed.last), T("POST /b?c host=h:1 headers=0 body=a body")));
    cr_expect(bed.held[0]->http2);
    cr_expect(text_equal(bed.held[0]->query, T("x")));
    cr_expect(text_starts_with(bed.held[0]->peer, T("127.0.0.1:")));
    cr_expect_not(held->is_closed);
    bed_answer(&bed, bed.held[0], "late");
    cr_assert(stream_await(&client, held));
    cr_expect(text_equal(buffer_text(&held->body), T("late")));
    client2_close(&client);
    bed_stop(&bed);
}

Test(http2, carries_large_bodies_both_ways)
{
    struct bed bed = {0};
    struct client2 client;
    struct buffer large;
    struct text body;

    bed_start(&bed);
    client2_open(&client, &bed);
    buffer_init(&large, 2 * BED_MIB);
    memset(buffer_extend(&large, BED_MIB), 'x', BED_MIB);
    for (int i = 0; i < 3; i++) {
        struct stream *stream;

        body = buffer_text(&large);
        stream = client2_ask(&client, "POST", "/", &body, NULL);
        cr_assert(stream_await(&client, stream));
        cr_expect_eq(stream->status, 200);
        cr_expect_eq(stream->body.len, large.len);
    }
    buffer_add_byte(&large, 'y');
    body = buffer_text(&large);
    cr_expect(stream_await(&client, client2_ask(&client, "POST", "/", &body, NULL)));
    cr_expect_eq(client.streams[3].status, 413);
    cr_expect(stream_await(&client, client2_ask(&client, "GET", "/after", NULL, NULL)));
    cr_expect_eq(client.streams[4].status, 200, "the connection goes on");
    buffer_free(&large);
    client2_close(&client);
    bed_stop(&bed);
}

/* Many bodies at once are more than one connection may hold: they go on one by one. */
Test(http2, finishes_many_large_bodies_at_once)
{
    struct bed bed = {.options.body_max = (size_t)300 * 1024};
    struct client2 client;
    struct buffer large;
    struct text body;

    bed_start(&bed);
    client2_open(&client, &bed);
    buffer_init(&large, 2 * BED_MIB);
    memset(buffer_extend(&large, (size_t)300 * 1024), 'x', (size_t)300 * 1024);
    body = buffer_text(&large);
    for (int i = 0; i < 12; i++) {
        (void)client2_ask(&client, "POST", "/", &body, NULL);
    }
    for (int i = 0; i < 12; i++) {
        cr_expect(stream_await(&client, &client.streams[i]), "%d", i);
        cr_expect_eq(client.streams[i].status, 200);
        cr_expect_eq(client.streams[i].body.len, large.len);
    }
    buffer_free(&large);
    client2_close(&client);
    bed_stop(&bed);
}

Test(http2, refuses_an_announced_body_that_is_too_large)
{
    struct bed bed = {.options.body_max = 100};
    struct client2 client;
    struct text body = T("a");
    nghttp2_nv length = nv("content-length", "101");
    struct stream *stream;

    bed_start(&bed);
    client2_open(&client, &bed);
    stream = client2_ask(&client, "POST", "/", &body, &length);
    stream->never_ends = true;
    cr_expect(stream_await(&client, stream));
    cr_expect_eq(stream->status, 413);
    cr_expect_eq(bed.request_count, 0);
    client2_close(&client);
    bed_stop(&bed);
}

Test(http2, limits_the_headers)
{
    struct bed bed = {.options.header_max = 4096};
    struct client2 client;
    char value[8000];
    nghttp2_nv header;
    struct stream *stream;

    memset(value, 'x', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    header = nv("x-long", value);
    bed_start(&bed);
    client2_open(&client, &bed);
    stream = client2_ask(&client, "GET", "/", NULL, &header);
    cr_expect(stream_await(&client, stream));
    cr_expect_eq(stream->status, 431);
    cr_expect_eq(bed.request_count, 0);
    client2_close(&client);
    bed_stop(&bed);
}

Test(http2, says_continue_when_asked)
{
    struct bed bed = {0};
    struct client2 client;
    struct text body = T("word");
    nghttp2_nv expect = nv("expect", "100-continue");
    struct stream *stream;

    bed_start(&bed);
    client2_open(&client, &bed);
    stream = client2_ask(&client, "POST", "/", &body, &expect);
    stream->withholds = true;
    client2_turns(&client);
    cr_expect_eq(client.continues, 1);
    stream->withholds = false;
    (void)nghttp2_session_resume_data(client.session, stream->id);
    cr_expect(stream_await(&client, stream));
    cr_expect_eq(stream->status, 200);
    client2_close(&client);
    bed_stop(&bed);
}

Test(http2, answers_head_without_a_body)
{
    struct bed bed = {0};
    struct client2 client;
    struct stream *stream;

    bed_start(&bed);
    client2_open(&client, &bed);
    stream = client2_ask(&client, "HEAD", "/abc", NULL, NULL);
    cr_expect(stream_await(&client, stream));
    cr_expect_eq(stream->status, 200);
    cr_expect_eq(stream->body.len, 0);
    client2_close(&client);
    bed_stop(&bed);
}

Test(http2, tells_of_a_stream_that_was_taken_back)
{
    struct bed bed = {0};
    struct client2 client;
    struct stream *stream;
    struct stream *other;

    bed_start(&bed);
    client2_open(&client, &bed);
    stream = client2_ask(&client, "GET", "/hold1", NULL, NULL);
    client2_turns(&client);
    cr_assert_eq(bed.held_count, 1);
    (void)nghttp2_submit_rst_stream(client.session, NGHTTP2_FLAG_NONE, stream->id,
                                    NGHTTP2_CANCEL);
    client2_turns(&client);
    cr_expect_eq(bed.gone_count, 1);
    cr_expect(text_equal(bed.held[0]->path, T("/hold1")), "its texts still live");
    bed_answer(&bed, bed.held[0], "nobody waits");
    bed.answers_gone = true;
    stream = client2_ask(&client, "GET", "/hold2", NULL, NULL);
    client2_turns(&client);
    (void)nghttp2_submit_rst_stream(client.session, NGHTTP2_FLAG_NONE, stream->id,
                                    NGHTTP2_CANCEL);
    client2_turns(&client);
    cr_expect_eq(bed.gone_count, 2);
    cr_expect_eq(bed.held_count, 0);
    other = client2_ask(&client, "GET", "/after", NULL, NULL);
    cr_expect(stream_await(&client, other));
    client2_close(&client);
    bed_stop(&bed);
}

Test(http2, tells_of_a_connection_that_has_gone)
{
    struct bed bed = {0};
    struct client2 client;

    bed_start(&bed);
    client2_open(&client, &bed);
    (void)client2_ask(&client, "GET", "/hold1", NULL, NULL);
    (void)client2_ask(&client, "GET", "/hold2", NULL, NULL);
    client2_turns(&client);
    cr_assert_eq(bed.held_count, 2);
    client2_close(&client);
    cr_expect(bed_await_gone(&bed, 2));
    bed_stop(&bed);
}

/* No more of them at once than the limit, taken back or not: what the handler was given counts
 * until it is answered. */
Test(http2, refuses_more_streams_than_may_be_under_way)
{
    struct bed bed = {.options.pipeline_max = 4};
    struct client2 client;
    size_t refused = 0;

    bed_start(&bed);
    client2_open(&client, &bed);
    for (int i = 0; i < 4; i++) {
        struct stream *stream = client2_ask(&client, "GET", "/hold", NULL, NULL);

        client2_turns(&client);
        (void)nghttp2_submit_rst_stream(client.session, NGHTTP2_FLAG_NONE, stream->id,
                                        NGHTTP2_CANCEL);
    }
    client2_turns(&client);
    cr_assert_eq(bed.held_count, 4);
    for (int i = 0; i < 3; i++) {
        struct stream *stream = client2_ask(&client, "GET", "/hold", NULL, NULL);

        client2_turns(&client);
        refused += stream->is_closed && stream->error == NGHTTP2_REFUSED_STREAM;
    }
    cr_expect_eq(refused, 3);
    cr_expect_eq(bed.held_count, 4);
    bed_answer(&bed, bed.held[0], "nobody");
    (void)client2_ask(&client, "GET", "/hold", NULL, NULL);
    client2_turns(&client);
    cr_expect_eq(bed.held_count, 4);
    client2_close(&client);
    bed_stop(&bed);
}

Test(http2, ends_a_flood_of_streams_taken_back)
{
    struct bed bed = {.answers_gone = true};
    struct client2 client;

    bed_start(&bed);
    client2_open(&client, &bed);
    for (int i = 0; i < 400 && !client.raw.has_ended && !client.is_told_to_go; i++) {
        struct stream *stream = client2_ask(&client, "GET", "/hold", NULL, NULL);

        client2_turn(&client);
        (void)nghttp2_submit_rst_stream(client.session, NGHTTP2_FLAG_NONE, stream->id,
                                        NGHTTP2_CANCEL);
        client2_turn(&client);
    }
    cr_expect(client2_await_end(&client));
    cr_expect_eq(client.goaway, NGHTTP2_ENHANCE_YOUR_CALM);
    cr_expect_lt(client.count, 300);
    client2_close(&client);
    bed_stop(&bed);
}

Test(http2, gives_up_on_a_slow_request_and_keeps_the_connection)
{
    struct bed bed = {.options.slow_ms = 60};
    struct client2 client;
    struct text body = T("begun");
    struct stream *stream;

    bed_start(&bed);
    client2_open(&client, &bed);
    stream = client2_ask(&client, "POST", "/", &body, NULL);
    stream->never_ends = true;
    cr_expect(stream_await(&client, stream));
    cr_expect_eq(stream->status, 408);
    cr_expect(stream_await(&client, client2_ask(&client, "GET", "/after", NULL, NULL)));
    cr_expect_eq(client.streams[1].status, 200);
    client2_close(&client);
    bed_stop(&bed);
}

/* Its socket takes everything, but its window stays shut. */
Test(http2, closes_when_its_client_takes_no_answers)
{
    struct bed bed = {.options.slow_ms = 60};
    nghttp2_settings_entry shut = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0};
    struct client2 client;
    struct stream *stream;

    bed_start(&bed);
    client2_open(&client, &bed);
    (void)nghttp2_submit_settings(client.session, NGHTTP2_FLAG_NONE, &shut, 1);
    stream = client2_ask(&client, "GET", "/large", NULL, NULL);
    cr_expect(client2_await_end(&client));
    cr_expect_not(stream->is_closed);
    cr_expect_eq(stream->status, 200);
    client2_close(&client);
    bed_stop(&bed);
}

Test(http2, says_goodbye_when_idle_and_when_stopping)
{
    struct bed bed = {.options.idle_ms = 60};
    struct client2 client;

    bed_start(&bed);
    client2_open(&client, &bed);
    cr_expect(stream_await(&client, client2_ask(&client, "GET", "/a", NULL, NULL)));
    cr_expect(client2_await_end(&client));
    cr_expect(client.is_told_to_go);
    cr_expect_eq(client.goaway, NGHTTP2_NO_ERROR);
    client2_close(&client);

    client2_open(&client, &bed);
    (void)client2_ask(&client, "GET", "/hold", NULL, NULL);
    client2_turns(&client);
    cr_assert_eq(bed.held_count, 1);
    net_server_stop(bed.server, 3000, bed_on_stopped, &bed);
    client2_turns(&client);
    cr_expect(client.is_told_to_go);
    cr_expect_not(client.raw.has_ended);
    bed_answer(&bed, bed.held[0], "the last");
    cr_expect(stream_await(&client, &client.streams[0]));
    cr_expect_eq(client.streams[0].status, 200);
    cr_expect(client2_await_end(&client));
    client2_close(&client);
    bed_stop(&bed);
    cr_expect(bed.is_stopped);
}

Test(http2, closes_on_bytes_that_are_not_its_own)
{
    struct bed bed = {0};
    struct client client;

    bed_start(&bed);
    client_open(&client, &bed);
    client_send(&client, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    client_send(&client, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    cr_expect(client_await_end(&client));
    cr_expect_eq(bed.request_count, 0);
    client_close(&client);
    bed_stop(&bed);
}

/* --- What costs us more than the client. */

/* A small block that unfolds to far more than the limit: one entry of the table, again and
 * again. */
Test(http2, ends_a_connection_whose_headers_unfold_without_end)
{
    enum {
        TIMES = 2000
    };
    struct bed bed = {.options.header_max = 8192};
    static nghttp2_nv headers[4 + TIMES];
    struct client2 client;
    char value[700]; /* what is nearly as large as the table is not entered */

    memset(value, 'x', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    headers[0] = nv(":method", "GET");
    headers[1] = nv(":path", "/");
    headers[2] = nv(":scheme", "http");
    headers[3] = nv(":authority", "h:1");
    for (size_t i = 0; i < TIMES; i++) {
        headers[4 + i] = nv("x-bomb", value);
    }
    bed_start(&bed);
    client2_open(&client, &bed);
    client2_turns(&client); /* the table's size is agreed upon */
    (void)nghttp2_submit_request(client.session, NULL, headers, countof(headers), NULL, NULL);
    cr_expect(client2_await_end(&client));
    cr_expect_eq(client.goaway, NGHTTP2_ENHANCE_YOUR_CALM);
    cr_expect_eq(bed.request_count, 0);
    client2_close(&client);
    bed_stop(&bed);
}

Test(http2, refused_headers_are_rationed)
{
    struct bed bed = {.options.header_max = 1024};
    struct client2 client;
    char value[2000];

    memset(value, 'x', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    nghttp2_nv header = nv("x-long", value);

    bed_start(&bed);
    client2_open(&client, &bed);
    for (int i = 0; i < 400 && !client.raw.has_ended && !client.is_told_to_go; i++) {
        (void)client2_ask(&client, "GET", "/", NULL, &header);
        client2_turn(&client);
    }
    cr_expect(client2_await_end(&client));
    cr_expect_eq(client.goaway, NGHTTP2_ENHANCE_YOUR_CALM);
    cr_expect_eq(client.streams[0].status, 431);
    client2_close(&client);
    bed_stop(&bed);
}

/* Progress is what carries something: asking whether we are there is none. */
Test(http2, a_client_that_only_pings_makes_no_progress)
{
    struct bed bed = {.options.slow_ms = 100};
    nghttp2_settings_entry shut = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0};
    struct client2 client;
    int64_t since_us = clock_monotonic_us();

    bed_start(&bed);
    client2_open(&client, &bed);
    (void)nghttp2_submit_settings(client.session, NGHTTP2_FLAG_NONE, &shut, 1);
    (void)client2_ask(&client, "GET", "/large", NULL, NULL);
    while (!client.raw.has_ended && !bed_late(since_us)) {
        (void)nghttp2_submit_ping(client.session, NGHTTP2_FLAG_NONE, NULL);
        client2_turn(&client);
    }
    cr_expect(client.raw.has_ended);
    client2_close(&client);
    bed_stop(&bed);
}

Test(http2, slow_requests_have_their_time_each_and_not_one_after_the_other)
{
    struct bed bed = {.options.slow_ms = 1200}; /* eight of them would be more than patience */
    struct client2 client;
    struct text body = T("begun");
    size_t over = 0;
    int64_t since_us = clock_monotonic_us();

    bed_start(&bed);
    client2_open(&client, &bed);
    for (size_t i = 0; i < 8; i++) {
        client2_ask(&client, "POST", "/", &body, NULL)->never_ends = true;
    }
    while (over < 8 && !client.raw.has_ended && !bed_late(since_us)) {
        client2_turn(&client);
        over = 0;
        for (size_t i = 0; i < 8; i++) {
            over += client.streams[i].status == 408;
        }
    }
    cr_expect_eq(over, 8);
    client2_close(&client);
    bed_stop(&bed);
}

Test(http2, who_takes_no_answers_gets_no_more_work_done)
{
    struct bed bed = {.options.pipeline_max = 32};
    nghttp2_settings_entry shut = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0};
    nghttp2_settings_entry open = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1 << 20};
    struct client2 client;

    bed_start(&bed);
    client2_open(&client, &bed);
    (void)nghttp2_submit_settings(client.session, NGHTTP2_FLAG_NONE, &shut, 1);
    client2_turns(&client);
    for (size_t i = 0; i < 30; i++) { /* 100,000 bytes each */
        (void)client2_ask(&client, "GET", "/large", NULL, NULL);
    }
    client2_turns(&client);
    cr_expect_eq(bed.request_count, 3, "%zu: what waits is a little more than 256 KiB",
                 bed.request_count);
    (void)nghttp2_submit_settings(client.session, NGHTTP2_FLAG_NONE, &open, 1);
    (void)nghttp2_session_set_local_window_size(client.session, NGHTTP2_FLAG_NONE, 0, 1 << 24);
    for (size_t i = 0; i < 30; i++) {
        cr_expect(stream_await(&client, &client.streams[i]), "stream %zu", i);
        cr_expect_eq(client.streams[i].body.len, 100000);
    }
    cr_expect_eq(bed.request_count, 30);
    client2_close(&client);
    bed_stop(&bed);
}

/* --- Answers in pieces. */

Test(http2, sends_an_answer_in_pieces_as_it_is_taken)
{
    struct bed bed = {.pieces = 200, .piece = 30000};
    struct client2 client;

    bed_start(&bed);
    client2_open(&client, &bed);
    struct stream *stream = client2_ask(&client, "GET", "/stream", NULL, NULL);

    cr_expect(stream_await(&client, stream));
    cr_expect_eq(stream->error, NGHTTP2_NO_ERROR);
    cr_expect_eq(stream->body.len, (size_t)200 * 30000);
    cr_expect_gt(bed.drained_count, 10);
    stream = client2_ask(&client, "GET", "/after", NULL, NULL);
    cr_expect(stream_await(&client, stream));
    client2_close(&client);
    bed_turns(&bed);
    cr_expect_eq(net_server_counters(bed.server).held_bytes, 0);
    bed_stop(&bed);
}

Test(http2, an_answer_that_is_aborted_is_reset)
{
    struct bed bed = {.pieces = 3, .piece = 10, .aborts = true};
    struct client2 client;

    bed_start(&bed);
    client2_open(&client, &bed);
    struct stream *stream = client2_ask(&client, "GET", "/stream", NULL, NULL);

    cr_expect(stream_await(&client, stream));
    cr_expect_eq(stream->error, NGHTTP2_INTERNAL_ERROR);
    client2_close(&client);
    bed_stop(&bed);
}

Test(http2, an_answer_in_pieces_hears_that_its_stream_has_gone)
{
    struct bed bed = {.pieces = 4000, .piece = 30000};
    nghttp2_settings_entry shut = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0};
    struct client2 client;

    bed_start(&bed);
    client2_open(&client, &bed);
    (void)nghttp2_submit_settings(client.session, NGHTTP2_FLAG_NONE, &shut, 1);
    client2_turns(&client);
    struct stream *stream = client2_ask(&client, "GET", "/stream", NULL, NULL);

    client2_turns(&client);
    cr_expect_eq(bed.pieces_written, 3, "%zu", bed.pieces_written);
    (void)nghttp2_submit_rst_stream(client.session, NGHTTP2_FLAG_NONE, stream->id,
                                    NGHTTP2_CANCEL);
    client2_turns(&client);
    cr_expect_eq(bed.gone_count, 1);
    cr_assert_not_null(bed.streaming);
    bed_stream(&bed); /* to nobody */
    cr_expect_null(bed.streaming);
    nghttp2_settings_entry open = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 65535};

    (void)nghttp2_submit_settings(client.session, NGHTTP2_FLAG_NONE, &open, 1);
    cr_expect(stream_await(&client, client2_ask(&client, "GET", "/after", NULL, NULL)));
    bed_turns(&bed);
    cr_expect_eq(net_server_counters(bed.server).held_bytes, 0);
    client2_close(&client);
    bed_stop(&bed);
}

Test(http2, answers_head_in_pieces_without_a_body)
{
    struct bed bed = {.pieces = 3, .piece = 10};
    struct client2 client;

    bed_start(&bed);
    client2_open(&client, &bed);
    struct stream *stream = client2_ask(&client, "HEAD", "/stream", NULL, NULL);

    cr_expect(stream_await(&client, stream));
    cr_expect_eq(stream->body.len, 0);
    cr_expect_eq(stream->status, 200);
    client2_close(&client);
    bed_stop(&bed);
}

/* One that waits for its turn is taken back: what it held is counted once. */
Test(http2, what_waits_behind_answers_may_be_taken_back)
{
    struct bed bed = {.options.pipeline_max = 32};
    nghttp2_settings_entry shut = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0};
    static char bytes[400000]; /* more than what waits */
    struct text body = text_make(bytes, sizeof bytes);
    struct client2 client;

    bed_start(&bed);
    client2_open(&client, &bed);
    (void)nghttp2_submit_settings(client.session, NGHTTP2_FLAG_NONE, &shut, 1);
    client2_turns(&client);
    for (size_t i = 0; i < 4; i++) {
        (void)client2_ask(&client, "GET", "/large", NULL, NULL);
    }
    struct stream *waiting = client2_ask(&client, "POST", "/", &body, NULL);

    for (int i = 0; i < 10; i++) {
        client2_turns(&client);
    }
    cr_expect_eq(waiting->to_send.len, 0);
    cr_expect_eq(bed.request_count, 3);
    (void)nghttp2_submit_rst_stream(client.session, NGHTTP2_FLAG_NONE, waiting->id,
                                    NGHTTP2_CANCEL);
    client2_turns(&client);
    cr_expect_lt(net_server_counters(bed.server).held_bytes, 400000);
    cr_expect_eq(bed.request_count, 3);
    client2_close(&client);
    bed_stop(&bed);
}
