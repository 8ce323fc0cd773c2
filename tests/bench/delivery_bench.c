/* What sending costs: notifications of 600 bytes to 1, 64 and 1,000 endpoints on loopback, kept
 * alive, through outbound/ (records, envelope, deliverer, outcome), by a bare libcurl multi
 * loop on epoll, and by a raw socket sender; the last two send the bytes that the first one
 * sends. The sink is a process of its own. */
/* link: outbound router notification base */
#include "base/clock.h"
#include "outbound/outbound.h"
#include "router/internal.h"
#include "tests/support/need.h"
#include "tests/support/temp_dir.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <uv.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WINDOW        64
#define ENDPOINTS_MAX 1000
#define DELIVERIES    3000 /* of one measurement in the tests; more by hand: delivery_bench N */
#define EVENTS        256
#define FILES_MAX     4096
#define REQUEST_ROOM  8192

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/* --- The sink: a process that answers every request with an empty 200. */

struct arrival {
    size_t size;
    char request[REQUEST_ROOM];
};

static size_t request_end(const struct arrival *arrival)
{
    static const char name[] = "\r\nContent-Length: ";
    const char *end = memmem(arrival->request, arrival->size, "\r\n\r\n", 4);

    if (end == NULL) {
        return 0;
    }
    size_t head = (size_t)(end - arrival->request) + 4;
    const char *length = memmem(arrival->request, head, name, sizeof name - 1);
    size_t total = head + (length == NULL ? 0 : strtoul(length + sizeof name - 1, NULL, 10));

    return arrival->size >= total ? total : 0;
}

static void sink_read(int file, struct arrival **arrivals)
{
    struct arrival *arrival = arrivals[file];
    ssize_t got = recv(file, arrival->request + arrival->size,
                       sizeof arrival->request - arrival->size, 0);

    if (got <= 0) {
        free(arrival);
        arrivals[file] = NULL;
        (void)close(file);
        return;
    }
    arrival->size += (size_t)got;
    if (request_end(arrival) > 0) { /* nobody pipelines here */
        arrival->size = 0;
        (void)send(file, answer, sizeof answer - 1, MSG_NOSIGNAL);
    }
}

static void sink_accept(int listener, int poller, struct arrival **arrivals)
{
    int file = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    int yes = 1;

    if (file < 0) {
        return;
    }
    NEED(file < FILES_MAX);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = file};

    (void)setsockopt(file, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    arrivals[file] = calloc(1, sizeof **arrivals);
    NEED(arrivals[file] != NULL);
    NEED(epoll_ctl(poller, EPOLL_CTL_ADD, file, &event) == 0);
}

static void sink_event(int file, int listener, int poller, struct arrival **arrivals)
{
    if (file == listener) {
        sink_accept(listener, poller, arrivals);
    } else {
        sink_read(file, arrivals);
    }
}

static _Noreturn void sink_run(int listener)
{
    static struct arrival *arrivals[FILES_MAX];
    struct epoll_event events[EVENTS];
    int poller = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};

    NEED(epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event) == 0);
    for (;;) { /* until it is killed */
        int count = epoll_wait(poller, events, EVENTS, -1);

        for (int i = 0; i < count; i++) {
            sink_event(events[i].data.fd, listener, poller, arrivals);
        }
    }
}

static pid_t sink_start(uint16_t *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    NEED(bind(listener, (const struct sockaddr *)&address, size) == 0);
    NEED(listen(listener, 1024) == 0);
    NEED(getsockname(listener, (struct sockaddr *)&address, &size) == 0);
    *ret_port = ntohs(address.sin_port);
    pid_t sink = fork();

    NEED(sink >= 0);
    if (sink == 0) {
        sink_run(listener);
    }
    (void)close(listener);
    return sink;
}

/* --- What is measured. */

struct measure {
    uint32_t deliveries;
    uint32_t endpoints;
    uint16_t port;
    uint32_t started;
    uint32_t ended;
    int64_t began_us;
    int64_t cpu_us;
};

static int64_t cpu_us(void)
{
    struct rusage usage;

    (void)getrusage(RUSAGE_SELF, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * INT64_C(1000000)
           + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

/* 127.0.4.1 and on: each a host of its own for whoever keeps connections. */
static uint32_t endpoint_host(uint32_t endpoint)
{
    return (uint32_t)INADDR_LOOPBACK + ((endpoint / 250 + 4) << 8U) + endpoint % 250;
}

static void endpoint_url(const struct measure *measure, uint32_t endpoint, char ret_url[64])
{
    struct in_addr host = {.s_addr = htonl(endpoint_host(endpoint))};
    char text[INET_ADDRSTRLEN];

    (void)inet_ntop(AF_INET, &host, text, sizeof text);
    (void)snprintf(ret_url, 64, "http://%s:%u/hook", text, measure->port);
}

static void measure_begin(struct measure *measure)
{
    measure->started = 0;
    measure->ended = 0;
    measure->began_us = clock_monotonic_us();
    measure->cpu_us = cpu_us();
}

static double measure_end(const struct measure *measure, const char *name)
{
    double seconds = (double)(clock_monotonic_us() - measure->began_us) / 1e6;
    double rate = measure->deliveries / seconds;

    (void)printf("%-9s %5u endpoints: %8.0f deliveries/s, %6.2f us of CPU each\n", name,
                 measure->endpoints, rate,
                 (double)(cpu_us() - measure->cpu_us) / measure->deliveries);
    (void)fflush(stdout);
    return rate;
}

/* --- Through outbound/. */

struct sender {
    uv_loop_t loop;
    uv_async_t wake;
    struct temp_dir dir;
    struct signer *signer;
    struct outbound *outbound;
    struct blob *message;
    struct blob *subscriptions[ENDPOINTS_MAX];
    struct measure *measure;
};

static void sender_start_one(struct sender *sender)
{
    struct measure *measure = sender->measure;
    uint32_t number = measure->started++;
    const struct attempt_start start = {
        .id = number,
        .attempt = 1,
        .message_record = blob_ref(sender->message),
        .subscription_record = blob_ref(sender->subscriptions[number % measure->endpoints])};

    outbound_start(sender->outbound, &start);
}

static void on_outcome(void *context, uint64_t id, const struct attempt_outcome *outcome)
{
    struct sender *sender = context;

    (void)id;
    if (outcome->verdict != ATTEMPT_DELIVERED) {
        (void)fprintf(stderr, "%.*s\n", TEXT_PRINTF(outcome->reason));
        abort();
    }
    sender->measure->ended++;
    if (sender->measure->started < sender->measure->deliveries) {
        sender_start_one(sender);
    }
}

static void on_wake(void *context)
{
    struct sender *sender = context;

    (void)uv_async_send(&sender->wake);
}

static void on_signed(uv_async_t *wake)
{
    struct sender *sender = wake->data;

    signer_poll(sender->signer);
}

static void sender_records(struct sender *sender)
{
    static char body[600];

    memset(body, 'x', sizeof body);
    const struct message message = {.id = {1},
                                    .time_ms = 1335920046655,
                                    .topic_arn = T("arn:aws:sns:us-east-1:000000000000:orders"),
                                    .body = text_make(body, sizeof body),
                                    .signature_version = 1};

    sender->message = message_encode(&message);
    for (uint32_t i = 0; i < sender->measure->endpoints; i++) {
        char url[64];

        endpoint_url(sender->measure, i, url);
        const struct subscription subscription = {.number = i + 1,
                                                  .topic = 1,
                                                  .id = {(uint8_t)i, (uint8_t)(i >> 8U)},
                                                  .protocol = PROTOCOL_HTTP,
                                                  .endpoint = text_from(url),
                                                  .base_url = T("http://127.0.0.1:4566")};

        sender->subscriptions[i] = subscription_encode(&subscription);
    }
}

static void sender_open(struct sender *sender, struct measure *measure)
{
    struct why why = {""};

    memset(sender, 0, sizeof *sender);
    sender->measure = measure;
    sender->dir = temp_dir_make();
    NEED(uv_loop_init(&sender->loop) == 0);
    NEED(uv_async_init(&sender->loop, &sender->wake, on_signed) == 0);
    sender->wake.data = sender;
    const struct signer_options signing = {.directory = sender->dir.path,
                                           .threads = 1,
                                           .remembered = 16,
                                           .wake = on_wake,
                                           .wake_context = sender};

    NEED(signer_open(&signing, &sender->signer, &why) == STATUS_OK);
    const struct outbound_options options = {.loop = &sender->loop,
                                             .signer = sender->signer,
                                             .egress = {.loopback = true},
                                             .outcome = on_outcome,
                                             .context = sender};

    NEED(outbound_create(&options, &sender->outbound, &why) == STATUS_OK);
    sender_records(sender);
}

static void sender_close(struct sender *sender)
{
    outbound_stop(sender->outbound);
    signer_close(sender->signer);
    uv_close((uv_handle_t *)&sender->wake, NULL);
    NEED(uv_run(&sender->loop, UV_RUN_DEFAULT) == 0);
    NEED(uv_loop_close(&sender->loop) == 0);
    blob_unref(sender->message);
    for (uint32_t i = 0; i < ENDPOINTS_MAX; i++) {
        blob_unref(sender->subscriptions[i]);
    }
    temp_dir_remove(&sender->dir);
}

/* Sends the window's worth, then one for each that ended. */
static void sender_run(struct sender *sender)
{
    struct measure *measure = sender->measure;

    while (measure->started < WINDOW && measure->started < measure->deliveries) {
        sender_start_one(sender);
    }
    while (measure->ended < measure->deliveries) {
        (void)uv_run(&sender->loop, UV_RUN_ONCE);
    }
}

static double run_outbound(struct measure *measure)
{
    static struct sender sender;
    uint32_t deliveries = measure->deliveries;

    sender_open(&sender, measure);
    measure_begin(measure);
    measure->deliveries = WINDOW + measure->endpoints; /* makes the key and the connections */
    sender_run(&sender);
    measure->deliveries = deliveries;
    measure_begin(measure);
    sender_run(&sender);
    double rate = measure_end(measure, "outbound");

    sender_close(&sender);
    return rate;
}

/* --- The same bytes. */

struct bytes {
    char body[REQUEST_ROOM];
    size_t body_size;
    struct curl_slist *headers;
};

/* As long as what outbound/ sends. */
static void bytes_make(struct bytes *bytes)
{
    static const char *const headers[] = {
        "x-amz-sns-message-type: Notification",
        "x-amz-sns-message-id: 01000000-0000-4000-8000-000000000000",
        "x-amz-sns-topic-arn: arn:aws:sns:us-east-1:000000000000:orders",
        "x-amz-sns-subscription-arn: arn:aws:sns:us-east-1:000000000000:orders:01000000-0000-4",
        "Content-Type: text/plain; charset=UTF-8",
        "Connection: Keep-Alive",
        "Accept-Encoding: gzip,deflate",
        "Accept:",
        "Expect:",
    };

    memset(bytes, 0, sizeof *bytes);
    bytes->body_size = 1640;
    memset(bytes->body, 'x', bytes->body_size);
    for (size_t i = 0; i < countof(headers); i++) {
        bytes->headers = curl_slist_append(bytes->headers, headers[i]);
    }
}

/* --- A bare libcurl loop. */

struct bare {
    CURLM *multi;
    int poller;
    int64_t due_us; /* INT64_MAX: no timer */
    struct measure *measure;
};

static int bare_on_socket(CURL *easy, curl_socket_t file, int what, void *context, void *known)
{
    struct bare *bare = context;
    struct epoll_event event = {.events = ((what & CURL_POLL_IN) != 0 ? EPOLLIN : 0U)
                                          | ((what & CURL_POLL_OUT) != 0 ? EPOLLOUT : 0U),
                                .data.fd = file};

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        (void)epoll_ctl(bare->poller, EPOLL_CTL_DEL, file, NULL);
        return 0;
    }
    (void)epoll_ctl(bare->poller, known == NULL ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, file, &event);
    (void)curl_multi_assign(bare->multi, file, bare);
    return 0;
}

static int bare_on_timeout(CURLM *multi, long timeout_ms, void *context)
{
    struct bare *bare = context;

    (void)multi;
    bare->due_us =
        timeout_ms < 0 ? INT64_MAX : clock_monotonic_us() + timeout_ms * INT64_C(1000);
    return 0;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): libcurl's signature */
static size_t bare_on_body(char *at, size_t size, size_t count, void *context)
{
    (void)at;
    (void)context;
    return size * count;
}

static void bare_send(struct bare *bare, CURL *easy)
{
    char url[64];

    endpoint_url(bare->measure, bare->measure->started++ % bare->measure->endpoints, url);
    (void)curl_easy_setopt(easy, CURLOPT_URL, url);
    NEED(curl_multi_add_handle(bare->multi, easy) == CURLM_OK);
}

static void bare_collect(struct bare *bare)
{
    CURLMsg *message = NULL;
    int left = 0;

    while ((message = curl_multi_info_read(bare->multi, &left)) != NULL) {
        CURL *easy = message->easy_handle;

        NEED(message->data.result == CURLE_OK);
        (void)curl_multi_remove_handle(bare->multi, easy);
        bare->measure->ended++;
        if (bare->measure->started < bare->measure->deliveries) {
            bare_send(bare, easy);
        }
    }
}

static void bare_turn(struct bare *bare)
{
    struct epoll_event events[EVENTS];
    int64_t now_us = clock_monotonic_us();
    int running = 0;
    int wait_ms = bare->due_us == INT64_MAX ? 1000
                  : bare->due_us <= now_us  ? 0
                                            : (int)((bare->due_us - now_us) / 1000 + 1);
    int count = epoll_wait(bare->poller, events, EVENTS, wait_ms);

    for (int i = 0; i < count; i++) {
        int flags = ((events[i].events & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0)
                    | ((events[i].events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0);

        (void)curl_multi_socket_action(bare->multi, events[i].data.fd, flags, &running);
    }
    if (bare->due_us <= clock_monotonic_us()) {
        (void)curl_multi_socket_action(bare->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
    bare_collect(bare);
}

static void bare_run(struct bare *bare, CURL *const easies[WINDOW])
{
    for (uint32_t i = 0; i < WINDOW && bare->measure->started < bare->measure->deliveries;
         i++) {
        bare_send(bare, easies[i]);
    }
    while (bare->measure->ended < bare->measure->deliveries) {
        bare_turn(bare);
    }
}

static double run_bare(struct measure *measure, const struct bytes *bytes)
{
    struct bare bare = {.multi = curl_multi_init(),
                        .poller = epoll_create1(0),
                        .due_us = INT64_MAX,
                        .measure = measure};
    CURL *easies[WINDOW];
    uint32_t deliveries = measure->deliveries;

    (void)curl_multi_setopt(bare.multi, CURLMOPT_SOCKETFUNCTION, bare_on_socket);
    (void)curl_multi_setopt(bare.multi, CURLMOPT_SOCKETDATA, &bare);
    (void)curl_multi_setopt(bare.multi, CURLMOPT_TIMERFUNCTION, bare_on_timeout);
    (void)curl_multi_setopt(bare.multi, CURLMOPT_TIMERDATA, &bare);
    (void)curl_multi_setopt(bare.multi, CURLMOPT_MAXCONNECTS, 1024L);
    for (size_t i = 0; i < WINDOW; i++) {
        easies[i] = curl_easy_init();
        (void)curl_easy_setopt(easies[i], CURLOPT_POSTFIELDS, bytes->body);
        (void)curl_easy_setopt(easies[i], CURLOPT_POSTFIELDSIZE, (long)bytes->body_size);
        (void)curl_easy_setopt(easies[i], CURLOPT_HTTPHEADER, bytes->headers);
        (void)curl_easy_setopt(easies[i], CURLOPT_WRITEFUNCTION, bare_on_body);
        (void)curl_easy_setopt(easies[i], CURLOPT_NOSIGNAL, 1L);
        (void)curl_easy_setopt(easies[i], CURLOPT_USERAGENT,
                               "Amazon Simple Notification Service Agent");
    }
    measure_begin(measure);
    measure->deliveries = WINDOW + measure->endpoints;
    bare_run(&bare, easies);
    measure->deliveries = deliveries;
    measure_begin(measure);
    bare_run(&bare, easies);
    double rate = measure_end(measure, "libcurl");

    for (size_t i = 0; i < WINDOW; i++) {
        curl_easy_cleanup(easies[i]);
    }
    (void)curl_multi_cleanup(bare.multi);
    (void)close(bare.poller);
    return rate;
}

/* --- Raw sockets. */

struct raw {
    struct measure *measure;
    int poller;
    char request[REQUEST_ROOM * 2];
    size_t size;
    int idle[ENDPOINTS_MAX]; /* sockets, first in first out */
    uint32_t first, idle_count;
};

static void raw_connect(struct raw *raw, uint32_t endpoint)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(raw->measure->port),
                                  .sin_addr.s_addr = htonl(endpoint_host(endpoint))};
    int file = socket(AF_INET, SOCK_STREAM, 0);
    int yes = 1;
    struct epoll_event event = {.events = EPOLLIN, .data.fd = file};

    NEED(connect(file, (const struct sockaddr *)&address, sizeof address) == 0);
    (void)setsockopt(file, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    NEED(epoll_ctl(raw->poller, EPOLL_CTL_ADD, file, &event) == 0);
    raw->idle[raw->idle_count++] = file;
}

static void raw_send(struct raw *raw)
{
    int file = raw->idle[raw->first];

    raw->first = (raw->first + 1) % ENDPOINTS_MAX;
    raw->idle_count--;
    raw->measure->started++;
    NEED(send(file, raw->request, raw->size, MSG_NOSIGNAL) == (ssize_t)raw->size);
}

static void raw_turn(struct raw *raw)
{
    struct epoll_event events[EVENTS];
    char got[sizeof answer];
    int count = epoll_wait(raw->poller, events, EVENTS, -1);

    for (int i = 0; i < count; i++) {
        NEED(recv(events[i].data.fd, got, sizeof got, 0) == (ssize_t)sizeof answer - 1);
        raw->idle[(raw->first + raw->idle_count++) % ENDPOINTS_MAX] = events[i].data.fd;
        raw->measure->ended++;
        if (raw->measure->started < raw->measure->deliveries) {
            raw_send(raw);
        }
    }
}

static void raw_request(struct raw *raw, const struct bytes *bytes)
{
    size_t room = sizeof raw->request;

    raw->size = (size_t)snprintf(raw->request, room,
                                 "POST /hook HTTP/1.1\r\nHost: 127.0.4.1:%u\r\n"
                                 "User-Agent: Amazon Simple Notification "
                                 "Service Agent\r\n",
                                 raw->measure->port);
    for (const struct curl_slist *header = bytes->headers; header != NULL;
         header = header->next) {
        if (header->data[strlen(header->data) - 1] != ':') {
            raw->size += (size_t)snprintf(raw->request + raw->size, room - raw->size, "%s\r\n",
                                          header->data);
        }
    }
    raw->size += (size_t)snprintf(raw->request + raw->size, room - raw->size,
                                  "Content-Length: %zu\r\n\r\n", bytes->body_size);
    memcpy(raw->request + raw->size, bytes->body, bytes->body_size);
    raw->size += bytes->body_size;
}

static double run_raw(struct measure *measure, const struct bytes *bytes)
{
    static struct raw raw;
    /* To one endpoint the others hold several connections, too. */
    uint32_t connections = measure->endpoints < WINDOW ? WINDOW : measure->endpoints;

    raw = (struct raw){.measure = measure, .poller = epoll_create1(0)};
    raw_request(&raw, bytes);
    for (uint32_t i = 0; i < connections; i++) {
        raw_connect(&raw, i % measure->endpoints);
    }
    measure_begin(measure);
    for (uint32_t i = 0; i < WINDOW; i++) {
        raw_send(&raw);
    }
    while (measure->ended < measure->deliveries) {
        raw_turn(&raw);
    }
    double rate = measure_end(measure, "raw");

    while (raw.idle_count > 0) {
        (void)close(raw.idle[raw.first]);
        raw.first = (raw.first + 1) % ENDPOINTS_MAX;
        raw.idle_count--;
    }
    (void)close(raw.poller);
    return rate;
}

int main(int count, char **arguments)
{
    static const uint32_t endpoints[] = {1, 64, 1000};
    static struct bytes bytes;
    struct measure measure = {.deliveries = DELIVERIES};
    pid_t sink = sink_start(&measure.port);
    struct rlimit files = {.rlim_cur = FILES_MAX, .rlim_max = FILES_MAX};

    (void)setrlimit(RLIMIT_NOFILE, &files);
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
    if (count > 1) {
        measure.deliveries = (uint32_t)strtoul(arguments[1], NULL, 10);
    }
    bytes_make(&bytes);
    for (size_t i = 0; i < countof(endpoints); i++) {
        measure.endpoints = endpoints[i];
        double ours = run_outbound(&measure);
        double bare = run_bare(&measure, &bytes);
        double raw = run_raw(&measure, &bytes);

        (void)printf("ratio     %5u endpoints: %.2f of libcurl, %.2f of raw\n", endpoints[i],
                     ours / bare, ours / raw);
    }
    curl_slist_free_all(bytes.headers);
    curl_global_cleanup();
    (void)kill(sink, SIGKILL);
    (void)waitpid(sink, NULL, 0);
    return 0;
}
