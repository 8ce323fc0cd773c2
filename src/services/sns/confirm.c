/* ConfirmSubscription, Unsubscribe: also as plain GETs from the links in messages. */
#include "services/sns/internal.h"

struct confirm_input {
    struct text topic_arn;
    struct text token;
    struct text authenticate; /* AuthenticateOnUnsubscribe, a string on the wire */
};

struct confirm_output {
    struct text subscription_arn;
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

static const struct field confirm_output_fields[] = {
    {.name = "SubscriptionArn",
     .type = FIELD_STRING,
     AT(struct confirm_output, subscription_arn)},
    FIELDS_END,
};

/* Ours begin so and are hex: what is not even that is a wrong parameter, not a wrong token. */
static bool looks_like_token(struct text token)
{
    if (!text_starts_with(token, T("2336412f37"))) {
        return false;
    }
    for (size_t i = 0; i < token.len; i++) {
        char byte = token.at[i];

        if (!((byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f'))) {
            return false;
        }
    }
    return true;
}

static enum status confirm_subscription(struct request *request, struct step *step,
                                        const void *input, void *output)
{
    const struct confirm_input *in = input;
    struct confirm_output *out = output;
    struct subscription found;
    struct topic *topic = NULL;
    enum status status = sns_topic(request, step, in->topic_arn, "Topic", &topic);

    if (status != STATUS_OK) {
        return status;
    }
    status = subscription_find_token(step, in->token, request->arena, &found);
    if (status == STATUS_WAIT) {
        return status;
    }
    if (status != STATUS_OK) {
        return request_fail(request, &sns_invalid_parameter,
                            looks_like_token(in->token) ? "Invalid token"
                                                        : "Invalid parameter: Token");
    }
    if (found.topic != topic->number) {
        return request_fail(request, &sns_invalid_parameter, "Invalid parameter: Token");
    }
    if (!found.is_confirmed) {
        struct subscription changed = found;

        changed.is_confirmed = true;
        changed.was_authenticated =
            request->is_signed && text_equal_ignore_case(in->authenticate, T("true"));
        subscription_update(step, &found, &changed);
    }
    out->subscription_arn = subscription_arn(request->arena, topic, found.id);
    return STATUS_OK;
}

/* --- Unsubscribe: no complaint when it is not there. */

struct unsubscribe_input {
    struct text subscription_arn;
};

static const struct field unsubscribe_input_fields[] = {
    {.name = "SubscriptionArn",
     .type = FIELD_STRING,
     .required = true,
     AT(struct unsubscribe_input, subscription_arn)},
    FIELDS_END,
};

static enum status unsubscribe(struct request *request, struct step *step, const void *input,
                               void *output)
{
    const struct unsubscribe_input *in = input;
    struct subscription found;
    enum status status = sns_subscription(request, step, in->subscription_arn, &found);

    (void)output;
    if (status == STATUS_NOT_FOUND) {
        return STATUS_OK;
    }
    if (status != STATUS_OK) {
        return status;
    }
    bool is_owner = request->is_signed && text_equal(request->account, found.owner);

    if (!is_owner && (request->is_signed || found.was_authenticated)) {
        return request_fail(request, &sns_authorization,
                            "The subscription's owner must sign this request");
    }
    subscription_delete(step, &found);
    return STATUS_OK;
}

const struct operation sns_confirm_operations[] = {
    {.name = "ConfirmSubscription",
     .permission = "SNS:ConfirmSubscription",
     .input = confirm_input_fields,
     .input_size = sizeof(struct confirm_input),
     .output = confirm_output_fields,
     .output_size = sizeof(struct confirm_output),
     .handle = confirm_subscription},
    {.name = "Unsubscribe",
     .permission = "SNS:Unsubscribe",
     .input = unsubscribe_input_fields,
     .input_size = sizeof(struct unsubscribe_input),
     .handle = unsubscribe},
    OPERATIONS_END,
};
