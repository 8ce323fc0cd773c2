/* libcurl's sockets and timer on the loop.  A watch stays with its socket for as long as that
 * is open, and stays armed between two requests on it: then a request on a kept connection
 * costs no epoll_ctl. */
#include "deliverers/common/transfers.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct watch {
    uv_poll_t handle;
    curl_socket_t socket;
    int armed;  /* events the loop looks for */
    int wanted; /* events libcurl asked for; 0: none now */
    struct transfers *transfers;
};

/* --- Watches. */

static void on_watch_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static struct watch *watch_find(const struct transfers *transfers, curl_socket_t socket)
{
    return socket >= 0 && (size_t)socket < transfers->watch_count ? transfers->watches[socket]
                                                                  : NULL;
}

static bool watches_grow(struct transfers *transfers, curl_socket_t socket)
{
    size_t count = ((size_t)socket + 1) * 2;
    struct watch **watches = NULL;

    if ((size_t)socket < transfers->watch_count) {
        return true;
    }
    watches = realloc(transfers->watches, count * sizeof(struct watch *));
    if (watches == NULL) {
        return false;
    }
    for (size_t i = transfers->watch_count; i < count; i++) {
        watches[i] = NULL;
    }
    transfers->watches = watches;
    transfers->watch_count = count;
    return true;
}

/* NULL: out of memory. */
static struct watch *watch_open(struct transfers *transfers, curl_socket_t socket)
{
    struct watch *watch = watches_grow(transfers, socket) ? calloc(1, sizeof *watch) : NULL;

    if (watch == NULL) {
        return NULL;
    }
    if (uv_poll_init_socket(transfers->loop, &watch->handle, socket) != 0) {
        free(watch);
        return NULL;
    }
    watch->handle.data = watch;
    watch->socket = socket;
    watch->transfers = transfers;
    transfers->watches[socket] = watch;
    return watch;
}

static void watch_close(struct watch *watch)
{
    watch->transfers->watches[watch->socket] = NULL;
    (void)uv_poll_stop(&watch->handle);
    uv_close((uv_handle_t *)&watch->handle, on_watch_closed);
}

/* --- What libcurl says is done. */

static void tell_finished(struct transfers *transfers)
{
    CURLMsg *message = NULL;
    int left = 0;

    while ((message = curl_multi_info_read(transfers->multi, &left)) != NULL) {
        CURL *easy = message->easy_handle;
        CURLcode code = message->data.result;
        char *transfer = NULL;

        if (message->msg == CURLMSG_DONE) {
            (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
            transfers->finished(transfers->context, transfer, code);
        }
    }
}

static void on_ready(uv_poll_t *handle, int status, int events)
{
    struct watch *watch = handle->data;
    struct transfers *transfers = watch->transfers;
    int running = 0;
    int flags = ((events & UV_READABLE) != 0 ? CURL_CSELECT_IN : 0)
                | ((events & UV_WRITABLE) != 0 ? CURL_CSELECT_OUT : 0);

    /* A socket in error.  libcurl is to read it: then it knows which error, and sends a request
     * once more that went out on a connection which had been given up.  "An error" alone would
     * fail it at once.  libuv watches the socket no longer. */
    if (status < 0) {
        flags = CURL_CSELECT_IN | CURL_CSELECT_OUT;
        watch->armed = 0;
    }
    if (watch->wanted == 0) { /* a kept connection was closed by the other side */
        watch->armed = 0;
        (void)uv_poll_stop(&watch->handle);
        return;
    }
    (void)curl_multi_socket_action(transfers->multi, watch->socket, flags, &running);
    tell_finished(transfers); /* the watch may be gone by now */
}

static int on_socket(CURL *easy, curl_socket_t socket, int what, void *context, void *unused)
{
    static const int events_of[] = {
        [CURL_POLL_NONE] = 0,          [CURL_POLL_IN] = UV_READABLE,
        [CURL_POLL_OUT] = UV_WRITABLE, [CURL_POLL_INOUT] = UV_READABLE | UV_WRITABLE,
        [CURL_POLL_REMOVE] = 0,
    };
    struct transfers *transfers = context;
    struct watch *watch = watch_find(transfers, socket);
    int events = events_of[what];

    (void)easy;
    (void)unused;
    if (watch == NULL && events != 0) {
        watch = watch_open(transfers, socket);
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

int transfers_close_socket(struct transfers *transfers, curl_socket_t closed)
{
    struct watch *watch = watch_find(transfers, closed);

    if (watch != NULL) {
        watch_close(watch);
    }
    return close(closed);
}

static int on_close_socket(void *context, curl_socket_t closed)
{
    return transfers_close_socket(context, closed);
}

/* --- The timer. */

/* Requests begin here, too: a new one sets a timer of 0, so that one turn starts them all. */
static void on_timer(uv_timer_t *timer)
{
    struct transfers *transfers = timer->data;
    int running = 0;

    (void)curl_multi_socket_action(transfers->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    tell_finished(transfers);
}

static int on_timeout(CURLM *multi, long timeout_ms, void *context)
{
    struct transfers *transfers = context;

    (void)multi;
    if (timeout_ms < 0) {
        return uv_timer_stop(transfers->timer);
    }
    return uv_timer_start(transfers->timer, on_timer, (uint64_t)timeout_ms, 0);
}

static void on_timer_closed(uv_handle_t *handle)
{
    free(handle);
}

/* --- Its life. */

bool transfers_open(struct transfers *transfers, uv_loop_t *loop)
{
    transfers->loop = loop;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0) {
        return false;
    }
    transfers->multi = curl_multi_init();
    transfers->timer = transfers->multi == NULL ? NULL : malloc(sizeof *transfers->timer);
    if (transfers->timer == NULL) {
        (void)curl_multi_cleanup(transfers->multi);
        curl_global_cleanup();
        return false;
    }
    (void)uv_timer_init(transfers->loop, transfers->timer);
    transfers->timer->data = transfers;
    (void)curl_multi_setopt(transfers->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    (void)curl_multi_setopt(transfers->multi, CURLMOPT_SOCKETDATA, transfers);
    (void)curl_multi_setopt(transfers->multi, CURLMOPT_TIMERFUNCTION, on_timeout);
    (void)curl_multi_setopt(transfers->multi, CURLMOPT_TIMERDATA, transfers);
    return true;
}

CURL *transfers_easy(struct transfers *transfers, const char *protocols)
{
    CURL *easy = curl_easy_init();

    if (easy == NULL) {
        return NULL;
    }
    (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, protocols);
    (void)curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* not even that of the environment */
    (void)curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    (void)curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    (void)curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);
    (void)curl_easy_setopt(easy, CURLOPT_HTTP09_ALLOWED, 0L);
    (void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    (void)curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close_socket);
    (void)curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, transfers);
    return easy;
}

void transfers_close(struct transfers *transfers)
{
    (void)curl_multi_cleanup(transfers->multi); /* closes every socket and so every watch */
    for (size_t i = 0; i < transfers->watch_count; i++) {
        if (transfers->watches[i] != NULL) {
            watch_close(transfers->watches[i]);
        }
    }
    free(transfers->watches);
    uv_close((uv_handle_t *)transfers->timer, on_timer_closed);
    curl_global_cleanup();
}
