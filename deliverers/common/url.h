/* The one reader of endpoint URLs: what it takes for the host is what is resolved, connected to
 * and sent.  Strict: every spelling that two readers might understand differently is refused.
 */
#ifndef DELIVERERS_COMMON_URL_H
#define DELIVERERS_COMMON_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define URL_HOST_MAX 253
#define URL_MAX      2048

enum url_host {
    URL_NAME,
    URL_IPV4, /* four decimal numbers, no leading zeros */
    URL_IPV6  /* without the brackets */
};

/* All texts NUL-terminated; `plain` stands without userinfo and with the host as it was
 * understood: lower case, no dot at the end. */
struct url {
    bool is_tls;
    enum url_host kind;
    uint16_t port;
    bool has_user; /* user and password are decoded */
    char host[URL_HOST_MAX + 1];
    char user[256];
    char password[256];
    char plain[URL_MAX + 32];
};

/* "http" or "https" with a host, an optional port, path and query.  false with a reason, static
 * text. */
bool url_read(const char *text, struct url *ret, const char **ret_why);

#endif
