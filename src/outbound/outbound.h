/* Deliveries meet the world here: attempts become calls of deliverers, what these report
 * becomes outcomes.  Hosts the built-in deliverers and plug-ins, resolves names, guards which
 * addresses may be reached.  Everything on the loop's thread. */
#ifndef OUTBOUND_OUTBOUND_H
#define OUTBOUND_OUTBOUND_H

#include "deliverers/deliverer.h"
#include "delivery/delivery.h"
#include "notification/notification.h"
#include "outbound/plugins.h"

#include <uv.h>

/* Which addresses may be reached besides public ones. */
struct egress_rules {
    bool loopback;       /* what listens on this machine */
    bool private_ranges; /* --dev: private networks, too */
    /* egress_allow: "10.1.0.0/16", "fd00::1", or a name, "hooks.example.net" or
     * "*.example.net", whose addresses are then not vetted. */
    const struct text *allow;
    size_t allow_count;
};

struct outbound_options {
    uv_loop_t *loop;
    struct signer *signer;        /* borrowed; must outlive the outbound */
    const char *plugin_directory; /* of *.so; NULL: none */
    struct text public_url;       /* when not empty: instead of the subscriptions' base URL */
    struct egress_rules egress;   /* borrowed for good */
    int64_t timeout_ms;           /* of one attempt; 0: AWS's 15 s */
    const char *dns_servers;      /* "127.0.0.1:5353,..."; NULL: the system's */
    /* A transport's option out of the configuration, or NULL for its default; in the form that
     * the option says.  May be NULL. */
    const char *(*option)(void *context, const char *deliverer, const char *name);
    /* An attribute of a topic ("DeliveryPolicy", "DisplayName"), or "SMS.<Name>", what its
     * account has set for SMS in its region; else empty text.  Valid until the cell's next
     * step.  May be NULL. */
    struct text (*topic_attribute)(void *context, uint32_t topic, struct text name);
    /* How an attempt ended: exactly once per outbound_start, never from inside it.  Not after
     * outbound_stop, which it must not call. */
    void (*outcome)(void *context, uint64_t attempt_id, const struct attempt_outcome *outcome);
    void *context;
};

struct outbound;

/* Opens every deliverer.  STATUS_INVALID: the rules or a plug-in are wrong, and why. */
MUST_CHECK enum status outbound_create(const struct outbound_options *options,
                                       struct outbound **ret_outbound, struct why *why);
/* Where this server listens ("127.0.0.1", or "0.0.0.0" or "::": everywhere): nothing is
 * delivered there, and from now on the addresses that this machine has are known, too.  To be
 * called again when these may have changed. */
void outbound_know_self(struct outbound *outbound, const char *listens_on, uint16_t port);
/* Makes the attempt; takes over both records' references. */
void outbound_start(struct outbound *outbound, const struct attempt_start *take_start);
/* Whether there is a deliverer for this protocol. */
bool outbound_delivers(struct outbound *outbound, struct text protocol);
/* For Subscribe: whether something here can ever deliver there; else false and a reason that
 * names the setting to change, if there is one. */
MUST_CHECK bool outbound_accepts(struct outbound *outbound, struct text protocol,
                                 struct text endpoint, struct why *why);
/* When a subscription sets Fanfare.<name>: whether its deliverer can use that value; else false
 * and a reason. */
MUST_CHECK bool outbound_accepts_setting(struct outbound *outbound, struct text protocol,
                                         struct text name, struct text value, struct why *why);
/* The core that asked is gone (it was reloaded): the attempts under way end unheard. */
void outbound_forget(struct outbound *outbound);
/* Ends at once; what was under way stays without an outcome, and is made again after the next
 * start.  Its memory goes when the loop has run once more. */
void outbound_stop(struct outbound *outbound);

struct outbound_counters {
    uint64_t under_way;
    uint64_t delivered, retried, refused;
    uint64_t overdue;     /* a deliverer missed its time and was given up on */
    uint64_t bugs;        /* settled twice, or what was never asked */
    uint64_t names_asked; /* DNS queries that left; the rest came from the cache */
};

struct outbound_counters outbound_counters(const struct outbound *outbound);

#endif
