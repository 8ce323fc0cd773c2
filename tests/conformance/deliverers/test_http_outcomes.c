/* What comes of every misbehaviour of an HTTP endpoint: one row each, all at the same time. */
#include "hostile_endpoint.h"
#include "rig.h"

#include "tests/support/temp_dir.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#define LIMIT_MS 12000

struct row {
    const char *mode;
    enum verdict verdict;
    int status;
    int64_t retry_after_ms;
    const char *reason; /* a part of it */
};

static const struct row rows[] = {
    {"ok", VERDICT_DELIVERED, 200, 0, "HTTP 200 OK"},
    {"status-200", VERDICT_DELIVERED, 200, 0, "HTTP 200"},
    {"status-201", VERDICT_DELIVERED, 201, 0, "HTTP 201"},
    {"status-202", VERDICT_DELIVERED, 202, 0, "HTTP 202"},
    {"status-204", VERDICT_DELIVERED, 204, 0, "HTTP 204"},
    {"status-299", VERDICT_DELIVERED, 299, 0, "HTTP 299"},
    {"status-300", VERDICT_REFUSED, 300, 0, "HTTP 300"},
    {"status-301", VERDICT_REFUSED, 301, 0, "not followed"},
    {"status-304", VERDICT_REFUSED, 304, 0, "HTTP 304"},
    {"status-400", VERDICT_REFUSED, 400, 0, "Bad Request"},
    {"status-401", VERDICT_REFUSED, 401, 0, "Unauthorized"},
    {"status-403", VERDICT_REFUSED, 403, 0, "Forbidden"},
    {"status-404", VERDICT_REFUSED, 404, 0, "Not Found"},
    {"status-408", VERDICT_REFUSED, 408, 0, "HTTP 408"},
    {"status-410", VERDICT_GONE, 410, 0, "Gone"},
    {"status-413", VERDICT_REFUSED, 413, 0, "HTTP 413"},
    {"status-417", VERDICT_REFUSED, 417, 0, "HTTP 417"},
    {"status-421", VERDICT_REFUSED, 421, 0, "HTTP 421"},
    {"status-425", VERDICT_REFUSED, 425, 0, "HTTP 425"},
    {"status-429", VERDICT_RETRY, 429, 0, "Too Many Requests"},
    {"status-451", VERDICT_REFUSED, 451, 0, "HTTP 451"},
    {"status-500", VERDICT_RETRY, 500, 0, "Internal Server Error"},
    {"status-501", VERDICT_RETRY, 501, 0, "HTTP 501"},
    {"status-502", VERDICT_RETRY, 502, 0, "Bad Gateway"},
    {"status-503", VERDICT_RETRY, 503, 0, "Service Unavailable"},
    {"status-504", VERDICT_RETRY, 504, 0, "HTTP 504"},
    {"status-599", VERDICT_RETRY, 599, 0, "HTTP 599"},
    {"status-600", VERDICT_REFUSED, 600, 0, "HTTP 600"},
    {"retry-after-seconds", VERDICT_RETRY, 503, 7000, "HTTP 503"},
    {"retry-after-huge", VERDICT_RETRY, 429, 3600000, "HTTP 429"},
    {"retry-after-garbage", VERDICT_RETRY, 503, 0, "HTTP 503"},
    {"retry-after-negative", VERDICT_RETRY, 503, 0, "HTTP 503"},
    {"redirect-private", VERDICT_REFUSED, 302, 0, "not followed"},
    {"redirect-self", VERDICT_REFUSED, 307, 0, "not followed"},
    {"close-at-once", VERDICT_RETRY, 0, 0, ""},
    {"close-after-request", VERDICT_RETRY, 0, 0, "without an answer"},
    {"reset-at-once", VERDICT_RETRY, 0, 0, ""},
    {"reset-after-request", VERDICT_RETRY, 0, 0, "broke"},
    {"never-read", VERDICT_RETRY, 0, 0, "no answer in time"},
    {"hang", VERDICT_RETRY, 0, 0, "no answer in time"},
    {"close-mid-head", VERDICT_RETRY, 0, 0, ""},
    {"close-mid-body", VERDICT_DELIVERED, 200, 0, "HTTP 200"},
    {"slow-head", VERDICT_RETRY, 0, 0, "no answer in time"},
    {"slow-body", VERDICT_DELIVERED, 200, 0, "HTTP 200"},
    {"endless-body", VERDICT_DELIVERED, 200, 0, "HTTP 200"},
    {"huge-body", VERDICT_RETRY, 500, 0, "HTTP 500"},
    {"endless-1xx", VERDICT_RETRY, 0, 0, "head is too long"},
    {"continue-first", VERDICT_DELIVERED, 200, 0, "HTTP 200"},
    {"many-headers", VERDICT_RETRY, 0, 0, "head is too long"},
    {"long-header", VERDICT_RETRY, 0, 0, ""},
    {"gzip", VERDICT_DELIVERED, 200, 0, "HTTP 200"},
    {"no-status-line", VERDICT_RETRY, 0, 0, "not HTTP"},
    {"http09", VERDICT_RETRY, 0, 0, "not HTTP"},
    {"http10", VERDICT_DELIVERED, 200, 0, "HTTP 200"},
    {"bare-lf", VERDICT_DELIVERED, 200, 0, "HTTP 200"},
    {"two-lengths", VERDICT_DELIVERED, 200, 0, "HTTP 200"},
    {"length-and-chunks", VERDICT_DELIVERED, 200, 0, "HTTP 200"},
    {"bad-chunk", VERDICT_RETRY, 500, 0, "HTTP 500"},
    {"long-answer", VERDICT_DELIVERED, 200, 0, "HTTP 200"},
    {"early-413", VERDICT_REFUSED, 413, 0, "HTTP 413"},
    {"binary-body", VERDICT_REFUSED, 400, 0, "HTTP 400"},
};

#define ROW_COUNT (sizeof rows / sizeof rows[0])

static struct rig rig;

static struct hostile_endpoint *start(const char *mode, enum hostile_tls tls)
{
    const struct hostile_options options = {.mode = mode, .tls = tls};
    struct hostile_endpoint *endpoint = hostile_start(&options);

    cr_assert_not_null(endpoint);
    return endpoint;
}

static void expect_row(const struct row *row, const struct rig_delivery *delivery)
{
    cr_expect_eq(delivery->settled, 1, "%s: settled %u times", row->mode, delivery->settled);
    cr_expect_eq(delivery->outcome.verdict, row->verdict, "%s: verdict %d (%s)", row->mode,
                 (int)delivery->outcome.verdict, delivery->reason);
    cr_expect_eq(delivery->outcome.status_code, row->status, "%s: status %d", row->mode,
                 delivery->outcome.status_code);
    cr_expect_eq(delivery->outcome.retry_after_ms, row->retry_after_ms, "%s: after %lld",
                 row->mode, (long long)delivery->outcome.retry_after_ms);
    cr_expect_not_null(strstr(delivery->reason, row->reason), "%s: \"%s\"", row->mode,
                       delivery->reason);
    cr_expect_neq(delivery->reason[0], '\0', "%s: no reason", row->mode);
}

Test(http, has_one_outcome_for_every_misbehaviour)
{
    struct hostile_endpoint *endpoints[ROW_COUNT];

    rig_open(&rig, rig_find("http"));
    for (size_t i = 0; i < ROW_COUNT; i++) {
        endpoints[i] = start(rows[i].mode, HOSTILE_PLAIN);
        rig_deliver(&rig, rig_prepare(&rig, "http://127.0.0.1:%u/hook?a=b",
                                      hostile_port(endpoints[i])));
    }
    rig_run(&rig, LIMIT_MS);
    rig_run_for(&rig, 50);
    for (size_t i = 0; i < ROW_COUNT; i++) {
        expect_row(&rows[i], &rig.deliveries[i]);
        hostile_stop(endpoints[i]);
    }
    rig_close(&rig);
}

Test(http, settles_a_refused_connection_for_another_try)
{
    rig_open(&rig, rig_find("http"));
    rig_deliver(&rig, rig_prepare(&rig, "http://127.0.0.1:1/"));
    rig_run(&rig, LIMIT_MS);
    cr_expect_eq(rig.deliveries[0].outcome.verdict, VERDICT_RETRY);
    cr_expect_not_null(strstr(rig.deliveries[0].reason, "no connection"), "%s",
                       rig.deliveries[0].reason);
    rig_close(&rig);
}

Test(http, connects_to_nothing_that_is_denied)
{
    struct hostile_endpoint *endpoint = start("ok", HOSTILE_PLAIN);

    rig.denied = "127.0.0.1";
    rig_open(&rig, rig_find("http"));
    rig_deliver(&rig, rig_prepare(&rig, "http://127.0.0.1:%u/", hostile_port(endpoint)));
    rig_deliver(&rig, rig_prepare(&rig, "http://denied.example:%u/", hostile_port(endpoint)));
    rig_run(&rig, LIMIT_MS);
    cr_expect_eq(rig.deliveries[0].outcome.verdict, VERDICT_REFUSED);
    cr_expect_str_eq(rig.deliveries[0].reason, "the rig denies it");
    cr_expect_eq(rig.deliveries[1].outcome.verdict, VERDICT_REFUSED);
    cr_expect_str_eq(rig.deliveries[1].reason, "the rig denies that name");
    cr_expect_eq(hostile_connections(endpoint), 0);
    rig_close(&rig);
    hostile_stop(endpoint);
}

Test(http, sends_what_aws_sends)
{
    static const char expected[] =
        "POST /hook?a=b HTTP/1.1\r\n"
        "Host: hooks.example:%u\r\n"
        "User-Agent: Amazon Simple Notification Service Agent\r\n"
        "x-amz-sns-message-type: Notification\r\n"
        "x-amz-sns-message-id: 22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324\r\n"
        "x-amz-sns-topic-arn: arn:aws:sns:us-east-1:000000000000:t\r\n"
        "x-amz-sns-subscription-arn: arn:aws:sns:us-east-1:000000000000:t:s\r\n"
        "Content-Type: text/plain; charset=UTF-8\r\n"
        "Connection: Keep-Alive\r\n"
        "Accept-Encoding: gzip,deflate\r\n"
        "Content-Length: 29\r\n\r\n"
        "{\n  \"Type\" : \"Notification\"\n}";
    struct hostile_endpoint *endpoint = start("ok", HOSTILE_PLAIN);
    char wanted[2048];
    char request[2048];

    rig.addresses = "127.0.0.1";
    rig_open(&rig, rig_find("http"));
    rig_deliver(&rig,
                rig_prepare(&rig, "http://Hooks.Example.:%u/hook?a=b", hostile_port(endpoint)));
    rig_run(&rig, LIMIT_MS);
    (void)hostile_last_request(endpoint, request, sizeof request);
    /* NOLINTNEXTLINE(clang-diagnostic-format-nonliteral): ours, above */
    (void)snprintf(wanted, sizeof wanted, expected, hostile_port(endpoint));
    cr_expect_str_eq(request, wanted);
    cr_expect(strncmp(rig.deliveries[0].peer, "127.0.0.1:", 10) == 0);
    cr_expect_gt(rig.deliveries[0].outcome.total_us, 0);
    rig_close(&rig);
    hostile_stop(endpoint);
}

Test(http, says_raw_and_leaves_out_what_a_confirmation_has_not)
{
    struct hostile_endpoint *endpoint = start("ok", HOSTILE_PLAIN);
    char request[2048];

    rig_open(&rig, rig_find("http"));
    struct rig_delivery *delivery =
        rig_prepare(&rig, "http://127.0.0.1:%u", hostile_port(endpoint));

    delivery->delivery.raw = true;
    delivery->delivery.subscription_arn = "";
    delivery->delivery.payload_size = 0;
    rig_deliver(&rig, delivery);
    rig_run(&rig, LIMIT_MS);
    (void)hostile_last_request(endpoint, request, sizeof request);
    cr_expect_not_null(strstr(request, "\r\nx-amz-sns-rawdelivery: true\r\n"), "%s", request);
    cr_expect_null(strstr(request, "subscription-arn"), "%s", request);
    cr_expect_not_null(strstr(request, "\r\nContent-Length: 0\r\n"), "%s", request);
    rig_close(&rig);
    hostile_stop(endpoint);
}

Test(http, answers_a_challenge_with_the_urls_user)
{
    struct hostile_endpoint *basic = start("basic-auth", HOSTILE_PLAIN);
    struct hostile_endpoint *digest = start("digest-auth", HOSTILE_PLAIN);
    char request[2048];

    rig_open(&rig, rig_find("http"));
    for (int round = 0; round < 2; round++) {
        rig_deliver(&rig, rig_prepare(&rig, "http://me:se%%20cret%%3a@127.0.0.1:%u/",
                                      hostile_port(basic)));
        rig_deliver(&rig, rig_prepare(&rig, "http://me:se%%20cret%%3a@127.0.0.1:%u/",
                                      hostile_port(digest)));
        rig_run(&rig, LIMIT_MS);
    }
    for (size_t i = 0; i < rig.count; i++) {
        cr_expect_eq(rig.deliveries[i].outcome.verdict, VERDICT_DELIVERED, "%zu: %s", i,
                     rig.deliveries[i].reason);
        cr_expect_eq(rig.deliveries[i].settled, 1);
    }
    (void)hostile_last_request(digest, request, sizeof request);
    cr_expect_not_null(strstr(request, "\"Notification\""), "the body comes with the answer");
    rig_close(&rig);
    hostile_stop(basic);
    hostile_stop(digest);
}

Test(http, keeps_connections_and_survives_their_end)
{
    struct hostile_endpoint *kept = start("ok", HOSTILE_PLAIN);
    struct hostile_endpoint *closed = start("close-idle", HOSTILE_PLAIN);
    struct hostile_endpoint *cut = start("close-second", HOSTILE_PLAIN);
    struct hostile_endpoint *reset = start("reset-second", HOSTILE_PLAIN);

    rig_open(&rig, rig_find("http"));
    for (int round = 0; round < 4; round++) {
        rig_deliver(&rig, rig_prepare(&rig, "http://127.0.0.1:%u/", hostile_port(reset)));
        rig_deliver(&rig, rig_prepare(&rig, "http://127.0.0.1:%u/", hostile_port(kept)));
        rig_deliver(&rig, rig_prepare(&rig, "http://127.0.0.1:%u/", hostile_port(closed)));
        rig_deliver(&rig, rig_prepare(&rig, "http://127.0.0.1:%u/", hostile_port(cut)));
        rig_run(&rig, LIMIT_MS);
    }
    for (size_t i = 0; i < rig.count; i++) {
        cr_expect_eq(rig.deliveries[i].outcome.verdict, VERDICT_DELIVERED, "%zu: %s", i,
                     rig.deliveries[i].reason);
    }
    cr_expect_eq(hostile_connections(kept), 1);
    cr_expect_eq(hostile_requests(kept), 4);
    cr_expect_eq(hostile_requests(closed), 4);
    rig_close(&rig);
    hostile_stop(kept);
    hostile_stop(closed);
    hostile_stop(cut);
    hostile_stop(reset);
}

Test(http, keeps_the_first_kibibyte_of_an_answer_as_it_came)
{
    struct hostile_endpoint *gzip = start("gzip", HOSTILE_PLAIN);
    struct hostile_endpoint *endless = start("endless-body", HOSTILE_PLAIN);

    rig_open(&rig, rig_find("http"));
    rig_deliver(&rig, rig_prepare(&rig, "http://127.0.0.1:%u/", hostile_port(gzip)));
    rig_deliver(&rig, rig_prepare(&rig, "http://127.0.0.1:%u/", hostile_port(endless)));
    rig_run(&rig, LIMIT_MS);
    cr_expect_eq(rig.deliveries[0].outcome.answer_size, 25);
    cr_expect_eq(rig.deliveries[0].answer[0], '\x1f', "not decompressed");
    cr_expect_eq(rig.deliveries[1].outcome.answer_size, 1024);
    rig_close(&rig);
    hostile_stop(gzip);
    hostile_stop(endless);
}

Test(http, gives_up_at_the_deliverys_own_time_and_on_cancel)
{
    struct hostile_endpoint *endpoint = start("hang", HOSTILE_PLAIN);

    rig_open(&rig, rig_find("http"));
    struct rig_delivery *slow =
        rig_prepare(&rig, "http://127.0.0.1:%u/", hostile_port(endpoint));
    struct rig_delivery *gone =
        rig_prepare(&rig, "http://127.0.0.1:%u/", hostile_port(endpoint));

    slow->delivery.timeout_ms = 300;
    rig_deliver(&rig, slow);
    rig_deliver(&rig, gone);
    rig_run_for(&rig, 100);
    cr_expect_eq(slow->settled, 0);
    rig.deliverer->cancel(rig.self, gone->delivery.id);
    cr_expect_eq(gone->settled, 1);
    cr_expect_eq(gone->outcome.verdict, VERDICT_RETRY);
    rig_run(&rig, 2000);
    cr_expect_eq(slow->settled, 1);
    rig_close(&rig);
    hostile_stop(endpoint);
}

/* --- TLS. */

Test(https, delivers_to_a_trusted_host_only)
{
    static const enum hostile_tls kinds[] = {HOSTILE_TLS_GOOD, HOSTILE_TLS_UNKNOWN_CA,
                                             HOSTILE_TLS_EXPIRED, HOSTILE_TLS_OTHER_HOST};
    struct temp_dir dir = temp_dir_make();
    struct hostile_endpoint *endpoints[4];
    char ca_file[TEMP_DIR_ROOM + 16];

    (void)snprintf(ca_file, sizeof ca_file, "%s/ca.pem", dir.path);
    cr_assert(hostile_ca_write(ca_file));
    rig.ca_file = ca_file;
    rig.addresses = "127.0.0.1";
    rig_open(&rig, rig_find("http"));
    for (size_t i = 0; i < 4; i++) {
        endpoints[i] = start("ok", kinds[i]);
        rig_deliver(&rig,
                    rig_prepare(&rig, "https://127.0.0.1:%u/", hostile_port(endpoints[i])));
    }
    rig_deliver(&rig, rig_prepare(&rig, "https://localhost:%u/", hostile_port(endpoints[0])));
    rig_deliver(&rig,
                rig_prepare(&rig, "https://wrong.example:%u/", hostile_port(endpoints[0])));
    rig_run(&rig, LIMIT_MS);
    cr_expect_eq(rig.deliveries[0].outcome.verdict, VERDICT_DELIVERED, "%s",
                 rig.deliveries[0].reason);
    cr_expect_eq(rig.deliveries[4].outcome.verdict, VERDICT_DELIVERED, "%s",
                 rig.deliveries[4].reason);
    for (size_t i = 0; i < rig.count; i++) {
        bool is_good = i == 0 || i == 4;

        cr_expect_eq(rig.deliveries[i].outcome.verdict == VERDICT_DELIVERED, is_good, "%zu", i);
        cr_expect(is_good || strstr(rig.deliveries[i].reason, "not trusted") != NULL, "%zu: %s",
                  i, rig.deliveries[i].reason);
    }
    cr_expect_eq(hostile_requests(endpoints[0]), 2, "nothing was sent to the others");
    cr_expect_eq(hostile_requests(endpoints[1]), 0);
    rig_close(&rig);
    for (size_t i = 0; i < 4; i++) {
        hostile_stop(endpoints[i]);
    }
    temp_dir_remove(&dir);
}

Test(https, fails_closed_when_its_authorities_cannot_be_read)
{
    struct hostile_endpoint *endpoint = start("ok", HOSTILE_TLS_GOOD);

    rig.ca_file = "/nowhere/ca.pem";
    rig_open(&rig, rig_find("http"));
    rig_deliver(&rig, rig_prepare(&rig, "https://127.0.0.1:%u/", hostile_port(endpoint)));
    rig_run(&rig, LIMIT_MS);
    cr_expect_eq(rig.deliveries[0].outcome.verdict, VERDICT_RETRY, "%s",
                 rig.deliveries[0].reason);
    cr_expect_eq(hostile_requests(endpoint), 0);
    rig_close(&rig);
    hostile_stop(endpoint);
}

Test(https, gives_up_on_a_handshake_that_stands_still)
{
    struct hostile_endpoint *endpoint = start("never-read", HOSTILE_PLAIN);

    rig_open(&rig, rig_find("http"));
    rig_deliver(&rig, rig_prepare(&rig, "https://127.0.0.1:%u/", hostile_port(endpoint)));
    rig_run(&rig, LIMIT_MS);
    cr_expect_eq(rig.deliveries[0].outcome.verdict, VERDICT_RETRY, "%s",
                 rig.deliveries[0].reason);
    rig_close(&rig);
    hostile_stop(endpoint);
}
