/* GetQueueAttributes and SetQueueAttributes. */
#include "services/common/encryption.h"
#include "services/sqs/internal.h"

struct get_attributes_input {
    struct text url;
    struct string_list names;
};

static const struct field get_attributes_input_fields[] = {
    {.name = "QueueUrl", .type = FIELD_STRING, AT(struct get_attributes_input, url)},
    {.name = "AttributeNames",
     .query = "AttributeName",
     .type = FIELD_STRING_LIST,
     .shape = QUERY_FLAT,
     AT(struct get_attributes_input, names)},
    FIELDS_END,
};

struct attributes_output {
    struct string_map attributes;
};

static const struct field attributes_output_fields[] = {
    {.name = "Attributes",
     .query = "Attribute",
     .query_key = "Name",
     .query_value = "Value",
     .type = FIELD_STRING_MAP,
     .shape = QUERY_FLAT,
     AT(struct attributes_output, attributes)},
    FIELDS_END,
};

static bool asks_for_all(const struct string_list *names)
{
    for (size_t i = 0; i < names->count; i++) {
        if (text_equal(names->items[i], T("All"))) {
            return true;
        }
    }
    return false;
}

static enum status names_check(struct request *request, const struct string_list *names)
{
    for (size_t i = 0; i < names->count; i++) {
        if (!attribute_rules_know(names->items[i])) {
            return request_fail(request, &sqs_invalid_attribute_name, "Unknown Attribute %.*s.",
                                TEXT_PRINTF(names->items[i]));
        }
    }
    return STATUS_OK;
}

static void names_answer(struct request *request, const struct queue *queue,
                         const struct string_list *names, struct string_map *ret_attributes)
{
    ret_attributes->items =
        arena_array(request->arena, names->count, sizeof *ret_attributes->items);
    for (size_t i = 0; i < names->count; i++) {
        struct text value = attribute_rules_value(request, queue, names->items[i]);

        if (value.at != NULL) {
            ret_attributes->items[ret_attributes->count++] =
                (struct string_pair){names->items[i], value};
        }
    }
    ret_attributes->is_set = ret_attributes->count > 0;
}

static enum status get_queue_attributes(struct request *request, struct step *step,
                                        const void *input, void *output)
{
    const struct get_attributes_input *in = input;
    struct attributes_output *out = output;
    struct queue *queue = NULL;
    enum status status = sqs_queue(request, step, in->url, &queue);

    status = status != STATUS_OK ? status : names_check(request, &in->names);
    if (status != STATUS_OK) {
        return status;
    }
    if (asks_for_all(&in->names)) {
        attribute_rules_list(request, queue, &out->attributes);
    } else {
        names_answer(request, queue, &in->names, &out->attributes);
    }
    return STATUS_OK;
}

struct set_attributes_input {
    struct text url;
    struct string_map attributes;
};

static const struct field set_attributes_input_fields[] = {
    {.name = "QueueUrl", .type = FIELD_STRING, AT(struct set_attributes_input, url)},
    {.name = "Attributes",
     .query = "Attribute",
     .query_key = "Name",
     .query_value = "Value",
     .type = FIELD_STRING_MAP,
     .shape = QUERY_FLAT,
     .required = true,
     AT(struct set_attributes_input, attributes)},
    FIELDS_END,
};

static enum status set_queue_attributes(struct request *request, struct step *step,
                                        const void *input, void *output)
{
    const struct set_attributes_input *in = input;
    struct queue *queue = NULL;
    struct attribute_set set;
    enum status status = sqs_queue(request, step, in->url, &queue);

    (void)output;
    if (status != STATUS_OK) {
        return status;
    }
    struct queue_settings settings = queue->settings;
    struct attribute_change change = {
        .request = request,
        .step = step,
        .name = {queue->account, queue->region, queue->name},
        .set = &set,
        .settings = &settings,
    };

    queue_set_open(request, queue, &set);
    status = attribute_rules_apply(&change, &in->attributes);
    if (status == STATUS_OK) {
        queue_set_store(step, queue, &settings, &set);
        redrive_retention_warn(step, queue, &in->attributes);
        encryption_warn(step, queue->arn, &in->attributes);
    }
    return status;
}

const struct operation sqs_attribute_operations[] = {
    {.name = "GetQueueAttributes",
     .permission = "sqs:GetQueueAttributes",
     .only_reads = true,
     .handle = get_queue_attributes,
     .input = get_attributes_input_fields,
     .input_size = sizeof(struct get_attributes_input),
     .output = attributes_output_fields,
     .output_size = sizeof(struct attributes_output)},
    {.name = "SetQueueAttributes",
     .permission = "sqs:SetQueueAttributes",
     .handle = set_queue_attributes,
     .input = set_attributes_input_fields,
     .input_size = sizeof(struct set_attributes_input)},
    OPERATIONS_END,
};
