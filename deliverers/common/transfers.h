/* libcurl's transfers on the daemon's loop, for every deliverer that uses it. */
#ifndef DELIVERERS_COMMON_TRANSFERS_H
#define DELIVERERS_COMMON_TRANSFERS_H

#include <curl/curl.h>
#include <uv.h>

#include <stdbool.h>

struct watch;

struct transfers {
    CURLM *multi; /* add and remove handles here */
    /* A transfer ended: `transfer` is the handle's CURLOPT_PRIVATE.  Takes the handle out of
     * `multi`; may add others.  Set this and `context` before transfers_open. */
    void (*finished)(void *context, void *transfer, CURLcode code);
    void *context;
    /* private */
    uv_loop_t *loop;
    uv_timer_t *timer;
    struct watch **watches; /* by file descriptor */
    size_t watch_count;
};

/* false: out of memory; nothing is to be closed then. */
bool transfers_open(struct transfers *transfers, uv_loop_t *loop);
/* The only place where handles are made: for these protocols ("http,https"), to where it is
 * told and nowhere else (no redirects, no proxy of the environment, no .netrc, nothing encoded
 * that is not asked for), over TLS 1.2 or newer of a peer that was verified.  NULL: out of
 * memory. */
CURL *transfers_easy(struct transfers *transfers, const char *protocols);
/* For a CLOSESOCKETFUNCTION of one's own, instead of the one that transfers_easy sets. */
int transfers_close_socket(struct transfers *transfers, curl_socket_t closed);
/* Every handle is out of `multi`.  The loop's handles go in its next turns. */
void transfers_close(struct transfers *transfers);

#endif
