/* Topics, subscriptions, and who gets what: fan-out. */
#ifndef ROUTER_ROUTER_H
#define ROUTER_ROUTER_H

#include "delivery/delivery.h"
#include "history/history.h"
#include "notification/notification.h"
#include "queues/queues.h"
#include "step/step.h"

/* Subscribe's protocols; the number is stored, so only append. */
#define PROTOCOLS(P)              \
    P(SQS, "sqs")                 \
    P(HTTP, "http")               \
    P(HTTPS, "https")             \
    P(EMAIL, "email")             \
    P(EMAIL_JSON, "email-json")   \
    P(SMS, "sms")                 \
    P(LAMBDA, "lambda")           \
    P(FIREHOSE, "firehose")       \
    P(APPLICATION, "application") \
    P(EXEC, "exec")               \
    P(PLUGIN, "") /* its name is an attribute: subscription_protocol() */

#define PROTOCOL_ENUM(name, text) PROTOCOL_##name,

enum protocol {
    PROTOCOLS(PROTOCOL_ENUM) PROTOCOL_COUNT
};

const char *protocol_name(enum protocol protocol);
/* One that the daemon knows by itself, so never PROTOCOL_PLUGIN. */
MUST_CHECK bool protocol_parse(struct text text, enum protocol *ret_protocol);

/* A name and a value, for attributes and tags. */
struct attribute {
    struct text name;
    struct text value;
};

struct topic_name {
    struct text account, region, name;
};

/* Read-only outside this folder. */
struct topic {
    uint32_t number;
    struct text account, region, name, arn; /* owned */
    bool is_fifo;
    bool is_ready; /* its filter index is complete */
    /* Everything settable as the client gave it, sorted by name ("DisplayName",
     * "SignatureVersion", "DeliveryPolicy", tags as "tag:<key>", ...); owned. */
    struct attribute *attributes;
    size_t attribute_count;
    int64_t created_ms;
    uint64_t confirmed, pending, deleted; /* subscriptions */
    struct topic_state *state;            /* private */
};

struct router;

/* The running cell's. */
static inline struct router *router_of(const struct step *step)
{
    return step->router;
}

struct topic *topic_find(struct router *router, const struct topic_name *name);
struct topic *topic_find_number(const struct router *router, uint32_t number);
/* In name order within account and region, the first whose name is > `after`; NULL at the end.
 */
struct topic *topic_after(struct router *router, const struct topic_name *after);
struct text topic_attribute(const struct topic *topic, struct text name); /* or empty */

/* It must not exist. Copies everything. */
MUST_CHECK enum status topic_create(struct step *step, const struct topic_name *name,
                                    const struct attribute *attributes, size_t count,
                                    struct topic **ret_topic, struct why *why);
void topic_update(struct step *step, struct topic *topic, const struct attribute *attributes,
                  size_t count);
/* Gone at once, its subscriptions too; space follows in bounded batches. */
void topic_delete(struct step *step, struct topic *topic);

/* A subscription as it is stored; a borrowed view. */
struct subscription {
    uint32_t number;
    uint32_t topic;
    uint8_t id[16];
    enum protocol protocol;
    struct text endpoint;
    struct text owner; /* account */
    bool is_confirmed;
    bool was_authenticated; /* ConfirmationWasAuthenticated */
    bool is_declared;       /* by the configuration */
    bool is_deleted;        /* what a token may bring back: see subscription_delete_undoably */
    int64_t created_ms;
    struct text base_url; /* of this server, as the subscriber saw it */
    /* As the client gave them, sorted: "FilterPolicy", "FilterPolicyScope",
     * "RawMessageDelivery", "RedrivePolicy", "DeliveryPolicy", "Fanfare.*", ... */
    const struct attribute *attributes;
    size_t attribute_count;
};

/* Attributes that are shown to nobody: the protocol's name, of PROTOCOL_PLUGIN; "true", of
 * PROTOCOL_SQS, where the queue is another server's. */
#define SUBSCRIPTION_PROTOCOL  "fanfare.Protocol"
#define SUBSCRIPTION_ELSEWHERE "fanfare.Elsewhere"
/* The attribute, shown to nobody, by whose value a mail's reader may unsubscribe. */
#define SUBSCRIPTION_UNSUBSCRIBE_TOKEN "fanfare.UnsubscribeToken"

struct text subscription_attribute(const struct subscription *subscription, struct text name);
/* The protocol as Subscribe was told. */
struct text subscription_protocol(const struct subscription *subscription);
/* The queue of its RedrivePolicy, or empty; in `arena` or the subscription's record. */
struct text subscription_dead_letter_arn(const struct subscription *subscription,
                                         struct arena *arena);
/* "<topic arn>:<uuid>" */
struct text subscription_arn(struct arena *arena, const struct topic *topic,
                             const uint8_t id[16]);
/* The id of one that is in memory; false: there is none of that number. */
bool subscription_id_of(const struct router *router, uint32_t number, uint8_t ret_id[16]);
/* The record of key_u32_u32(TABLE_SUBSCRIPTION, topic, number). */
MUST_CHECK bool subscription_decode(struct text record, struct arena *arena,
                                    struct subscription *ret);

/* The lookups may STATUS_WAIT (see step.h). *ret's texts live as long as `arena`. */
MUST_CHECK enum status subscription_find(struct step *step, const uint8_t id[16],
                                         struct arena *arena, struct subscription *ret);
MUST_CHECK enum status subscription_find_number(struct step *step, uint32_t topic,
                                                uint32_t number, struct arena *arena,
                                                struct subscription *ret);
MUST_CHECK enum status subscription_find_endpoint(struct step *step, const struct topic *topic,
                                                  struct text protocol, struct text endpoint,
                                                  struct arena *arena,
                                                  struct subscription *ret);

/* Creates it (it must not exist): `wanted` says protocol, endpoint, owner, base_url,
 * attributes, is_confirmed, is_declared; number, topic and id are filled in. The FilterPolicy
 * must have been checked by filter_policy_compile. STATUS_FULL: out of room. */
MUST_CHECK enum status subscription_create(struct step *step, struct topic *topic,
                                           struct subscription *wanted, struct why *why);
/* Writes attributes, is_confirmed and was_authenticated of `changed` over the stored ones and
 * updates the filter index; `before` is what subscription_find gave. */
void subscription_update(struct step *step, const struct subscription *before,
                         const struct subscription *changed);
void subscription_delete(struct step *step, const struct subscription *subscription);
/* The same, and asks the endpoint whether that is right: it is owed an UnsubscribeConfirmation
 * with a token. What the token can bring back stays under a number of its own until the token
 * ends: listed, matched, counted and found by id nowhere. STATUS_FULL: out of room, and nothing
 * has changed. */
MUST_CHECK enum status subscription_delete_undoably(struct step *step, struct topic *topic,
                                                    const struct subscription *subscription,
                                                    struct why *why);
/* Brings back what `token` found deleted, under the id it had: `io_deleted` is the live one
 * then. No other of its protocol and endpoint may be there. The token stands for the live one
 * from now on. STATUS_FULL: out of room. */
MUST_CHECK enum status subscription_restore(struct step *step, struct topic *topic,
                                            struct text token, struct subscription *io_deleted,
                                            struct why *why);
/* The same when `live`, of its protocol and endpoint, took its place meanwhile. */
void subscription_give_way(struct step *step, struct text token,
                           const struct subscription *deleted, const struct subscription *live);

/* Sends (again) the confirmation message with a new token to a pending subscription. */
void subscription_send_confirmation(struct step *step, struct topic *topic,
                                    const struct subscription *subscription);

/* A token is 32 bytes of hex behind "2336412f37". What it finds may be deleted: see
 * subscription_restore. STATUS_INVALID: no such token or too old. */
MUST_CHECK enum status subscription_find_token(struct step *step, struct text token,
                                               struct arena *arena, struct subscription *ret);

/* One page of subscriptions in (topic, number) order. Run as part of a task: STATUS_WAIT until
 * the rows are read; then rows of that topic behind `after` (0: from the start), at most `max`.
 */
struct subscription_page {
    uint32_t topic;
    uint32_t after;
    uint32_t max;
    struct arena *arena;
    struct subscription *rows; /* in arena */
    size_t count;
    bool is_last;
    struct range range; /* private, zeroed at first */
};

MUST_CHECK enum status subscription_page_read(struct step *step,
                                              struct subscription_page *page);
/* When its task was cancelled: the read that is under way is let go. */
void subscription_page_end(struct subscription_page *page);

/* What is published; borrowed.  The message's id, time, topic_arn and, of a FIFO topic, its
 * sequence number are filled in. */
struct publish {
    struct message message;
    char sequence[24];     /* the sequence number's text */
    uint32_t filtered_out; /* afterwards: how many policies said no (unknown: 0) */
    uint32_t matched;
};

/* Matches, stores, fans out: durable with the current batch. What a FIFO topic took in the last
 * five minutes goes nowhere, and gets the first one's id and sequence number.  STATUS_BUSY: the
 * topic's index is still being built; STATUS_FULL: no room, with the reason. */
MUST_CHECK enum status topic_publish(struct step *step, struct topic *topic,
                                     struct publish *publish, struct why *why);

/* --- Phones (sms.c). */

/* The topics that no client sees: one whose attributes are SetSMSAttributes', and that carries
 * what is sent to a number without a topic; one whose subscriptions are the numbers that opted
 * out (confirmed) or were opted in again (not). */
extern struct text const sms_topic_name;
extern struct text const sms_opted_out_name;
bool topic_is_hidden(struct text name);
/* One of them, or NULL: nobody has needed it yet. */
struct topic *sms_topic(struct router *router, struct text account, struct text region,
                        struct text name);
/* The same, made when it is not there. */
MUST_CHECK enum status sms_topic_open(struct step *step, struct text account,
                                      struct text region, struct text name,
                                      struct topic **ret_topic, struct why *why);

/* Without the blanks and the "/-." that people write. */
struct text phone_number_plain(struct text number, struct arena *arena);
bool phone_number_is_valid(struct text plain); /* E.164: a plus, 7 to 15 digits */

struct phone_target {
    struct text number; /* plain */
    struct text account, region, base_url;
};

/* The attribute, of a name that clients cannot give, with the number it goes to. */
#define MESSAGE_PHONE_NUMBER ":PhoneNumber"
/* As topic_publish, to one number. */
MUST_CHECK enum status phone_publish(struct step *step, const struct phone_target *target,
                                     struct arena *arena, struct publish *publish,
                                     struct why *why);
struct text message_phone_number(const struct message *message); /* or empty */

/* Of a number opted in again: when, in milliseconds. */
#define OPTED_IN_AT "fanfare.OptedInAt"
/* These may STATUS_WAIT.  The row of a number that opted out once: is_confirmed says whether it
 * still is; STATUS_NOT_FOUND: it never did. */
MUST_CHECK enum status opt_out_find(struct step *step, struct text account, struct text region,
                                    struct text number, struct arena *arena,
                                    struct subscription *ret);
MUST_CHECK enum status opt_out_add(struct step *step, struct text account, struct text region,
                                   struct text number, struct arena *arena, struct why *why);
void opt_out_end(struct step *step, const struct subscription *found, struct arena *arena);

/* Who would get it now: ascending numbers, lent until the router matches again.  STATUS_BUSY:
 * the topic's index is still being built, or memory is short. */
MUST_CHECK enum status topic_match(struct step *step, const struct topic *topic,
                                   const struct message *message,
                                   const uint32_t **ret_subscriptions, size_t *ret_count);

/* Whether a subscription's filter policy lets a message through, and what decided.  Texts in
 * `arena`. */
struct match_finding {
    uint32_t alternative;
    bool holds;
    struct text path, condition;
    struct text seen; /* JSON, or empty: there was no value */
};

struct match_explanation {
    bool matches;
    bool has_policy;
    struct text reason;
    const struct match_finding *findings;
    size_t finding_count;
};

void subscription_explain(struct step *step, const struct subscription *subscription,
                          const struct message *message, struct arena *arena,
                          struct match_explanation *ret);
MUST_CHECK bool subscription_matches(struct step *step, const struct subscription *subscription,
                                     const struct message *message);

/* Account-wide ceilings; 0 is unlimited. */
struct router_limits {
    uint32_t policies_per_topic;
    uint32_t policies_per_account;
    uint32_t subscriptions_per_topic;
    uint32_t topics_per_account;
};

struct router_progress {
    uint64_t subscriptions_loaded;
    bool done;
};

struct router_counters {
    uint64_t published, published_bytes, matched, filtered_out, fanned_out;
    uint64_t regex_over; /* matches of regular expressions given up at a limit: no match */
};

struct router_progress router_progress(const struct router *router);
struct router_counters router_counters(const struct router *router);
/* Whether one more filter policy is one too many, by topic or by account. */
bool topic_filter_limit_reached(const struct topic *topic, const struct router_limits *limits);
const struct router_limits *router_limits(const struct router *router);

/* --- For core/ only. */
struct router *router_create(const struct router_limits *limits);
void router_free(struct router *router);
MUST_CHECK enum status router_load_topic(struct router *router, const struct key *key,
                                         struct text record);
/* Starts reading the subscriptions and building the indexes. */
void router_start(struct step *step, struct router *router);
/* What delivery/ asks of the router: see struct delivery_hooks. */
enum status router_deliver_here(struct step *step, const struct delivery_here *here,
                                struct why *why);
bool router_is_ordered(struct step *step, struct lane_id lane);
struct message_traits router_message_traits(struct text message_record);
void router_retry_policy(struct step *step, struct text subscription_record,
                         struct retry_policy *ret_policy);
bool router_lane_limits(struct step *step, struct lane_id lane, struct text subscription_record,
                        struct lane_limits *ret_limits);
bool router_disable(struct step *step, struct text subscription_record, struct text reason);
enum status router_dead_letter(struct step *step, struct lane_id lane, uint64_t message_number,
                               struct text subscription_record, struct text message_record,
                               uint32_t *ret_references, struct why *why);
/* One more delivery of a dead letter to the subscription that it died of: see queues_hooks. */
MUST_CHECK enum status router_redeliver(struct step *step, const uint8_t subscription_id[16],
                                        uint64_t message, int64_t due_ms);
size_t router_topic_count(const struct router *router);

#endif
