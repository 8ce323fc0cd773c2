/* Who calls: made once for each request, before both doors. */
#ifndef ACCESS_CALLER_H
#define ACCESS_CALLER_H

#include "net/net.h"

/* Carries the admin secret. */
#define CALLER_ADMIN_HEADER "X-Fanfare-Admin"
/* For refusals: what would have helped. */
#define CALLER_ADVICE                                                        \
    "this is for programs on the server's own machine that came through no " \
    "proxy, or with the admin secret in the header " CALLER_ADMIN_HEADER     \
    " ($FANFARE_ADMIN_SECRET of the fanfare command); it is in the file "    \
    "admin-secret of the server's data directory"

struct caller_rules {
    struct text admin_secret; /* empty: nobody has one */
    /* Whether a caller on this machine may be the operator: not where a proxy brings strangers
     * in, who all come from this machine then. */
    bool trusts_local;
};

struct caller {
    struct text address; /* numeric, without port; in the request */
    bool is_admin;       /* may do what only the operator may */
};

/* The server itself: what its configuration declares. */
extern const struct caller caller_itself;

/* Who sends the request.  An admin is who sends the secret, and, where local ones are trusted,
 * a program (no browser) that is connected from loopback and came through no proxy that says
 * so. */
void caller_make(const struct caller_rules *rules, const struct http_request *request,
                 struct caller *ret_caller);

#endif
