/* The least a server on net/ costs: every request is answered with an empty 200.
 *
 * By hand: `http_bench PORT` serves until it is interrupted, to be measured by wrk or h2load
 * beside another server in the same run (`return 200 ""` of nginx).  Without a port it serves
 * a client of its own for a moment, pipelined, and prints what one request costs the server. */
/* link: net base */
#include "base/buffer.h"
#include "base/clock.h"
#include "net/net.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <uv.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum {
    SELF_REQUESTS = 100000,
    SELF_BATCH = 16,
    BODY_BYTES = 1024,
    HEADER_MAX = 16384,
    BODY_MAX = 8 * 1024 * 1024,
    CONNECTION_MAX = 20000,
    PIPELINE_MAX = 128,
    IDLE_MS = 60000,
    SLOW_MS = 30000,
    SELF_LIMIT_US = 20 * 1000 * 1000
};

static const struct text answer_head = TEXT("HTTP/1.1 200 OK\r\n");

static void on_request(void *context, struct http_request *request)
{
    struct http_response response = {.status = 200};

    (void)context;
    http_respond(request, &response);
}

static void on_stopped(void *context)
{
    (void)context;
}

static void on_signal(uv_signal_t *signal, int number)
{
    (void)number;
    net_server_stop(signal->data, 1000, on_stopped, NULL);
    uv_close((uv_handle_t *)signal, NULL);
}

static struct net_server *bench_start(uv_loop_t *loop, uint16_t port)
{
    struct net_options options = {.address = "127.0.0.1",
                                  .port = port,
                                  .header_max = HEADER_MAX,
                                  .body_max = BODY_MAX,
                                  .connection_max = CONNECTION_MAX,
                                  .pipeline_max = PIPELINE_MAX,
                                  .idle_ms = IDLE_MS,
                                  .slow_ms = SLOW_MS};
    struct net_handler handler = {.request = on_request};
    struct net_server *server = NULL;
    struct why why = {0};

    if (net_server_start(loop, &options, &handler, &server, &why) != STATUS_OK) {
        (void)fprintf(stderr, "%s\n", why.text);
    }
    return server;
}

/* --- The client within. */

static int client_connect(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd >= 0
        && (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0
            || fcntl(fd, F_SETFL, O_NONBLOCK) != 0)) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

/* How many answers begin in what has come: their heads are all that is sent. */
static size_t client_answers(int fd)
{
    char bytes[65536];
    ssize_t len = recv(fd, bytes, sizeof(bytes), 0);
    size_t count = 0;

    for (ssize_t i = 0; i + (ssize_t)answer_head.len <= len; i++) {
        count += text_starts_with(text_make(bytes + i, (size_t)(len - i)), answer_head);
    }
    return count;
}

static int64_t cpu_us(void)
{
    struct timespec spent = {0};

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
    return (int64_t)spent.tv_sec * 1000000 + spent.tv_nsec / 1000;
}

/* Sends a batch and waits for its answers; false when the whole took too long. */
static bool client_batch(uv_loop_t *loop, int fd, struct text batch, int64_t until_us)
{
    size_t answered = 0;

    while (answered < SELF_BATCH) {
        ssize_t len = batch.len == 0 ? 0 : send(fd, batch.at, batch.len, MSG_NOSIGNAL);

        batch = text_after(batch, len > 0 ? (size_t)len : 0);
        (void)uv_run(loop, UV_RUN_NOWAIT);
        answered += client_answers(fd);
        if (clock_monotonic_us() > until_us) {
            return false;
        }
    }
    return true;
}

static bool client_run(uv_loop_t *loop, int fd, struct text batch)
{
    int64_t until_us = clock_monotonic_us() + SELF_LIMIT_US;

    for (int done = 0; done < SELF_REQUESTS; done += SELF_BATCH) {
        if (!client_batch(loop, fd, batch, until_us)) {
            return false;
        }
    }
    return true;
}

static int run_self(uv_loop_t *loop, struct net_server *server)
{
    int fd = client_connect(net_server_port(server));
    int64_t before_us = cpu_us();
    struct buffer batch;
    bool is_fine;

    buffer_init(&batch, 1 << 20);
    for (int i = 0; i < SELF_BATCH; i++) {
        buffer_printf(&batch,
                      "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%0*d",
                      BODY_BYTES, BODY_BYTES, i);
    }
    is_fine = fd >= 0 && client_run(loop, fd, buffer_text(&batch));
    if (is_fine) {
        (void)printf("pipelined, client included: %.2f us of CPU a request\n",
                     (double)(cpu_us() - before_us) / SELF_REQUESTS);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    buffer_free(&batch);
    net_server_stop(server, 0, on_stopped, NULL);
    (void)uv_run(loop, UV_RUN_DEFAULT);
    return is_fine ? 0 : 1;
}

static int run_served(uv_loop_t *loop, struct net_server *server)
{
    uv_signal_t interrupt;
    uv_signal_t terminate;

    (void)uv_signal_init(loop, &interrupt);
    (void)uv_signal_init(loop, &terminate);
    interrupt.data = server;
    terminate.data = server;
    (void)uv_signal_start(&interrupt, on_signal, SIGINT);
    (void)uv_signal_start(&terminate, on_signal, SIGTERM);
    uv_unref((uv_handle_t *)&interrupt);
    uv_unref((uv_handle_t *)&terminate);
    (void)uv_run(loop, UV_RUN_DEFAULT);
    return 0;
}

int main(int count, char **arguments)
{
    uv_loop_t *loop = uv_default_loop();
    int64_t port = 0;
    struct net_server *server;

    if (count > 2
        || (count == 2
            && (!text_to_int64(text_from(arguments[1]), &port) || port < 1 || port > 65535))) {
        (void)fprintf(stderr, "usage: http_bench [PORT]\n");
        return 2;
    }
    server = bench_start(loop, (uint16_t)port);
    if (server == NULL) {
        return 1;
    }
    return count == 2 ? run_served(loop, server) : run_self(loop, server);
}
