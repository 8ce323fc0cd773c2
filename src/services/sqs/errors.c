/* SQS's errors: names on both protocols, HTTP status, and what the core's refusals become. */
#include "services/common/encryption.h"
#include "services/sqs/internal.h"

#include <stdarg.h>

#define OLD_PREFIX "AWS.SimpleQueueService."

const struct error_kind sqs_queue_does_not_exist = {
    .type = "QueueDoesNotExist", .query = OLD_PREFIX "NonExistentQueue", .http_status = 400};
const struct error_kind sqs_queue_name_exists = {
    .type = "QueueNameExists", .query = "QueueAlreadyExists", .http_status = 400};
const struct error_kind sqs_invalid_parameter_value = {.type = "InvalidParameterValueException",
                                                       .query = "InvalidParameterValue",
                                                       .http_status = 400,
                                                       .is_generic = true};
const struct error_kind sqs_missing_parameter = {.type = "MissingRequiredParameterException",
                                                 .query = "MissingParameter",
                                                 .http_status = 400,
                                                 .is_generic = true};
const struct error_kind sqs_invalid_attribute_name = {
    .type = "InvalidAttributeName", .query = "InvalidAttributeName", .http_status = 400};
const struct error_kind sqs_invalid_attribute_value = {
    .type = "InvalidAttributeValue", .query = "InvalidAttributeValue", .http_status = 400};
const struct error_kind sqs_invalid_message_contents = {
    .type = "InvalidMessageContents", .query = "InvalidMessageContents", .http_status = 400};
const struct error_kind sqs_receipt_handle_is_invalid = {
    .type = "ReceiptHandleIsInvalid", .query = "ReceiptHandleIsInvalid", .http_status = 404};
const struct error_kind sqs_message_not_inflight = {
    .type = "MessageNotInflight", .query = OLD_PREFIX "MessageNotInflight", .http_status = 400};
const struct error_kind sqs_queue_deleted_recently = {.type = "QueueDeletedRecently",
                                                      .query =
                                                          OLD_PREFIX "QueueDeletedRecently",
                                                      .http_status = 400};
const struct error_kind sqs_over_limit = {
    .type = "OverLimit", .query = "OverLimit", .http_status = 403};
const struct error_kind sqs_purge_in_progress = {.type = "PurgeQueueInProgress",
                                                 .query = OLD_PREFIX "PurgeQueueInProgress",
                                                 .http_status = 403};
const struct error_kind sqs_resource_not_found = {.type = "ResourceNotFoundException",
                                                  .query = "ResourceNotFoundException",
                                                  .http_status = 404};
const struct error_kind sqs_empty_batch = {
    .type = "EmptyBatchRequest", .query = OLD_PREFIX "EmptyBatchRequest", .http_status = 400};
const struct error_kind sqs_too_many_entries = {.type = "TooManyEntriesInBatchRequest",
                                                .query =
                                                    OLD_PREFIX "TooManyEntriesInBatchRequest",
                                                .http_status = 400};
const struct error_kind sqs_ids_not_distinct = {.type = "BatchEntryIdsNotDistinct",
                                                .query = OLD_PREFIX "BatchEntryIdsNotDistinct",
                                                .http_status = 400};
const struct error_kind sqs_invalid_batch_id = {.type = "InvalidBatchEntryId",
                                                .query = OLD_PREFIX "InvalidBatchEntryId",
                                                .http_status = 400};
const struct error_kind sqs_batch_too_long = {.type = "BatchRequestTooLong",
                                              .query = OLD_PREFIX "BatchRequestTooLong",
                                              .http_status = 400};
const struct error_kind sqs_unsupported_operation = {.type = "UnsupportedOperation",
                                                     .query = OLD_PREFIX "UnsupportedOperation",
                                                     .http_status = 400};

/* Of a queue's key, by enum encryption_fault. */
static const struct error_kind key_faults[ENCRYPTION_FAULTS] = {
    [ENCRYPTION_DISABLED] = {.type = "KmsDisabled",
                             .query = "KMS.DisabledException",
                             .http_status = 400},
    [ENCRYPTION_PENDING] = {.type = "KmsInvalidState",
                            .query = "KMS.InvalidStateException",
                            .http_status = 400},
    [ENCRYPTION_NOT_FOUND] = {.type = "KmsNotFound",
                              .query = "KMS.NotFoundException",
                              .http_status = 400},
};

enum status sqs_check_key(struct request *request, struct step *step, const struct queue *queue)
{
    struct text text = {0};
    enum encryption_fault fault =
        encryption_check(request, step, queue_attribute(queue, T("KmsMasterKeyId")), &text);

    return fault == ENCRYPTION_FINE
               ? STATUS_OK
               : request_fail(request, &key_faults[fault], "%.*s", TEXT_PRINTF(text));
}

enum status sqs_missing(struct request *request, const struct operation *operation,
                        struct text name)
{
    (void)operation;
    return request_fail(request, &sqs_missing_parameter,
                        "The request must contain the parameter %.*s.", TEXT_PRINTF(name));
}

enum status sqs_fail_status(struct request *request, enum status status, const struct why *why)
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

enum status sqs_fault_set(struct request *request, struct sqs_fault *fault,
                          const struct error_kind *kind, const char *format, ...)
{
    va_list arguments;

    fault->kind = kind;
    va_start(arguments, format);
    fault->message = arena_vprintf(request->arena, format, arguments);
    va_end(arguments);
    return STATUS_INVALID;
}

enum status sqs_fail_with(struct request *request, const struct sqs_fault *fault)
{
    return request_fail(request, fault->kind, "%.*s", TEXT_PRINTF(fault->message));
}
