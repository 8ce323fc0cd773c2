#include "tests/bench/load.h"

#include "base/clock.h"
#include "base/memory.h"
#include "tests/support/need.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define EVENTS      256
#define READ_ROOM   ((size_t)64 * 1024)
#define BYTES_MAX   ((size_t)64 * 1024 * 1024)
#define PATIENCE_US ((int64_t)60 * 1000 * 1000) /* for answers, after the last round began */

struct connection {
    int file;
    uint32_t number;
    int kind; /* of the request under way, or LOAD_OVER */
    int64_t since_us;
    struct buffer request;
    size_t sent;
    struct buffer answer;
    size_t scanned; /* of the answer, without its head's end */
};

struct run {
    const struct load *load;
    struct load_result *result;
    int poller;
    struct connection *connections;
    struct connection **idle;
    size_t idle_count;
    uint64_t begun;
    int64_t start_us, end_us, last_us;
    bool is_done; /* nothing left to begin */
};

/* --- One connection. */

static void connection_open(struct run *run, uint32_t number)
{
    struct connection *connection = &run->connections[number];
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(run->load->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    int yes = 1;

    *connection = (struct connection){.number = number, .kind = LOAD_OVER};
    connection->file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    NEED(connect(connection->file, (const struct sockaddr *)&address, sizeof address) == 0);
    (void)setsockopt(connection->file, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    buffer_init(&connection->request, BYTES_MAX);
    buffer_init(&connection->answer, BYTES_MAX);
    NEED(epoll_ctl(run->poller, EPOLL_CTL_ADD, connection->file, &event) == 0);
    run->idle[run->idle_count++] = connection;
}

static void connection_close(struct connection *connection)
{
    (void)close(connection->file);
    buffer_free(&connection->request);
    buffer_free(&connection->answer);
}

/* A request fits into the socket's buffer, or is waited for: nobody else is served meanwhile,
 * which a server that reads what it is sent never notices. */
static void connection_send(struct connection *connection)
{
    struct text rest = buffer_text(&connection->request);

    while (rest.len > 0) {
        ssize_t len = send(connection->file, rest.at, rest.len, MSG_NOSIGNAL);

        NEED(len > 0 || errno == EINTR);
        rest = text_after(rest, len > 0 ? (size_t)len : 0);
    }
}

/* --- What came back. */

static struct text header_find(struct text head, struct text name)
{
    while (head.len > 0) {
        struct text line = text_cut(&head, '\n');

        if (line.len > name.len && text_equal_ignore_case(text_first(line, name.len), name)) {
            struct text value = text_after(line, name.len);

            while (value.len > 0 && value.at[0] == ' ') {
                value = text_after(value, 1);
            }
            return text_first(value, text_find(value, '\r'));
        }
    }
    return (struct text){0};
}

/* True when the whole answer is there. */
static bool answer_take(struct connection *connection, struct load_answer *ret_answer)
{
    struct text bytes = buffer_text(&connection->answer);
    const char *end = bytes.len == 0 ? NULL : memmem(bytes.at, bytes.len, "\r\n\r\n", 4);

    if (end == NULL) {
        return false;
    }
    struct text head = text_first(bytes, (size_t)(end - bytes.at) + 2);
    struct text body = text_after(bytes, head.len + 2);
    int64_t len = 0;
    int64_t status = 0;

    NEED(text_starts_with(head, T("HTTP/1.1 ")));
    NEED(text_to_int64(text_first(text_after(head, 9), 3), &status));
    NEED(text_to_int64(header_find(head, T("Content-Length:")), &len));
    *ret_answer =
        (struct load_answer){.status = (int)status, .body = text_first(body, (size_t)len)};
    return body.len >= (size_t)len;
}

static void latency_add(struct load_latencies *latencies, int64_t us)
{
    if (latencies->count == latencies->room) {
        latencies->room = latencies->room == 0 ? 4096 : latencies->room * 2;
        latencies->at_us =
            memory_resize(latencies->at_us, latencies->room * sizeof *latencies->at_us);
    }
    latencies->at_us[latencies->count++] = us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

/* --- Rounds. */

/* Asks the caller what comes next, and sends it. */
static void connection_go_on(struct run *run, struct connection *connection,
                             const struct load_answer *answer)
{
    const struct load *load = run->load;
    bool is_begin = answer == NULL;

    buffer_clear(&connection->request);
    connection->kind = load->next(load->context, connection->number, connection->kind, answer,
                                  &connection->request);
    buffer_clear(&connection->answer);
    if (connection->kind != LOAD_OVER) {
        NEED(!connection->request.overflown);
        connection_send(connection);
        return;
    }
    run->is_done = run->is_done || is_begin;
    run->result->rounds += !is_begin;
    run->idle[run->idle_count++] = connection;
}

static void connection_read(struct run *run, struct connection *connection)
{
    struct load_answer answer;
    size_t before = connection->answer.len;
    char *room = buffer_extend(&connection->answer, READ_ROOM);

    NEED(room != NULL);
    ssize_t len = recv(connection->file, room, READ_ROOM, MSG_DONTWAIT);

    NEED(len > 0 || (len < 0 && errno == EAGAIN));
    connection->answer.len = before + (len > 0 ? (size_t)len : 0);
    if (!answer_take(connection, &answer)) {
        return;
    }
    int64_t now_us = clock_monotonic_us();

    latency_add(&run->result->kinds[connection->kind], now_us - connection->since_us);
    run->last_us = now_us;
    connection->since_us = now_us;
    connection_go_on(run, connection, &answer);
}

/* When round number `begun` is due. */
static int64_t due_us(const struct run *run)
{
    return run->load->rounds_per_s <= 0
               ? run->start_us
               : run->start_us + (int64_t)((double)run->begun * 1e6 / run->load->rounds_per_s);
}

static bool may_begin(struct run *run, int64_t now_us)
{
    const struct load *load = run->load;

    if (now_us >= run->end_us || (load->rounds_max > 0 && run->begun >= load->rounds_max)) {
        run->is_done = true;
    }
    return !run->is_done && run->idle_count > 0 && due_us(run) <= now_us;
}

static void rounds_begin(struct run *run)
{
    int64_t now_us = clock_monotonic_us();

    while (may_begin(run, now_us)) {
        struct connection *connection = run->idle[--run->idle_count];

        /* Whoever is late because nobody was idle has waited since then. */
        connection->since_us = run->load->rounds_per_s > 0 ? due_us(run) : now_us;
        run->begun++;
        connection_go_on(run, connection, NULL);
    }
}

/* Until an answer comes or a round is due. */
static int wait_for_events(const struct run *run, struct epoll_event *events)
{
    int64_t wait_us = PATIENCE_US;

    if (!run->is_done && run->idle_count > 0) {
        wait_us = due_us(run) - clock_monotonic_us();
        wait_us = wait_us < 0 ? 0 : wait_us;
    }
    struct timespec wait = {.tv_sec = wait_us / 1000000, .tv_nsec = wait_us % 1000000 * 1000};

    return epoll_pwait2(run->poller, events, EVENTS, &wait, NULL);
}

static void rounds_run(struct run *run)
{
    struct epoll_event events[EVENTS];

    rounds_begin(run);
    while (!run->is_done || run->idle_count < run->load->connections) {
        int count = wait_for_events(run, events);

        NEED(count >= 0 || errno == EINTR);
        NEED(clock_monotonic_us() < run->end_us + PATIENCE_US);
        for (int i = 0; i < count; i++) {
            connection_read(run, events[i].data.ptr);
        }
        rounds_begin(run);
    }
}

static int latency_order(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;

    return (left > right) - (left < right);
}

void load_run(const struct load *load, struct load_result *ret_result)
{
    struct run run = {.load = load, .result = ret_result, .poller = epoll_create1(0)};

    *ret_result = (struct load_result){0};
    run.connections = memory_array(load->connections, sizeof *run.connections);
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): of the pointers that it holds */
    run.idle = memory_array(load->connections, sizeof *run.idle);
    for (uint32_t i = 0; i < load->connections; i++) {
        connection_open(&run, i);
    }
    run.start_us = clock_monotonic_us();
    run.last_us = run.start_us;
    run.end_us = run.start_us + (int64_t)(load->seconds * 1e6);
    rounds_run(&run);
    ret_result->seconds = (double)(run.last_us - run.start_us) / 1e6;
    for (size_t i = 0; i < LOAD_KINDS_MAX; i++) {
        struct load_latencies *latencies = &ret_result->kinds[i];

        if (latencies->count > 1) {
            qsort(latencies->at_us, latencies->count, sizeof *latencies->at_us, latency_order);
        }
    }
    for (uint32_t i = 0; i < load->connections; i++) {
        connection_close(&run.connections[i]);
    }
    (void)close(run.poller);
    memory_free(run.connections);
    memory_free((void *)run.idle);
}

void load_result_free(struct load_result *result)
{
    for (size_t i = 0; i < LOAD_KINDS_MAX; i++) {
        memory_free(result->kinds[i].at_us);
        result->kinds[i] = (struct load_latencies){0};
    }
}

double load_percentile_ms(const struct load_latencies *latencies, double share)
{
    if (latencies->count == 0) {
        return 0;
    }
    return latencies->at_us[(size_t)((double)(latencies->count - 1) * share)] / 1e3;
}
