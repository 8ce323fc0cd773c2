/* SNS's errors (sns-sqs-api.md section 1). */
#include "services/sns/internal.h"

#define SENDER(name, code, status) \
    const struct error_kind name = {.type = (code), .query = (code), .http_status = (status)}

SENDER(sns_invalid_parameter, "InvalidParameter", 400);
SENDER(sns_attribute_invalid, "ParameterValueInvalid", 400);
SENDER(sns_validation, "ValidationError", 400);
SENDER(sns_not_found, "NotFound", 404);
SENDER(sns_resource_not_found, "ResourceNotFound", 404);
SENDER(sns_authorization, "AuthorizationError", 403);
SENDER(sns_subscription_limit, "SubscriptionLimitExceeded", 403);
SENDER(sns_topic_limit, "TopicLimitExceeded", 403);
SENDER(sns_filter_policy_limit, "FilterPolicyLimitExceeded", 403);
SENDER(sns_tag_limit, "TagLimitExceeded", 400);
SENDER(sns_empty_batch, "EmptyBatchRequest", 400);
SENDER(sns_too_many_entries, "TooManyEntriesInBatchRequest", 400);
SENDER(sns_ids_not_distinct, "BatchEntryIdsNotDistinct", 400);
SENDER(sns_invalid_batch_id, "InvalidBatchEntryId", 400);
SENDER(sns_batch_too_long, "BatchRequestTooLong", 400);

/* AWS names the member with a small first letter. */
enum status sns_missing(struct request *request, const struct operation *operation,
                        struct text name)
{
    char first = name.at[0];

    (void)operation;
    first = first >= 'A' && first <= 'Z' ? (char)(first - 'A' + 'a') : first;
    return request_fail(request, &sns_validation,
                        "1 validation error detected: Value null at '%c%.*s' failed to satisfy "
                        "constraint: Member must not be null",
                        first, TEXT_PRINTF(text_after(name, 1)));
}

enum status sns_fail_status(struct request *request, enum status status, const struct why *why)
{
    if (status == STATUS_WAIT || status == STATUS_OK) {
        return status;
    }
    return request_fail(request,
                        status == STATUS_FULL || status == STATUS_BUSY ? &error_unavailable
                                                                       : &error_internal,
                        "%s", why->text);
}
