/* Inside outbound/: transports, and deliveries under way. */
#ifndef OUTBOUND_INTERNAL_H
#define OUTBOUND_INTERNAL_H

#include "base/arena.h"
#include "base/list.h"
#include "base/map.h"
#include "formats/formats.h"
#include "outbound/egress.h"
#include "outbound/outbound.h"
#include "outbound/resolver.h"
#include "router/router.h"

#define PAYLOAD_MAX     ((size_t)32 * 1024 * 1024) /* 1 MiB, all of it escaped, and then some */
#define ANSWER_KEPT_MAX 1024

/* A deliverer that is open, and what it is lent. */
struct transport {
    struct deliverer_host host; /* private_data: this */
    const struct deliverer *deliverer;
    char *origin; /* owned */
    void *self;
    bool is_open;
    struct list ready; /* sendings, of one that takes several at once */
    struct why why;    /* of may_connect */
    struct list_node node;
    struct outbound *outbound;
};

enum sending_state {
    SENDING_SIGNING, /* waits for its signature */
    SENDING_READY,   /* in transport.ready */
    SENDING_FLYING,  /* its deliverer has it */
    SENDING_OVERDUE, /* given up on and reported; its deliverer may still read its payload */
    SENDING_SETTLED  /* in outbound.settled */
};

/* One attempt. */
struct sending {
    struct map_node map;    /* by id */
    struct list_node order; /* in outbound.under_way, oldest first */
    struct list_node node;  /* in transport.ready, outbound.settled or outbound.spare */
    uint64_t id;
    uint64_t attempt_id;
    int64_t again_ms;     /* of a delivery once more: when that was asked for; else 0 */
    uint64_t deadline_ms; /* of the loop's clock */
    enum sending_state state;
    bool is_forgotten; /* its outcome interests nobody any more */
    struct outbound *outbound;
    struct transport *transport;
    struct blob *subscription_record;
    struct blob *message_record;
    struct arena arena; /* kept with its memory while spare, the buffers too */
    struct subscription subscription;
    struct message message;
    struct envelope_target target;
    struct buffer to_sign;
    struct buffer payload;
    const struct format *format;
    bool is_webhook; /* signed as Standard Webhooks, too */
    struct delivery_field *headers;
    struct signing signing;
    struct delivery delivery;
    struct outcome outcome; /* its texts in the arrays below */
    char reason[256];
    char peer[64];
    char answer[ANSWER_KEPT_MAX];
};

struct outbound {
    struct outbound_options options;
    struct egress *egress;
    struct resolver *resolver;
    struct list transports;
    struct map sendings; /* by id */
    struct list under_way;
    struct list settled;
    struct list spare; /* sendings for reuse */
    uint32_t spare_count;
    uint64_t next_id;
    uv_idle_t later; /* runs while something is settled or ready */
    uv_timer_t watchdog;
    uint32_t closing;
    bool is_closed;
    struct outbound_counters counters;
};

/* sending.c: one attempt, from records to a delivery. */
struct sending *sending_take(struct outbound *outbound, const struct attempt_start *take_start);
void sending_give_back(struct sending *sending); /* out of every list and map; for reuse */
void sending_free(struct sending *sending);
/* How long it may take from now on. */
void sending_limit(struct sending *sending, int64_t timeout_ms);
/* false: its records say nothing that could be sent. */
MUST_CHECK bool sending_decode(struct sending *sending);
/* Fills in sending->delivery, once the payload is there. */
void sending_describe(struct sending *sending);

/* payload.c: what is sent. */
void payload_choose(struct sending *sending);
/* Whether it waits for a signature of SNS. */
bool payload_wants_signature(const struct sending *sending);
/* `signature` may be empty.  false: the subscription's settings lack something, and why. */
MUST_CHECK bool payload_render(struct sending *sending, struct text signature,
                               const char **ret_why);
/* The signatures of Standard Webhooks, last: over what is sent. */
MUST_CHECK bool payload_sign(struct sending *sending, const char **ret_why);

/* host.c: what a deliverer may ask for. */
void transport_lend(struct transport *transport);

/* outbound.c */
void sending_settle(struct sending *sending, const struct outcome *outcome);
struct transport *transport_find(struct outbound *outbound, struct text protocol);

#endif
