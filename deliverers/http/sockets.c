/* libcurl's sockets and timer on the loop.  A watch stays with its socket for as long as that
 * is open, and stays armed between two requests on it: then a request on a kept connection
 * costs no epoll_ctl. */
#include "http.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct watch {
    uv_poll_t handle;
    curl_socket_t socket;
    int armed;  /* events the loop looks for */
    int wanted; /* events libcurl asked for; 0: none now */
    struct http *http;
};

/* --- Watches. */

static void on_watch_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static struct watch *watch_find(const struct http *http, curl_socket_t socket)
{
    return socket >= 0 && (size_t)socket < http->watch_count ? http->watches[socket] : NULL;
}

static bool watches_grow(struct http *http, curl_socket_t socket)
{
    size_t count = ((size_t)socket + 1) * 2;
    struct watch **watches = NULL;

    if ((size_t)socket < http->watch_count) {
        return true;
    }
    watches = realloc(http->watches, count * sizeof(struct watch *));
    if (watches == NULL) {
        return false;
    }
    for (size_t i = http->watch_count; i < count; i++) {
        watches[i] = NULL;
    }
    http->watches = watches;
    http->watch_count = count;
    return true;
}

/* NULL: out of memory. */
static struct watch *watch_open(struct http *http, curl_socket_t socket)
{
    struct watch *watch = watches_grow(http, socket) ? calloc(1, sizeof *watch) : NULL;

    if (watch == NULL) {
        return NULL;
    }
    if (uv_poll_init_socket(http->host->loop, &watch->handle, socket) != 0) {
        free(watch);
        return NULL;
    }
    watch->handle.data = watch;
    watch->socket = socket;
    watch->http = http;
    http->watches[socket] = watch;
    return watch;
}

static void watch_close(struct watch *watch)
{
    watch->http->watches[watch->socket] = NULL;
    (void)uv_poll_stop(&watch->handle);
    uv_close((uv_handle_t *)&watch->handle, on_watch_closed);
}

static void on_ready(uv_poll_t *handle, int status, int events)
{
    struct watch *watch = handle->data;
    struct http *http = watch->http;
    int running = 0;
    int flags = ((events & UV_READABLE) != 0 ? CURL_CSELECT_IN : 0)
                | ((events & UV_WRITABLE) != 0 ? CURL_CSELECT_OUT : 0)
                | (status < 0 ? CURL_CSELECT_ERR : 0);

    if (watch->wanted == 0) { /* a kept connection was closed by the other side */
        watch->armed = 0;
        (void)uv_poll_stop(&watch->handle);
        return;
    }
    (void)curl_multi_socket_action(http->multi, watch->socket, flags, &running);
    http_finish(http); /* the watch may be gone by now */
}

static int on_socket(CURL *easy, curl_socket_t socket, int what, void *context, void *unused)
{
    static const int events_of[] = {
        [CURL_POLL_NONE] = 0,          [CURL_POLL_IN] = UV_READABLE,
        [CURL_POLL_OUT] = UV_WRITABLE, [CURL_POLL_INOUT] = UV_READABLE | UV_WRITABLE,
        [CURL_POLL_REMOVE] = 0,
    };
    struct http *http = context;
    struct watch *watch = watch_find(http, socket);
    int events = events_of[what];

    (void)easy;
    (void)unused;
    if (watch == NULL && events != 0) {
        watch = watch_open(http, socket);
    }
    if (watch == NULL) {
        return events == 0 ? 0 : -1;
    }
    watch->wanted = events;
    if (events != 0 && events != watch->armed) {
        watch->armed = events;
        (void)uv_poll_start(&watch->handle, events, on_ready);
    }
    return 0;
}

curl_socket_t on_open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct request *request = context;

    (void)purpose;
    if (!request_knows(request, &address->addr)) { /* whatever led here, it was not vetted */
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                  address->protocol);
}

int on_close_socket(void *context, curl_socket_t socket)
{
    struct watch *watch = watch_find(context, socket);

    if (watch != NULL) {
        watch_close(watch);
    }
    return close(socket);
}

/* --- The timer. */

/* Requests begin here, too: a new one sets a timer of 0, so that one turn starts them all. */
static void on_timer(uv_timer_t *timer)
{
    struct http *http = timer->data;
    int running = 0;

    (void)curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    http_finish(http);
}

static int on_timeout(CURLM *multi, long timeout_ms, void *context)
{
    struct http *http = context;

    (void)multi;
    if (timeout_ms < 0) {
        return uv_timer_stop(http->timer);
    }
    return uv_timer_start(http->timer, on_timer, (uint64_t)timeout_ms, 0);
}

static void on_timer_closed(uv_handle_t *handle)
{
    free(handle);
}

bool sockets_open(struct http *http)
{
    http->timer = malloc(sizeof *http->timer);
    if (http->timer == NULL) {
        return false;
    }
    (void)uv_timer_init(http->host->loop, http->timer);
    http->timer->data = http;
    (void)curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    (void)curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
    (void)curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, on_timeout);
    (void)curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
    return true;
}

/* After curl_multi_cleanup, which closed every socket and so every watch. */
void sockets_close(struct http *http)
{
    for (size_t i = 0; i < http->watch_count; i++) {
        if (http->watches[i] != NULL) {
            watch_close(http->watches[i]);
        }
    }
    free(http->watches);
    uv_close((uv_handle_t *)http->timer, on_timer_closed);
}
