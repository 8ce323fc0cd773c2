/* Publish, PublishBatch. */
#include "services/common/names.h"
#include "services/sns/message.h"

#define BATCH_MAX    10
#define BATCH_ID_MAX 80

struct publish_input {
    struct text topic_arn;
    struct text target_arn;
    struct text phone_number;
    struct publish_fields fields;
};

struct publish_output {
    struct text message_id;
};

#define PUBLISH_FIELDS(owner)                                                               \
    {.name = "Message", .type = FIELD_STRING, .required = true, AT(owner, fields.message)}, \
        {.name = "Subject", .type = FIELD_STRING, AT(owner, fields.subject)},               \
        {.name = "MessageStructure", .type = FIELD_STRING, AT(owner, fields.structure)},    \
        {.name = "MessageAttributes",                                                       \
         .type = FIELD_STRUCT_MAP,                                                          \
         .query_key = "Name",                                                               \
         .query_value = "Value",                                                            \
         AT(owner, fields.attributes),                                                      \
         .of = wire_attribute_fields,                                                       \
         .of_size = sizeof(struct wire_attribute)},                                         \
        {.name = "MessageGroupId", .type = FIELD_STRING, AT(owner, fields.group_id)},       \
    {                                                                                       \
        .name = "MessageDeduplicationId", .type = FIELD_STRING,                             \
        AT(owner, fields.deduplication_id)                                                  \
    }

static const struct field publish_input_fields[] = {
    {.name = "TopicArn", .type = FIELD_STRING, AT(struct publish_input, topic_arn)},
    {.name = "TargetArn", .type = FIELD_STRING, AT(struct publish_input, target_arn)},
    {.name = "PhoneNumber", .type = FIELD_STRING, AT(struct publish_input, phone_number)},
    PUBLISH_FIELDS(struct publish_input),
    FIELDS_END,
};

static const struct field publish_output_fields[] = {
    {.name = "MessageId", .type = FIELD_STRING, AT(struct publish_output, message_id)},
    FIELDS_END,
};

static enum status target(struct request *request, struct step *step,
                          const struct publish_input *in, struct topic **ret_topic)
{
    if (in->phone_number.at != NULL) {
        return request_fail(request, &sns_invalid_parameter,
                            "Invalid parameter: PhoneNumber Reason: this server has no SMS "
                            "deliverer yet");
    }
    if (in->topic_arn.at == NULL && in->target_arn.at == NULL) {
        return request_fail(request, &sns_invalid_parameter,
                            "Invalid parameter: TopicArn or TargetArn Reason: no value for "
                            "required parameter");
    }
    if (in->topic_arn.at != NULL && in->target_arn.at != NULL) {
        return request_fail(request, &sns_invalid_parameter,
                            "Invalid parameter: Both TopicArn and TargetArn are set");
    }
    return in->topic_arn.at != NULL
               ? sns_topic(request, step, in->topic_arn, "TopicArn", ret_topic)
               : sns_topic(request, step, in->target_arn, "TargetArn", ret_topic);
}

static struct text id_text(struct request *request, const uint8_t id[16])
{
    char text[UUID_SIZE];

    uuid_format(id, text);
    return arena_copy(request->arena, text_from(text));
}

static enum status publish_one(struct request *request, struct step *step, const void *input,
                               void *output)
{
    const struct publish_input *in = input;
    struct publish_output *out = output;
    struct publish publish = {.matched = 0};
    struct topic *topic = NULL;
    struct why why = {""};
    size_t size = 0;
    enum status status = target(request, step, in, &topic);

    if (status == STATUS_OK) {
        status = message_take(request, &in->fields, topic, &publish.message, &size);
    }
    if (status != STATUS_OK) {
        return status;
    }
    status = topic_publish(step, topic, &publish, &why);
    if (status != STATUS_OK) {
        return sns_fail_status(request, status, &why);
    }
    out->message_id = id_text(request, publish.message.id);
    return STATUS_OK;
}

/* --- PublishBatch: what is wrong with one entry fails the whole call, as AWS does. */

struct entry {
    struct text id;
    struct publish_fields fields;
};

struct batch_input {
    struct text topic_arn;
    struct struct_list entries;
};

struct successful {
    struct text id;
    struct text message_id;
};

struct failed {
    struct text id;
    struct text code;
    struct text message;
    struct optional_boolean sender_fault;
};

struct batch_output {
    struct struct_list successful;
    struct struct_list failed;
};

static const struct field entry_fields[] = {
    {.name = "Id", .type = FIELD_STRING, .required = true, AT(struct entry, id)},
    PUBLISH_FIELDS(struct entry),
    FIELDS_END,
};

static const struct field batch_input_fields[] = {
    {.name = "TopicArn",
     .type = FIELD_STRING,
     .required = true,
     AT(struct batch_input, topic_arn)},
    {.name = "PublishBatchRequestEntries",
     .type = FIELD_STRUCT_LIST,
     .required = true,
     AT(struct batch_input, entries),
     .of = entry_fields,
     .of_size = sizeof(struct entry)},
    FIELDS_END,
};

static const struct field successful_fields[] = {
    {.name = "Id", .type = FIELD_STRING, AT(struct successful, id)},
    {.name = "MessageId", .type = FIELD_STRING, AT(struct successful, message_id)},
    FIELDS_END,
};

static const struct field failed_fields[] = {
    {.name = "Id", .type = FIELD_STRING, AT(struct failed, id)},
    {.name = "Code", .type = FIELD_STRING, AT(struct failed, code)},
    {.name = "Message", .type = FIELD_STRING, AT(struct failed, message)},
    {.name = "SenderFault", .type = FIELD_BOOLEAN, AT(struct failed, sender_fault)},
    FIELDS_END,
};

static const struct field batch_output_fields[] = {
    {.name = "Successful",
     .type = FIELD_STRUCT_LIST,
     AT(struct batch_output, successful),
     .of = successful_fields,
     .of_size = sizeof(struct successful)},
    {.name = "Failed",
     .type = FIELD_STRUCT_LIST,
     AT(struct batch_output, failed),
     .of = failed_fields,
     .of_size = sizeof(struct failed)},
    FIELDS_END,
};

static enum status check_ids(struct request *request, const struct struct_list *list)
{
    const struct entry *entries = list->items;

    if (list->count == 0) {
        return request_fail(request, &sns_empty_batch,
                            "The batch request doesn't contain any entries.");
    }
    if (list->count > BATCH_MAX) {
        return request_fail(request, &sns_too_many_entries,
                            "The batch request contains more entries than permissible: %zu",
                            list->count);
    }
    for (size_t i = 0; i < list->count; i++) {
        if (!name_is_plain(entries[i].id, BATCH_ID_MAX)) {
            return request_fail(
                request, &sns_invalid_batch_id,
                "The Id of a batch entry in a batch request doesn't abide by the "
                "specification.");
        }
        for (size_t j = 0; j < i; j++) {
            if (text_equal(entries[i].id, entries[j].id)) {
                return request_fail(
                    request, &sns_ids_not_distinct,
                    "Two or more batch entries in the request have the same Id.");
            }
        }
    }
    return STATUS_OK;
}

static enum status take_all(struct request *request, const struct topic *topic,
                            const struct struct_list *list, struct publish *publishes)
{
    const struct entry *entries = list->items;
    size_t total = 0;

    for (size_t i = 0; i < list->count; i++) {
        size_t size = 0;
        enum status status =
            message_take(request, &entries[i].fields, topic, &publishes[i].message, &size);

        if (status != STATUS_OK) {
            return status;
        }
        total += size;
    }
    return total <= PUBLISH_MAX
               ? STATUS_OK
               : request_fail(
                   request, &sns_batch_too_long,
                   "The length of all the messages in the batch put together is more "
                   "than the limit of %d bytes.",
                   PUBLISH_MAX);
}

static enum status publish_batch(struct request *request, struct step *step, const void *input,
                                 void *output)
{
    const struct batch_input *in = input;
    const struct entry *entries = in->entries.items;
    struct batch_output *out = output;
    struct topic *topic = NULL;
    enum status status = check_ids(request, &in->entries);

    status = status != STATUS_OK ? status
                                 : sns_topic(request, step, in->topic_arn, "TopicArn", &topic);
    if (status != STATUS_OK) {
        return status;
    }
    struct publish *publishes =
        arena_array(request->arena, in->entries.count, sizeof *publishes);
    struct successful *successful =
        arena_array(request->arena, in->entries.count, sizeof *successful);

    status = take_all(request, topic, &in->entries, publishes);
    for (size_t i = 0; i < in->entries.count && status == STATUS_OK; i++) {
        struct why why = {""};

        /* Only the first can be refused or wait: nothing changes in between. */
        status = topic_publish(step, topic, &publishes[i], &why);
        if (status != STATUS_OK) {
            return sns_fail_status(request, status, &why);
        }
        successful[i] =
            (struct successful){entries[i].id, id_text(request, publishes[i].message.id)};
    }
    out->successful = (struct struct_list){successful, in->entries.count, true};
    out->failed = (struct struct_list){.is_set = true};
    return status;
}

const struct operation sns_publish_operations[] = {
    {.name = "Publish",
     .permission = "SNS:Publish",
     .input = publish_input_fields,
     .input_size = sizeof(struct publish_input),
     .output = publish_output_fields,
     .output_size = sizeof(struct publish_output),
     .handle = publish_one},
    {.name = "PublishBatch",
     .permission = "SNS:Publish",
     .input = batch_input_fields,
     .input_size = sizeof(struct batch_input),
     .output = batch_output_fields,
     .output_size = sizeof(struct batch_output),
     .handle = publish_batch},
    OPERATIONS_END,
};
