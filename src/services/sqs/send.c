/* SendMessage and SendMessageBatch. */
#include "base/encoding.h"
#include "services/common/names.h"
#include "services/sqs/internal.h"

#define INVALID_CHARACTERS                                                      \
    "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | " \
    "#x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF"
#define DELAY_MAX_S 900

/* One message, alone or as an entry of a batch. */
struct send_input {
    struct text url; /* SendMessage */
    struct text id;  /* of an entry */
    struct text body;
    struct optional_integer delay_s;
    struct struct_map attributes;
    struct struct_map system_attributes;
    struct text deduplication_id;
    struct text group_id;
};

#define SEND_FIELDS                                                                     \
    {.name = "DelaySeconds", .type = FIELD_INTEGER, AT(struct send_input, delay_s)},    \
        {.name = "MessageAttributes",                                                   \
         .query = "MessageAttribute",                                                   \
         .query_key = "Name",                                                           \
         .query_value = "Value",                                                        \
         .type = FIELD_STRUCT_MAP,                                                      \
         .shape = QUERY_FLAT,                                                           \
         AT(struct send_input, attributes),                                             \
         .of = wire_attribute_fields,                                                   \
         .of_size = sizeof(struct wire_attribute)},                                     \
        {.name = "MessageSystemAttributes",                                             \
         .query = "MessageSystemAttribute",                                             \
         .query_key = "Name",                                                           \
         .query_value = "Value",                                                        \
         .type = FIELD_STRUCT_MAP,                                                      \
         .shape = QUERY_FLAT,                                                           \
         AT(struct send_input, system_attributes),                                      \
         .of = wire_attribute_fields,                                                   \
         .of_size = sizeof(struct wire_attribute)},                                     \
        {.name = "MessageDeduplicationId",                                              \
         .type = FIELD_STRING,                                                          \
         AT(struct send_input, deduplication_id)},                                      \
    {                                                                                   \
        .name = "MessageGroupId", .type = FIELD_STRING, AT(struct send_input, group_id) \
    }

static const struct field send_input_fields[] = {
    {.name = "QueueUrl", .type = FIELD_STRING, AT(struct send_input, url)},
    {.name = "MessageBody",
     .type = FIELD_STRING,
     .required = true,
     AT(struct send_input, body)},
    SEND_FIELDS,
    FIELDS_END,
};

static const struct field send_entry_fields[] = {
    {.name = "Id", .type = FIELD_STRING, .required = true, AT(struct send_input, id)},
    {.name = "MessageBody", .type = FIELD_STRING, AT(struct send_input, body)},
    SEND_FIELDS,
    FIELDS_END,
};

struct send_output {
    struct text id; /* of an entry */
    struct text message_id;
    struct text body_md5;
    struct text attributes_md5;
    struct text system_attributes_md5;
    struct text sequence;
};

#define SENT_FIELDS                                                                           \
    {.name = "MessageId", .type = FIELD_STRING, AT(struct send_output, message_id)},          \
        {.name = "MD5OfMessageBody", .type = FIELD_STRING, AT(struct send_output, body_md5)}, \
        {.name = "MD5OfMessageAttributes",                                                    \
         .type = FIELD_STRING,                                                                \
         AT(struct send_output, attributes_md5)},                                             \
        {.name = "MD5OfMessageSystemAttributes",                                              \
         .type = FIELD_STRING,                                                                \
         AT(struct send_output, system_attributes_md5)},                                      \
    {                                                                                         \
        .name = "SequenceNumber", .type = FIELD_STRING, AT(struct send_output, sequence)      \
    }

static const struct field send_output_fields[] = {SENT_FIELDS, FIELDS_END};

static const struct field sent_entry_fields[] = {
    {.name = "Id", .type = FIELD_STRING, AT(struct send_output, id)},
    SENT_FIELDS,
    FIELDS_END,
};

/* --- Checking one message. */

static enum status body_check(struct request *request, const struct send_input *in,
                              struct sqs_fault *fault)
{
    if (in->body.len == 0) {
        return sqs_fault_set(request, fault, &sqs_missing_parameter,
                             "The request must contain the parameter MessageBody.");
    }
    if (!text_is_xml(in->body)) {
        return sqs_fault_set(request, fault, &sqs_invalid_message_contents, INVALID_CHARACTERS);
    }
    return STATUS_OK;
}

static enum status id_check(struct request *request, const char *parameter, struct text id,
                            struct sqs_fault *fault)
{
    if (id.at == NULL || name_is_printable(id)) {
        return STATUS_OK;
    }
    return sqs_fault_set(request, fault, &sqs_invalid_parameter_value,
                         "Value %.*s for parameter %s is invalid. Reason: %s can only include "
                         "alphanumeric and punctuation characters. 1 to 128 in length.",
                         TEXT_PRINTF(id), parameter, parameter);
}

static enum status not_of_this_type(struct request *request, const char *parameter,
                                    struct text value, struct sqs_fault *fault)
{
    return sqs_fault_set(request, fault, &sqs_invalid_parameter_value,
                         "Value %.*s for parameter %s is invalid. Reason: The request include "
                         "parameter that is not valid for this queue type.",
                         TEXT_PRINTF(value), parameter);
}

static enum status delay_check(struct request *request, const struct queue *queue,
                               const struct send_input *in, struct sqs_fault *fault)
{
    if (!in->delay_s.is_set) {
        return STATUS_OK;
    }
    if (in->delay_s.value < 0 || in->delay_s.value > DELAY_MAX_S) {
        return sqs_fault_set(request, fault, &sqs_invalid_parameter_value,
                             "Value %lld for parameter DelaySeconds is invalid. Reason: "
                             "DelaySeconds must be >= 0 and <= 900.",
                             (long long)in->delay_s.value);
    }
    if (queue->settings.is_fifo && in->delay_s.value != 0) {
        return not_of_this_type(
            request, "DelaySeconds",
            arena_printf(request->arena, "%lld", (long long)in->delay_s.value), fault);
    }
    return STATUS_OK;
}

/* What a FIFO queue insists on: in a batch it fails the whole call.  `no_group` is what AWS
 * calls a missing group there. */
static enum status fifo_check(struct request *request, const struct queue *queue,
                              const struct send_input *in, const struct error_kind *no_group,
                              struct sqs_fault *fault)
{
    if (!queue->settings.is_fifo) {
        return STATUS_OK;
    }
    if (in->group_id.at == NULL) {
        return sqs_fault_set(request, fault, no_group,
                             "The request must contain the parameter MessageGroupId.");
    }
    if (in->deduplication_id.at == NULL && !queue->settings.content_based_deduplication) {
        return sqs_fault_set(request, fault, &sqs_invalid_parameter_value,
                             "The queue should either have ContentBasedDeduplication enabled "
                             "or MessageDeduplicationId provided explicitly");
    }
    return STATUS_OK;
}

static enum status ids_check(struct request *request, const struct queue *queue,
                             const struct send_input *in, struct sqs_fault *fault)
{
    if (!queue->settings.is_fifo && in->deduplication_id.at != NULL) {
        return not_of_this_type(request, "MessageDeduplicationId", in->deduplication_id, fault);
    }
    enum status status = id_check(request, "MessageGroupId", in->group_id, fault);

    return status != STATUS_OK
               ? status
               : id_check(request, "MessageDeduplicationId", in->deduplication_id, fault);
}

static bool has_list(const struct struct_map *attributes)
{
    const struct wire_attribute *wires = attributes->items;

    for (size_t i = 0; i < attributes->count; i++) {
        if (wire_attribute_has_list(&wires[i])) {
            return true;
        }
    }
    return false;
}

/* Not to be lost without a word; in a batch it fails the whole call. */
static enum status lists_check(struct request *request, const struct send_input *in,
                               struct sqs_fault *fault)
{
    if (!has_list(&in->attributes) && !has_list(&in->system_attributes)) {
        return STATUS_OK;
    }
    return sqs_fault_set(request, fault, &sqs_unsupported_operation,
                         "Message attribute list values in %s operation are not supported.",
                         request->operation->name);
}

/* AWSTraceHeader is the only one that may be sent. */
static enum status trace_header_take(struct request *request, const struct send_input *in,
                                     struct sqs_fault *fault, struct text *ret_header)
{
    const struct wire_attribute *wires = in->system_attributes.items;

    *ret_header = request->trace_header;
    for (size_t i = 0; i < in->system_attributes.count; i++) {
        if (!text_equal(in->system_attributes.names[i], T("AWSTraceHeader"))) {
            return sqs_fault_set(request, fault, &sqs_invalid_parameter_value,
                                 "Message system attribute name '%.*s' is invalid.",
                                 TEXT_PRINTF(in->system_attributes.names[i]));
        }
        if (!text_equal(wires[i].type, T("String")) || wires[i].string.len == 0) {
            return sqs_fault_set(request, fault, &sqs_invalid_parameter_value,
                                 "Message system attribute 'AWSTraceHeader' must be of type "
                                 "'String' with a non-empty value.");
        }
        if (!text_is_xml(wires[i].string)) {
            return sqs_fault_set(request, fault, &sqs_invalid_parameter_value,
                                 INVALID_CHARACTERS);
        }
        *ret_header = wires[i].string;
    }
    return STATUS_OK;
}

/* --- Sending one. */

struct taken {
    struct queue_message_attribute *attributes;
    struct queue_message message;
};

static enum status message_take(struct request *request, const struct queue *queue,
                                const struct send_input *in, struct sqs_fault *fault,
                                struct taken *taken)
{
    enum status status = body_check(request, in, fault);

    status = status != STATUS_OK ? status : ids_check(request, queue, in, fault);
    status = status != STATUS_OK ? status : delay_check(request, queue, in, fault);
    if (status == STATUS_OK) {
        status = message_attributes_take(request, &in->attributes, fault, &taken->attributes);
    }
    if (status == STATUS_OK) {
        status = trace_header_take(request, in, fault, &taken->message.trace_header);
    }
    if (status != STATUS_OK) {
        return status;
    }
    taken->message.body = in->body;
    taken->message.attributes =
        queue_attributes_encode(request->arena, taken->attributes, in->attributes.count);
    taken->message.sender_id = request->account;
    taken->message.group_id = in->group_id;
    taken->message.deduplication_id = in->deduplication_id;
    /* A FIFO queue's 0 is as good as none: its own delay counts. */
    taken->message.delay_ms =
        in->delay_s.is_set && !queue->settings.is_fifo ? in->delay_s.value * 1000 : -1;
    return STATUS_OK;
}

static void sent_fill(struct request *request, const struct queue *queue,
                      const struct send_input *in, const struct taken *taken,
                      const struct queue_sent *sent, struct send_output *out)
{
    char uuid[UUID_SIZE];

    uuid_format(sent->id, uuid);
    out->id = in->id;
    out->message_id = arena_copy(request->arena, text_from(uuid));
    out->body_md5 = text_md5(request->arena, in->body);
    out->attributes_md5 =
        message_attributes_md5(request->arena, taken->attributes, in->attributes.count);
    if (in->system_attributes.count > 0) {
        struct queue_message_attribute header = {T("AWSTraceHeader"), T("String"),
                                                 taken->message.trace_header};

        out->system_attributes_md5 = message_attributes_md5(request->arena, &header, 1);
    }
    if (queue->settings.is_fifo) {
        out->sequence =
            arena_printf(request->arena, "%020llu", (unsigned long long)sent->sequence);
    }
}

/* STATUS_INVALID with *fault; STATUS_WAIT; anything else is not the message's fault and is in
 * *why. */
static enum status message_send(struct request *request, struct step *step, struct queue *queue,
                                const struct send_input *in, struct sqs_fault *fault,
                                struct send_output *out)
{
    struct taken taken = {0};
    struct queue_sent sent;
    struct why why = {""};
    enum status status = message_take(request, queue, in, fault, &taken);

    if (status != STATUS_OK) {
        return status;
    }
    status = queue_send(step, queue, &taken.message, &sent, &why);
    if (status == STATUS_OK) {
        sent_fill(request, queue, in, &taken, &sent, out);
        return status;
    }
    if (status == STATUS_WAIT) {
        return status;
    }
    if (status == STATUS_INVALID) {
        return sqs_fault_set(request, fault, &sqs_invalid_parameter_value,
                             "One or more parameters %s. Reason: %s",
                             in->id.at == NULL ? "are invalid" : "cannot be validated",
                             why.text);
    }
    return sqs_fault_set(request, fault,
                         status == STATUS_FULL || status == STATUS_BUSY ? &error_unavailable
                                                                        : &error_internal,
                         "%s", why.text);
}

static enum status send_message(struct request *request, struct step *step, const void *input,
                                void *output)
{
    const struct send_input *in = input;
    struct queue *queue = NULL;
    struct sqs_fault fault;
    enum status status = sqs_queue(request, step, in->url, &queue);

    status = status != STATUS_OK ? status : sqs_check_key(request, step, queue);
    if (status != STATUS_OK) {
        return status;
    }
    status = fifo_check(request, queue, in, &sqs_missing_parameter, &fault);
    status = status != STATUS_OK ? status : lists_check(request, in, &fault);
    if (status == STATUS_OK) {
        status = message_send(request, step, queue, in, &fault, output);
    }
    return status == STATUS_INVALID ? sqs_fail_with(request, &fault) : status;
}

/* --- Batches. */

struct send_batch_input {
    struct text url;
    struct struct_list entries;
};

static const struct field send_batch_input_fields[] = {
    {.name = "QueueUrl", .type = FIELD_STRING, AT(struct send_batch_input, url)},
    {.name = "Entries",
     .query = "SendMessageBatchRequestEntry",
     .type = FIELD_STRUCT_LIST,
     .shape = QUERY_FLAT,
     AT(struct send_batch_input, entries),
     .of = send_entry_fields,
     .of_size = sizeof(struct send_input)},
    FIELDS_END,
};

struct send_batch_output {
    struct struct_list successful;
    struct struct_list failed;
    size_t done; /* entries settled: a later run goes on there */
    struct send_output sent[BATCH_MAX];
    struct batch_failure failures[BATCH_MAX];
};

static const struct field send_batch_output_fields[] = {
    {.name = "Successful",
     .query = "SendMessageBatchResultEntry",
     .type = FIELD_STRUCT_LIST,
     .shape = QUERY_FLAT,
     AT(struct send_batch_output, successful),
     .of = sent_entry_fields,
     .of_size = sizeof(struct send_output)},
    {.name = "Failed",
     .query = "BatchResultErrorEntry",
     .type = FIELD_STRUCT_LIST,
     .shape = QUERY_FLAT,
     AT(struct send_batch_output, failed),
     .of = batch_failure_fields,
     .of_size = sizeof(struct batch_failure)},
    FIELDS_END,
};

static size_t entry_size(const struct send_input *entry)
{
    const struct wire_attribute *wires = entry->attributes.items;
    size_t size = entry->body.len;

    for (size_t i = 0; i < entry->attributes.count; i++) {
        size += entry->attributes.names[i].len + wires[i].type.len
                + wire_attribute_value(&wires[i]).len;
    }
    return size;
}

static enum status entries_check(struct request *request, struct step *step,
                                 const struct queue *queue, const struct send_batch_input *in)
{
    const struct send_input *entries = in->entries.items;
    uint32_t size_max = queues_limits(queues_of(step))->message_size_max;
    struct text ids[BATCH_MAX];
    struct sqs_fault fault;
    size_t size = 0;

    for (size_t i = 0; i < in->entries.count && i < BATCH_MAX; i++) {
        ids[i] = entries[i].id;
    }
    enum status status =
        batch_check(request, "SendMessageBatchRequestEntry", ids, in->entries.count);

    for (size_t i = 0; i < in->entries.count && status == STATUS_OK; i++) {
        size += entry_size(&entries[i]);
        status = fifo_check(request, queue, &entries[i], &sqs_invalid_parameter_value, &fault);
        status = status != STATUS_OK ? status : lists_check(request, &entries[i], &fault);
        if (status != STATUS_OK) {
            return sqs_fail_with(request, &fault);
        }
    }
    if (status == STATUS_OK && size > size_max) {
        return request_fail(request, &sqs_batch_too_long,
                            "Batch requests cannot be longer than %u bytes. You have sent %zu "
                            "bytes.",
                            size_max, size);
    }
    return status;
}

static enum status send_message_batch(struct request *request, struct step *step,
                                      const void *input, void *output)
{
    const struct send_batch_input *in = input;
    struct send_batch_output *out = output;
    const struct send_input *entries = in->entries.items;
    struct queue *queue = NULL;
    enum status status = sqs_queue(request, step, in->url, &queue);

    status = status != STATUS_OK ? status : sqs_check_key(request, step, queue);
    if (status == STATUS_OK && out->done == 0) {
        status = entries_check(request, step, queue, in);
    }
    if (status != STATUS_OK) {
        return status;
    }
    out->successful.items = out->sent;
    out->failed.items = out->failures;
    while (out->done < in->entries.count) {
        const struct send_input *entry = &entries[out->done];
        struct sqs_fault fault;

        status = message_send(request, step, queue, entry, &fault,
                              &out->sent[out->successful.count]);
        if (status == STATUS_WAIT) {
            return status;
        }
        if (status == STATUS_OK) {
            out->successful.count++;
        } else {
            batch_failure_fill(&out->failures[out->failed.count++], request, entry->id, &fault);
        }
        out->done++;
    }
    out->successful.is_set = out->successful.count > 0;
    out->failed.is_set = out->failed.count > 0;
    return STATUS_OK;
}

const struct operation sqs_send_operations[] = {
    {.name = "SendMessage",
     .permission = "sqs:SendMessage",
     .handle = send_message,
     .input = send_input_fields,
     .input_size = sizeof(struct send_input),
     .output = send_output_fields,
     .output_size = sizeof(struct send_output)},
    {.name = "SendMessageBatch",
     .permission = "sqs:SendMessage",
     .handle = send_message_batch,
     .input = send_batch_input_fields,
     .input_size = sizeof(struct send_batch_input),
     .output = send_batch_output_fields,
     .output_size = sizeof(struct send_batch_output)},
    OPERATIONS_END,
};
