/* GetTopicAttributes, SetTopicAttributes. */
#include "services/sns/internal.h"

struct get_input {
    struct text topic_arn;
};

struct attributes_output {
    struct string_map attributes;
};

struct set_input {
    struct text topic_arn;
    struct text name;
    struct text value;
};

static const struct field get_input_fields[] = {
    {.name = "TopicArn",
     .type = FIELD_STRING,
     .required = true,
     AT(struct get_input, topic_arn)},
    FIELDS_END,
};

static const struct field attributes_output_fields[] = {
    {.name = "Attributes", .type = FIELD_STRING_MAP, AT(struct attributes_output, attributes)},
    FIELDS_END,
};

static const struct field set_input_fields[] = {
    {.name = "TopicArn",
     .type = FIELD_STRING,
     .required = true,
     AT(struct set_input, topic_arn)},
    {.name = "AttributeName",
     .type = FIELD_STRING,
     .required = true,
     AT(struct set_input, name)},
    {.name = "AttributeValue", .type = FIELD_STRING, AT(struct set_input, value)},
    FIELDS_END,
};

static const struct text default_delivery_policy = TEXT(
    "{\"http\":{\"defaultHealthyRetryPolicy\":{\"minDelayTarget\":20,\"maxDelayTarget\":20,"
    "\"numRetries\":3,\"numMaxDelayRetries\":0,\"numNoDelayRetries\":0,"
    "\"numMinDelayRetries\":0,\"backoffFunction\":\"linear\"},"
    "\"disableSubscriptionOverrides\":false,\"defaultRequestPolicy\":{\"headerContentType\":"
    "\"text/plain; charset=UTF-8\"}}}");

/* Everything but tags and what has a call of its own. */
static bool is_shown(struct text name)
{
    return tag_key_of(name).at == NULL && !text_equal(name, T("DataProtectionPolicy"));
}

static struct text number(struct request *request, uint64_t value)
{
    return arena_printf(request->arena, "%llu", (unsigned long long)value);
}

static enum status get_topic_attributes(struct request *request, struct step *step,
                                        const void *input, void *output)
{
    const struct get_input *in = input;
    struct attributes_output *out = output;
    struct attribute_set shown;
    struct topic *topic = NULL;
    enum status status = sns_topic(request, step, in->topic_arn, "TopicArn", &topic);

    if (status != STATUS_OK) {
        return status;
    }
    attribute_set_init(&shown, request->arena, NULL, 0);
    attribute_set_put(&shown, T("TopicArn"), arena_copy(request->arena, topic->arn));
    attribute_set_put(&shown, T("Owner"), arena_copy(request->arena, topic->account));
    attribute_set_put(&shown, T("DisplayName"), T(""));
    attribute_set_put(&shown, T("Policy"), topic_default_policy(request, topic));
    attribute_set_put(&shown, T("EffectiveDeliveryPolicy"), default_delivery_policy);
    attribute_set_put(&shown, T("SubscriptionsConfirmed"), number(request, topic->confirmed));
    attribute_set_put(&shown, T("SubscriptionsPending"), number(request, topic->pending));
    attribute_set_put(&shown, T("SubscriptionsDeleted"), number(request, topic->deleted));
    for (size_t i = 0; i < topic->attribute_count; i++) {
        if (is_shown(topic->attributes[i].name)) {
            attribute_set_put(&shown, arena_copy(request->arena, topic->attributes[i].name),
                              arena_copy(request->arena, topic->attributes[i].value));
        }
    }
    if (attribute_set_has(&shown, T("DeliveryPolicy"))) {
        attribute_set_put(&shown, T("EffectiveDeliveryPolicy"),
                          attribute_set_get(&shown, T("DeliveryPolicy")));
    }
    out->attributes =
        (struct string_map){.items = shown.items, .count = shown.count, .is_set = true};
    return STATUS_OK;
}

static enum status set_topic_attributes(struct request *request, struct step *step,
                                        const void *input, void *output)
{
    const struct set_input *in = input;
    struct attribute_set set;
    struct topic *topic = NULL;
    enum status status = sns_topic(request, step, in->topic_arn, "TopicArn", &topic);

    (void)output;
    if (status != STATUS_OK) {
        return status;
    }
    set_from_attributes(&set, request->arena, topic->attributes, topic->attribute_count);
    status =
        topic_rule_apply(request, &set, in->name, in->value.at == NULL ? T("") : in->value);
    if (status == STATUS_OK) {
        topic_update(step, topic, set_attributes(&set), set.count);
    }
    return status;
}

const struct operation sns_topic_attribute_operations[] = {
    {.name = "GetTopicAttributes",
     .permission = "SNS:GetTopicAttributes",
     .input = get_input_fields,
     .input_size = sizeof(struct get_input),
     .output = attributes_output_fields,
     .output_size = sizeof(struct attributes_output),
     .only_reads = true,
     .handle = get_topic_attributes},
    {.name = "SetTopicAttributes",
     .permission = "SNS:SetTopicAttributes",
     .input = set_input_fields,
     .input_size = sizeof(struct set_input),
     .handle = set_topic_attributes},
    OPERATIONS_END,
};
