/* HTTP/1 over real sockets. */
#include "tests/unit/net/bed.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"

/* What stops browsers from taking an answer for something else, or showing it elsewhere. */
#define OF_EVERY_ANSWER                   \
    "X-Content-Type-Options: nosniff\r\n" \
    "Cross-Origin-Resource-Policy: same-origin\r\n"

Test(http1, answers_with_length_type_and_date)
{
    struct bed bed = {0};
    struct client client;

    bed_start(&bed);
    client_open(&client, &bed);
    client_send(&client, GET("/hold"));
    cr_assert(bed_await_held(&bed, 1));
    bed_answer(&bed, bed.held[0], "hello");
    cr_assert(client_await(&client, "hello"));
    cr_expect(client_has(&client, "HTTP/1.1 200 OK\r\nDate: "));
    cr_expect(client_has(&client, " GMT\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n"));
    cr_expect(client_has(&client, "x-test: yes\r\n\r\nhello"));
    cr_expect_not(client_has(&client, "Connection:"));
    client_close(&client);
    bed_stop(&bed);
}

struct reading {
    const char *sent;
    const char *handled;
};

static const struct reading readings[] = {
    {GET("/a?b=c&d"), "GET /a?b=c&d host=h headers=1 body="},
    {"GET http://example.org:81/x?y HTTP/1.1\r\nHost: h\r\n\r\n",
     "GET /x?y host=example.org:81 headers=1 body="},
    {"GET http://example.org?q HTTP/1.1\r\nHost: h\r\n\r\n",
     "GET /?q host=example.org headers=1 body="},
    {"GET http://example.org HTTP/1.1\r\nHost: h\r\n\r\n",
     "GET /? host=example.org headers=1 body="},
    {"GET /redirect?to=http://b/c HTTP/1.1\r\nHost: h\r\n\r\n",
     "GET /redirect?to=http://b/c host=h headers=1 body="},
    {"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "OPTIONS *? host=h headers=1 body="},
    {"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", "CONNECT a:443? host=a headers=1 body="},
    {"DELETE /a HTTP/1.1\r\nHOST:\th \t\r\nX-Empty:\r\nX-Other: 1\r\n\r\n",
     "DELETE /a? host=h headers=3 body="},
    {"\r\n\r\n" GET("/"), "GET /? host=h headers=1 body="},
    {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc",
     "POST /? host=h headers=2 body=abc"},
    {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n"
     "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: t\r\n\r\n",
     "POST /? host=h headers=2 body=abcde"},
    {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     "POST /? host=h headers=2 body="},
    {"GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
     "HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
     "GET /? host=h headers=4 body="},
    {"GET / HTTP/1.0\r\n\r\n", "GET /? host= headers=0 body="},
};

static void read_one(const struct reading *reading, size_t step)
{
    struct bed bed = {0};
    struct client client;
    struct text rest = text_from(reading->sent);

    bed_start(&bed);
    client_open(&client, &bed);
    while (rest.len > 0) {
        client_send_text(&client, text_first(rest, step));
        rest = text_after(rest, step);
    }
    should(client_await(&client, "HTTP/1.1 200 OK"), reading->sent);
    should(bed.request_count == 1, reading->sent);
    buffer_add_byte(&bed.last, '\0');
    should(strcmp(bed.last.at, reading->handled) == 0, bed.last.at);
    client_close(&client);
    bed_stop(&bed);
}

Test(http1, reads_a_request_that_comes_at_once)
{
    for (size_t i = 0; i < countof(readings); i++) {
        read_one(&readings[i], SIZE_MAX);
    }
}

Test(http1, reads_a_request_that_comes_byte_by_byte)
{
    for (size_t i = 0; i < countof(readings); i++) {
        read_one(&readings[i], 1);
    }
}

struct refusal {
    const char *sent;
    const char *status;
};

#define HOST "Host: h\r\n"
static const struct refusal refusals[] = {
    {"GARBAGE\r\n\r\n", "400"},
    {"FOO / HTTP/1.1\r\n" HOST "\r\n", "400"},
    {"GET / HTTP/3.0\r\n" HOST "\r\n", "505"},
    {"GET / HTTP/2.0\r\n" HOST "\r\n", "505"},
    {"GET / HTTP/0.9\r\n" HOST "\r\n", "505"},
    {"GET /a b HTTP/1.1\r\n" HOST "\r\n", "400"},
    {" GET / HTTP/1.1\r\n" HOST "\r\n", "400"},
    {"GET / HTTP/1.1\r\n\r\n", "400"},
    {"GET / HTTP/1.1\r\n" HOST HOST "\r\n", "400"},
    {"GET / HTTP/1.1\n" HOST "\r\n", "400"},
    {"GET / HTTP/1.1\r" HOST "\r\n", "400"},
    {"GET / HTTP/1.1\r\nHost: h\rX: y\r\n\r\n", "400"},
    {"GET / HTTP/1.1\r\n" HOST "X: a\r\n b\r\n\r\n", "400"},
    {"GET / HTTP/1.1\r\n" HOST "X: a\r\n\tb\r\n\r\n", "400"},
    {"GET / HTTP/1.1\r\n" HOST "X: a\x01z\r\n\r\n", "400"},
    {"GET / HTTP/1.1\r\n" HOST "X: a\x7fz\r\n\r\n", "400"},
    {"GET /\x01 HTTP/1.1\r\n" HOST "\r\n", "400"},
    {"GET / HTTP/1.1\r\n" HOST "X : a\r\n\r\n", "400"},
    {"GET / HTTP/1.1\r\n" HOST ": a\r\n\r\n", "400"},
    {"GET / HTTP/1.1\r\n" HOST "X\r\n\r\n", "400"},
    {"GET / HTTP/1.1\r\n" HOST "X(: a\r\n\r\n", "400"},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
     "400"},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
     "400"},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\nContent-Length: 4\r\n\r\n", "400"},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\nContent-Length: 3\r\n\r\n", "400"},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 3, 3\r\n\r\n", "400"},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: +3\r\n\r\n", "400"},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: -3\r\n\r\n", "400"},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 0x3\r\n\r\n", "400"},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 3 3\r\n\r\n", "400"},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n", "400"},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999999\r\n\r\n", "400"},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 1048577\r\n\r\n", "413"},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip\r\n\r\n", "400"},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n", "400"},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n", "400"},
    {"POST / HTTP/1.1\r\n" HOST
     "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n",
     "400"},
    {"POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", "400"},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nz\r\n", "400"},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n", "400"},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n100001\r\n", "413"},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
     "400"},
    {"POST / HTTP/1.1\r\n" HOST "Expect: wonders\r\nContent-Length: 1\r\n\r\n", "417"},
    {"\x16\x03\x01\x02", "400"},
    {"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", "505"},
};

Test(http1, refuses_what_is_malformed_and_closes)
{
    for (size_t i = 0; i < countof(refusals); i++) {
        struct bed bed = {0};
        struct client client;

        bed_start(&bed);
        client_open(&client, &bed);
        client_send(&client, refusals[i].sent);
        cr_expect(client_await_end(&client), "%s", refusals[i].sent);
        cr_expect(client_has(&client, "HTTP/1.1 ")
                      && memcmp(client.got.at + 9, refusals[i].status, 3) == 0,
                  "%s: %.*s", refusals[i].sent, (int)client.got.len, client.got.at);
        cr_expect(client_has(&client, "Connection: close\r\n"));
        cr_expect_eq(client_count(&client, "\r\nDate: "), 1);
        cr_expect_eq(bed.request_count, 0, "%s", refusals[i].sent);
        cr_expect_eq(net_server_counters(bed.server).refused_total, 1);
        client_close(&client);
        bed_stop(&bed);
    }
}

Test(http1, refuses_a_nul_in_the_head)
{
    struct bed bed = {0};
    struct client client;

    bed_start(&bed);
    client_open(&client, &bed);
    client_send_text(&client, T("GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n"));
    cr_expect(client_await(&client, "HTTP/1.1 400"));
    client_close(&client);
    bed_stop(&bed);
}

Test(http1, answers_pipelined_requests_in_their_order)
{
    struct bed bed = {0};
    struct client client;
    const char *one;
    const char *two;
    const char *four;

    bed_start(&bed);
    client_open(&client, &bed);
    client_send(
        &client,
        GET("/hold1") GET("/hold2") GET(
            "/three") "POST /four HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nfour-body");
    cr_assert(bed_await_held(&bed, 2));
    bed_turns(&bed);
    client_read(&client);
    cr_expect_eq(client.got.len, 0);
    bed_answer(&bed, bed.held[1], "second");
    bed_turns(&bed);
    client_read(&client);
    cr_expect_eq(client.got.len, 0, "nothing may overtake the first");
    bed_answer(&bed, bed.held[0], "first!");
    cr_assert(client_await(&client, "four-body"));
    one = memmem(client.got.at, client.got.len, "first!", 6);
    two = memmem(client.got.at, client.got.len, "second", 6);
    four = memmem(client.got.at, client.got.len, "/three", 6);
    cr_expect(one != NULL && two > one && four > two);
    cr_expect_eq(client_count(&client, "HTTP/1.1 200"), 4);
    client_close(&client);
    bed_stop(&bed);
}

Test(http1, takes_chunked_requests_one_behind_the_other)
{
    struct bed bed = {0};
    struct client client;
    const char *chunked = "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                          "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n";

    bed_start(&bed);
    client_open(&client, &bed);
    for (int i = 0; i < 5; i++) {
        client_send(&client, chunked);
        client_send(&client, GET("/next"));
    }
    cr_assert(client_await(&client, "/next"));
    bed_turns(&bed);
    client_read(&client);
    cr_expect_eq(client_count(&client, "hello world"), 5);
    cr_expect_eq(client_count(&client, "/next"), 5);
    client_close(&client);
    bed_stop(&bed);
}

Test(http1, stops_reading_at_the_pipeline_maximum)
{
    struct bed bed = {.options.pipeline_max = 2};
    struct client client;

    bed_start(&bed);
    client_open(&client, &bed);
    client_send(&client, GET("/hold1") GET("/hold2") GET("/hold3") GET("/hold4"));
    cr_assert(bed_await_held(&bed, 2));
    client_send(&client, GET("/last"));
    bed_turns(&bed);
    cr_expect_eq(bed.held_count, 2);
    bed_answer(&bed, bed.held[1], "b");
    bed_turns(&bed);
    cr_expect_eq(bed.held_count, 1, "the first is still in the way");
    bed_answer(&bed, bed.held[0], "a");
    cr_assert(bed_await_held(&bed, 2));
    bed_answer(&bed, bed.held[0], "c");
    bed_answer(&bed, bed.held[0], "d");
    cr_expect(client_await(&client, "/last"));
    cr_expect_eq(client_count(&client, "HTTP/1.1 200"), 5);
    client_close(&client);
    bed_stop(&bed);
}

Test(http1, texts_live_until_the_answer_whatever_comes_behind)
{
    struct bed bed = {.options.pipeline_max = 64};
    struct client client;
    struct buffer sent;

    bed_start(&bed);
    client_open(&client, &bed);
    buffer_init(&sent, BED_MIB);
    for (int i = 0; i < 30; i++) {
        buffer_printf(&sent,
                      "POST /hold/%d HTTP/1.1\r\nHost: h\r\nX-Number: n%d\r\n"
                      "Content-Length: 700\r\n\r\n%0700d",
                      i, i, i);
    }
    client_send_text(&client, buffer_text(&sent));
    cr_assert(bed_await_held(&bed, 30));
    for (int i = 0; i < 30; i++) {
        char expected[32];
        struct http_request *request = bed.held[i];

        (void)snprintf(expected, sizeof(expected), "/hold/%d", i);
        cr_expect(text_equal(request->path, text_from(expected)));
        (void)snprintf(expected, sizeof(expected), "n%d", i);
        cr_expect(text_equal(http_request_header(request, T("x-number")), text_from(expected)));
        (void)snprintf(expected, sizeof(expected), "%03d", i);
        cr_expect_eq(request->body.len, 700);
        cr_expect(text_ends_with(request->body, text_from(expected)));
    }
    buffer_free(&sent);
    client_close(&client);
    bed_stop(&bed);
}

Test(http1, says_continue_when_asked_and_not_otherwise)
{
    struct bed bed = {0};
    struct client client;

    bed_start(&bed);
    client_open(&client, &bed);
    client_send(&client, "POST /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
                         "Content-Length: 4\r\n\r\n");
    cr_assert(client_await(&client, "HTTP/1.1 100 Continue\r\n\r\n"));
    client_send(&client, "body");
    cr_assert(client_await(&client, "HTTP/1.1 200 OK"));
    buffer_clear(&client.got);
    client_send(&client, "POST /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
                         "Content-Length: 4\r\n\r\nbody");
    cr_assert(client_await(&client, "HTTP/1.1 200 OK"));
    cr_expect_not(client_has(&client, "100 Continue"));
    client_close(&client);
    bed_stop(&bed);
}

Test(http1, says_continue_behind_the_answers_before)
{
    struct bed bed = {0};
    struct client client;

    bed_start(&bed);
    client_open(&client, &bed);
    client_send(&client, GET("/hold") "POST /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
                                      "Transfer-Encoding: chunked\r\n\r\n");
    cr_assert(bed_await_held(&bed, 1));
    bed_turns(&bed);
    client_read(&client);
    cr_expect_eq(client.got.len, 0);
    bed_answer(&bed, bed.held[0], "first");
    cr_assert(client_await(&client, "firstHTTP/1.1 100 Continue\r\n\r\n"));
    client_send(&client, "4\r\nbody\r\n0\r\n\r\n");
    cr_expect(client_await(&client, "body"));
    client_close(&client);
    bed_stop(&bed);
}

Test(http1, refuses_an_expected_body_that_is_too_large_before_it_comes)
{
    struct bed bed = {.options.body_max = 100};
    struct client client;

    bed_start(&bed);
    client_open(&client, &bed);
    client_send(&client, "POST /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
                         "Content-Length: 101\r\n\r\n");
    cr_assert(client_await_end(&client));
    cr_expect(client_has(&client, "HTTP/1.1 413"));
    cr_expect_not(client_has(&client, "100 Continue"));
    client_close(&client);
    bed_stop(&bed);
}

Test(http1, answers_head_without_the_body_but_with_its_length)
{
    struct bed bed = {0};
    struct client client;

    bed_start(&bed);
    client_open(&client, &bed);
    client_send(&client, "HEAD /abc HTTP/1.1\r\nHost: h\r\n\r\n" GET("/next"));
    cr_assert(client_await(&client, "/next"));
    cr_expect(
        client_has(&client, "Content-Length: 4\r\n" OF_EVERY_ANSWER "\r\nHTTP/1.1 200 OK"));
    client_close(&client);
    bed_stop(&bed);
}

Test(http1, keeps_http_1_0_open_only_when_asked)
{
    struct bed bed = {0};
    struct client client;

    bed_start(&bed);
    client_open(&client, &bed);
    client_send(&client, "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    cr_assert(client_await(&client, "Connection: keep-alive\r\n\r\n/a"));
    client_send(&client, "GET /b HTTP/1.0\r\n\r\n");
    cr_assert(client_await_end(&client));
    cr_expect(client_has(&client, "Connection: close\r\n\r\n/b"));
    client_close(&client);
    bed_stop(&bed);
}

Test(http1, closes_when_asked_and_ignores_what_comes_behind)
{
    struct bed bed = {0};
    struct client client;

    bed_start(&bed);
    client_open(&client, &bed);
    client_send(&client, "GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" GET("/b"));
    cr_assert(client_await_end(&client));
    cr_expect(client_has(&client, "Connection: close\r\n"));
    cr_expect_eq(client_count(&client, "HTTP/1.1 200"), 1);
    client_close(&client);
    bed_stop(&bed);
}

Test(http1, limits_the_headers)
{
    static const size_t sizes[] = {1000, 8000, 9000, 20000, 100000};

    for (size_t i = 0; i < countof(sizes); i++) {
        struct bed bed = {0};
        struct client client;
        struct buffer sent;

        bed_start(&bed);
        client_open(&client, &bed);
        buffer_init(&sent, BED_MIB);
        buffer_printf(&sent, "GET / HTTP/1.1\r\nHost: h\r\nX: %0*d\r\n\r\n", (int)sizes[i], 1);
        client_send_text(&client, buffer_text(&sent));
        cr_expect(client_await(&client, sizes[i] < 8192 ? "HTTP/1.1 200" : "HTTP/1.1 431"),
                  "%zu", sizes[i]);
        buffer_free(&sent);
        client_close(&client);
        bed_stop(&bed);
    }
}

/* A head that never ends is refused, not collected. */
Test(http1, limits_headers_without_an_end)
{
    struct bed bed = {0};
    struct client client;

    bed_start(&bed);
    client_open(&client, &bed);
    client_send(&client, "GET / HTTP/1.1\r\n");
    for (int i = 0; i < 1000 && !client.has_ended; i++) {
        client_send(&client, "X-Again: and again and again and again\r\n");
    }
    cr_expect(client_await(&client, "HTTP/1.1 431"));
    client_close(&client);
    bed_stop(&bed);
}

/* A body of `len` bytes with a request behind it: how many of the two are answered with 200. */
static size_t body_trip(size_t len)
{
    struct bed bed = {0};
    struct client client;
    struct buffer sent;
    size_t answered;

    bed_start(&bed);
    client_open(&client, &bed);
    buffer_init(&sent, 16 * BED_MIB);
    buffer_printf(&sent, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n\r\n", len);
    memset(buffer_extend(&sent, len), 'x', len);
    buffer_add(&sent, T(GET("/after")));
    client_send_text(&client, buffer_text(&sent));
    if (!client_await(&client, "/after")) {
        should(client_has(&client, "HTTP/1.1 413"), "too large");
        should(client.has_ended, "refused and closed");
    }
    answered = client_count(&client, "HTTP/1.1 200");
    buffer_free(&sent);
    client_close(&client);
    bed_stop(&bed);
    return answered;
}

Test(http1, takes_bodies_up_to_the_limit)
{
    static const size_t sizes[] = {1, 3000, 4032, 5000, 16000, 17000, 300000, 1048576};

    for (size_t i = 0; i < countof(sizes); i++) {
        cr_expect_eq(body_trip(sizes[i]), 2, "%zu", sizes[i]);
    }
    cr_expect_eq(body_trip(1048577), 0);
    cr_expect_eq(body_trip(5000000), 0);
}

Test(http1, takes_chunked_bodies_up_to_the_limit)
{
    static const size_t sizes[] = {100, 1000, 100000, 1000000, 1100000};

    for (size_t i = 0; i < countof(sizes); i++) {
        struct bed bed = {0};
        struct client client;
        struct buffer sent;
        const char *expected = sizes[i] <= 1048576 ? "/after" : "HTTP/1.1 413";

        bed_start(&bed);
        client_open(&client, &bed);
        buffer_init(&sent, 16 * BED_MIB);
        buffer_add(&sent,
                   T("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"));
        for (size_t done = 0; done < sizes[i]; done += 100) {
            buffer_printf(&sent, "64\r\n%0100d\r\n", 5);
        }
        buffer_add(&sent, T("0\r\n\r\n" GET("/after")));
        client_send_text(&client, buffer_text(&sent));
        cr_expect(client_await(&client, expected), "%zu", sizes[i]);
        buffer_free(&sent);
        client_close(&client);
        bed_stop(&bed);
    }
}

Test(http1, keeps_line_breaks_out_of_answers)
{
    struct bed bed = {0};
    struct client client;
    struct http_header header = {T("x-evil"), T("a\r\nx-more: b")};
    struct http_response response = {.status = 299, .headers = &header, .header_count = 1};

    bed_start(&bed);
    client_open(&client, &bed);
    client_send(&client, GET("/hold"));
    cr_assert(bed_await_held(&bed, 1));
    http_respond(bed.held[0], &response);
    bed.held_count = 0;
    cr_assert(client_await(&client, "\r\n\r\n"));
    cr_expect(client_has(&client, "HTTP/1.1 299 "));
    cr_expect(client_has(&client, "x-evil: a  x-more: b\r\n"));
    client_close(&client);
    bed_stop(&bed);
}

/* --- Answers in pieces. */

#define STREAM "GET /stream HTTP/1.1\r\nHost: h\r\n\r\n"

Test(http1, sends_an_answer_in_pieces_as_it_is_taken)
{
    struct bed bed = {.pieces = 400, .piece = 30000};
    struct client client;

    bed_start(&bed);
    client_open(&client, &bed);
    client_send(&client, STREAM "GET /after HTTP/1.1\r\nHost: h\r\n\r\n");
    cr_expect(client_await(&client, "\r\n0\r\n\r\n"));
    cr_expect(client_has(&client, "Transfer-Encoding: chunked\r\n"));
    cr_expect_not(client_has(&client, "Content-Length: 0"));
    cr_expect_eq(client_count(&client, "\r\n7530\r\nssss"), 400, "chunks of 30,000 bytes");
    cr_expect_gt(bed.drained_count, 10, "it waited for its reader");
    cr_expect(client_await(&client, "/after"), "and the next one comes behind it");
    client_close(&client);
    bed_stop(&bed);
}

Test(http1, an_answer_in_pieces_waits_for_its_reader_and_for_its_place)
{
    struct bed bed = {.pieces = 4000, .piece = 30000};
    struct client client;

    bed_start(&bed);
    client_open(&client, &bed);
    client_send(&client, "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n" STREAM);
    cr_assert(bed_await_held(&bed, 1));
    bed_turns(&bed);
    cr_expect_eq(bed.pieces_written, 3, "%zu: no more than 64 KiB and a piece wait",
                 bed.pieces_written);
    bed_answer(&bed, bed.held[0], "first");
    bed_turns(&bed); /* nobody reads: the system takes some megabytes */
    cr_expect_gt(bed.pieces_written, 3);
    cr_expect_lt(bed.pieces_written, 4000);
    cr_expect_lt(net_server_counters(bed.server).held_bytes, 200000);
    client_close(&client); /* it goes in the middle: the rest is written to nobody */
    int64_t since_us = clock_monotonic_us();

    while (bed.gone_count == 0 && !bed_late(since_us)) {
        bed_turn(&bed);
    }
    cr_expect_eq(bed.gone_count, 1);
    cr_assert_not_null(bed.streaming);
    bed_stream(&bed);
    cr_expect_null(bed.streaming);
    bed_stop(&bed);
}

Test(http1, an_answer_that_is_aborted_has_no_last_chunk)
{
    struct bed bed = {.pieces = 3, .piece = 10, .aborts = true};
    struct client client;

    bed_start(&bed);
    client_open(&client, &bed);
    client_send(&client, STREAM);
    cr_expect(client_await_end(&client));
    cr_expect_eq(client_count(&client, "a\r\nssssssssss\r\n"), 3);
    cr_expect_not(client_has(&client, "\r\n0\r\n"));
    client_close(&client);
    bed_stop(&bed);
}

Test(http1, answers_in_pieces_for_old_clients_and_for_head)
{
    struct bed bed = {.pieces = 3, .piece = 10};
    struct client client;

    bed_start(&bed);
    client_open(&client, &bed);
    client_send(&client, "GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    cr_expect(client_await_end(&client), "its end is that of the connection");
    cr_expect(client_has(&client, "\r\n\r\nssssssssssssssssssssssssssssss"));
    cr_expect_not(client_has(&client, "chunked"));
    client_close(&client);
    bed.pieces_written = 0;
    client_open(&client, &bed);
    client_send(&client, "HEAD /stream HTTP/1.1\r\nHost: h\r\n\r\n"
                         "GET /after HTTP/1.1\r\nHost: h\r\n\r\n");
    cr_expect(client_await(&client, "/after"));
    cr_expect_not(client_has(&client, "ssss"));
    client_close(&client);
    bed_stop(&bed);
}
