/* Inside router/: what topics and subscriptions are made of in memory. */
#ifndef ROUTER_INTERNAL_H
#define ROUTER_INTERNAL_H

#include "fanfare/filter.h"
#include "router/router.h"

/* A local queue that subscriptions name, once however many do. */
struct sqs_target {
    struct map_node map; /* by ARN */
    char *arn;
    uint32_t users;
    uint32_t queue; /* number of the queue last seen under that ARN, 0: none */
};

/* A subscription in memory: what matching and fanning out need, nothing else. */
struct slot {
    uint32_t topic; /* 0: empty */
    uint8_t protocol;
    bool is_confirmed : 1;
    bool is_raw : 1;
    bool is_filtered : 1; /* it is in the topic's index, else in its list of unfiltered ones */
    bool is_limited : 1;  /* it says itself how much may go to its endpoint */
    uint8_t id[16];
    struct sqs_target *target; /* of protocol sqs, unless the queue is another server's */
};

#define SLOT_PAGE 4096

/* An ascending list of subscription numbers. */
struct numbers {
    uint32_t *at;
    size_t count;
    size_t room;
};

struct topic_state {
    struct map_node by_name;   /* "account\0region\0name" */
    struct map_node by_number; /* the bytes of topic.number */
    char *name_key;
    struct filter_index *index; /* NULL until a policy comes */
    struct numbers unfiltered;
    struct sealed sealed; /* writes the topic's record */
    struct topic *topic;
    struct router *router;
};

struct router {
    struct router_limits limits;
    struct map by_name;
    struct map by_number;
    struct topic **sorted; /* by account, region, name */
    size_t topic_count;
    size_t topic_room;
    struct slot **pages;
    size_t page_count;
    struct map targets;
    struct router_progress progress;
    struct router_counters counters;
    struct list loading_waiters;
    int64_t started_ms;
    struct timer sweep;      /* old tokens */
    struct timer duplicates; /* of FIFO topics, the old ones */
    /* Scratch of topic_publish, kept warm. */
    struct filter_attribute *filter_attributes;
    size_t filter_attribute_room;
    struct numbers matched;
    struct numbers owed;
};

/* numbers.c */
void numbers_add(struct numbers *numbers, uint32_t number); /* keeps the order */
void numbers_remove(struct numbers *numbers, uint32_t number);
void numbers_append(struct numbers *numbers, uint32_t number); /* larger than all there are */
void numbers_free(struct numbers *numbers);

/* slots.c */
struct slot *slot_find(const struct router *router, uint32_t subscription); /* or NULL */
struct slot *slot_claim(struct router *router, uint32_t subscription);
void slot_clear(struct router *router, struct slot *slot);
void slots_free(struct router *router);
struct sqs_target *target_open(struct router *router, struct text arn);
void target_close(struct router *router, struct sqs_target *target);

/* topics.c */
struct topic *topic_insert(struct router *router, const struct topic_name *name,
                           uint32_t number);
void topic_set_attributes(struct topic *topic, const struct attribute *attributes,
                          size_t count);
void topic_seal(struct step *step, struct topic *topic);

/* subscription_record.c */
struct blob *subscription_encode(const struct subscription *subscription);

/* subscriptions.c */
/* Writes all rows of it; number, topic and id are filled in. */
void subscription_write(struct step *step, struct topic *topic,
                        const struct subscription *subscription);
void subscription_enter(struct router *router, struct topic *topic,
                        const struct subscription *subscription);
void subscription_leave(struct router *router, struct topic *topic,
                        const struct subscription *subscription);
MUST_CHECK bool subscription_policy(const struct subscription *subscription,
                                    struct filter_policy **ret_policy);
bool subscription_is_raw(const struct subscription *subscription);

/* policies.c */
bool subscription_is_limited(const struct subscription *subscription);

/* publish.c */
/* Borrows the message; scratch of the router's until the next call. */
struct filter_message filter_view(struct router *router, const struct message *message);

/* load.c */
void subscriptions_load(struct step *step, struct router *router);

/* topic_rows.c */
void topic_reclaim(struct step *step, uint32_t topic);
void topics_reclaim_start(struct step *step);

/* tokens.c */
/* Owes the confirmation of that kind, with a new token. */
void confirmation_send(struct step *step, struct topic *topic,
                       const struct subscription *subscription, enum message_kind kind);
/* From now on that token, which was found, stands for this subscription. */
void token_point(struct step *step, struct text token, const struct subscription *subscription);
void tokens_sweep_start(struct step *step, struct router *router);

/* duplicates.c */
/* OK: it was published before, and *publish says how it was answered. May STATUS_WAIT. */
MUST_CHECK enum status duplicate_find(struct step *step, const struct topic *topic,
                                      struct publish *publish);
void duplicate_remember(struct step *step, const struct topic *topic,
                        const struct message *message);
void duplicates_start(struct step *step, struct router *router);

/* sms.c: STATUS_INVALID with the reason: that phone opted out; STATUS_NOT_FOUND: it did not. */
MUST_CHECK enum status phone_refuses(struct step *step, struct lane_id lane,
                                     struct text subscription_record,
                                     struct text message_record, struct why *why);

/* fanout.c */
/* One delivery into a queue of this daemon. */
struct queue_letter {
    uint64_t number; /* of the message's body */
    const struct message *message;
    bool is_again; /* once more on purpose: no deduplication may swallow it */
};

/* *ret_references: how many references to the body it took, 0 or 1. */
/* Whether it is a queue's, and that queue asks for encryption at rest. */
bool slot_wants_sealing(struct step *step, const struct slot *slot);
MUST_CHECK enum status queue_deliver(struct step *step, const struct slot *slot,
                                     const struct queue_letter *letter,
                                     uint32_t *ret_references, struct why *why);

#endif
