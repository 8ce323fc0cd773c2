/* ConfirmSubscription and Unsubscribe: also plain GETs out of a mail or a webhook's log. */
#include "base/digest.h"
#include "base/encoding.h"
#include "services/sns/internal.h"

#define TOKEN_PREFIX "2336412f37"
#define TOKEN_HEX    64

/* --- ConfirmSubscription. */

struct confirm_input {
    struct text topic_arn;
    struct text token;
    struct text authenticate;
};

static const struct field confirm_input_fields[] = {
    {.name = "TopicArn",
     .type = FIELD_STRING,
     .required = true,
     AT(struct confirm_input, topic_arn)},
    {.name = "Token", .type = FIELD_STRING, .required = true, AT(struct confirm_input, token)},
    {.name = "AuthenticateOnUnsubscribe",
     .type = FIELD_STRING,
     AT(struct confirm_input, authenticate)},
    FIELDS_END,
};

struct confirm_output {
    struct text arn;
};

static const struct field confirm_output_fields[] = {
    {.name = "SubscriptionArn", .type = FIELD_STRING, AT(struct confirm_output, arn)},
    FIELDS_END,
};

static enum status refuse(struct request *request, const char *text)
{
    return request_fail(request, &sns_invalid_parameter, "%s", text);
}

/* Unsigned requests say no region and no account: the ARN does. */
static struct topic *topic_by_arn(struct step *step, const struct arn *arn)
{
    struct topic_name name = {arn->account, arn->region, arn->resource};

    return topic_find(router_of(step), &name);
}

/* What is wrong with a token for that topic, or NULL: one that is good elsewhere tells only
 * whether the region is right. */
static const char *topic_fault(struct step *step, const struct subscription *subscription,
                               const struct arn *arn)
{
    const struct topic *named = topic_by_arn(step, arn);
    const struct topic *topic = topic_find_number(router_of(step), subscription->topic);

    if (topic != NULL && !text_equal(topic->region, arn->region)) {
        return "Invalid parameter: Topic";
    }
    return topic == NULL || topic != named ? "Invalid parameter: Token" : NULL;
}

static bool token_is_whole(struct text token)
{
    struct text prefix = T(TOKEN_PREFIX);
    struct buffer bytes;

    buffer_init(&bytes, TOKEN_HEX);
    bool is_whole = token.len == prefix.len + TOKEN_HEX && text_starts_with(token, prefix)
                    && hex_decode(&bytes, text_after(token, prefix.len));

    buffer_free(&bytes);
    return is_whole;
}

/* From now on only who signs may end it. */
static void guard(struct request *request, struct subscription *subscription)
{
    struct attribute_set set;
    struct string_pair *pairs =
        arena_array(request->arena, subscription->attribute_count, sizeof *pairs);

    for (size_t i = 0; i < subscription->attribute_count; i++) {
        pairs[i] = (struct string_pair){subscription->attributes[i].name,
                                        subscription->attributes[i].value};
    }
    attribute_set_init(&set, request->arena, pairs, subscription->attribute_count);
    attribute_set_put(&set, T(AUTHENTICATED), T("true"));
    subscription->attributes = attributes_of(&set);
    subscription->attribute_count = set.count;
}

static void confirm(struct request *request, struct step *step,
                    const struct subscription *before, bool authenticates)
{
    struct subscription changed = *before;

    if (authenticates) {
        guard(request, &changed);
    }
    changed.is_confirmed = true;
    changed.was_authenticated = request->is_signed;
    subscription_update(step, before, &changed);
}

/* An Unsubscribe is taken back: as it was, unless it was subscribed anew meanwhile. */
static enum status restore(struct request *request, struct step *step, struct topic *topic,
                           const struct confirm_input *in, struct subscription *io_subscription)
{
    struct subscription live;
    struct why why = {""};
    struct text policy = subscription_attribute(io_subscription, T("FilterPolicy"));
    enum status status =
        subscription_find_endpoint(step, topic, subscription_protocol(io_subscription),
                                   io_subscription->endpoint, request->arena, &live);

    if (status == STATUS_OK) {
        subscription_give_way(step, in->token, io_subscription, &live);
        *io_subscription = live;
        return STATUS_OK;
    }
    if (status != STATUS_NOT_FOUND) {
        return status;
    }
    status = subscription_limits_check(request, step, topic, policy.len > 0);
    if (status != STATUS_OK) {
        return status;
    }
    if (text_equal_ignore_case(in->authenticate, T("true"))) {
        guard(request, io_subscription);
    }
    status = subscription_restore(step, topic, in->token, io_subscription, &why);
    return status == STATUS_OK ? status : sns_fail_status(request, status, &why);
}

static enum status confirm_subscription(struct request *request, struct step *step,
                                        const void *input, void *output)
{
    const struct confirm_input *in = input;
    struct confirm_output *out = output;
    struct arn arn;
    bool authenticates = text_equal_ignore_case(in->authenticate, T("true"));
    struct subscription subscription;

    if (!arn_parse_service(in->topic_arn, T("sns"), &arn)) {
        return refuse(request, "Invalid parameter: Topic");
    }
    struct topic *topic = topic_by_arn(step, &arn);

    if (!token_is_whole(in->token)) {
        return refuse(request, "Invalid parameter: Token");
    }
    if (authenticates && !request->is_signed) {
        return request_fail(request, &sns_authorization_error,
                            "AuthenticateOnUnsubscribe needs a signed request");
    }
    enum status status =
        subscription_find_token(step, in->token, request->arena, &subscription);

    if (status == STATUS_INVALID) {
        return refuse(request, topic == NULL ? "Invalid parameter: Token" : "Invalid token");
    }
    if (status != STATUS_OK) {
        return status;
    }
    const char *fault = topic_fault(step, &subscription, &arn);

    if (fault != NULL) {
        return refuse(request, fault);
    }
    status =
        subscription.is_deleted ? restore(request, step, topic, in, &subscription) : status;
    if (status != STATUS_OK) {
        return status;
    }
    if (!subscription.is_confirmed) {
        confirm(request, step, &subscription, authenticates);
    }
    out->arn = subscription_arn(request->arena, topic, subscription.id);
    return STATUS_OK;
}

/* --- Unsubscribe: one that is not there is as good as gone. */

struct unsubscribe_input {
    struct text arn;
    struct text token; /* Fanfare's own: out of a mail, in place of a signature */
};

static const struct field unsubscribe_input_fields[] = {
    {.name = "SubscriptionArn", .type = FIELD_STRING, AT(struct unsubscribe_input, arn)},
    {.name = "Token", .type = FIELD_STRING, AT(struct unsubscribe_input, token)},
    FIELDS_END,
};

/* Whether the link of a mail says so; one without a token says nothing. */
static bool is_mail_reader(const struct subscription *subscription, struct text token)
{
    struct text wanted =
        subscription_attribute(subscription, T(SUBSCRIPTION_UNSUBSCRIBE_TOKEN));

    return wanted.len > 0 && digest_equal(wanted, token);
}

/* Whether the endpoint is asked: it hears of what others did without signing, once it had
 * confirmed. The protocols are AWS's. */
static bool is_undoable(const struct request *request, const struct subscription *subscription,
                        bool is_reader)
{
    static const bool asked[PROTOCOL_COUNT] = {[PROTOCOL_HTTP] = true,
                                               [PROTOCOL_HTTPS] = true,
                                               [PROTOCOL_EMAIL] = true,
                                               [PROTOCOL_EMAIL_JSON] = true};
    bool is_known = request->is_signed || (request->own != NULL && !is_reader);

    return !is_known && subscription->is_confirmed && asked[subscription->protocol];
}

static enum status unsubscribe_found(struct request *request, struct step *step,
                                     const struct unsubscribe_input *in,
                                     const struct subscription *subscription)
{
    struct text arn = in->arn;
    bool is_reader = is_mail_reader(subscription, in->token);
    struct topic *topic = topic_find_number(router_of(step), subscription->topic);
    struct why why = {""};
    bool authenticates = subscription_attribute(subscription, T(AUTHENTICATED)).len > 0;

    if (topic == NULL
        || !text_equal(arn, subscription_arn(request->arena, topic, subscription->id))) {
        return STATUS_OK;
    }
    if (in->token.at != NULL && !is_reader) {
        return refuse(request, "Invalid token");
    }
    if (authenticates && !is_reader && !request->is_signed) {
        return request_fail(request, &sns_authorization_error,
                            "Only a signed request may unsubscribe: the subscription was "
                            "confirmed with AuthenticateOnUnsubscribe");
    }
    if (!is_undoable(request, subscription, is_reader)) {
        subscription_delete(step, subscription);
        return STATUS_OK;
    }
    enum status status = subscription_delete_undoably(step, topic, subscription, &why);

    return status == STATUS_OK ? status : sns_fail_status(request, status, &why);
}

static enum status unsubscribe(struct request *request, struct step *step, const void *input,
                               void *output)
{
    const struct unsubscribe_input *in = input;
    struct subscription subscription;
    uint8_t id[16];

    (void)output;
    if (in->arn.len == 0) {
        return refuse(request, "Invalid parameter: SubscriptionArn Reason: no value for "
                               "required parameter");
    }
    enum status status = sns_subscription_id(request, in->arn, id);

    if (status == STATUS_NOT_FOUND) {
        return refuse(request, "Invalid parameter: SubscriptionId");
    }
    status = status != STATUS_OK ? status
                                 : subscription_find(step, id, request->arena, &subscription);
    if (status == STATUS_NOT_FOUND) {
        return STATUS_OK;
    }
    return status != STATUS_OK ? status : unsubscribe_found(request, step, in, &subscription);
}

const struct operation sns_confirm_operations[] = {
    {.name = "ConfirmSubscription",
     .permission = "sns:ConfirmSubscription",
     .handle = confirm_subscription,
     .input = confirm_input_fields,
     .input_size = sizeof(struct confirm_input),
     .output = confirm_output_fields,
     .output_size = sizeof(struct confirm_output)},
    {.name = "Unsubscribe",
     .permission = "sns:Unsubscribe",
     .handle = unsubscribe,
     .input = unsubscribe_input_fields,
     .input_size = sizeof(struct unsubscribe_input)},
    OPERATIONS_END,
};
