/* GetTopicAttributes and SetTopicAttributes. */
#include "services/sns/internal.h"

struct get_attributes_input {
    struct text arn;
};

static const struct field get_attributes_input_fields[] = {
    {.name = "TopicArn",
     .type = FIELD_STRING,
     .required = true,
     AT(struct get_attributes_input, arn)},
    FIELDS_END,
};

struct attributes_output {
    struct string_map attributes;
};

static const struct field attributes_output_fields[] = {
    {.name = "Attributes", .type = FIELD_STRING_MAP, AT(struct attributes_output, attributes)},
    FIELDS_END,
};

static enum status get_topic_attributes(struct request *request, struct step *step,
                                        const void *input, void *output)
{
    const struct get_attributes_input *in = input;
    struct attributes_output *out = output;
    struct topic *topic = NULL;
    enum status status = sns_topic(request, step, in->arn, "TopicArn", &topic);

    if (status == STATUS_OK) {
        topic_rules_list(request, topic, &out->attributes);
    }
    return status;
}

struct set_attributes_input {
    struct text arn;
    struct text name;
    struct text value;
};

static const struct field set_attributes_input_fields[] = {
    {.name = "TopicArn",
     .type = FIELD_STRING,
     .required = true,
     AT(struct set_attributes_input, arn)},
    {.name = "AttributeName",
     .type = FIELD_STRING,
     .required = true,
     AT(struct set_attributes_input, name)},
    {.name = "AttributeValue", .type = FIELD_STRING, AT(struct set_attributes_input, value)},
    FIELDS_END,
};

static enum status set_topic_attributes(struct request *request, struct step *step,
                                        const void *input, void *output)
{
    const struct set_attributes_input *in = input;
    struct topic *topic = NULL;
    struct attribute_set set;
    enum status status = sns_topic(request, step, in->arn, "TopicArn", &topic);

    (void)output;
    if (status != STATUS_OK) {
        return status;
    }
    struct attribute_check check = {
        .request = request,
        .prefix = "Invalid parameter: ",
        .unknown = "AttributeName",
        .is_fifo = topic->is_fifo,
    };

    topic_set_open(request, topic, &set);
    status = topic_rules_apply(&check, &set, in->name, in->value);
    if (status == STATUS_OK) {
        topic_set_store(step, topic, &set);
    }
    return status;
}

const struct operation sns_topic_attribute_operations[] = {
    {.name = "GetTopicAttributes",
     .permission = "sns:GetTopicAttributes",
     .only_reads = true,
     .handle = get_topic_attributes,
     .input = get_attributes_input_fields,
     .input_size = sizeof(struct get_attributes_input),
     .output = attributes_output_fields,
     .output_size = sizeof(struct attributes_output)},
    {.name = "SetTopicAttributes",
     .permission = "sns:SetTopicAttributes",
     .handle = set_topic_attributes,
     .input = set_attributes_input_fields,
     .input_size = sizeof(struct set_attributes_input)},
    OPERATIONS_END,
};
