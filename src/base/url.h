/* URLs taken apart, and made fit to be shown: nothing is decoded, nothing is resolved. */
#ifndef BASE_URL_H
#define BASE_URL_H

#include "base/arena.h"

/* Parts of "scheme://user:password@host:port/rest"; all point into the URL. */
struct url {
    struct text scheme;
    struct text user;     /* or empty */
    struct text password; /* or empty; what follows the first ':' of the userinfo */
    struct text host;     /* an IPv6 address without its brackets */
    struct text port;     /* digits as written, or empty */
    struct text rest;     /* path and query, from the first '/' or '?' on; or empty */
};

/* False: there is no "scheme://" or no host in it. As libcurl reads it: the last '@' before the
 * path ends the userinfo (RFC 3986, 3.2). */
MUST_CHECK bool url_split(struct text url, struct url *ret_url);

/* The port that is meant: the one written, else 443 of https and wss, 80 of all others; 0: what
 * is written is no port. */
uint16_t url_port(const struct url *url);

/* The URL with "****" in place of a password, as SNS shows endpoints; what is no URL, or has no
 * password, as it is. In the arena, or the text itself. */
struct text url_without_password(struct arena *arena, struct text url);

/* For logs: the query hidden as well ("?****"), since tokens stand there. */
struct text url_without_secrets(struct arena *arena, struct text url);

#endif
