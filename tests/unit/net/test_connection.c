/* How connections begin, wait and end. */
#include "tests/unit/net/bed.h"

#include <sys/resource.h>

#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"

Test(connection, answers_a_client_that_only_closed_its_sending_side)
{
    struct bed bed = {0};
    struct client client;

    bed_start(&bed);
    client_open(&client, &bed);
    client_send(&client, GET("/hold"));
    cr_assert(bed_await_held(&bed, 1));
    (void)shutdown(client.fd, SHUT_WR);
    cr_assert(bed_await_gone(&bed, 1));
    bed_answer(&bed, bed.held[0], "all the same");
    cr_expect(client_await(&client, "all the same"));
    cr_expect(client_await_end(&client));
    cr_expect_eq(bed.gone_count, 1);
    client_close(&client);
    bed_stop(&bed);
}

Test(connection, tells_of_a_client_that_has_gone)
{
    struct bed bed = {.answers_gone = true};
    struct client client;

    bed_start(&bed);
    client_open(&client, &bed);
    client_send(&client, GET("/hold1") GET("/hold2") GET("/hold3"));
    cr_assert(bed_await_held(&bed, 3));
    client_close(&client);
    cr_assert(bed_await_gone(&bed, 3));
    bed_turns(&bed);
    cr_expect_eq(bed.gone_count, 3);
    cr_expect_eq(net_server_counters(bed.server).connections_open, 0);
    bed_stop(&bed);
}

Test(connection, tells_of_a_client_that_reset_and_takes_the_answer_later)
{
    struct bed bed = {0};
    struct client client;
    struct linger linger = {.l_onoff = 1, .l_linger = 0};

    bed_start(&bed);
    client_open(&client, &bed);
    client_send(&client, GET("/hold1") GET("/hold2"));
    cr_assert(bed_await_held(&bed, 2));
    bed_answer(&bed, bed.held[1], "waits behind the first");
    (void)setsockopt(client.fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    client_close(&client);
    cr_assert(bed_await_gone(&bed, 1));
    bed_turns(&bed);
    cr_expect_eq(net_server_counters(bed.server).connections_open, 0);
    cr_expect(text_equal(bed.held[0]->path, T("/hold1")), "its texts still live");
    bed_answer(&bed, bed.held[0], "to nobody");
    bed_turns(&bed);
    bed_stop(&bed);
}

Test(connection, answers_only_what_was_complete_when_the_client_ended)
{
    struct bed bed = {0};
    struct client client;

    bed_start(&bed);
    client_open(&client, &bed);
    client_send(&client,
                GET("/whole") "POST /half HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc");
    (void)shutdown(client.fd, SHUT_WR);
    cr_expect(client_await_end(&client));
    cr_expect(client_has(&client, "/whole"));
    cr_expect_eq(client_count(&client, "HTTP/1.1"), 1);
    cr_expect_eq(bed.request_count, 1);
    client_close(&client);
    bed_stop(&bed);
}

Test(connection, gives_up_on_a_slow_request)
{
    static const char *const slow[] = {
        "GET / HT", "GET / HTTP/1.1\r\nHost: h\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nab",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nab"};

    for (size_t i = 0; i < countof(slow); i++) {
        struct bed bed = {.options.slow_ms = 60};
        struct client client;

        bed_start(&bed);
        client_open(&client, &bed);
        client_send(&client, slow[i]);
        cr_expect(client_await_end(&client), "%s", slow[i]);
        cr_expect(client_has(&client, "HTTP/1.1 408 Request Timeout\r\n"), "%s", slow[i]);
        client_close(&client);
        bed_stop(&bed);
    }
}

/* A byte now and then does not buy more time. */
Test(connection, counts_slowness_from_the_first_byte)
{
    struct bed bed = {.options.slow_ms = 80};
    struct client client;
    int64_t since_us = clock_monotonic_us();

    bed_start(&bed);
    client_open(&client, &bed);
    client_send(&client, "GET / HTTP/1.1\r\nX: ");
    while (!client.has_ended && !bed_late(since_us)) {
        (void)send(client.fd, "x", 1, MSG_NOSIGNAL);
        (void)usleep(2000);
        bed_turn(&bed);
        client_read(&client);
    }
    cr_expect(client_has(&client, "HTTP/1.1 408"));
    cr_expect_lt(clock_monotonic_us() - since_us, 3000000);
    client_close(&client);
    bed_stop(&bed);
}

Test(connection, closes_an_idle_one_without_a_word)
{
    struct bed bed = {.options.idle_ms = 60};
    struct client fresh;
    struct client used;

    bed_start(&bed);
    client_open(&fresh, &bed);
    client_open(&used, &bed);
    client_send(&used, GET("/a"));
    cr_assert(client_await(&used, "/a"));
    cr_expect(client_await_end(&fresh));
    cr_expect(client_await_end(&used));
    cr_expect_eq(fresh.got.len, 0);
    cr_expect_eq(client_count(&used, "HTTP/1.1"), 1);
    client_close(&fresh);
    client_close(&used);
    bed_stop(&bed);
}

Test(connection, waits_for_its_answer_as_long_as_it_takes)
{
    struct bed bed = {.options.idle_ms = 30, .options.slow_ms = 30};
    struct client client;
    int64_t since_us = clock_monotonic_us();

    bed_start(&bed);
    client_open(&client, &bed);
    client_send(&client, GET("/hold"));
    cr_assert(bed_await_held(&bed, 1));
    while (clock_monotonic_us() - since_us < 200000) {
        bed_turn(&bed);
    }
    bed_answer(&bed, bed.held[0], "at last");
    cr_expect(client_await(&client, "at last"));
    client_close(&client);
    bed_stop(&bed);
}

Test(connection, closes_when_its_client_takes_no_answers)
{
    struct bed bed = {.options.slow_ms = 100, .options.pipeline_max = 1000};
    struct client client;
    int64_t since_us = clock_monotonic_us();
    struct buffer sent;

    bed_start(&bed);
    client_open(&client, &bed);
    buffer_init(&sent, BED_MIB);
    for (int i = 0; i < 500; i++) {
        buffer_add(&sent, T(GET("/large"))); /* 50 MB, more than sockets buffer */
    }
    while (sent.len > 0 && !bed_late(since_us)) {
        ssize_t len = send(client.fd, sent.at, sent.len, MSG_NOSIGNAL);

        bed_turn(&bed);
        if (len > 0) {
            buffer_consume(&sent, (size_t)len);
        }
    }
    while (net_server_counters(bed.server).connections_open > 0 && !bed_late(since_us)) {
        bed_turn(&bed);
    }
    cr_expect_eq(net_server_counters(bed.server).connections_open, 0);
    cr_expect_lt(bed.request_count, 500, "answers are not collected without limit");
    buffer_free(&sent);
    client_close(&client);
    bed_stop(&bed);
}

Test(connection, sends_more_than_the_socket_takes_at_once)
{
    struct bed bed = {.options.pipeline_max = 1000};
    struct client client;

    bed_start(&bed);
    client_open(&client, &bed);
    for (int i = 0; i < 100; i++) {
        client_send(&client, GET("/large"));
    }
    client_send(&client, GET("/end"));
    cr_assert(client_await(&client, "/end"));
    cr_expect_eq(client_count(&client, "Content-Length: 100000"), 100);
    cr_expect_gt(client.got.len, 10000000);
    client_close(&client);
    bed_stop(&bed);
}

Test(server, reads_nothing_while_paused_and_answers_still)
{
    struct bed bed = {.options.slow_ms = 100};
    struct client client;
    struct client other;
    int64_t since_us = clock_monotonic_us();

    bed_start(&bed);
    client_open(&client, &bed);
    client_open(&other, &bed);
    client_send(&client, GET("/hold"));
    client_send(&other, "GET /half HTTP/1.1\r\nHost:");
    cr_assert(bed_await_held(&bed, 1));
    net_server_pause(bed.server, true);
    client_send(&client, GET("/next"));
    client_send(&other, " h\r\n\r\n");
    bed_answer(&bed, bed.held[0], "while paused");
    cr_expect(client_await(&client, "while paused"));
    while (clock_monotonic_us() - since_us < 250000) {
        bed_turn(&bed);
    }
    cr_expect_eq(bed.request_count, 1);
    net_server_pause(bed.server, false);
    cr_expect(client_await(&client, "/next"));
    cr_expect(client_await(&other, "/half"), "we were slow, not the client");
    client_close(&client);
    client_close(&other);
    bed_stop(&bed);
}

Test(server, stops_with_an_answer_under_way)
{
    struct bed bed = {0};
    struct client busy;
    struct client idle;
    struct client half;

    bed_start(&bed);
    client_open(&busy, &bed);
    client_open(&idle, &bed);
    client_open(&half, &bed);
    client_send(&busy, GET("/hold"));
    client_send(&half, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nab");
    cr_assert(bed_await_held(&bed, 1));
    bed_turns(&bed);
    net_server_stop(bed.server, 3000, bed_on_stopped, &bed);
    cr_expect(client_await_end(&idle));
    cr_expect_not(bed.is_stopped);
    client_send(&half, "cd");
    cr_expect(client_await(&half, "abcd"));
    cr_expect(client_await_end(&half));
    bed_answer(&bed, bed.held[0], "the last");
    cr_expect(client_await(&busy, "the last"));
    cr_expect(client_has(&busy, "Connection: close\r\n"));
    cr_expect(client_await_end(&busy));
    bed_turns(&bed);
    cr_expect(bed.is_stopped);
    client_close(&busy);
    client_close(&idle);
    client_close(&half);
    bed_stop(&bed);
}

Test(server, stops_after_the_grace_whoever_still_owes_an_answer)
{
    struct bed bed = {0};
    struct client client;
    int64_t since_us = clock_monotonic_us();

    bed_start(&bed);
    client_open(&client, &bed);
    client_send(&client, GET("/hold1") GET("/hold2"));
    cr_assert(bed_await_held(&bed, 2));
    net_server_stop(bed.server, 100, bed_on_stopped, &bed);
    while (!bed.is_stopped && !bed_late(since_us)) {
        bed_turn(&bed);
    }
    cr_expect(bed.is_stopped);
    cr_expect_eq(bed.gone_count, 2);
    bed_answer(&bed, bed.held[1], "much too late");
    cr_expect(text_equal(bed.held[0]->path, T("/hold1")));
    bed_answer(&bed, bed.held[0], "even later");
    client_close(&client);
    bed_stop(&bed);
}

Test(server, leaves_further_connections_in_the_backlog)
{
    struct bed bed = {.options.connection_max = 2};
    struct client clients[4];

    bed_start(&bed);
    for (size_t i = 0; i < 4; i++) {
        client_open(&clients[i], &bed);
        client_send(&clients[i], GET("/a"));
    }
    cr_expect(client_await(&clients[1], "/a"));
    bed_turns(&bed);
    cr_expect_eq(net_server_counters(bed.server).connections_open, 2);
    client_close(&clients[0]);
    cr_expect(client_await(&clients[2], "/a"));
    client_close(&clients[1]);
    cr_expect(client_await(&clients[3], "/a"));
    cr_expect_eq(net_server_counters(bed.server).connections_total, 4);
    cr_expect_eq(net_server_counters(bed.server).requests_total, 4);
    client_close(&clients[2]);
    client_close(&clients[3]);
    bed_stop(&bed);
}

Test(server, survives_running_out_of_descriptors)
{
    struct bed bed = {0};
    struct client client;
    struct rlimit limit;
    rlim_t usual;

    bed_start(&bed);
    client_open(&client, &bed);
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    usual = limit.rlim_cur;
    limit.rlim_cur = (rlim_t)client.fd + 1;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    client_send(&client, GET("/a"));
    bed_turns(&bed);
    cr_expect_eq(net_server_counters(bed.server).connections_open, 0);
    cr_expect_eq(net_server_counters(bed.server).refused_total, 1, "tried once, then waited");
    limit.rlim_cur = usual;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    cr_expect(client_await(&client, "/a"));
    client_close(&client);
    bed_stop(&bed);
}

Test(server, says_why_it_cannot_listen)
{
    struct bed bed = {0};
    struct net_handler handler = {.request = bed_on_request, .context = &bed};
    struct net_server *second = NULL;
    struct why why = {0};

    bed_start(&bed);
    bed.options.port = net_server_port(bed.server);
    cr_expect_eq(net_server_start(&bed.loop, &bed.options, &handler, &second, &why),
                 STATUS_EXISTS);
    cr_expect(strstr(why.text, "127.0.0.1:") != NULL && strstr(why.text, "another") != NULL,
              "%s", why.text);
    bed.options.address = "localhost";
    cr_expect_eq(net_server_start(&bed.loop, &bed.options, &handler, &second, &why),
                 STATUS_INVALID);
    bed.options.address = "192.0.2.1";
    cr_expect_neq(net_server_start(&bed.loop, &bed.options, &handler, &second, &why),
                  STATUS_OK);
    cr_expect_null(second);
    bed_stop(&bed);
}

Test(server, sleeps_without_connections)
{
    struct bed bed = {.options.idle_ms = 30};
    struct client client;

    bed_start(&bed);
    client_open(&client, &bed);
    client_send(&client, GET("/a"));
    cr_assert(client_await_end(&client));
    for (int i = 0; i < 200 && uv_backend_timeout(&bed.loop) >= 0; i++) {
        (void)usleep(1000);
        bed_turn(&bed);
    }
    cr_expect_eq(uv_backend_timeout(&bed.loop), -1);
    client_close(&client);
    bed_stop(&bed);
}

/* --- At the limits. */

static struct client knock(struct bed *bed, const char *request, const char *answer)
{
    struct client client;

    client_open(&client, bed);
    client_send(&client, request);
    cr_expect(client_await(&client, answer), "%s", request);
    return client;
}

Test(server, at_the_limit_whoever_is_idle_longest_makes_room)
{
    struct bed bed = {.options.connection_max = 2};

    bed_start(&bed);
    struct client first = knock(&bed, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n", "/a");
    struct client second = knock(&bed, "GET /b HTTP/1.1\r\nHost: h\r\n\r\n", "/b");
    struct client third = knock(&bed, "GET /c HTTP/1.1\r\nHost: h\r\n\r\n", "/c");

    cr_expect(client_await_end(&first));
    cr_expect_not(second.has_ended);
    client_send(&second, "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
    cr_expect(bed_await_held(&bed, 1));
    struct client fourth = knock(&bed, "GET /d HTTP/1.1\r\nHost: h\r\n\r\n", "/d");

    cr_expect(client_await_end(&third), "the second one is at work");
    cr_expect_not(second.has_ended);
    cr_expect_eq(net_server_counters(bed.server).evicted_total, 2);
    client_close(&first);
    client_close(&second);
    client_close(&third);
    client_close(&fourth);
    bed_stop(&bed);
}

Test(server, keeps_places_for_whoever_looks_after_it)
{
    struct bed bed = {.options.connection_max = 1, .options.local_reserve = 1};
    struct client first, second, third;

    bed_start(&bed);
    client_open(&first, &bed);
    client_send(&first, "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
    cr_assert(bed_await_held(&bed, 1));
    client_open(&second, &bed);
    client_send(&second, "GET /hold2 HTTP/1.1\r\nHost: h\r\n\r\n");
    cr_assert(bed_await_held(&bed, 2));
    client_open(&third, &bed);
    client_send(&third, "GET /c HTTP/1.1\r\nHost: h\r\n\r\n");
    bed_turns(&bed);
    client_read(&third);
    cr_expect_eq(third.got.len, 0, "all are at work: it waits");
    bed_answer(&bed, bed.held[0], "done");
    cr_expect(client_await(&third, "/c"), "one that became idle makes room");
    client_close(&first);
    client_close(&second);
    client_close(&third);
    bed_stop(&bed);
}

Test(server, refuses_bodies_that_would_hold_too_much)
{
    struct bed bed = {.options.held_max = 100000};
    static char body[150000];
    struct client large;

    memset(body, 'x', sizeof body);
    bed_start(&bed);
    client_open(&large, &bed);
    client_send(&large, "POST /large HTTP/1.1\r\nHost: h\r\nContent-Length: 500000\r\n\r\n");
    client_send_text(&large, text_make(body, sizeof body));
    client_send_text(&large, text_make(body, 1000));
    cr_expect(client_await(&large, "503 Service Unavailable"));
    struct client small =
        knock(&bed, "POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody", "body");

    client_close(&large);
    client_close(&small);
    bed_turns(&bed);
    cr_expect_eq(net_server_counters(bed.server).held_bytes, 0, "given back");
    bed_stop(&bed);
}

Test(server, answers_in_line_behind_a_late_one_are_few)
{
    struct bed bed = {.options.pipeline_max = 64};
    struct client client;

    bed_start(&bed);
    client_open(&client, &bed);
    client_send(&client, "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
    cr_assert(bed_await_held(&bed, 1));
    for (int i = 0; i < 40; i++) { /* 100,000 bytes each */
        client_send(&client, "GET /large HTTP/1.1\r\nHost: h\r\n\r\n");
    }
    bed_turns(&bed);
    cr_expect_eq(bed.request_count, 2, "%zu: one of them is more than may wait",
                 bed.request_count);
    bed_answer(&bed, bed.held[0], "late");
    int64_t since_us = clock_monotonic_us();

    while (bed.request_count < 41 && !bed_late(since_us)) {
        bed_turn(&bed);
        client_read(&client);
    }
    cr_expect_eq(bed.request_count, 41);
    client_close(&client);
    bed_stop(&bed);
}

/* What nobody takes holds memory: whoever takes nothing for the longest time goes first. */
Test(server, closes_who_takes_no_answers_when_too_much_waits)
{
    struct bed bed = {.options.held_max = 300000};
    struct client deaf[6];
    int64_t since_us = clock_monotonic_us();

    bed_start(&bed);
    for (size_t i = 0; i < countof(deaf); i++) {
        client_open(&deaf[i], &bed);
        for (int j = 0; j < 200; j++) { /* 20 MB, more than the system takes for a socket */
            (void)send(deaf[i].fd, "GET /large HTTP/1.1\r\nHost: h\r\n\r\n", 32, MSG_NOSIGNAL);
        }
    }
    while (net_server_counters(bed.server).evicted_total == 0 && !bed_late(since_us)) {
        bed_turn(&bed);
    }
    cr_expect_gt(net_server_counters(bed.server).evicted_total, 0);
    bed_turns(&bed);
    cr_expect_lt(net_server_counters(bed.server).held_bytes, 500000);
    struct client good = knock(&bed, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n", "/a");

    client_close(&good);
    for (size_t i = 0; i < countof(deaf); i++) {
        client_close(&deaf[i]);
    }
    bed_stop(&bed);
}
