/* The settable attributes of a subscription: names, values, the filter policy's own errors. */
#include "base/json.h"
#include "fanfare/filter.h"
#include "services/common/arn.h"
#include "services/sns/internal.h"

typedef enum status rule_check(struct request *request, const char *prefix, struct text value);

static enum status check_any(struct request *request, const char *prefix, struct text value)
{
    (void)request;
    (void)prefix;
    (void)value;
    return STATUS_OK;
}

static enum status check_raw(struct request *request, const char *prefix, struct text value)
{
    if (text_equal_ignore_case(value, T("true")) || text_equal_ignore_case(value, T("false"))) {
        return STATUS_OK;
    }
    return request_fail(
        request, &sns_invalid_parameter,
        "Invalid parameter: %sRawMessageDelivery: Invalid value [%.*s]. Must be "
        "true or false.",
        prefix, TEXT_PRINTF(value));
}

static enum status check_scope(struct request *request, const char *prefix, struct text value)
{
    if (text_equal(value, T("MessageBody")) || text_equal(value, T("MessageAttributes"))) {
        return STATUS_OK;
    }
    return request_fail(
        request, &sns_invalid_parameter,
        "Invalid parameter: %sFilterPolicyScope: Invalid value [%.*s]. Please use "
        "either MessageBody or MessageAttributes",
        prefix, TEXT_PRINTF(value));
}

static enum status check_delivery(struct request *request, const char *prefix,
                                  struct text value)
{
    struct retry_policy policy;
    const char *reason = NULL;

    if (retry_policy_parse(value, &policy, &reason)) {
        return STATUS_OK;
    }
    return request_fail(request, &sns_invalid_parameter,
                        "Invalid parameter: %sDeliveryPolicy: %s", prefix, reason);
}

/* {"deadLetterTargetArn": "arn:aws:sqs:..."} and nothing else that matters. */
static bool redrive_arn(struct text value, struct arena *arena, struct text *ret)
{
    struct json_reader reader;
    bool is_found = false;

    json_reader_init(&reader, value, arena);
    if (json_next(&reader) != JSON_OBJECT) {
        return false;
    }
    while (json_next(&reader) == JSON_NAME) {
        bool is_it = text_equal(reader.value, T("deadLetterTargetArn"));

        if (is_it && json_next(&reader) != JSON_STRING) {
            return false;
        }
        if (!is_it && !json_skip(&reader)) {
            return false;
        }
        *ret = is_it ? reader.value : *ret;
        is_found = is_found || is_it;
    }
    return is_found && json_next(&reader) == JSON_END;
}

static enum status check_redrive(struct request *request, const char *prefix, struct text value)
{
    struct text target = {0};
    struct arn arn;

    if (value.len == 0) {
        return STATUS_OK;
    }
    if (!redrive_arn(value, request->arena, &target)) {
        return request_fail(request, &sns_invalid_parameter,
                            "Invalid parameter: %sRedrivePolicy: failed to parse JSON.",
                            prefix);
    }
    if (!arn_parse_service(target, T("sqs"), &arn)) {
        return request_fail(request, &sns_invalid_parameter,
                            "Invalid parameter: %sRedrivePolicy: deadLetterTargetArn is an "
                            "invalid arn",
                            prefix);
    }
    if (text_ends_with(target, T(".fifo"))) {
        return request_fail(request, &sns_invalid_parameter,
                            "Invalid parameter: %sRedrivePolicy: must use a standard queue as "
                            "DLQ for a subscription to a standard topic",
                            prefix);
    }
    return STATUS_OK;
}

static enum status check_confirmed(struct request *request, const char *prefix,
                                   struct text value)
{
    if (text_equal(value, T("true")) || text_equal(value, T("false"))) {
        return STATUS_OK;
    }
    return request_fail(request, &sns_invalid_parameter,
                        "Invalid parameter: %sFanfare.Confirmed: must be true or false",
                        prefix);
}

static enum status check_profile(struct request *request, const char *prefix, struct text value)
{
    if (text_equal(value, T("sns")) || text_equal(value, T("fanfare"))) {
        return STATUS_OK;
    }
    return request_fail(request, &sns_invalid_parameter,
                        "Invalid parameter: %sFanfare.FilterProfile: must be sns or fanfare",
                        prefix);
}

static const struct {
    struct text name;
    rule_check *check;
} rules[] = {
    {TEXT("FilterPolicy"), check_any}, /* with its scope: subscription_rules_check */
    {TEXT("FilterPolicyScope"), check_scope},
    {TEXT("RawMessageDelivery"), check_raw},
    {TEXT("DeliveryPolicy"), check_delivery},
    {TEXT("RedrivePolicy"), check_redrive},
    {TEXT("SubscriptionRoleArn"), check_any},
    {TEXT("Fanfare.Confirmed"), check_confirmed},
    {TEXT("Fanfare.FilterProfile"), check_profile},
};

/* An empty value takes the attribute away, and the policy's scope with the policy. */
static void put_or_remove(struct attribute_set *set, struct text name, struct text value)
{
    if (value.len > 0) {
        attribute_set_put(set, name, value);
        return;
    }
    attribute_set_remove(set, name);
    if (text_equal(name, T("FilterPolicy"))) {
        attribute_set_remove(set, T("FilterPolicyScope"));
    }
}

enum status subscription_rule_apply(struct request *request, const char *reason_prefix,
                                    struct attribute_set *set, struct text name,
                                    struct text value)
{
    for (size_t i = 0; i < countof(rules); i++) {
        if (text_equal(name, rules[i].name)) {
            enum status status = rules[i].check(request, reason_prefix, value);

            if (status == STATUS_OK) {
                put_or_remove(set, name, value);
            }
            return status;
        }
    }
    return request_fail(request, &sns_invalid_parameter, "Invalid parameter: %s",
                        reason_prefix[0] == '\0' ? "AttributeName"
                                                 : "Attributes Reason: unknown attribute name");
}

enum status subscription_rules_check(struct request *request, const char *reason_prefix,
                                     const struct attribute_set *set)
{
    struct text text = attribute_set_get(set, T("FilterPolicy"));
    bool is_body = text_equal(attribute_set_get(set, T("FilterPolicyScope")), T("MessageBody"));
    bool is_ours = text_equal(attribute_set_get(set, T("Fanfare.FilterProfile")), T("fanfare"));
    struct filter_policy *policy = NULL;
    struct filter_error error = {0};

    if (text.len == 0) {
        return STATUS_OK;
    }
    enum filter_status status = filter_policy_compile(
        text.at, text.len, is_body ? FILTER_SCOPE_BODY : FILTER_SCOPE_ATTRIBUTES,
        is_ours ? FILTER_PROFILE_FANFARE : FILTER_PROFILE_SNS, &policy, &error);

    filter_policy_free(policy);
    if (status == FILTER_OK) {
        return STATUS_OK;
    }
    if (status == FILTER_INVALID) {
        (void)request_fail(request, &sns_invalid_parameter, "Invalid parameter: %s%s%.*s",
                           reason_prefix, error.names_policy ? "FilterPolicy: " : "",
                           (int)error.len, error.text);
    } else {
        (void)request_fail(request, &error_internal, "out of memory");
    }
    filter_error_clear(&error);
    return STATUS_INVALID;
}
