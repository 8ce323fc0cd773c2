/* The settable attributes of a topic: names, values, defaults. */
#include "base/json.h"
#include "services/common/policy.h"
#include "services/sns/internal.h"

#define DISPLAY_NAME_MAX 100

typedef bool value_test(struct text value);

static bool any_value(struct text value)
{
    (void)value;
    return true;
}

static bool is_boolean(struct text value)
{
    return text_equal(value, T("true")) || text_equal(value, T("false"));
}

static bool is_signature_version(struct text value)
{
    return text_equal(value, T("1")) || text_equal(value, T("2"));
}

static bool is_tracing(struct text value)
{
    return text_equal(value, T("Active")) || text_equal(value, T("PassThrough"));
}

static bool is_rate(struct text value)
{
    int64_t rate = 0;

    return text_to_int64(value, &rate) && rate >= 0 && rate <= 100;
}

static bool is_display_name(struct text value)
{
    return value.len <= DISPLAY_NAME_MAX;
}

/* The topic's form of a delivery policy: {"http": {...}}. */
static bool is_delivery_policy(struct text value)
{
    return value.len == 0 || (json_is_valid(value) && text_find(value, '{') < value.len);
}

static const struct {
    struct text name;
    value_test *test;
} rules[] = {
    {TEXT("DisplayName"), is_display_name},
    {TEXT("Policy"), policy_is_valid},
    {TEXT("DeliveryPolicy"), is_delivery_policy},
    {TEXT("SignatureVersion"), is_signature_version},
    {TEXT("TracingConfig"), is_tracing},
    {TEXT("KmsMasterKeyId"), any_value},
    {TEXT("ContentBasedDeduplication"), is_boolean},
    {TEXT("HTTPSuccessFeedbackRoleArn"), any_value},
    {TEXT("HTTPFailureFeedbackRoleArn"), any_value},
    {TEXT("HTTPSuccessFeedbackSampleRate"), is_rate},
    {TEXT("SQSSuccessFeedbackRoleArn"), any_value},
    {TEXT("SQSFailureFeedbackRoleArn"), any_value},
    {TEXT("SQSSuccessFeedbackSampleRate"), is_rate},
    {TEXT("LambdaSuccessFeedbackRoleArn"), any_value},
    {TEXT("LambdaFailureFeedbackRoleArn"), any_value},
    {TEXT("LambdaSuccessFeedbackSampleRate"), is_rate},
    {TEXT("FirehoseSuccessFeedbackRoleArn"), any_value},
    {TEXT("FirehoseFailureFeedbackRoleArn"), any_value},
    {TEXT("FirehoseSuccessFeedbackSampleRate"), is_rate},
    {TEXT("ApplicationSuccessFeedbackRoleArn"), any_value},
    {TEXT("ApplicationFailureFeedbackRoleArn"), any_value},
    {TEXT("ApplicationSuccessFeedbackSampleRate"), is_rate},
};

enum status topic_rule_apply(struct request *request, struct attribute_set *set,
                             struct text name, struct text value)
{
    for (size_t i = 0; i < countof(rules); i++) {
        if (!text_equal(name, rules[i].name)) {
            continue;
        }
        if (!rules[i].test(value)) {
            return request_fail(request, &sns_invalid_parameter, "Invalid parameter: %.*s",
                                TEXT_PRINTF(name));
        }
        if (value.len == 0) {
            attribute_set_remove(set, name);
        } else {
            attribute_set_put(set, name, value);
        }
        return STATUS_OK;
    }
    return request_fail(request, &sns_invalid_parameter, "Invalid parameter: AttributeName");
}

struct text topic_default_policy(struct request *request, const struct topic *topic)
{
    return arena_printf(
        request->arena,
        "{\"Version\":\"2008-10-17\",\"Id\":\"__default_policy_ID\",\"Statement\":[{\"Sid\":"
        "\"__default_statement_ID\",\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"*\"},"
        "\"Action\":[\"SNS:GetTopicAttributes\",\"SNS:SetTopicAttributes\","
        "\"SNS:AddPermission\",\"SNS:RemovePermission\",\"SNS:DeleteTopic\",\"SNS:Subscribe\","
        "\"SNS:ListSubscriptionsByTopic\",\"SNS:Publish\"],\"Resource\":\"%.*s\","
        "\"Condition\":{\"StringEquals\":{\"AWS:SourceOwner\":\"%.*s\"}}}]}",
        TEXT_PRINTF(topic->arn), TEXT_PRINTF(topic->account));
}
