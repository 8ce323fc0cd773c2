/* Which addresses and names may be reached: a pure decision. */
#ifndef OUTBOUND_EGRESS_H
#define OUTBOUND_EGRESS_H

#include "base/status.h"
#include "outbound/outbound.h"

struct egress;

/* STATUS_INVALID: an entry of egress_allow is neither a network nor a name. */
MUST_CHECK enum status egress_create(const struct egress_rules *rules,
                                     struct egress **ret_egress, struct why *why);
void egress_free(struct egress *egress);

/* Where this server itself is, as numeric addresses; copied.  What cannot be read as one is
 * left out.  Before it is told, nothing is known to be the server itself. */
struct egress_self {
    struct text listens_on; /* "127.0.0.1", or "0.0.0.0" or "::": everywhere */
    uint16_t port;
    const struct text *machine; /* the addresses of its interfaces */
    size_t machine_count;
};

void egress_know_self(struct egress *egress, const struct egress_self *self);
/* Whether this server answers there: nothing opens that, since a delivery to oneself feeds
 * itself; *why says so. */
MUST_CHECK bool egress_is_self(const struct egress *egress, struct text address, uint16_t port,
                               struct why *why);

/* `address` is numeric; anything that is not in the usual form is denied.  *why says which
 * network it is in and what would allow it. */
MUST_CHECK bool egress_allows(const struct egress *egress, struct text address, uint16_t port,
                              struct why *why);

enum egress_name {
    EGRESS_VET,      /* resolve it, then ask for each address */
    EGRESS_TRUSTED,  /* egress_allow names it: its addresses need no vetting */
    EGRESS_LOOPBACK, /* it means this machine, whatever the DNS says; it may be reached */
    EGRESS_DENIED    /* known to lead where nothing may go, and why */
};

/* `name` in lower case, without a dot at its end. */
enum egress_name egress_judge_name(const struct egress *egress, struct text name,
                                   struct why *why);

#endif
