/* Private to services/sns: what its families share. */
#ifndef SERVICES_SNS_INTERNAL_H
#define SERVICES_SNS_INTERNAL_H

#include "api/api.h"
#include "services/common/attribute_set.h"
#include "services/common/wire_attributes.h"

/* Names and addresses for field tables. */
#define AT(type, member) .offset = offsetof(type, member)

#define PAGE_ROWS 100

/* --- Errors (errors.c). */

extern const struct error_kind sns_invalid_parameter;
extern const struct error_kind sns_attribute_invalid; /* message attributes */
extern const struct error_kind sns_validation;
extern const struct error_kind sns_not_found;
extern const struct error_kind sns_resource_not_found; /* of the tag calls */
extern const struct error_kind sns_authorization;
extern const struct error_kind sns_subscription_limit;
extern const struct error_kind sns_topic_limit;
extern const struct error_kind sns_filter_policy_limit;
extern const struct error_kind sns_tag_limit;
extern const struct error_kind sns_empty_batch;
extern const struct error_kind sns_too_many_entries;
extern const struct error_kind sns_ids_not_distinct;
extern const struct error_kind sns_invalid_batch_id;
extern const struct error_kind sns_batch_too_long;

enum status sns_missing(struct request *request, const struct operation *operation,
                        struct text name);
/* STATUS_FULL, STATUS_BUSY and the like of the core, as AWS would say it. */
enum status sns_fail_status(struct request *request, enum status status, const struct why *why);

/* --- Finding things (find.c).  They fail the request. */

/* `name`: of the parameter, for the error. */
MUST_CHECK enum status sns_topic(struct request *request, struct step *step, struct text arn,
                                 const char *name, struct topic **ret_topic);
/* STATUS_NOT_FOUND without an error: there is none of that id. */
MUST_CHECK enum status sns_subscription(struct request *request, struct step *step,
                                        struct text arn, struct subscription *ret);

/* --- Attributes. */

/* topic_rules.c: one settable attribute of a topic into the set; fails the request.  `prefix`
 * stands before the attribute's name in errors. */
MUST_CHECK enum status topic_rule_apply(struct request *request, struct attribute_set *set,
                                        struct text name, struct text value);
struct text topic_default_policy(struct request *request, const struct topic *topic);

/* subscription_rules.c: the same for a subscription; `reason_prefix` is "Attributes Reason: "
 * for Subscribe. The filter policy is checked by subscription_rules_check at the end. */
MUST_CHECK enum status subscription_rule_apply(struct request *request,
                                               const char *reason_prefix,
                                               struct attribute_set *set, struct text name,
                                               struct text value);
MUST_CHECK enum status subscription_rules_check(struct request *request,
                                                const char *reason_prefix,
                                                const struct attribute_set *set);

/* Sets and the router's attributes are both pairs of texts, sorted by name. */
const struct attribute *set_attributes(const struct attribute_set *set);
void set_from_attributes(struct attribute_set *set, struct arena *arena,
                         const struct attribute *attributes, size_t count);

/* --- The families. */

extern const struct operation sns_topic_operations[];
extern const struct operation sns_topic_attribute_operations[];
extern const struct operation sns_subscribe_operations[];
extern const struct operation sns_confirm_operations[];
extern const struct operation sns_list_operations[];
extern const struct operation sns_subscription_attribute_operations[];
extern const struct operation sns_publish_operations[];
extern const struct operation sns_tag_operations[];
extern const struct operation sns_permission_operations[];

#endif
