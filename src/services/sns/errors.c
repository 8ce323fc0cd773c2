/* SNS's errors: codes, HTTP status, and what the core's refusals become. */
#include "services/common/encryption.h"
#include "services/sns/internal.h"

#include <ctype.h>

const struct error_kind sns_invalid_parameter = {
    .type = "InvalidParameter", .query = "InvalidParameter", .http_status = 400};
const struct error_kind sns_parameter_value_invalid = {
    .type = "ParameterValueInvalid", .query = "ParameterValueInvalid", .http_status = 400};
const struct error_kind sns_validation_error = {
    .type = "ValidationError", .query = "ValidationError", .http_status = 400};
const struct error_kind sns_not_found = {
    .type = "NotFound", .query = "NotFound", .http_status = 404};
const struct error_kind sns_resource_not_found = {
    .type = "ResourceNotFound", .query = "ResourceNotFound", .http_status = 404};
const struct error_kind sns_authorization_error = {
    .type = "AuthorizationError", .query = "AuthorizationError", .http_status = 403};
const struct error_kind sns_topic_limit_exceeded = {
    .type = "TopicLimitExceeded", .query = "TopicLimitExceeded", .http_status = 403};
const struct error_kind sns_subscription_limit_exceeded = {.type = "SubscriptionLimitExceeded",
                                                           .query = "SubscriptionLimitExceeded",
                                                           .http_status = 403};
const struct error_kind sns_filter_policy_limit_exceeded = {.type = "FilterPolicyLimitExceeded",
                                                            .query =
                                                                "FilterPolicyLimitExceeded",
                                                            .http_status = 403};
const struct error_kind sns_tag_limit_exceeded = {
    .type = "TagLimitExceeded", .query = "TagLimitExceeded", .http_status = 400};
const struct error_kind sns_empty_batch = {
    .type = "EmptyBatchRequest", .query = "EmptyBatchRequest", .http_status = 400};
const struct error_kind sns_too_many_entries = {.type = "TooManyEntriesInBatchRequest",
                                                .query = "TooManyEntriesInBatchRequest",
                                                .http_status = 400};
const struct error_kind sns_ids_not_distinct = {.type = "BatchEntryIdsNotDistinct",
                                                .query = "BatchEntryIdsNotDistinct",
                                                .http_status = 400};
const struct error_kind sns_invalid_batch_id = {
    .type = "InvalidBatchEntryId", .query = "InvalidBatchEntryId", .http_status = 400};
const struct error_kind sns_batch_too_long = {
    .type = "BatchRequestTooLong", .query = "BatchRequestTooLong", .http_status = 400};

/* Of a topic's key, by enum encryption_fault. */
static const struct error_kind key_faults[ENCRYPTION_FAULTS] = {
    [ENCRYPTION_DISABLED] = {.type = "KMSDisabled", .query = "KMSDisabled", .http_status = 400},
    [ENCRYPTION_PENDING] = {.type = "KMSInvalidState",
                            .query = "KMSInvalidState",
                            .http_status = 400},
    [ENCRYPTION_NOT_FOUND] = {.type = "KMSNotFound",
                              .query = "KMSNotFound",
                              .http_status = 400},
};

enum status sns_check_key(struct request *request, struct step *step, const struct topic *topic)
{
    struct text text = {0};
    enum encryption_fault fault =
        encryption_check(request, step, topic_attribute(topic, T("KmsMasterKeyId")), &text);

    return fault == ENCRYPTION_FINE
               ? STATUS_OK
               : request_fail(request, &key_faults[fault], "%.*s", TEXT_PRINTF(text));
}

enum status sns_missing(struct request *request, const struct operation *operation,
                        struct text name)
{
    (void)operation;
    return request_fail(request, &sns_validation_error,
                        "1 validation error detected: Value null at '%c%.*s' failed to satisfy "
                        "constraint: Member must not be null",
                        tolower((unsigned char)name.at[0]), TEXT_PRINTF(text_after(name, 1)));
}

enum status sns_fail_status(struct request *request, enum status status, const struct why *why)
{
    if (status == STATUS_WAIT || status == STATUS_OK) {
        return status;
    }
    if (status == STATUS_FULL || status == STATUS_BUSY) {
        return request_fail(request, &error_unavailable, "%s", why->text);
    }
    return request_fail(request, &error_internal, "%s",
                        why->text[0] != '\0' ? why->text : status_name(status));
}
