/* Publish and PublishBatch. */
#include "services/sns/publish.h"

#include "base/encoding.h"
#include "services/common/names.h"

#define BATCH_MAX    10
#define BATCH_ID_MAX 80

#define MESSAGE_FIELDS                                                                     \
    {.name = "Subject", .type = FIELD_STRING, AT(struct publish_input, subject)},          \
        {.name = "MessageStructure",                                                       \
         .type = FIELD_STRING,                                                             \
         AT(struct publish_input, structure)},                                             \
        {.name = "MessageAttributes",                                                      \
         .query_key = "Name",                                                              \
         .query_value = "Value",                                                           \
         .type = FIELD_STRUCT_MAP,                                                         \
         AT(struct publish_input, attributes),                                             \
         .of = wire_attribute_fields,                                                      \
         .of_size = sizeof(struct wire_attribute)},                                        \
        {.name = "MessageDeduplicationId",                                                 \
         .type = FIELD_STRING,                                                             \
         AT(struct publish_input, deduplication_id)},                                      \
    {                                                                                      \
        .name = "MessageGroupId", .type = FIELD_STRING, AT(struct publish_input, group_id) \
    }

static const struct field publish_input_fields[] = {
    {.name = "TopicArn", .type = FIELD_STRING, AT(struct publish_input, topic_arn)},
    {.name = "TargetArn", .type = FIELD_STRING, AT(struct publish_input, target_arn)},
    {.name = "PhoneNumber", .type = FIELD_STRING, AT(struct publish_input, phone_number)},
    {.name = "Message",
     .type = FIELD_STRING,
     .required = true,
     AT(struct publish_input, message)},
    MESSAGE_FIELDS,
    FIELDS_END,
};

static const struct field publish_entry_fields[] = {
    {.name = "Id", .type = FIELD_STRING, .required = true, AT(struct publish_input, id)},
    {.name = "Message",
     .type = FIELD_STRING,
     .required = true,
     AT(struct publish_input, message)},
    MESSAGE_FIELDS,
    FIELDS_END,
};

struct publish_output {
    struct text id; /* of an entry */
    struct text message_id;
    struct text sequence;
};

static const struct field publish_output_fields[] = {
    {.name = "MessageId", .type = FIELD_STRING, AT(struct publish_output, message_id)},
    {.name = "SequenceNumber", .type = FIELD_STRING, AT(struct publish_output, sequence)},
    FIELDS_END,
};

static const struct field published_entry_fields[] = {
    {.name = "Id", .type = FIELD_STRING, AT(struct publish_output, id)},
    {.name = "MessageId", .type = FIELD_STRING, AT(struct publish_output, message_id)},
    {.name = "SequenceNumber", .type = FIELD_STRING, AT(struct publish_output, sequence)},
    FIELDS_END,
};

/* --- Where to. */

static enum status target_check(struct request *request, const struct publish_input *in)
{
    int targets =
        (in->topic_arn.len > 0) + (in->target_arn.len > 0) + (in->phone_number.len > 0);

    if (targets == 0 && in->topic_arn.at == NULL && in->target_arn.at == NULL) {
        return request_fail(request, &sns_invalid_parameter,
                            "Invalid parameter: TopicArn or TargetArn Reason: no value for "
                            "required parameter");
    }
    if (targets > 1) {
        return request_fail(request, &sns_invalid_parameter,
                            "Invalid parameter: TopicArn or TargetArn Reason: exactly one of "
                            "TopicArn, TargetArn and PhoneNumber must be given");
    }
    return STATUS_OK;
}

static bool is_endpoint(struct text arn)
{
    struct arn parts;

    return arn_parse_service(arn, T("sns"), &parts)
           && text_starts_with(parts.resource, T("endpoint/"));
}

static enum status topic_take(struct request *request, struct step *step,
                              const struct publish_input *in, struct topic **ret_topic)
{
    if (is_endpoint(in->target_arn)) {
        return request_fail(request, &sns_invalid_parameter,
                            "Invalid parameter: TargetArn Reason: No endpoint found for the "
                            "target arn specified");
    }
    /* One that is empty is no ARN. */
    bool is_topic = in->topic_arn.len > 0 || in->target_arn.at == NULL;

    enum status status = is_topic
                             ? sns_topic(request, step, in->topic_arn, "TopicArn", ret_topic)
                             : sns_topic(request, step, in->target_arn, "TargetArn", ret_topic);

    return status != STATUS_OK ? status : sns_check_key(request, step, *ret_topic);
}

/* --- One. */

static enum status message_publish(struct request *request, struct step *step,
                                   struct topic *topic, struct message *message,
                                   struct publish_output *out, struct why *why)
{
    struct publish publish = {.message = *message};
    char uuid[UUID_SIZE];

    enum status status = topic_publish(step, topic, &publish, why);

    if (status == STATUS_OK) {
        uuid_format(publish.message.id, uuid);
        out->message_id = arena_copy(request->arena, text_from(uuid));
        if (topic->is_fifo) {
            out->sequence = arena_copy(request->arena, publish.message.sequence_number);
        }
    }
    return status;
}

/* Without a topic. */
static enum status publish_to_phone(struct request *request, struct step *step,
                                    const struct publish_input *in, struct publish_output *out)
{
    static const struct topic no_topic; /* nothing is set for it */
    struct publish publish = {.matched = 0};
    struct phone_target target = {
        .number = phone_number_plain(in->phone_number, request->arena),
        .account = request->account,
        .region = request->region,
        .base_url = request->base_url,
    };
    struct why why = {""};
    enum status status = publish_take(request, &no_topic, in, 0, &publish.message);

    if (status != STATUS_OK) {
        return status;
    }
    if (!name_is_phone(in->phone_number) || !phone_number_is_valid(target.number)
        || !api_accepts(request->api, T("sms"), target.number, &why)) {
        return request_fail(request, &sns_invalid_parameter,
                            "Invalid parameter: PhoneNumber Reason: %.*s is not valid to "
                            "publish to%s%s",
                            TEXT_PRINTF(in->phone_number), why.text[0] == '\0' ? "" : ": ",
                            why.text);
    }
    status = phone_publish(step, &target, request->arena, &publish, &why);
    if (status == STATUS_OK) {
        char uuid[UUID_SIZE];

        uuid_format(publish.message.id, uuid);
        out->message_id = arena_copy(request->arena, text_from(uuid));
    }
    return sns_fail_status(request, status, &why);
}

static enum status publish(struct request *request, struct step *step, const void *input,
                           void *output)
{
    const struct publish_input *in = input;
    struct topic *topic = NULL;
    struct message message;
    struct why why = {""};
    enum status status = target_check(request, in);

    if (status == STATUS_OK && in->phone_number.len > 0) {
        return publish_to_phone(request, step, in, output);
    }
    status = status != STATUS_OK ? status : topic_take(request, step, in, &topic);
    if (status != STATUS_OK || topic == NULL) {
        return status;
    }
    status = publish_take(request, topic, in, 0, &message);
    if (status != STATUS_OK) {
        return status;
    }
    status = message_publish(request, step, topic, &message, output, &why);
    return sns_fail_status(request, status, &why);
}

/* --- Ten. */

struct publish_batch_input {
    struct text topic_arn;
    struct struct_list entries;
};

static const struct field publish_batch_input_fields[] = {
    {.name = "TopicArn",
     .type = FIELD_STRING,
     .required = true,
     AT(struct publish_batch_input, topic_arn)},
    {.name = "PublishBatchRequestEntries",
     .type = FIELD_STRUCT_LIST,
     AT(struct publish_batch_input, entries),
     .of = publish_entry_fields,
     .of_size = sizeof(struct publish_input)},
    FIELDS_END,
};

struct failed_entry {
    struct text id;
    struct text code;
    struct text message;
    struct optional_boolean sender_fault;
};

static const struct field failed_entry_fields[] = {
    {.name = "Id", .type = FIELD_STRING, AT(struct failed_entry, id)},
    {.name = "Code", .type = FIELD_STRING, AT(struct failed_entry, code)},
    {.name = "Message", .type = FIELD_STRING, AT(struct failed_entry, message)},
    {.name = "SenderFault", .type = FIELD_BOOLEAN, AT(struct failed_entry, sender_fault)},
    FIELDS_END,
};

struct publish_batch_output {
    struct struct_list successful;
    struct struct_list failed;
    size_t done; /* entries settled: a later run goes on there */
    struct publish_output published[BATCH_MAX];
    struct failed_entry failures[BATCH_MAX];
};

static const struct field publish_batch_output_fields[] = {
    {.name = "Successful",
     .type = FIELD_STRUCT_LIST,
     AT(struct publish_batch_output, successful),
     .of = published_entry_fields,
     .of_size = sizeof(struct publish_output)},
    {.name = "Failed",
     .type = FIELD_STRUCT_LIST,
     AT(struct publish_batch_output, failed),
     .of = failed_entry_fields,
     .of_size = sizeof(struct failed_entry)},
    FIELDS_END,
};

/* The ids of a batch: [A-Za-z0-9_-]{1,80}, and what is said of others. */
static enum status id_check(struct request *request, struct text id)
{
    if (id.len > 0 && name_is_plain(id, SIZE_MAX)) {
        return id.len <= BATCH_ID_MAX
                   ? STATUS_OK
                   : request_fail(request, &sns_invalid_batch_id,
                                  "The Id of a batch entry in the batch request is too long: "
                                  "%.*s",
                                  TEXT_PRINTF(id));
    }
    if (id.len == 0) {
        return request_fail(request, &sns_invalid_batch_id,
                            "The Id of a batch entry in a batch request doesn't abide by the "
                            "specification.");
    }
    return request_fail(request, &sns_invalid_batch_id,
                        "The Id of a batch entry in the batch request contains an "
                        "impermissible character: %.*s",
                        TEXT_PRINTF(id));
}

static bool id_is_repeated(const struct publish_input *entries, size_t place)
{
    for (size_t before = 0; before < place; before++) {
        if (text_equal(entries[before].id, entries[place].id)) {
            return true;
        }
    }
    return false;
}

static enum status ids_check(struct request *request, const struct publish_input *entries,
                             size_t count)
{
    for (size_t i = 0; i < count; i++) {
        enum status status = id_check(request, entries[i].id);

        if (status != STATUS_OK) {
            return status;
        }
        if (id_is_repeated(entries, i)) {
            return request_fail(request, &sns_ids_not_distinct,
                                "Two or more batch entries in the request have the same Id.");
        }
    }
    return STATUS_OK;
}

static enum status batch_check(struct request *request, const struct publish_batch_input *in)
{
    const struct publish_input *entries = in->entries.items;
    size_t size = 0;

    if (in->entries.count == 0) {
        return request_fail(request, &sns_empty_batch,
                            "The batch request doesn't contain any entries.");
    }
    if (in->entries.count > BATCH_MAX) {
        return request_fail(request, &sns_too_many_entries,
                            "The batch request contains more entries than permissible.");
    }
    enum status status = ids_check(request, entries, in->entries.count);

    for (size_t i = 0; i < in->entries.count; i++) {
        size += publish_size(&entries[i]);
    }
    if (status == STATUS_OK && size > PUBLISH_MAX) {
        return request_fail(request, &sns_batch_too_long,
                            "The length of all the messages put together is more than the "
                            "limit.");
    }
    return status;
}

/* Any message that is wrong fails the whole call, before anything is published. */
static enum status messages_take(struct request *request, const struct topic *topic,
                                 const struct publish_batch_input *in,
                                 struct message messages[BATCH_MAX])
{
    const struct publish_input *entries = in->entries.items;
    enum status status = STATUS_OK;

    for (size_t i = 0; i < in->entries.count && status == STATUS_OK; i++) {
        status = publish_take(request, topic, &entries[i], i + 1, &messages[i]);
    }
    return status;
}

static void failure_add(struct request *request, struct publish_batch_output *out,
                        struct text id, const struct why *why)
{
    out->failures[out->failed.count++] = (struct failed_entry){
        .id = id,
        .code = text_from(error_unavailable.query),
        .message = arena_copy(request->arena, text_from(why->text)),
        .sender_fault = {.is_set = true, .value = false},
    };
}

static enum status publish_batch(struct request *request, struct step *step, const void *input,
                                 void *output)
{
    const struct publish_batch_input *in = input;
    const struct publish_input *entries = in->entries.items;
    struct publish_batch_output *out = output;
    struct topic *topic = NULL;
    struct message messages[BATCH_MAX];
    enum status status = batch_check(request, in);

    status = status != STATUS_OK ? status
                                 : sns_topic(request, step, in->topic_arn, "TopicArn", &topic);
    status = status != STATUS_OK ? status : sns_check_key(request, step, topic);
    status = status != STATUS_OK ? status : messages_take(request, topic, in, messages);
    if (status != STATUS_OK) {
        return status;
    }
    out->successful = (struct struct_list){out->published, out->successful.count, true};
    out->failed = (struct struct_list){out->failures, out->failed.count, true};
    while (out->done < in->entries.count) {
        struct publish_output *published = &out->published[out->successful.count];
        struct why why = {""};

        status = message_publish(request, step, topic, &messages[out->done], published, &why);
        if (status == STATUS_WAIT) {
            return status;
        }
        if (status == STATUS_OK) {
            published->id = entries[out->done].id;
            out->successful.count++;
        } else {
            failure_add(request, out, entries[out->done].id, &why);
        }
        out->done++;
    }
    return STATUS_OK;
}

const struct operation sns_publish_operations[] = {
    {.name = "Publish",
     .permission = "sns:Publish",
     .handle = publish,
     .input = publish_input_fields,
     .input_size = sizeof(struct publish_input),
     .output = publish_output_fields,
     .output_size = sizeof(struct publish_output)},
    {.name = "PublishBatch",
     .permission = "sns:Publish",
     .handle = publish_batch,
     .input = publish_batch_input_fields,
     .input_size = sizeof(struct publish_batch_input),
     .output = publish_batch_output_fields,
     .output_size = sizeof(struct publish_batch_output)},
    OPERATIONS_END,
};
