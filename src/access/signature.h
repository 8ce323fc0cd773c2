/* AWS Signature Version 4, seen by the one who verifies it: whether a request was signed with a
 * key that is known here, in its header or in its query.  Pure: keys and time are arguments. */
#ifndef ACCESS_SIGNATURE_H
#define ACCESS_SIGNATURE_H

#include "net/net.h"

/* How it ended, in the order in which AWS looks. */
enum signature_fault {
    SIGNATURE_GOOD,
    SIGNATURE_BOTH_FORMS,    /* in the header and in the query */
    SIGNATURE_MISSING,       /* nothing is signed */
    SIGNATURE_INCOMPLETE,    /* a part is missing or none of its kind */
    SIGNATURE_WRONG,         /* its time, its scope, what it covers, or itself */
    SIGNATURE_UNKNOWN_KEY,   /* no such key, a disabled one, a foreign session token */
    SIGNATURE_EXPIRED_TOKEN, /* a temporary key whose time is over */
    SIGNATURE_FAULT_COUNT
};

/* How a protocol's clients hear of it. */
enum signature_dialect {
    SIGNATURE_QUERY,   /* XML answers */
    SIGNATURE_JSON_10, /* SQS */
    SIGNATURE_JSON_11,
    SIGNATURE_DIALECT_COUNT
};

struct signature_error {
    const char *code;
    int status; /* HTTP's */
};

/* What the fault is called there; `fault` is not SIGNATURE_GOOD. */
struct signature_error signature_error(enum signature_fault fault,
                                       enum signature_dialect dialect);

struct access_key {
    struct text id;
    struct text secret;
    struct text token;  /* empty: a long-term key */
    int64_t expires_ms; /* of a temporary one, since 1970 */
    bool is_active;
};

struct signing_keys;

/* Derived keys by secret, day, region and service: a bounded number, older ones give way. */
struct signing_keys *signing_keys_create(void);
void signing_keys_free(struct signing_keys *keys); /* NULL is fine; wiped before */

struct signature_rules {
    int64_t now_ms;      /* since 1970 */
    int64_t past_ms;     /* how old a signed header may be */
    int64_t ahead_ms;    /* how far ahead a client's clock may be */
    struct text region;  /* empty: any that can be one */
    struct text service; /* what the credential is scoped to; empty: any */
    /* NULL: there is no such key; lent until the request is answered. */
    const struct access_key *(*find)(void *context, struct text id);
    void *context;
    struct signing_keys *cache; /* may be NULL */
};

struct signature_result {
    enum signature_fault fault;
    struct text message;          /* for the client, in the request's arena; empty when good */
    const struct access_key *key; /* who signed, when good */
    struct text region;           /* what it is scoped to, when good */
    struct text service;
};

/* Whether the request is signed; true: by ret->key.  Every complaint is AWS's, in AWS's order.
 * Everything in the arena of the request. */
MUST_CHECK bool signature_verify(const struct http_request *request,
                                 const struct signature_rules *rules,
                                 struct signature_result *ret);

#endif
