/* ReceiveMessage: leases messages, waiting for them when asked to. */
#include "services/sqs/receive.h"

#include "services/common/names.h"

#include <string.h>

#define WAIT_MAX_S 20

static const struct field receive_input_fields[] = {
    {.name = "QueueUrl", .type = FIELD_STRING, AT(struct receive_input, url)},
    {.name = "AttributeNames",
     .query = "AttributeName",
     .type = FIELD_STRING_LIST,
     .shape = QUERY_FLAT,
     AT(struct receive_input, attribute_names)},
    {.name = "MessageSystemAttributeNames",
     .query = "MessageSystemAttributeName",
     .type = FIELD_STRING_LIST,
     .shape = QUERY_FLAT,
     AT(struct receive_input, system_names)},
    {.name = "MessageAttributeNames",
     .query = "MessageAttributeName",
     .type = FIELD_STRING_LIST,
     .shape = QUERY_FLAT,
     AT(struct receive_input, message_names)},
    {.name = "MaxNumberOfMessages", .type = FIELD_INTEGER, AT(struct receive_input, max)},
    {.name = "VisibilityTimeout",
     .type = FIELD_INTEGER,
     AT(struct receive_input, visibility_s)},
    {.name = "WaitTimeSeconds", .type = FIELD_INTEGER, AT(struct receive_input, wait_s)},
    {.name = "ReceiveRequestAttemptId",
     .type = FIELD_STRING,
     AT(struct receive_input, attempt_id)},
    FIELDS_END,
};

static const struct field received_fields[] = {
    {.name = "MessageId", .type = FIELD_STRING, AT(struct received, message_id)},
    {.name = "ReceiptHandle", .type = FIELD_STRING, AT(struct received, handle)},
    {.name = "MD5OfBody", .type = FIELD_STRING, AT(struct received, body_md5)},
    {.name = "Body", .type = FIELD_STRING, AT(struct received, body)},
    {.name = "Attributes",
     .query = "Attribute",
     .query_key = "Name",
     .query_value = "Value",
     .type = FIELD_STRING_MAP,
     .shape = QUERY_FLAT,
     AT(struct received, system_attributes)},
    {.name = "MD5OfMessageAttributes",
     .type = FIELD_STRING,
     AT(struct received, attributes_md5)},
    {.name = "MessageAttributes",
     .query = "MessageAttribute",
     .query_key = "Name",
     .query_value = "Value",
     .type = FIELD_STRUCT_MAP,
     .shape = QUERY_FLAT,
     AT(struct received, attributes),
     .of = wire_attribute_fields,
     .of_size = sizeof(struct wire_attribute)},
    FIELDS_END,
};

static const struct field receive_output_fields[] = {
    {.name = "Messages",
     .query = "Message",
     .query_json = "messages",
     .type = FIELD_STRUCT_LIST,
     .shape = QUERY_FLAT,
     AT(struct receive_output, messages),
     .of = received_fields,
     .of_size = sizeof(struct received)},
    FIELDS_END,
};

/* --- Checking. */

static enum status range_check(struct request *request, const struct receive_input *in)
{
    const struct {
        const char *name;
        const struct optional_integer *value;
        int64_t min, max;
        const char *reason;
    } ranges[] = {
        {"MaxNumberOfMessages", &in->max, 1, RECEIVE_MAX,
         "Must be between 1 and 10, if provided."},
        {"WaitTimeSeconds", &in->wait_s, 0, WAIT_MAX_S, "Must be >= 0 and <= 20, if provided."},
        {"VisibilityTimeout", &in->visibility_s, 0, VISIBILITY_MAX_S,
         "Must be >= 0 and <= 43200, if provided."},
    };

    for (size_t i = 0; i < countof(ranges); i++) {
        int64_t value = ranges[i].value->value;

        if (ranges[i].value->is_set && (value < ranges[i].min || value > ranges[i].max)) {
            return request_fail(request, &sqs_invalid_parameter_value,
                                "Value %lld for parameter %s is invalid. Reason: %s",
                                (long long)value, ranges[i].name, ranges[i].reason);
        }
    }
    if (in->attempt_id.at != NULL && !name_is_printable(in->attempt_id)) {
        return request_fail(request, &sqs_invalid_parameter_value,
                            "Value %.*s for parameter ReceiveRequestAttemptId is invalid. "
                            "Reason: ReceiveRequestAttemptId can only include alphanumeric and "
                            "punctuation characters. 1 to 128 in length.",
                            TEXT_PRINTF(in->attempt_id));
    }
    return STATUS_OK;
}

static enum status names_check(struct request *request, const struct string_list *names)
{
    static const struct text known[] = {
        TEXT("All"),
        TEXT("SenderId"),
        TEXT("SentTimestamp"),
        TEXT("ApproximateReceiveCount"),
        TEXT("ApproximateFirstReceiveTimestamp"),
        TEXT("SequenceNumber"),
        TEXT("MessageDeduplicationId"),
        TEXT("MessageGroupId"),
        TEXT("AWSTraceHeader"),
        TEXT("DeadLetterQueueSourceArn"),
    };

    for (size_t i = 0; i < names->count; i++) {
        size_t j = 0;

        while (j < countof(known) && !text_equal(known[j], names->items[i])) {
            j++;
        }
        if (j == countof(known)) {
            return request_fail(request, &sqs_invalid_attribute_name, "Unknown Attribute %.*s.",
                                TEXT_PRINTF(names->items[i]));
        }
    }
    return STATUS_OK;
}

static enum status receive_check(struct request *request, const struct receive_input *in)
{
    enum status status = range_check(request, in);

    status = status != STATUS_OK ? status : names_check(request, &in->attribute_names);
    return status != STATUS_OK ? status : names_check(request, &in->system_names);
}

/* --- Leasing. */

static int64_t milliseconds(struct optional_integer seconds)
{
    return seconds.is_set ? seconds.value * 1000 : -1;
}

static void receive_open(struct request *request, const struct receive_input *in,
                         struct receive_output *out)
{
    out->is_open = true;
    out->receive.max = in->max.is_set ? (uint32_t)in->max.value : 1;
    out->receive.visibility_ms = milliseconds(in->visibility_s);
    out->receive.wait_ms = milliseconds(in->wait_s);
    out->receive.attempt_id = in->attempt_id;
    out->receive.arena = request->arena;
    out->receive.lent =
        arena_array(request->arena, out->receive.max, sizeof *out->receive.lent);
}

static enum status receive_message(struct request *request, struct step *step,
                                   const void *input, void *output)
{
    const struct receive_input *in = input;
    struct receive_output *out = output;
    struct queue *queue = NULL;
    enum status status = out->is_open ? STATUS_OK : receive_check(request, in);

    status = status != STATUS_OK ? status : sqs_queue(request, step, in->url, &queue);
    status = status != STATUS_OK ? status : sqs_check_key(request, step, queue);
    if (status != STATUS_OK) {
        return status;
    }
    if (!out->is_open) {
        receive_open(request, in, out);
    }
    out->is_fifo = queue->settings.is_fifo;
    status = queue_receive(step, queue, &out->receive);
    request->call.only_reads = !out->receive.must_be_durable;
    if (status == STATUS_NOT_FOUND) {
        return sqs_no_queue(request);
    }
    if (status == STATUS_BUSY) {
        return request_fail(request, &sqs_over_limit,
                            "Too many messages are in flight: delete some before receiving "
                            "more.");
    }
    return status;
}

static void receive_leave(struct request *request, struct step *step, void *input, void *output)
{
    struct receive_output *out = output;

    (void)request;
    (void)input;
    if (out->is_open) {
        queue_receive_end(step, &out->receive);
    }
}

static void receive_release(struct request *request, void *output)
{
    struct receive_output *out = output;

    for (size_t i = 0; i < out->envelope_count; i++) {
        if (out->envelopes[i].is_waiting) {
            signer_cancel(api_signer(request->api), &out->envelopes[i].signing);
            out->envelopes[i].is_waiting = false;
        }
    }
    for (size_t i = 0; i < out->receive.lent_count; i++) {
        queue_lent_free(&out->receive.lent[i]);
    }
    out->receive.lent_count = 0;
}

const struct operation sqs_receive_operations[] = {
    {.name = "ReceiveMessage",
     .permission = "sqs:ReceiveMessage",
     .handle = receive_message,
     .render = receive_render,
     .release = receive_release,
     .leave = receive_leave,
     .is_long_poll = true,
     .input = receive_input_fields,
     .input_size = sizeof(struct receive_input),
     .output = receive_output_fields,
     .output_size = sizeof(struct receive_output)},
    OPERATIONS_END,
};
