/* Which addresses and names may be reached: a pure decision. */
#ifndef OUTBOUND_EGRESS_H
#define OUTBOUND_EGRESS_H

#include "base/status.h"
#include "outbound/outbound.h"

struct egress;

/* STATUS_INVALID: an entry of egress.allow is neither a network nor a name. */
MUST_CHECK enum status egress_create(const struct egress_rules *rules,
                                     struct egress **ret_egress, struct why *why);
void egress_free(struct egress *egress);

/* `address` is numeric; anything that is not in the usual form is denied.  *why says which
 * network it is in and what would allow it. */
MUST_CHECK bool egress_allows(const struct egress *egress, struct text address, uint16_t port,
                              struct why *why);

enum egress_name {
    EGRESS_VET,      /* resolve it, then ask for each address */
    EGRESS_TRUSTED,  /* egress.allow names it: its addresses need no vetting */
    EGRESS_LOOPBACK, /* it means this machine, whatever the DNS says; it may be reached */
    EGRESS_DENIED    /* known to lead where nothing may go, and why */
};

/* `name` in lower case, without a dot at its end. */
enum egress_name egress_judge_name(const struct egress *egress, struct text name,
                                   struct why *why);

#endif
