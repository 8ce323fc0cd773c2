/* Private to services/sns: what its families share. */
#ifndef SERVICES_SNS_INTERNAL_H
#define SERVICES_SNS_INTERNAL_H

#include "api/api.h"
#include "services/common/arn.h"
#include "services/common/attribute_set.h"
#include "services/common/wire_attributes.h"

/* Names and addresses for field tables. */
#define AT(type, member) .offset = offsetof(type, member)

#define PAGE_SIZE_MAX  100
#define PUBLISH_MAX    262144
#define POLICY_MAX     30720
#define FANFARE_PREFIX "Fanfare."
/* Stored with a topic or a subscription and shown to nobody as an attribute. */
#define DATA_PROTECTION "DataProtectionPolicy"
#define AUTHENTICATED   "fanfare.AuthenticateOnUnsubscribe"

/* --- Errors (errors.c). */

extern const struct error_kind sns_invalid_parameter;
extern const struct error_kind sns_parameter_value_invalid;
extern const struct error_kind sns_validation_error;
extern const struct error_kind sns_not_found;
extern const struct error_kind sns_resource_not_found;
extern const struct error_kind sns_authorization_error;
extern const struct error_kind sns_topic_limit_exceeded;
extern const struct error_kind sns_subscription_limit_exceeded;
extern const struct error_kind sns_filter_policy_limit_exceeded;
extern const struct error_kind sns_tag_limit_exceeded;
extern const struct error_kind sns_empty_batch;
extern const struct error_kind sns_too_many_entries;
extern const struct error_kind sns_ids_not_distinct;
extern const struct error_kind sns_invalid_batch_id;
extern const struct error_kind sns_batch_too_long;

/* Whether the key that the topic names may be used: asked where messages come. */
MUST_CHECK enum status sns_check_key(struct request *request, struct step *step,
                                     const struct topic *topic);
enum status sns_missing(struct request *request, const struct operation *operation,
                        struct text name);
/* STATUS_FULL, STATUS_BUSY and the like of the core, as AWS would say it. */
enum status sns_fail_status(struct request *request, enum status status, const struct why *why);

/* --- Found by ARN (find.c); each fails the request. */

/* A topic of whatever account: as with queues, the ARN says whose it is, and policies are kept
 * and not enforced.  `parameter` is what the request calls the ARN. */
MUST_CHECK enum status sns_topic(struct request *request, struct step *step, struct text arn,
                                 const char *parameter, struct topic **ret_topic);
/* The id at the end of a subscription's ARN: STATUS_INVALID: the request has failed;
 * STATUS_NOT_FOUND: an ARN, but none of a subscription. */
MUST_CHECK enum status sns_subscription_id(struct request *request, struct text arn,
                                           uint8_t ret_id[16]);
/* May STATUS_WAIT.  Unless it fails, *ret_topic is the subscription's. */
MUST_CHECK enum status sns_subscription(struct request *request, struct step *step,
                                        struct text arn, struct subscription *ret_subscription,
                                        struct topic **ret_topic);

/* --- Attributes of topics (topic_rules.c) and of subscriptions (subscription_rules.c). */

/* An attribute that is being checked.  `prefix` begins AWS's text: "Invalid parameter: " or
 * "Invalid parameter: Attributes Reason: ". */
struct attribute_check {
    struct request *request;
    const char *prefix;
    const char *unknown; /* what to say of an unknown one; NULL: names it behind the prefix */
    bool is_new;         /* CreateTopic, Subscribe */
    bool is_fifo;        /* the topic */
    enum protocol protocol;
    struct text protocol_name;
    struct text topic_arn;
    struct text endpoint;
};

/* Fails with "<prefix><name>: <reason>". */
enum status attribute_refuse(const struct attribute_check *check, struct text name,
                             const char *reason);
MUST_CHECK enum status topic_rules_apply(const struct attribute_check *check,
                                         struct attribute_set *set, struct text name,
                                         struct text value);
/* Whether the topic has of `name` what a new one with the attributes `wanted` would have. */
bool topic_rules_equal(struct request *request, const struct topic *topic,
                       const struct attribute_set *wanted, struct text name);
/* Its value or default; empty: none. */
struct text topic_rules_value(struct request *request, const struct topic *topic,
                              struct text name);
/* All pairs that GetTopicAttributes answers. */
void topic_rules_list(struct request *request, const struct topic *topic,
                      struct string_map *ret_attributes);
/* Checks and puts one pair; filter policies are checked once all are there, by the next. */
MUST_CHECK enum status subscription_rules_apply(const struct attribute_check *check,
                                                struct attribute_set *set, struct text name,
                                                struct text value);
MUST_CHECK enum status subscription_filter_check(const struct attribute_check *check,
                                                 const struct attribute_set *set);
/* Of the attributes named Fanfare.<Name> (fanfare_attributes.c): NULL, or why the value is
 * refused (static, or in the request's arena). An empty value takes the attribute away. */
const char *fanfare_attribute_fault(const struct attribute_check *check, struct text name,
                                    struct text value);
/* What one of them needs beside it, once all are there. */
MUST_CHECK enum status fanfare_attributes_check(const struct attribute_check *check,
                                                const struct attribute_set *set);
/* Whether the topic takes one more subscription, with a filter policy or without. */
MUST_CHECK enum status subscription_limits_check(struct request *request, struct step *step,
                                                 const struct topic *topic, bool has_filter);
/* A secret: taken, never shown. */
bool fanfare_attribute_is_write_only(struct text name);

/* The present attributes, to be changed. */
void topic_set_open(struct request *request, const struct topic *topic,
                    struct attribute_set *ret_set);
void topic_set_store(struct step *step, struct topic *topic, const struct attribute_set *set);
/* A set in the core's form, in its arena. */
struct attribute *attributes_of(const struct attribute_set *set);

/* --- Delivery policies (delivery_policies.c). */

/* NULL, or why it is refused. */
const char *delivery_policy_fault(struct arena *arena, struct text policy, bool is_topic);
/* A topic's as GetTopicAttributes gives it back: without nulls, and it says whether
 * subscriptions may have their own. */
struct text delivery_policy_shown(struct arena *arena, struct text policy);
/* With all defaults filled in. */
struct text delivery_policy_effective(struct arena *arena, struct text topic_policy);
struct text subscription_policy_effective(struct arena *arena, struct text topic_policy,
                                          struct text subscription_policy);

/* The document of a topic without a Policy of its own. */
struct text topic_default_policy(struct arena *arena, const struct topic *topic);

/* --- The families. */

extern const struct operation sns_topic_operations[];
extern const struct operation sns_topic_attribute_operations[];
extern const struct operation sns_subscribe_operations[];
extern const struct operation sns_confirm_operations[];
extern const struct operation sns_subscription_attribute_operations[];
extern const struct operation sns_subscription_list_operations[];
extern const struct operation sns_publish_operations[];
extern const struct operation sns_permission_operations[];
extern const struct operation sns_sms_operations[];
extern const struct operation sns_tag_operations[];
extern const struct operation sns_data_protection_operations[];

#endif
