/* The misbehaviours, one function each. */
#include "hostile_peer.h"

#include <sys/socket.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OK_ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

/* --- Statuses and what is said beside them. */

static bool act_status(struct hostile_peer *peer)
{
    char answer[128];
    long status = strtol(hostile_mode_name(peer) + sizeof "status-" - 1, NULL, 10);

    if (status == 204 || status == 304) {
        (void)snprintf(answer, sizeof answer, "HTTP/1.1 %ld x\r\n\r\n", status);
    } else {
        (void)snprintf(answer, sizeof answer, "HTTP/1.1 %ld x\r\nContent-Length: 4\r\n\r\nsaid",
                       status);
    }
    return hostile_send(peer, answer);
}

static bool act_ok(struct hostile_peer *peer)
{
    return hostile_send(peer, OK_ANSWER);
}

static bool act_fail_then_ok(struct hostile_peer *peer)
{
    return hostile_send(peer, hostile_request_number(peer) <= 3
                                  ? "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"
                                  : OK_ANSWER);
}

static bool act_retry_after_seconds(struct hostile_peer *peer)
{
    return hostile_send(peer, "HTTP/1.1 503 x\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n");
}

static bool act_retry_after_huge(struct hostile_peer *peer)
{
    return hostile_send(
        peer, "HTTP/1.1 429 x\r\nRetry-After: 99999999999\r\nContent-Length: 0\r\n\r\n");
}

static bool act_retry_after_garbage(struct hostile_peer *peer)
{
    return hostile_send(
        peer, "HTTP/1.1 503 x\r\nRetry-After: soon, I hope\r\nContent-Length: 0\r\n\r\n");
}

static bool act_retry_after_negative(struct hostile_peer *peer)
{
    return hostile_send(peer, "HTTP/1.1 503 x\r\nRetry-After: -5\r\nContent-Length: 0\r\n\r\n");
}

static bool act_redirect_private(struct hostile_peer *peer)
{
    return hostile_send(peer,
                        "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/latest/\r\n"
                        "Content-Length: 0\r\n\r\n");
}

/* A loop: to itself. */
static bool act_redirect_self(struct hostile_peer *peer)
{
    return hostile_send(peer, "HTTP/1.1 307 Again\r\nLocation: /\r\nContent-Length: 0\r\n\r\n");
}

static bool has_header(const struct hostile_peer *peer, const char *start)
{
    return memmem(peer->request, peer->head_size, start, strlen(start)) != NULL;
}

static bool act_basic_auth(struct hostile_peer *peer)
{
    /* user "me", password "se cret:" */
    return hostile_send(peer,
                        has_header(peer, "\r\nAuthorization: Basic bWU6c2UgY3JldDo=\r\n")
                            ? OK_ANSWER
                            : "HTTP/1.1 401 Who\r\nWWW-Authenticate: Basic realm=\"x\"\r\n"
                              "Content-Length: 0\r\n\r\n");
}

static bool act_digest_auth(struct hostile_peer *peer)
{
    return hostile_send(peer, has_header(peer, "\r\nAuthorization: Digest username=\"me\"")
                                  ? OK_ANSWER
                                  : "HTTP/1.1 401 Who\r\nWWW-Authenticate: Digest realm=\"x\", "
                                    "nonce=\"abc\", qop=\"auth\"\r\nContent-Length: 0\r\n\r\n");
}

/* --- Connections that end or stand still. */

static bool act_close(struct hostile_peer *peer)
{
    (void)peer;
    return false;
}

static bool act_reset(struct hostile_peer *peer)
{
    const struct linger linger = {.l_onoff = 1, .l_linger = 0};

    (void)setsockopt(peer->socket, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    return false;
}

static bool act_hang(struct hostile_peer *peer)
{
    hostile_hang(peer);
    return false;
}

static bool act_close_mid_head(struct hostile_peer *peer)
{
    (void)hostile_send(peer, "HTTP/1.1 200 OK\r\nContent-Le");
    return false;
}

static bool act_close_mid_body(struct hostile_peer *peer)
{
    (void)hostile_send(peer, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort");
    return false;
}

/* Says that it will keep the connection, and does not. */
static bool act_close_idle(struct hostile_peer *peer)
{
    (void)hostile_send(peer, OK_ANSWER);
    return false;
}

/* Keeps it for one request, and closes it instead of answering the second. */
static bool act_close_second(struct hostile_peer *peer)
{
    return peer->requests == 1 && hostile_send(peer, OK_ANSWER);
}

/* As close_second, by a reset: what was sent is lost, and the socket is in error. */
static bool act_reset_second(struct hostile_peer *peer)
{
    return peer->requests == 1 ? hostile_send(peer, OK_ANSWER) : act_reset(peer);
}

/* --- Too slow, too long, too much. */

static bool drip(struct hostile_peer *peer, const char *text, int ms)
{
    for (; *text != '\0'; text++) {
        if (!hostile_send_bytes(peer, text, 1) || !hostile_sleep(peer, ms)) {
            return false;
        }
    }
    return true;
}

static bool act_slow_head(struct hostile_peer *peer)
{
    return drip(peer,
                "HTTP/1.1 200 OK\r\nX-Slow: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n",
                500)
           && act_hang(peer);
}

static bool act_slow_body(struct hostile_peer *peer)
{
    return hostile_send(peer, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
           && drip(peer, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                   500)
           && act_hang(peer);
}

/* The same over and over, at most 256 MiB of it. */
static bool flood(struct hostile_peer *peer, const char *line)
{
    size_t len = strlen(line);

    for (size_t sent = 0; sent < (size_t)256 * 1024 * 1024; sent += len) {
        if (!hostile_send_bytes(peer, line, len)) {
            return false;
        }
    }
    return false;
}

static bool act_endless_body(struct hostile_peer *peer)
{
    return hostile_send(peer, "HTTP/1.1 200 OK\r\n\r\n")
           && flood(peer, "all work and no play makes an endpoint a dull place\n");
}

static bool act_huge_body(struct hostile_peer *peer)
{
    return hostile_send(peer, "HTTP/1.1 500 x\r\nContent-Length: 10737418240\r\n\r\n")
           && flood(peer, "all work and no play makes an endpoint a dull place\n");
}

static bool act_endless_1xx(struct hostile_peer *peer)
{
    return flood(peer, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
}

static bool act_continue_first(struct hostile_peer *peer)
{
    return hostile_send(peer,
                        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n")
           && hostile_send(peer, OK_ANSWER);
}

static bool act_many_headers(struct hostile_peer *peer)
{
    return hostile_send(peer, "HTTP/1.1 200 OK\r\n") && flood(peer, "X-More: of the same\r\n");
}

static bool act_long_header(struct hostile_peer *peer)
{
    return hostile_send(peer, "HTTP/1.1 200 OK\r\nX-Long: ")
           && flood(peer, "aaaaaaaaaaaaaaaaaaaa");
}

/* A gzip member of five bytes: must arrive as it is. */
static bool act_gzip(struct hostile_peer *peer)
{
    static const unsigned char body[] = {0x1f, 0x8b, 0x08, 0,    0,    0,    0,    0,    0x00,
                                         0x03, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x86,
                                         0xa6, 0x10, 0x36, 0x05, 0x00, 0x00, 0x00};

    return hostile_send(peer, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
                              "Content-Length: 25\r\n\r\n")
           && hostile_send_bytes(peer, body, sizeof body);
}

/* --- Not HTTP, or not quite. */

static bool act_no_status_line(struct hostile_peer *peer)
{
    (void)hostile_send(peer, "220 mail.example.net ESMTP\r\n");
    return false;
}

static bool act_http09(struct hostile_peer *peer)
{
    (void)hostile_send(peer, "<html>hello</html>\n");
    return false;
}

static bool act_http10(struct hostile_peer *peer)
{
    (void)hostile_send(peer, "HTTP/1.0 200 OK\r\n\r\nhello");
    return false;
}

static bool act_bare_lf(struct hostile_peer *peer)
{
    return hostile_send(peer, "HTTP/1.1 200\nContent-Length: 2\n\nok");
}

static bool act_two_lengths(struct hostile_peer *peer)
{
    (void)hostile_send(peer,
                       "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 50\r\n\r\nok");
    return false;
}

static bool act_length_and_chunks(struct hostile_peer *peer)
{
    (void)hostile_send(peer, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n"
                             "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n");
    return false;
}

static bool act_bad_chunk(struct hostile_peer *peer)
{
    (void)hostile_send(
        peer, "HTTP/1.1 500 x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n0\r\n\r\n");
    return false;
}

static bool act_long_answer(struct hostile_peer *peer)
{
    return hostile_send(peer, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
                              "HTTP/1.1 500 Smuggled\r\nContent-Length: 0\r\n\r\n");
}

static bool act_early_413(struct hostile_peer *peer)
{
    (void)hostile_send(peer,
                       "HTTP/1.1 413 Big\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    (void)hostile_sleep(peer, 50); /* so that it arrives before the reset */
    return false;
}

static bool act_binary_body(struct hostile_peer *peer)
{
    static const char body[] = "\0\xff\xfe\r\n\x1b[31m\xc3";

    return hostile_send(peer, "HTTP/1.1 400 x\r\nContent-Length: 11\r\n\r\n")
           && hostile_send_bytes(peer, body, 11);
}

static const struct hostile_mode modes[] = {
    {"ok", act_ok, false},
    {"fail-then-ok", act_fail_then_ok, false},
    {"retry-after-seconds", act_retry_after_seconds, false},
    {"retry-after-huge", act_retry_after_huge, false},
    {"retry-after-garbage", act_retry_after_garbage, false},
    {"retry-after-negative", act_retry_after_negative, false},
    {"redirect-private", act_redirect_private, false},
    {"redirect-self", act_redirect_self, false},
    {"basic-auth", act_basic_auth, false},
    {"digest-auth", act_digest_auth, false},
    {"close-at-once", act_close, true},
    {"close-after-request", act_close, false},
    {"reset-at-once", act_reset, true},
    {"reset-after-request", act_reset, false},
    {"never-read", act_hang, true},
    {"hang", act_hang, false},
    {"close-mid-head", act_close_mid_head, false},
    {"close-mid-body", act_close_mid_body, false},
    {"close-idle", act_close_idle, false},
    {"close-second", act_close_second, false},
    {"reset-second", act_reset_second, false},
    {"slow-head", act_slow_head, false},
    {"slow-body", act_slow_body, false},
    {"endless-body", act_endless_body, false},
    {"huge-body", act_huge_body, false},
    {"endless-1xx", act_endless_1xx, false},
    {"continue-first", act_continue_first, false},
    {"many-headers", act_many_headers, false},
    {"long-header", act_long_header, false},
    {"gzip", act_gzip, false},
    {"no-status-line", act_no_status_line, false},
    {"http09", act_http09, false},
    {"http10", act_http10, false},
    {"bare-lf", act_bare_lf, false},
    {"two-lengths", act_two_lengths, false},
    {"length-and-chunks", act_length_and_chunks, false},
    {"bad-chunk", act_bad_chunk, false},
    {"long-answer", act_long_answer, false},
    {"early-413", act_early_413, true},
    {"binary-body", act_binary_body, false},
};

#define MODE_COUNT (sizeof modes / sizeof modes[0])

const struct hostile_mode *hostile_mode_find(const char *name)
{
    static const struct hostile_mode status = {"status-", act_status, false};

    if (strncmp(name, status.name, strlen(status.name)) == 0) {
        return &status;
    }
    for (size_t i = 0; i < MODE_COUNT; i++) {
        if (strcmp(modes[i].name, name) == 0) {
            return &modes[i];
        }
    }
    return NULL;
}

const char *const *hostile_modes(void)
{
    static const char *names[MODE_COUNT + 1];

    for (size_t i = 0; i < MODE_COUNT; i++) {
        names[i] = modes[i].name;
    }
    return names;
}
