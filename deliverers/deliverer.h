/* What a transport provides and what it may ask of its host.  Nothing else crosses: a plug-in
 * is a shared object that exports `const struct deliverer deliverer_plugin` and links against
 * nothing of the daemon. */
#ifndef DELIVERERS_DELIVERER_H
#define DELIVERERS_DELIVERER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DELIVERER_ABI 4

enum verdict {
    VERDICT_DELIVERED, /* the endpoint took it */
    VERDICT_RETRY,     /* may work later: timeout, 5xx, throttled, refused connection */
    VERDICT_REFUSED,   /* this one never will: 4xx, no such queue, permission denied */
    VERDICT_GONE       /* nor will any other: 410, the endpoint wants no more */
};

/* How an attempt went.  Everything is borrowed for the call of settle(). */
struct outcome {
    enum verdict verdict;
    int status_code;        /* the protocol's own number, or 0 */
    int64_t retry_after_ms; /* what the endpoint asked for, or 0 */
    const char *reason;     /* one line for people, never NULL */
    const char *peer;       /* the address that was talked to, or "" */
    const char *answer;     /* the first bytes of what it said */
    size_t answer_size;
    int32_t dns_us, connect_us, tls_us, first_byte_us, total_us; /* 0: did not happen */
};

/* A name and a value; both NUL-terminated. */
struct delivery_field {
    const char *name;
    const char *value;
};

struct delivery_attribute {
    const char *name;
    const char *type;  /* "String", "Number", "Binary", ... */
    const char *value; /* NUL-terminated; of a Binary the bytes themselves */
    size_t value_size;
};

/* One message for one endpoint; borrowed until it is settled. */
struct delivery {
    uint64_t id; /* settle with this, never with a pointer */
    const char *endpoint;
    const char *protocol;
    const char *message_type; /* "Notification", "SubscriptionConfirmation", ... */
    const char *message_id;
    const char *topic_arn;
    const char *topic_title;      /* its DisplayName, or "" */
    const char *subscription_arn; /* "" for a SubscriptionConfirmation */
    /* Pages of this server for people: one that asks whether to confirm, for a
     * SubscriptionConfirmation or an UnsubscribeConfirmation (which it takes back); for a
     * Notification one that asks whether to unsubscribe, which also takes the POST of RFC
     * 8058; else "". */
    const char *confirm_url;
    const char *unsubscribe_url;
    uint32_t attempt;             /* 1 is the first */
    const char *subject;          /* "" when none */
    int64_t time_ms;              /* when it was published */
    const char *group_id;         /* MessageGroupId, or "" */
    const char *deduplication_id; /* MessageDeduplicationId, or "" */
    const char *body;             /* the message alone, as published for this protocol */
    size_t body_size;
    const struct delivery_attribute *attributes;
    size_t attribute_count;
    bool raw;
    /* What is to be sent: the envelope, the body when raw, or another form of them. */
    const char *format; /* "sns", "raw", "slack", ...: see Fanfare.Format */
    const char *content_type;
    const char *payload;
    size_t payload_size;
    const struct delivery_field *headers; /* that go with it: the form's, signatures */
    size_t header_count;
    const struct delivery_field *settings; /* the subscription's Fanfare.* attributes */
    size_t setting_count;
    int64_t timeout_ms;
};

/* An option of the transport: "name" in its section of the configuration file, and the variable
 * FANFARE_<TRANSPORT>_<NAME>. */
struct deliverer_option {
    const char *name;  /* as in the file: "timeout" */
    const char *value; /* default, as text */
    const char *help;
    const char *form; /* checked before open(): OPTION_TEXT, ..., or "one|of|these" */
};

#define OPTION_TEXT   ""
#define OPTION_SECRET "secret" /* any text, never shown */
#define OPTION_NUMBER "number" /* whole, above 0, below 2^31 */
#define OPTION_JSON   "json"   /* in the file also as nested YAML; see check() */

/* What a name stands for; borrowed for the call. */
struct resolved {
    const char *const *addresses; /* numeric; all of them may be connected to */
    size_t count;                 /* 0: none, and why */
    bool denied; /* it exists, but may not be reached: no use in asking again */
    const char *why;
};

struct uv_loop_s;

/* Services lent by the daemon, all on the loop thread. */
struct deliverer_host {
    uint32_t abi;
    struct uv_loop_s *loop;
    /* Exactly once per delivery, from inside deliver() or later. A second one is logged and
     * ignored. */
    void (*settle)(struct deliverer_host *host, uint64_t delivery_id,
                   const struct outcome *outcome);
    void (*log)(struct deliverer_host *host, int level, const char *line);
    /* Whether this numeric address may be connected to; otherwise *ret_why (static or
     * host-owned text, valid until the next call) names the setting that would allow it. Of a
     * name only what can be told without asking the DNS. */
    bool (*may_connect)(struct deliverer_host *host, const char *address, uint16_t port,
                        const char **ret_why);
    /* Resolves a name and vets every address of it: `found` is called once, never from inside,
     * not after close(). Cancel by ignoring the id. */
    void (*resolve)(struct deliverer_host *host, const char *name, uint16_t port,
                    void (*found)(void *self, uint64_t id, const struct resolved *resolved),
                    void *self, uint64_t id);
    /* The value of one of the transport's options, or its default. */
    const char *(*option)(struct deliverer_host *host, const char *name);
    void *private_data;
};

struct deliverer {
    uint32_t abi; /* DELIVERER_ABI */
    const char *name;
    const char *const *protocols; /* as in Subscribe, NULL-terminated: "http", "https" */
    const struct deliverer_option *options; /* NULL-terminated by name */
    /* At most so many deliveries of one endpoint in one deliver(); 1 for most. */
    uint32_t max_batch;
    int (*open)(struct deliverer_host *host, void **ret_self); /* 0, or negative: not usable */
    /* Asked by Subscribe; false with a reason (static, host-owned or its own text, valid until
     * the next call) when it can never be delivered to. */
    bool (*accepts)(void *self, const char *protocol, const char *endpoint,
                    const char **ret_why);
    /* Each leads to exactly one settle(). */
    void (*deliver)(void *self, const struct delivery *const *deliveries, size_t count);
    /* Settles soon, as RETRY, what is under way for this id (its subscription was deleted). */
    void (*cancel)(void *self, uint64_t delivery_id);
    /* The last call: drops what is under way, unsettled; host and deliveries are gone when it
     * returns. Handles on the loop may finish closing later, the loop runs on for that. */
    void (*close)(void *self);
    /* What follows may be NULL. */
    /* Before open(): whether an option of its own can be used, besides its form; false with a
     * reason (static or its own text, valid until the next call). */
    bool (*check)(const char *option, const char *value, const char **ret_why);
    /* How long a delivery there may take in milliseconds, 0: as any; its timeout_ms then. */
    int64_t (*limit_ms)(void *self, const char *protocol, const char *endpoint);
    /* Asked when a subscription sets Fanfare.<name> (never to nothing): false with a reason,
     * as for accepts, when that cannot be used. What it does not know is fine. */
    bool (*accepts_setting)(void *self, const char *name, const char *value,
                            const char **ret_why);
};

#endif
