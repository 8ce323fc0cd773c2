/* Who may knock: what is asked of every request before it means anything. */
#ifndef ACCESS_ACCESS_H
#define ACCESS_ACCESS_H

#include "net/net.h"

struct door {
    struct text public_url;           /* base of this server's URLs, or empty */
    const struct text *allowed_hosts; /* further names: "host", "*.domain", or "*": all */
    size_t allowed_host_count;
    const struct text *cors_origins; /* of pages that may call: "https://console.example.com" */
    size_t cors_origin_count;
};

struct door_refusal {
    int status;
    const char *code;   /* what an AWS client calls it */
    struct text reason; /* in the request's arena */
};

/* cors.c: whether the request comes from a page of an origin that may call. */
bool cors_admits(const struct door *door, const struct http_request *request);
/* Whether it is the question that browsers ask before such a page's call. */
bool cors_is_preflight(const struct door *door, const struct http_request *request);
/* Of one that cors_admits: has its answer tell the browser that the page may see it. */
void cors_answer_headers(const struct door *door, struct http_request *request);

/* Whether the request may come in, else why not.  `is_open`: browsers may be sent there from
 * anywhere (a link in a mail, or cors_admits). */
MUST_CHECK bool door_admits(const struct door *door, const struct http_request *request,
                            bool is_open, struct door_refusal *ret_refusal);

#endif
