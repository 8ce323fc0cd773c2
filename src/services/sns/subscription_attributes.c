/* GetSubscriptionAttributes, SetSubscriptionAttributes. */
#include "services/sns/internal.h"

struct get_input {
    struct text subscription_arn;
};

struct attributes_output {
    struct string_map attributes;
};

struct set_input {
    struct text subscription_arn;
    struct text name;
    struct text value;
};

static const struct field get_input_fields[] = {
    {.name = "SubscriptionArn",
     .type = FIELD_STRING,
     .required = true,
     AT(struct get_input, subscription_arn)},
    FIELDS_END,
};

static const struct field attributes_output_fields[] = {
    {.name = "Attributes", .type = FIELD_STRING_MAP, AT(struct attributes_output, attributes)},
    FIELDS_END,
};

static const struct field set_input_fields[] = {
    {.name = "SubscriptionArn",
     .type = FIELD_STRING,
     .required = true,
     AT(struct set_input, subscription_arn)},
    {.name = "AttributeName",
     .type = FIELD_STRING,
     .required = true,
     AT(struct set_input, name)},
    {.name = "AttributeValue", .type = FIELD_STRING, AT(struct set_input, value)},
    FIELDS_END,
};

static enum status find(struct request *request, struct step *step, struct text arn,
                        struct subscription *ret, struct topic **ret_topic)
{
    enum status status = sns_subscription(request, step, arn, ret);

    if (status == STATUS_NOT_FOUND) {
        return request_fail(request, &sns_not_found, "Subscription does not exist");
    }
    if (status != STATUS_OK) {
        return status;
    }
    *ret_topic = topic_find_number(router_of(step), ret->topic);
    if (!text_equal(ret->owner, request->account)) {
        return request_fail(request, &sns_authorization, "not the owner of this subscription");
    }
    return STATUS_OK;
}

static const char *truth(bool claim)
{
    return claim ? "true" : "false";
}

/* What the client set, but for the scope without a policy and what is written only. */
static void show_attributes(struct attribute_set *shown, const struct subscription *found)
{
    bool has_policy = subscription_attribute(found, T("FilterPolicy")).len > 0;

    for (size_t i = 0; i < found->attribute_count; i++) {
        struct text name = found->attributes[i].name;
        bool is_hidden = (text_equal(name, T("FilterPolicyScope")) && !has_policy)
                         || text_starts_with(name, T("Fanfare.Secret"));

        if (!is_hidden) {
            attribute_set_put(shown, name, found->attributes[i].value);
        }
    }
    if (has_policy && !attribute_set_has(shown, T("FilterPolicyScope"))) {
        attribute_set_put(shown, T("FilterPolicyScope"), T("MessageAttributes"));
    }
}

static enum status get_subscription_attributes(struct request *request, struct step *step,
                                               const void *input, void *output)
{
    static const struct text default_policy =
        TEXT("{\"healthyRetryPolicy\":{\"minDelayTarget\":20,\"maxDelayTarget\":20,"
             "\"numRetries\":3,\"numMaxDelayRetries\":0,\"numNoDelayRetries\":0,"
             "\"numMinDelayRetries\":0,\"backoffFunction\":\"linear\"},\"sicklyRetryPolicy\":"
             "null,\"throttlePolicy\":null,\"requestPolicy\":{\"headerContentType\":"
             "\"text/plain; charset=UTF-8\"},\"guaranteed\":false}");
    const struct get_input *in = input;
    struct attributes_output *out = output;
    struct attribute_set shown;
    struct subscription found;
    struct topic *topic = NULL;
    enum status status = find(request, step, in->subscription_arn, &found, &topic);

    if (status != STATUS_OK) {
        return status;
    }
    attribute_set_init(&shown, request->arena, NULL, 0);
    attribute_set_put(&shown, T("SubscriptionArn"),
                      subscription_arn(request->arena, topic, found.id));
    attribute_set_put(&shown, T("TopicArn"), arena_copy(request->arena, topic->arn));
    attribute_set_put(&shown, T("Protocol"), text_from(protocol_name(found.protocol)));
    attribute_set_put(&shown, T("Endpoint"), found.endpoint);
    attribute_set_put(&shown, T("Owner"), found.owner);
    attribute_set_put(&shown, T("ConfirmationWasAuthenticated"),
                      text_from(truth(found.was_authenticated)));
    attribute_set_put(&shown, T("PendingConfirmation"), text_from(truth(!found.is_confirmed)));
    attribute_set_put(&shown, T("RawMessageDelivery"), T("false"));
    attribute_set_put(
        &shown, T("SubscriptionPrincipal"),
        arena_printf(request->arena, "arn:aws:iam::%.*s:root", TEXT_PRINTF(found.owner)));
    show_attributes(&shown, &found);
    if (found.protocol == PROTOCOL_HTTP || found.protocol == PROTOCOL_HTTPS) {
        struct text own = attribute_set_get(&shown, T("DeliveryPolicy"));

        attribute_set_put(&shown, T("EffectiveDeliveryPolicy"),
                          own.len > 0 ? own : default_policy);
    }
    out->attributes =
        (struct string_map){.items = shown.items, .count = shown.count, .is_set = true};
    return STATUS_OK;
}

static enum status set_subscription_attributes(struct request *request, struct step *step,
                                               const void *input, void *output)
{
    const struct set_input *in = input;
    struct attribute_set set;
    struct subscription found;
    struct topic *topic = NULL;
    enum status status = find(request, step, in->subscription_arn, &found, &topic);

    (void)output;
    if (status != STATUS_OK) {
        return status;
    }
    set_from_attributes(&set, request->arena, found.attributes, found.attribute_count);
    status = subscription_rule_apply(request, "", &set, in->name,
                                     in->value.at == NULL ? T("") : in->value);
    status = status != STATUS_OK ? status : subscription_rules_check(request, "", &set);
    if (status != STATUS_OK) {
        return status;
    }
    struct subscription changed = found;

    changed.attributes = set_attributes(&set);
    changed.attribute_count = set.count;
    if (text_equal(attribute_set_get(&set, T("Fanfare.Confirmed")), T("true"))) {
        changed.is_confirmed = true;
    }
    subscription_update(step, &found, &changed);
    return STATUS_OK;
}

const struct operation sns_subscription_attribute_operations[] = {
    {.name = "GetSubscriptionAttributes",
     .permission = "SNS:GetSubscriptionAttributes",
     .input = get_input_fields,
     .input_size = sizeof(struct get_input),
     .output = attributes_output_fields,
     .output_size = sizeof(struct attributes_output),
     .only_reads = true,
     .handle = get_subscription_attributes},
    {.name = "SetSubscriptionAttributes",
     .permission = "SNS:SetSubscriptionAttributes",
     .input = set_input_fields,
     .input_size = sizeof(struct set_input),
     .handle = set_subscription_attributes},
    OPERATIONS_END,
};
