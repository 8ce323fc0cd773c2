/* Names to addresses by c-ares on the loop, remembered as long as their TTL says, every address
 * vetted.  Nothing here blocks. */
#ifndef OUTBOUND_RESOLVER_H
#define OUTBOUND_RESOLVER_H

#include "base/status.h"
#include "deliverers/deliverer.h"
#include "outbound/egress.h"

#include <uv.h>

struct resolver;

/* `egress` is borrowed; `servers` as in outbound_options. */
MUST_CHECK enum status resolver_create(uv_loop_t *loop, const struct egress *egress,
                                       const char *servers, struct resolver **ret_resolver,
                                       struct why *why);
/* What was asked is never answered; the memory goes with the next turn of the loop. */
void resolver_close(struct resolver *resolver);

struct resolver_question {
    const char *name;
    uint16_t port;
    void (*found)(void *self, uint64_t id, const struct resolved *resolved);
    void *self;
    uint64_t id;
};

/* Answered once, later; `question` is copied. */
void resolver_ask(struct resolver *resolver, const struct resolver_question *question);
uint64_t resolver_asked(const struct resolver *resolver); /* queries that left */

#endif
