/* DeleteMessage, ChangeMessageVisibility and their batches: what becomes of a leased message.
 */
#include "services/sqs/internal.h"

/* One handle, alone or as an entry of a batch. */
struct settle_input {
    struct text url;
    struct text id;
    struct text handle;
    struct optional_integer visibility_s;
};

static const struct field delete_input_fields[] = {
    {.name = "QueueUrl", .type = FIELD_STRING, AT(struct settle_input, url)},
    {.name = "ReceiptHandle",
     .type = FIELD_STRING,
     .required = true,
     AT(struct settle_input, handle)},
    FIELDS_END,
};

static const struct field change_input_fields[] = {
    {.name = "QueueUrl", .type = FIELD_STRING, AT(struct settle_input, url)},
    {.name = "ReceiptHandle",
     .type = FIELD_STRING,
     .required = true,
     AT(struct settle_input, handle)},
    {.name = "VisibilityTimeout",
     .type = FIELD_INTEGER,
     .required = true,
     AT(struct settle_input, visibility_s)},
    FIELDS_END,
};

static const struct field delete_entry_fields[] = {
    {.name = "Id", .type = FIELD_STRING, .required = true, AT(struct settle_input, id)},
    {.name = "ReceiptHandle",
     .type = FIELD_STRING,
     .required = true,
     AT(struct settle_input, handle)},
    FIELDS_END,
};

static const struct field change_entry_fields[] = {
    {.name = "Id", .type = FIELD_STRING, .required = true, AT(struct settle_input, id)},
    {.name = "ReceiptHandle",
     .type = FIELD_STRING,
     .required = true,
     AT(struct settle_input, handle)},
    {.name = "VisibilityTimeout", .type = FIELD_INTEGER, AT(struct settle_input, visibility_s)},
    FIELDS_END,
};

/* --- One. */

typedef enum status settle_function(struct request *request, struct step *step,
                                    struct queue *queue, const struct settle_input *in,
                                    struct sqs_fault *fault);

static enum status not_a_handle(struct request *request, struct text handle,
                                struct sqs_fault *fault)
{
    return sqs_fault_set(request, fault, &sqs_receipt_handle_is_invalid,
                         "The input receipt handle \"%.*s\" is not a valid receipt handle.",
                         TEXT_PRINTF(handle));
}

static enum status bad_parameter(struct request *request, struct text value,
                                 const char *parameter, const char *reason,
                                 struct sqs_fault *fault)
{
    return sqs_fault_set(request, fault, &sqs_invalid_parameter_value,
                         "Value %.*s for parameter %s is invalid. Reason: %s",
                         TEXT_PRINTF(value), parameter, reason);
}

static enum status unexpected(struct request *request, enum status status,
                              struct sqs_fault *fault)
{
    return sqs_fault_set(request, fault, &error_internal, "%s", status_name(status));
}

static enum status expired(struct request *request, struct text handle, struct sqs_fault *fault)
{
    return bad_parameter(request, handle, "ReceiptHandle", "The receipt handle has expired.",
                         fault);
}

static enum status delete_one(struct request *request, struct step *step, struct queue *queue,
                              const struct settle_input *in, struct sqs_fault *fault)
{
    enum status status = queue_delete_message(step, queue, in->handle);

    if (status == STATUS_OK || status == STATUS_WAIT) {
        return status;
    }
    if (status == STATUS_INVALID) {
        return not_a_handle(request, in->handle, fault);
    }
    if (status == STATUS_EXISTS) {
        return expired(request, in->handle, fault);
    }
    return unexpected(request, status, fault);
}

static enum status change_failed(struct request *request, const struct queue *queue,
                                 const struct settle_input *in, enum status status,
                                 struct sqs_fault *fault)
{
    struct text seconds =
        arena_printf(request->arena, "%lld", (long long)in->visibility_s.value);

    if (status == STATUS_INVALID) {
        return not_a_handle(request, in->handle, fault);
    }
    if (status == STATUS_NOT_FOUND) {
        return bad_parameter(request, in->handle, "ReceiptHandle",
                             "Message does not exist or is not available for visibility "
                             "timeout change.",
                             fault);
    }
    if (status == STATUS_EXISTS && queue->settings.is_fifo) {
        return expired(request, in->handle, fault);
    }
    if (status == STATUS_EXISTS) {
        return sqs_fault_set(request, fault, &sqs_message_not_inflight,
                             "The specified message isn't in flight.");
    }
    if (status == STATUS_DENIED) {
        return bad_parameter(request, seconds, "VisibilityTimeout",
                             "Total VisibilityTimeout for the message is beyond the limit "
                             "[43200 seconds].",
                             fault);
    }
    if (status == STATUS_BUSY) {
        return sqs_fault_set(
            request, fault, &sqs_over_limit,
            "Too many messages are in flight: delete some before hiding more.");
    }
    return unexpected(request, status, fault);
}

static enum status change_one(struct request *request, struct step *step, struct queue *queue,
                              const struct settle_input *in, struct sqs_fault *fault)
{
    int64_t seconds = in->visibility_s.value;

    if (!in->visibility_s.is_set) {
        return sqs_fault_set(request, fault, &sqs_missing_parameter,
                             "The request must contain the parameter VisibilityTimeout.");
    }
    if (seconds < 0 || seconds > VISIBILITY_MAX_S) {
        return bad_parameter(request, arena_printf(request->arena, "%lld", (long long)seconds),
                             "VisibilityTimeout",
                             "VisibilityTimeout must be an integer between 0 and 43200.",
                             fault);
    }
    enum status status = queue_change_visibility(step, queue, in->handle, seconds * 1000);

    return status == STATUS_OK || status == STATUS_WAIT
               ? status
               : change_failed(request, queue, in, status, fault);
}

static enum status settle(struct request *request, struct step *step,
                          const struct settle_input *in, settle_function *settle_one)
{
    struct queue *queue = NULL;
    struct sqs_fault fault;
    enum status status = sqs_queue(request, step, in->url, &queue);

    if (status != STATUS_OK) {
        return status;
    }
    status = settle_one(request, step, queue, in, &fault);
    return status == STATUS_INVALID ? sqs_fail_with(request, &fault) : status;
}

static enum status delete_message(struct request *request, struct step *step, const void *input,
                                  void *output)
{
    (void)output;
    return settle(request, step, input, delete_one);
}

static enum status change_message_visibility(struct request *request, struct step *step,
                                             const void *input, void *output)
{
    (void)output;
    return settle(request, step, input, change_one);
}

/* --- Batches. */

struct settle_batch_input {
    struct text url;
    struct struct_list entries;
};

static const struct field delete_batch_input_fields[] = {
    {.name = "QueueUrl", .type = FIELD_STRING, AT(struct settle_batch_input, url)},
    {.name = "Entries",
     .query = "DeleteMessageBatchRequestEntry",
     .type = FIELD_STRUCT_LIST,
     .shape = QUERY_FLAT,
     AT(struct settle_batch_input, entries),
     .of = delete_entry_fields,
     .of_size = sizeof(struct settle_input)},
    FIELDS_END,
};

static const struct field change_batch_input_fields[] = {
    {.name = "QueueUrl", .type = FIELD_STRING, AT(struct settle_batch_input, url)},
    {.name = "Entries",
     .query = "ChangeMessageVisibilityBatchRequestEntry",
     .type = FIELD_STRUCT_LIST,
     .shape = QUERY_FLAT,
     AT(struct settle_batch_input, entries),
     .of = change_entry_fields,
     .of_size = sizeof(struct settle_input)},
    FIELDS_END,
};

struct settle_batch_output {
    struct struct_list successful; /* of struct text */
    struct struct_list failed;
    size_t done; /* entries settled: a later run goes on there */
    struct text ids[BATCH_MAX];
    struct batch_failure failures[BATCH_MAX];
};

static const struct field delete_batch_output_fields[] = {
    {.name = "Successful",
     .query = "DeleteMessageBatchResultEntry",
     .type = FIELD_STRUCT_LIST,
     .shape = QUERY_FLAT,
     AT(struct settle_batch_output, successful),
     .of = batch_id_fields,
     .of_size = sizeof(struct text)},
    {.name = "Failed",
     .query = "BatchResultErrorEntry",
     .type = FIELD_STRUCT_LIST,
     .shape = QUERY_FLAT,
     AT(struct settle_batch_output, failed),
     .of = batch_failure_fields,
     .of_size = sizeof(struct batch_failure)},
    FIELDS_END,
};

static const struct field change_batch_output_fields[] = {
    {.name = "Successful",
     .query = "ChangeMessageVisibilityBatchResultEntry",
     .type = FIELD_STRUCT_LIST,
     .shape = QUERY_FLAT,
     AT(struct settle_batch_output, successful),
     .of = batch_id_fields,
     .of_size = sizeof(struct text)},
    {.name = "Failed",
     .query = "BatchResultErrorEntry",
     .type = FIELD_STRUCT_LIST,
     .shape = QUERY_FLAT,
     AT(struct settle_batch_output, failed),
     .of = batch_failure_fields,
     .of_size = sizeof(struct batch_failure)},
    FIELDS_END,
};

static enum status entries_check(struct request *request, const struct settle_batch_input *in,
                                 const char *name)
{
    const struct settle_input *entries = in->entries.items;
    struct text ids[BATCH_MAX];

    for (size_t i = 0; i < in->entries.count && i < BATCH_MAX; i++) {
        ids[i] = entries[i].id;
    }
    return batch_check(request, name, ids, in->entries.count);
}

static enum status settle_entries(struct request *request, struct step *step,
                                  struct queue *queue, const struct settle_batch_input *in,
                                  struct settle_batch_output *out, settle_function *settle_one)
{
    const struct settle_input *entries = in->entries.items;

    out->successful.items = out->ids;
    out->failed.items = out->failures;
    while (out->done < in->entries.count) {
        const struct settle_input *entry = &entries[out->done];
        struct sqs_fault fault;
        enum status status = settle_one(request, step, queue, entry, &fault);

        if (status == STATUS_WAIT) {
            return status;
        }
        if (status == STATUS_OK) {
            out->ids[out->successful.count++] = entry->id;
        } else {
            batch_failure_fill(&out->failures[out->failed.count++], request, entry->id, &fault);
        }
        out->done++;
    }
    out->successful.is_set = out->successful.count > 0;
    out->failed.is_set = out->failed.count > 0;
    return STATUS_OK;
}

static enum status delete_message_batch(struct request *request, struct step *step,
                                        const void *input, void *output)
{
    const struct settle_batch_input *in = input;
    struct queue *queue = NULL;
    enum status status = sqs_queue(request, step, in->url, &queue);

    if (status == STATUS_OK) {
        status = entries_check(request, in, "DeleteMessageBatchRequestEntry");
    }
    return status != STATUS_OK ? status
                               : settle_entries(request, step, queue, in, output, delete_one);
}

static enum status change_message_visibility_batch(struct request *request, struct step *step,
                                                   const void *input, void *output)
{
    const struct settle_batch_input *in = input;
    struct queue *queue = NULL;
    enum status status = sqs_queue(request, step, in->url, &queue);

    if (status == STATUS_OK) {
        status = entries_check(request, in, "ChangeMessageVisibilityBatchRequestEntry");
    }
    return status != STATUS_OK ? status
                               : settle_entries(request, step, queue, in, output, change_one);
}

const struct operation sqs_settle_operations[] = {
    {.name = "DeleteMessage",
     .permission = "sqs:DeleteMessage",
     .handle = delete_message,
     .input = delete_input_fields,
     .input_size = sizeof(struct settle_input)},
    {.name = "DeleteMessageBatch",
     .permission = "sqs:DeleteMessage",
     .handle = delete_message_batch,
     .input = delete_batch_input_fields,
     .input_size = sizeof(struct settle_batch_input),
     .output = delete_batch_output_fields,
     .output_size = sizeof(struct settle_batch_output)},
    {.name = "ChangeMessageVisibility",
     .permission = "sqs:ChangeMessageVisibility",
     .handle = change_message_visibility,
     .input = change_input_fields,
     .input_size = sizeof(struct settle_input)},
    {.name = "ChangeMessageVisibilityBatch",
     .permission = "sqs:ChangeMessageVisibility",
     .handle = change_message_visibility_batch,
     .input = change_batch_input_fields,
     .input_size = sizeof(struct settle_batch_input),
     .output = change_batch_output_fields,
     .output_size = sizeof(struct settle_batch_output)},
    OPERATIONS_END,
};
