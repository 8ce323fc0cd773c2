/* GetSubscriptionAttributes and SetSubscriptionAttributes. */
#include "base/url.h"
#include "services/sns/internal.h"

/* --- Get. */

struct get_attributes_input {
    struct text arn;
};

static const struct field get_attributes_input_fields[] = {
    {.name = "SubscriptionArn",
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

static void map_add(struct string_map *map, struct text name, struct text value)
{
    map->items[map->count++] = (struct string_pair){name, value};
}

static struct text boolean_text(bool value)
{
    return value ? T("true") : T("false");
}

static void fixed_add(struct request *request, const struct topic *topic,
                      const struct subscription *subscription, struct string_map *map)
{
    struct arena *arena = request->arena;
    struct text raw = subscription_attribute(subscription, T("RawMessageDelivery"));

    map_add(map, T("SubscriptionArn"), subscription_arn(arena, topic, subscription->id));
    map_add(map, T("TopicArn"), topic->arn);
    map_add(map, T("Protocol"), subscription_protocol(subscription));
    map_add(map, T("Endpoint"), url_without_password(arena, subscription->endpoint));
    map_add(map, T("Owner"), subscription->owner);
    map_add(map, T("ConfirmationWasAuthenticated"),
            boolean_text(subscription->was_authenticated));
    map_add(map, T("PendingConfirmation"), boolean_text(!subscription->is_confirmed));
    map_add(map, T("SubscriptionPrincipal"),
            arena_printf(arena, "arn:aws:iam::%.*s:root", TEXT_PRINTF(subscription->owner)));
    map_add(map, T("RawMessageDelivery"), raw.len > 0 ? raw : T("false"));
}

static void given_add(const struct subscription *subscription, struct string_map *map)
{
    bool has_policy = subscription_attribute(subscription, T("FilterPolicy")).len > 0;
    bool has_scope = subscription_attribute(subscription, T("FilterPolicyScope")).len > 0;

    for (size_t i = 0; i < subscription->attribute_count; i++) {
        struct text name = subscription->attributes[i].name;
        bool is_hidden = text_starts_with(name, T("fanfare."))
                         || fanfare_attribute_is_write_only(name)
                         || text_equal(name, T("RawMessageDelivery"))
                         || (text_equal(name, T("FilterPolicyScope")) && !has_policy);

        if (!is_hidden) {
            map_add(map, name, subscription->attributes[i].value);
        }
    }
    if (has_policy && !has_scope) {
        map_add(map, T("FilterPolicyScope"), T("MessageAttributes"));
    }
}

static enum status get_subscription_attributes(struct request *request, struct step *step,
                                               const void *input, void *output)
{
    const struct get_attributes_input *in = input;
    struct attributes_output *out = output;
    struct subscription subscription;
    struct topic *topic = NULL;
    enum status status = sns_subscription(request, step, in->arn, &subscription, &topic);

    if (status != STATUS_OK) {
        return status;
    }
    out->attributes.items = arena_array(request->arena, subscription.attribute_count + 16,
                                        sizeof *out->attributes.items);
    out->attributes.is_set = true;
    fixed_add(request, topic, &subscription, &out->attributes);
    given_add(&subscription, &out->attributes);
    if (subscription.protocol == PROTOCOL_HTTP || subscription.protocol == PROTOCOL_HTTPS) {
        map_add(&out->attributes, T("EffectiveDeliveryPolicy"),
                subscription_policy_effective(
                    request->arena, topic_attribute(topic, T("DeliveryPolicy")),
                    subscription_attribute(&subscription, T("DeliveryPolicy"))));
    }
    return STATUS_OK;
}

/* --- Set. */

struct set_attributes_input {
    struct text arn;
    struct text name;
    struct text value;
};

static const struct field set_attributes_input_fields[] = {
    {.name = "SubscriptionArn",
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

static void set_open(struct request *request, const struct subscription *subscription,
                     struct attribute_set *ret_set)
{
    struct string_pair *pairs =
        arena_array(request->arena, subscription->attribute_count, sizeof *pairs);

    for (size_t i = 0; i < subscription->attribute_count; i++) {
        pairs[i] = (struct string_pair){subscription->attributes[i].name,
                                        subscription->attributes[i].value};
    }
    attribute_set_init(ret_set, request->arena, pairs, subscription->attribute_count);
}

/* The first filter policy of a subscription counts against the limits. */
static enum status limit_check(struct request *request, struct step *step,
                               const struct topic *topic,
                               const struct subscription *subscription,
                               const struct attribute_set *set)
{
    bool is_first = attribute_set_has(set, T("FilterPolicy"))
                    && subscription_attribute(subscription, T("FilterPolicy")).len == 0;

    if (is_first && topic_filter_limit_reached(topic, router_limits(router_of(step)))) {
        return request_fail(request, &sns_filter_policy_limit_exceeded,
                            "Filter policy limit exceeded for topic or account");
    }
    return STATUS_OK;
}

static enum status set_subscription_attributes(struct request *request, struct step *step,
                                               const void *input, void *output)
{
    const struct set_attributes_input *in = input;
    struct subscription subscription;
    struct topic *topic = NULL;
    struct attribute_set set;
    enum status status = sns_subscription(request, step, in->arn, &subscription, &topic);

    (void)output;
    if (status != STATUS_OK) {
        return status;
    }
    struct attribute_check check = {
        .request = request,
        .prefix = "Invalid parameter: ",
        .unknown = "AttributeName",
        .protocol = subscription.protocol,
        .protocol_name = subscription_protocol(&subscription),
        .topic_arn = topic->arn,
        .endpoint = subscription.endpoint,
    };

    set_open(request, &subscription, &set);
    status = subscription_rules_apply(&check, &set, in->name, in->value);
    status = status != STATUS_OK ? status : subscription_filter_check(&check, &set);
    status = status != STATUS_OK ? status : fanfare_attributes_check(&check, &set);
    if (status == STATUS_OK) {
        status = limit_check(request, step, topic, &subscription, &set);
    }
    if (status == STATUS_OK) {
        struct subscription changed = subscription;

        changed.attributes = attributes_of(&set);
        changed.attribute_count = set.count;
        subscription_update(step, &subscription, &changed);
    }
    return status;
}

const struct operation sns_subscription_attribute_operations[] = {
    {.name = "GetSubscriptionAttributes",
     .permission = "sns:GetSubscriptionAttributes",
     .only_reads = true,
     .handle = get_subscription_attributes,
     .input = get_attributes_input_fields,
     .input_size = sizeof(struct get_attributes_input),
     .output = attributes_output_fields,
     .output_size = sizeof(struct attributes_output)},
    {.name = "SetSubscriptionAttributes",
     .permission = "sns:SetSubscriptionAttributes",
     .handle = set_subscription_attributes,
     .input = set_attributes_input_fields,
     .input_size = sizeof(struct set_attributes_input)},
    OPERATIONS_END,
};
