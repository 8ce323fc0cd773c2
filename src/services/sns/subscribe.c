/* Subscribe. */
#include "services/common/arn.h"
#include "services/sns/internal.h"

#define REASON "Attributes Reason: "

struct subscribe_input {
    struct text topic_arn;
    struct text protocol;
    struct text endpoint;
    struct string_map attributes;
    struct optional_boolean return_arn;
};

struct subscribe_output {
    struct text subscription_arn;
};

static const struct field subscribe_input_fields[] = {
    {.name = "TopicArn",
     .type = FIELD_STRING,
     .required = true,
     AT(struct subscribe_input, topic_arn)},
    {.name = "Protocol",
     .type = FIELD_STRING,
     .required = true,
     AT(struct subscribe_input, protocol)},
    {.name = "Endpoint", .type = FIELD_STRING, AT(struct subscribe_input, endpoint)},
    {.name = "Attributes", .type = FIELD_STRING_MAP, AT(struct subscribe_input, attributes)},
    {.name = "ReturnSubscriptionArn",
     .type = FIELD_BOOLEAN,
     AT(struct subscribe_input, return_arn)},
    FIELDS_END,
};

static const struct field subscribe_output_fields[] = {
    {.name = "SubscriptionArn",
     .type = FIELD_STRING,
     AT(struct subscribe_output, subscription_arn)},
    FIELDS_END,
};

static enum status check_sqs(struct request *request, struct text endpoint)
{
    struct arn arn;

    if (!arn_parse_service(endpoint, T("sqs"), &arn)) {
        return request_fail(request, &sns_invalid_parameter,
                            "Invalid parameter: SQS endpoint ARN");
    }
    if (text_ends_with(arn.resource, T(".fifo"))) {
        return request_fail(request, &sns_invalid_parameter,
                            "Invalid parameter: Invalid parameter: Endpoint Reason: FIFO SQS "
                            "Queues can not be subscribed to standard SNS topics");
    }
    return STATUS_OK;
}

static enum status check_endpoint(struct request *request, const struct subscribe_input *in,
                                  enum protocol protocol)
{
    struct why why = {""};
    bool is_http = protocol == PROTOCOL_HTTP || protocol == PROTOCOL_HTTPS;

    if (protocol == PROTOCOL_SQS) {
        return check_sqs(request, in->endpoint);
    }
    if (in->endpoint.len == 0) {
        return request_fail(request, &sns_invalid_parameter, "Invalid parameter: Endpoint");
    }
    if (is_http
        && !text_starts_with(in->endpoint,
                             protocol == PROTOCOL_HTTP ? T("http://") : T("https://"))) {
        return request_fail(request, &sns_invalid_parameter,
                            "Invalid parameter: Endpoint must match the specified protocol");
    }
    if (!api_accepts(request->api, in->protocol, in->endpoint, &why)) {
        return request_fail(request, &sns_invalid_parameter,
                            "Invalid parameter: Endpoint Reason: %s", why.text);
    }
    return STATUS_OK;
}

static enum status attributes_gather(struct request *request, const struct subscribe_input *in,
                                     struct attribute_set *set)
{
    attribute_set_init(set, request->arena, NULL, 0);
    for (size_t i = 0; i < in->attributes.count; i++) {
        enum status status = subscription_rule_apply(
            request, REASON, set, in->attributes.items[i].name, in->attributes.items[i].value);

        if (status != STATUS_OK) {
            return status;
        }
    }
    return subscription_rules_check(request, REASON, set);
}

/* It exists: the same attributes give the same ARN (and, while pending, another confirmation).
 */
static enum status subscribe_again(struct request *request, struct step *step,
                                   struct topic *topic, const struct subscription *found,
                                   const struct attribute_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        if (!text_equal(subscription_attribute(found, set->items[i].name),
                        set->items[i].value)) {
            return request_fail(request, &sns_invalid_parameter,
                                "Invalid parameter: Attributes Reason: Subscription already "
                                "exists with different attributes");
        }
    }
    if (!found->is_confirmed) {
        enum status status = step_may_grow(step, NULL);

        if (status != STATUS_OK) {
            return request_fail(request, &error_unavailable, "No free space on the disk.");
        }
        subscription_send_confirmation(step, topic, found);
    }
    return STATUS_OK;
}

static enum status quota_check(struct request *request, const struct topic *topic,
                               const struct attribute_set *set)
{
    const struct router_limits *limits = router_limits(cell_router(request->call.cell));
    uint64_t count = topic->confirmed + topic->pending;

    if (limits->subscriptions_per_topic != 0 && count >= limits->subscriptions_per_topic) {
        return request_fail(request, &sns_subscription_limit,
                            "Subscription limit exceeded: %u per topic",
                            limits->subscriptions_per_topic);
    }
    if (attribute_set_has(set, T("FilterPolicy"))
        && topic_filter_limit_reached(topic, limits)) {
        return request_fail(request, &sns_filter_policy_limit,
                            "Filter policy limit exceeded: %u per topic, %u per account",
                            limits->policies_per_topic, limits->policies_per_account);
    }
    return STATUS_OK;
}

static enum status subscribe_anew(struct request *request, struct step *step,
                                  struct topic *topic, struct subscription *wanted,
                                  const struct attribute_set *set)
{
    struct why why = {""};
    bool is_vouched = text_equal(attribute_set_get(set, T("Fanfare.Confirmed")), T("true"));
    enum status status = quota_check(request, topic, set);

    if (status != STATUS_OK) {
        return status;
    }
    wanted->owner = request->account;
    wanted->base_url = request->base_url;
    wanted->attributes = set_attributes(set);
    wanted->attribute_count = set->count;
    wanted->is_confirmed = wanted->protocol == PROTOCOL_SQS || is_vouched;
    wanted->was_authenticated = wanted->is_confirmed;
    wanted->is_declared = request->own != NULL;
    status = subscription_create(step, topic, wanted, &why);
    if (status == STATUS_OK && !wanted->is_confirmed) {
        subscription_send_confirmation(step, topic, wanted);
    }
    return sns_fail_status(request, status, &why);
}

static enum status subscribe(struct request *request, struct step *step, const void *input,
                             void *output)
{
    const struct subscribe_input *in = input;
    struct subscribe_output *out = output;
    struct subscription subscription = {.endpoint = in->endpoint};
    struct attribute_set set;
    struct topic *topic = NULL;
    enum status status = sns_topic(request, step, in->topic_arn, "TopicArn", &topic);

    if (status != STATUS_OK) {
        return status;
    }
    if (!protocol_parse(in->protocol, &subscription.protocol)) {
        return request_fail(request, &sns_invalid_parameter,
                            "Invalid parameter: Amazon SNS does not support this protocol "
                            "string: %.*s",
                            TEXT_PRINTF(in->protocol));
    }
    status = check_endpoint(request, in, subscription.protocol);
    status = status != STATUS_OK ? status : attributes_gather(request, in, &set);
    if (status != STATUS_OK) {
        return status;
    }
    struct subscription found;

    status = subscription_find_endpoint(step, topic, subscription.protocol, in->endpoint,
                                        request->arena, &found);
    if (status == STATUS_OK) {
        subscription = found;
        status = subscribe_again(request, step, topic, &found, &set);
    } else if (status == STATUS_NOT_FOUND) {
        status = subscribe_anew(request, step, topic, &subscription, &set);
    }
    if (status == STATUS_OK) {
        bool is_told =
            subscription.is_confirmed || (in->return_arn.is_set && in->return_arn.value);

        out->subscription_arn = is_told
                                    ? subscription_arn(request->arena, topic, subscription.id)
                                    : T("pending confirmation");
    }
    return status;
}

const struct operation sns_subscribe_operations[] = {
    {.name = "Subscribe",
     .permission = "SNS:Subscribe",
     .input = subscribe_input_fields,
     .input_size = sizeof(struct subscribe_input),
     .output = subscribe_output_fields,
     .output_size = sizeof(struct subscribe_output),
     .handle = subscribe},
    OPERATIONS_END,
};
