/* Mail to a relay of ours, which grows tired of connections. */
#include "rig.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <sys/socket.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int listener;
static char port[8];
static bool tires_at_once; /* each connection, and not only after its first mail */
static atomic_uint connections, mails;

static void say(int peer, const char *line)
{
    (void)!write(peer, line, strlen(line));
}

/* Up to its line's end; false: the client has gone. */
static bool hear(int peer, char *ret_line, size_t room)
{
    size_t len = 0;

    while (len + 1 < room && read(peer, ret_line + len, 1) == 1) {
        if (ret_line[len++] == '\n') {
            ret_line[len] = '\0';
            return true;
        }
    }
    return false;
}

static void take_letter(int peer)
{
    char line[2048];

    say(peer, "354 go on\r\n");
    while (hear(peer, line, sizeof line) && strcmp(line, ".\r\n") != 0) {
    }
    (void)atomic_fetch_add(&mails, 1);
    say(peer, "250 taken\r\n");
}

static void serve(int peer)
{
    bool is_tired = tires_at_once;
    char line[2048];

    say(peer, "220 relay\r\n");
    while (hear(peer, line, sizeof line)) {
        if (strncmp(line, "MAIL", 4) == 0 && is_tired) {
            say(peer, "421 idle for too long\r\n");
            return;
        }
        if (strncmp(line, "DATA", 4) == 0) {
            take_letter(peer);
            is_tired = true;
        } else if (strncmp(line, "QUIT", 4) == 0) {
            say(peer, "221 bye\r\n");
            return;
        } else {
            say(peer, "250 fine\r\n");
        }
    }
}

static void *relay(void *nothing)
{
    int peer = -1;

    while ((peer = accept(listener, NULL, NULL)) >= 0) {
        (void)atomic_fetch_add(&connections, 1);
        serve(peer);
        (void)close(peer);
    }
    return nothing;
}

static void relay_open(pthread_t *ret_thread)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;

    atomic_store(&connections, 0);
    atomic_store(&mails, 0);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(listener, 0);
    cr_assert_eq(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(listen(listener, 16), 0);
    cr_assert_eq(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    (void)snprintf(port, sizeof port, "%u", ntohs(address.sin_port));
    cr_assert_eq(pthread_create(ret_thread, NULL, relay, NULL), 0);
}

static void relay_close(pthread_t thread)
{
    (void)shutdown(listener, SHUT_RDWR);
    (void)pthread_join(thread, NULL);
    (void)close(listener);
}

static const char *option(const char *name)
{
    static const char *const options[][2] = {
        {"host", "127.0.0.1"}, {"port", port},       {"tls", "none"},
        {"from", "a@b.net"},   {"connections", "1"},
    };

    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        if (strcmp(options[i][0], name) == 0) {
            return options[i][1];
        }
    }
    return NULL;
}

static struct rig_delivery *send_mail(struct rig *rig)
{
    struct rig_delivery *delivery = rig_prepare(rig, "reader@example.net");

    delivery->delivery.topic_title = "";
    delivery->delivery.unsubscribe_url = "";
    delivery->delivery.confirm_url = "";
    rig_deliver(rig, delivery);
    rig_run(rig, 10000);
    cr_assert_eq(delivery->settled, 1);
    return delivery;
}

/* A connection that the relay has given up costs a mail nothing but a new one. */
Test(mail_relay, that_was_idle_is_connected_to_again)
{
    static struct rig rig;
    pthread_t thread;

    tires_at_once = false;
    relay_open(&thread);
    rig.option = option;
    rig_open(&rig, rig_find("smtp"));
    for (unsigned i = 1; i <= 4; i++) {
        const struct rig_delivery *delivery = send_mail(&rig);

        cr_expect_eq(delivery->outcome.verdict, VERDICT_DELIVERED, "mail %u: %s", i,
                     delivery->reason);
        cr_expect_eq(atomic_load(&mails), i);
        cr_expect_eq(atomic_load(&connections), i);
    }
    rig_close(&rig);
    relay_close(thread);
}

/* One that wants nothing even on a new connection is waited for. */
Test(mail_relay, that_is_tired_at_once_is_tried_later)
{
    static struct rig rig;
    pthread_t thread;

    tires_at_once = true;
    relay_open(&thread);
    rig.option = option;
    rig_open(&rig, rig_find("smtp"));
    const struct rig_delivery *delivery = send_mail(&rig);

    cr_expect_eq(delivery->outcome.verdict, VERDICT_RETRY);
    cr_expect_eq(delivery->outcome.status_code, 421);
    cr_expect_eq(atomic_load(&connections), 1U);
    rig_close(&rig);
    relay_close(thread);
}
