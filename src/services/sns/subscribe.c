/* Subscribe: what may be subscribed to what, confirmed at once or asked for confirmation. */
#include "base/encoding.h"
#include "services/common/attribute_equal.h"
#include "services/common/names.h"
#include "services/sns/internal.h"

#define UNSUBSCRIBE_TOKEN_BYTES 16

#define PREFIX "Invalid parameter: Attributes Reason: "

struct subscribe_input {
    struct text topic_arn;
    struct text protocol;
    struct text endpoint;
    struct string_map attributes;
    struct optional_boolean return_arn;
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

struct subscribe_output {
    struct text arn;
};

static const struct field subscribe_output_fields[] = {
    {.name = "SubscriptionArn", .type = FIELD_STRING, AT(struct subscribe_output, arn)},
    FIELDS_END,
};

/* --- Endpoints. */

/* What is being made; the checks fill it in. */
struct subscribe_wish {
    struct request *request;
    const struct subscribe_input *in;
    struct topic *topic;
    enum protocol protocol;
    bool is_confirmed; /* at once */
    bool is_elsewhere; /* a queue of another server */
    struct attribute_set set;
};

static enum status endpoint_refuse(const struct subscribe_wish *wish, const char *text)
{
    return request_fail(wish->request, &sns_invalid_parameter, "Invalid parameter: %s", text);
}

static bool is_url(struct text endpoint)
{
    return text_starts_with(endpoint, T("http://"))
           || text_starts_with(endpoint, T("https://"));
}

/* A queue of a server that the configuration names: the operator vouches for it. */
static bool queue_is_elsewhere(const struct subscribe_wish *wish, struct why *why)
{
    return api_delivers(wish->request->api, wish->in->protocol)
           && api_accepts(wish->request->api, wish->in->protocol, wish->in->endpoint, why);
}

/* Somebody else's queue has to confirm; one's own need not. */
static enum status queue_check(struct subscribe_wish *wish)
{
    struct text endpoint = wish->in->endpoint;
    struct why why = {""};
    struct arn arn = {0};
    bool is_arn = arn_parse_service(endpoint, T("sqs"), &arn);

    if (!is_arn && !is_url(endpoint)) {
        return endpoint_refuse(wish, "SQS endpoint ARN");
    }
    if (text_ends_with(endpoint, T(".fifo")) && !wish->topic->is_fifo) {
        return endpoint_refuse(wish, "Invalid parameter: Endpoint Reason: FIFO SQS Queues can "
                                     "not be subscribed to standard SNS topics");
    }
    wish->is_elsewhere = queue_is_elsewhere(wish, &why);
    if (!is_arn && !wish->is_elsewhere) {
        return request_fail(wish->request, &sns_invalid_parameter,
                            "Invalid parameter: SQS endpoint ARN%s%s",
                            why.text[0] == '\0' ? "" : ": ", why.text);
    }
    wish->is_confirmed = wish->is_elsewhere || text_equal(arn.account, wish->request->account);
    return STATUS_OK;
}

static enum status url_check(struct subscribe_wish *wish)
{
    struct text prefix =
        arena_printf(wish->request->arena, "%s://", protocol_name(wish->protocol));

    if (!text_starts_with(wish->in->endpoint, prefix)) {
        return endpoint_refuse(wish, "Endpoint must match the specified protocol");
    }
    return STATUS_OK;
}

static enum status mail_check(struct subscribe_wish *wish)
{
    size_t at = text_find(wish->in->endpoint, '@');

    return at > 0 && at + 1 < wish->in->endpoint.len ? STATUS_OK
                                                     : endpoint_refuse(wish, "Email address");
}

/* E.164: up to 15 digits, however they are written. */
static enum status phone_check(struct subscribe_wish *wish)
{
    struct text number = wish->in->endpoint;
    struct text plain = phone_number_plain(number, wish->request->arena);
    size_t digits = plain.len - (text_starts_with(plain, T("+")) ? 1 : 0);

    wish->is_confirmed = true;
    return name_is_phone(number) && digits <= 15
               ? STATUS_OK
               : request_fail(wish->request, &sns_invalid_parameter,
                              "Invalid SMS endpoint: %.*s", TEXT_PRINTF(number));
}

static enum status arn_check(struct subscribe_wish *wish)
{
    struct arn arn;
    size_t elements;

    wish->is_confirmed = true;
    return arn_parse(wish->in->endpoint, &arn, &elements)
               ? STATUS_OK
               : endpoint_refuse(wish, wish->protocol == PROTOCOL_APPLICATION
                                           ? "ApplicationEndpoint ARN"
                                           : "Endpoint ARN");
}

/* What runs commands, or believes an endpoint unasked, is the operator's to give. */
static enum status admin_check(const struct subscribe_wish *wish, const char *what)
{
    return wish->request->caller.is_admin
               ? STATUS_OK
               : request_fail(wish->request, &sns_authorization_error, "%s: %s", what,
                              CALLER_ADVICE);
}

/* The operator set it up: the deliverer says what it takes. */
static enum status operators_check(struct subscribe_wish *wish)
{
    wish->is_confirmed = true;
    return STATUS_OK;
}

static enum status command_check(struct subscribe_wish *wish)
{
    wish->is_confirmed = true;
    return admin_check(wish, "Protocol exec");
}

static enum status function_check(struct subscribe_wish *wish)
{
    enum status status = arn_check(wish);

    return status != STATUS_OK ? status : admin_check(wish, "Protocol lambda");
}

static enum status (*const endpoint_checks[])(struct subscribe_wish *wish) = {
    [PROTOCOL_SQS] = queue_check,        [PROTOCOL_HTTP] = url_check,
    [PROTOCOL_HTTPS] = url_check,        [PROTOCOL_EMAIL] = mail_check,
    [PROTOCOL_EMAIL_JSON] = mail_check,  [PROTOCOL_SMS] = phone_check,
    [PROTOCOL_LAMBDA] = function_check,  [PROTOCOL_FIREHOSE] = arn_check,
    [PROTOCOL_APPLICATION] = arn_check,  [PROTOCOL_EXEC] = command_check,
    [PROTOCOL_PLUGIN] = operators_check,
};

/* Nothing is subscribed that could never be delivered. */
static enum status deliverer_check(struct subscribe_wish *wish)
{
    struct why why = {""};

    if (wish->protocol == PROTOCOL_SQS
        || api_accepts(wish->request->api, wish->in->protocol, wish->in->endpoint, &why)) {
        return STATUS_OK;
    }
    return request_fail(wish->request, &sns_invalid_parameter,
                        "Invalid parameter: Endpoint Reason: %s", why.text);
}

static enum status endpoint_check(struct subscribe_wish *wish)
{
    const struct subscribe_input *in = wish->in;

    if (!protocol_parse(in->protocol, &wish->protocol)
        && !api_delivers(wish->request->api, in->protocol)) {
        return request_fail(wish->request, &sns_invalid_parameter,
                            "Invalid parameter: Amazon SNS does not support this protocol "
                            "string: %.*s",
                            TEXT_PRINTF(in->protocol));
    }
    if (in->endpoint.len == 0) {
        return endpoint_refuse(wish, "Endpoint Reason: no value for required parameter");
    }
    if (wish->topic->is_fifo && wish->protocol != PROTOCOL_SQS) {
        return endpoint_refuse(wish, "Invalid parameter: Protocol Reason: FIFO topics can only "
                                     "be subscribed by SQS queues");
    }
    enum status status = endpoint_checks[wish->protocol](wish);

    return status != STATUS_OK ? status : deliverer_check(wish);
}

/* --- Attributes. */

static enum status attributes_take(struct subscribe_wish *wish)
{
    const struct string_map *given = &wish->in->attributes;
    struct attribute_check check = {
        .request = wish->request,
        .prefix = PREFIX,
        .is_new = true,
        .protocol = wish->protocol,
        .protocol_name = wish->in->protocol,
        .topic_arn = wish->topic->arn,
        .endpoint = wish->in->endpoint,
    };
    enum status status = STATUS_OK;

    attribute_set_init(&wish->set, wish->request->arena, NULL, 0);
    for (size_t i = 0; i < given->count && status == STATUS_OK; i++) {
        struct string_pair pair = given->items[i];

        /* The operator vouches for the endpoint: not kept, it is what is_confirmed says. */
        if (text_equal(pair.name, T(FANFARE_PREFIX "Confirmed"))) {
            bool is_wanted = text_equal_ignore_case(pair.value, T("true"));

            status = is_wanted && !wish->is_confirmed
                         ? admin_check(wish, FANFARE_PREFIX "Confirmed")
                         : status;
            wish->is_confirmed = wish->is_confirmed || is_wanted;
            continue;
        }
        status = subscription_rules_apply(&check, &wish->set, pair.name, pair.value);
    }
    status = status != STATUS_OK ? status : subscription_filter_check(&check, &wish->set);
    return status != STATUS_OK ? status : fanfare_attributes_check(&check, &wish->set);
}

/* What nobody asked for and the record must say. */
static void attributes_complete(struct subscribe_wish *wish)
{
    if (wish->protocol == PROTOCOL_PLUGIN) {
        attribute_set_put(&wish->set, T(SUBSCRIPTION_PROTOCOL), wish->in->protocol);
    }
    if (wish->is_elsewhere) {
        attribute_set_put(&wish->set, T(SUBSCRIPTION_ELSEWHERE), T("true"));
    }
}

/* --- It exists. */

static struct text value_or_default(const struct subscription *subscription, struct text name)
{
    struct text value = subscription_attribute(subscription, name);

    if (value.len > 0) {
        return value;
    }
    if (text_equal(name, T("RawMessageDelivery"))) {
        return T("false");
    }
    return text_equal(name, T("FilterPolicyScope")) ? T("MessageAttributes") : value;
}

static enum status subscription_compare(const struct subscribe_wish *wish,
                                        const struct subscription *found)
{
    for (size_t i = 0; i < wish->set.count; i++) {
        const struct string_pair *wanted = &wish->set.items[i];

        if (!attribute_values_equal(wanted->name, wanted->value,
                                    value_or_default(found, wanted->name))) {
            return request_fail(wish->request, &sns_invalid_parameter,
                                PREFIX "Subscription already exists with different attributes");
        }
    }
    return STATUS_OK;
}

/* The same answer as the first time; whoever has not confirmed is asked again. */
static enum status subscribe_again(const struct subscribe_wish *wish, struct step *step,
                                   const struct subscription *found)
{
    enum status status = subscription_compare(wish, found);

    if (status != STATUS_OK || found->is_confirmed) {
        return status;
    }
    if (wish->is_confirmed) {
        struct subscription changed = *found;

        changed.is_confirmed = true;
        changed.was_authenticated = true;
        subscription_update(step, found, &changed);
    } else {
        subscription_send_confirmation(step, wish->topic, found);
    }
    return STATUS_OK;
}

/* --- It is new. */

enum status subscription_limits_check(struct request *request, struct step *step,
                                      const struct topic *topic, bool has_filter)
{
    const struct router_limits *limits = router_limits(router_of(step));

    if (limits->subscriptions_per_topic != 0
        && topic->confirmed + topic->pending >= limits->subscriptions_per_topic) {
        return request_fail(request, &sns_subscription_limit_exceeded,
                            "Subscription limit exceeded for topic");
    }
    if (has_filter && topic_filter_limit_reached(topic, limits)) {
        return request_fail(request, &sns_filter_policy_limit_exceeded,
                            "Filter policy limit exceeded for topic or account");
    }
    return STATUS_OK;
}

/* Whoever reads the mail may end it, by a link that nobody else can make up. */
static void unsubscribe_token_add(struct subscribe_wish *wish, struct step *step)
{
    uint8_t bytes[UNSUBSCRIBE_TOKEN_BYTES];
    struct buffer hex;

    if (wish->protocol != PROTOCOL_EMAIL && wish->protocol != PROTOCOL_EMAIL_JSON) {
        return;
    }
    step->random->fill(step->random, bytes, sizeof bytes);
    buffer_init(&hex, 2 * sizeof bytes);
    hex_encode(&hex, text_make(bytes, sizeof bytes));
    attribute_set_put(&wish->set, T(SUBSCRIPTION_UNSUBSCRIBE_TOKEN),
                      arena_copy(wish->request->arena, buffer_text(&hex)));
    buffer_free(&hex);
}

static enum status subscribe_new(struct subscribe_wish *wish, struct step *step,
                                 struct subscription *subscription)
{
    struct why why = {""};
    enum status status = subscription_limits_check(
        wish->request, step, wish->topic, attribute_set_has(&wish->set, T("FilterPolicy")));

    if (status != STATUS_OK) {
        return status;
    }
    unsubscribe_token_add(wish, step);
    *subscription = (struct subscription){
        .protocol = wish->protocol,
        .endpoint = wish->in->endpoint,
        .owner = wish->request->account,
        .is_confirmed = wish->is_confirmed,
        .was_authenticated = wish->is_confirmed,
        .is_declared = wish->request->own != NULL,
        .base_url = wish->request->base_url,
        .attributes = attributes_of(&wish->set),
        .attribute_count = wish->set.count,
    };
    status = subscription_create(step, wish->topic, subscription, &why);
    if (status != STATUS_OK) {
        return sns_fail_status(wish->request, status, &why);
    }
    if (!subscription->is_confirmed) {
        subscription_send_confirmation(step, wish->topic, subscription);
    }
    return STATUS_OK;
}

static enum status subscribe(struct request *request, struct step *step, const void *input,
                             void *output)
{
    const struct subscribe_input *in = input;
    struct subscribe_output *out = output;
    struct subscribe_wish wish = {.request = request, .in = in, .protocol = PROTOCOL_PLUGIN};
    struct subscription subscription;
    enum status status = sns_topic(request, step, in->topic_arn, "TopicArn", &wish.topic);

    status = status != STATUS_OK ? status : endpoint_check(&wish);
    status = status != STATUS_OK ? status : attributes_take(&wish);
    if (status != STATUS_OK) {
        return status;
    }
    attributes_complete(&wish);
    status = subscription_find_endpoint(step, wish.topic, in->protocol, in->endpoint,
                                        request->arena, &subscription);
    if (status == STATUS_OK) {
        status = subscribe_again(&wish, step, &subscription);
    } else if (status == STATUS_NOT_FOUND) {
        status = subscribe_new(&wish, step, &subscription);
    }
    if (status != STATUS_OK) {
        return status;
    }
    bool is_pending = !subscription.is_confirmed && !wish.is_confirmed && !in->return_arn.value;

    out->arn = is_pending ? T("pending confirmation")
                          : subscription_arn(request->arena, wish.topic, subscription.id);
    return STATUS_OK;
}

const struct operation sns_subscribe_operations[] = {
    {.name = "Subscribe",
     .permission = "sns:Subscribe",
     .handle = subscribe,
     .input = subscribe_input_fields,
     .input_size = sizeof(struct subscribe_input),
     .output = subscribe_output_fields,
     .output_size = sizeof(struct subscribe_output)},
    OPERATIONS_END,
};
