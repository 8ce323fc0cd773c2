/* A topic's message as it is stored, and what an endpoint gets of it: the envelope, the string
 * that is signed, the signature.  Pure but for the signer, which has threads of its own. */
#ifndef NOTIFICATION_NOTIFICATION_H
#define NOTIFICATION_NOTIFICATION_H

#include "base/arena.h"
#include "base/blob.h"
#include "base/buffer.h"
#include "base/encoding.h"
#include "base/list.h"
#include "base/random.h"
#include "base/status.h"

enum message_kind {
    MESSAGE_NOTIFICATION,
    MESSAGE_SUBSCRIPTION_CONFIRMATION,
    MESSAGE_UNSUBSCRIBE_CONFIRMATION
};

struct message_attribute {
    struct text name;
    struct text type;  /* the full DataType, custom suffix included */
    struct text value; /* text, or the decoded bytes of a Binary */
};

/* MessageStructure=json: the text for one protocol. */
struct message_variant {
    struct text protocol;
    struct text body;
};

/* Borrowed view.  Empty text (len 0) where something is not given. */
struct message {
    enum message_kind kind;
    uint8_t id[16]; /* MessageId */
    int64_t time_ms;
    struct text topic_arn;
    struct text subject;
    struct text body; /* or the `default` variant */
    const struct message_variant *variants;
    size_t variant_count;
    const struct message_attribute *attributes;
    size_t attribute_count;
    uint8_t signature_version;    /* 1 or 2 */
    struct text token;            /* of the confirmations */
    struct text subscription_arn; /* of an UnsubscribeConfirmation */
    struct text group_id, deduplication_id, sequence_number, trace_header;
};

/* The record: versioned, self-contained. One reference, the caller's. */
struct blob *message_encode(const struct message *message);
/* Texts point into `record`, arrays into `arena`.  false: not a message record. */
MUST_CHECK bool message_decode(struct text record, struct arena *arena, struct message *ret);
/* Id and time out of its first MESSAGE_HEAD_SIZE bytes; false: not a message record. */
#define MESSAGE_HEAD_SIZE 27
MUST_CHECK bool message_head(struct text record, uint8_t ret_id[16], int64_t *ret_time_ms);
/* What this protocol's endpoints get as Message. */
struct text message_body_for(const struct message *message, struct text protocol);
/* "Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation". */
const char *message_type_name(enum message_kind kind);

/* For whom a message is rendered. */
struct envelope_target {
    struct text protocol;
    struct text base_url;         /* "http://host:port", no slash at the end */
    struct text subscription_arn; /* for UnsubscribeURL; empty in a SubscriptionConfirmation */
    bool is_fifo_topic;           /* such envelopes for SQS carry no signature */
};

/* sns-delivery.md section 2: the lines that are signed. */
void envelope_string_to_sign(struct buffer *to, const struct message *message,
                             const struct envelope_target *target);
/* sns-delivery.md section 1: pretty-printed members in AWS's order.  `signature`: base64, or
 * empty for an envelope without one. */
void envelope_render(struct buffer *to, const struct message *message,
                     const struct envelope_target *target, struct text signature,
                     struct text certificate_name);
/* The same as the event that AWS calls a Lambda function with. */
void envelope_render_lambda(struct buffer *to, const struct message *message,
                            const struct envelope_target *target, struct text signature,
                            struct text certificate_name);
/* "<base>/?Action=ConfirmSubscription&TopicArn=...&Token=..." */
void subscribe_url(struct buffer *to, struct text base_url, struct text topic_arn,
                   struct text token);

/* --- Standard Webhooks (standardwebhooks.com, specification 1.0.0). */

/* Of Fanfare.Secret: "whsec_<base64>" (24 to 64 bytes, for v1) or "whsk_<base64>" (an ed25519
 * seed, with or without the public key behind it, for v1a); several separated by a blank, the
 * newest first; each may end in ";until=<ms since 1970>", from when on it does not sign.
 * NULL, or why it is none (static text). */
const char *webhook_secrets_fault(struct text secrets);

/* What the headers webhook-id, -timestamp (seconds) and -signature are about. */
struct webhook {
    struct text id;  /* the same on every attempt */
    int64_t time_ms; /* of this attempt */
    struct text body;
};

/* Writes one signature for each secret that is valid, separated by blanks. false: none is. */
MUST_CHECK bool webhook_sign(struct buffer *to, const struct webhook *webhook,
                             struct text secrets);
/* A new secret, "whsec_..." or, for ed25519, "whsk_..." with its public key "whpk_..." (else
 * empty), in `arena`. STATUS_INVALID: the library cannot. */
MUST_CHECK enum status webhook_secret_make(struct arena *arena, struct random *random,
                                           bool is_ed25519, struct text *ret_secret,
                                           struct text *ret_public);
/* The secrets of a subscription with a new one in front: the others sign on for `grace_ms` at
 * most, those that are over are left out. In `arena`. */
struct text webhook_secrets_rotate(struct arena *arena, struct text secrets, struct text secret,
                                   int64_t now_ms, int64_t grace_ms);

/* Signs on threads of its own, once per text: what was signed lately is remembered. */
struct signer;

struct signer_options {
    const char *directory; /* of signing-key.pem and signing-cert.pem; made when absent */
    uint32_t threads;
    size_t remembered;           /* signatures kept */
    uint32_t retry_ms;           /* between two tries to get a key; 0: 5 s */
    void (*wake)(void *context); /* from any thread: something is ready for signer_poll */
    void *wake_context;
};

/* Starts making or loading the key in the background: returns at once. */
MUST_CHECK enum status signer_open(const struct signer_options *options,
                                   struct signer **ret_signer, struct why *why);
void signer_close(struct signer *signer);

/* One wish for a signature; the caller owns it until `done`, which signer_poll runs (or
 * signer_sign itself when the signature is remembered). */
struct signing {
    struct text text; /* to sign; must stay until done */
    uint8_t version;  /* 1: RSA-SHA1, 2: RSA-SHA256; PKCS#1 v1.5 */
    void (*done)(struct signing *signing, struct text signature); /* base64; empty: failed */
    void *context;
    struct list_node node; /* the signer's */
    uint64_t hash[2];      /* the signer's */
};

void signer_sign(struct signer *signer, struct signing *signing);
/* Forgets it: done() will not run. */
void signer_cancel(struct signer *signer, struct signing *signing);
void signer_poll(struct signer *signer);
/* The certificate as PEM, and its file name "SimpleNotificationService-<hex>.pem"; empty until
 * the key exists. */
struct text signer_certificate(struct signer *signer);
struct text signer_certificate_name(struct signer *signer);
/* There is no key, and why: every signature fails, until one can be read or made. */
bool signer_has_failed(struct signer *signer, struct why *ret_why);

enum signer_news {
    SIGNER_SILENT, /* nothing new */
    SIGNER_MADE,   /* a key or certificate: the text says which; it signs */
    SIGNER_READY,  /* it signs */
    SIGNER_OPEN,   /* it signs, with a key that others can read: the text names it */
    SIGNER_WAITS,  /* no key for the reason of the text; it is tried again every few seconds */
    SIGNER_FAILED  /* no key for the reason of the text, which only a person can mend */
};

/* What has happened to the key since the last call, for the log: each thing once. */
enum signer_news signer_next_news(struct signer *signer, struct why *ret_text);

#endif
