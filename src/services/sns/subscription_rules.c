/* Which attributes a subscription has, and what each may say. */
#include "base/json.h"
#include "fanfare/filter.h"
#include "services/sns/internal.h"

#include <string.h>

enum rule_kind {
    RULE_FILTER_POLICY,
    RULE_FILTER_SCOPE,
    RULE_RAW,
    RULE_DELIVERY_POLICY,
    RULE_REDRIVE,
    RULE_TEXT,
    RULE_NO_REPLAY
};

static const struct {
    struct text name;
    enum rule_kind kind;
} rules[] = {
    {TEXT("FilterPolicy"), RULE_FILTER_POLICY}, {TEXT("FilterPolicyScope"), RULE_FILTER_SCOPE},
    {TEXT("RawMessageDelivery"), RULE_RAW},     {TEXT("DeliveryPolicy"), RULE_DELIVERY_POLICY},
    {TEXT("RedrivePolicy"), RULE_REDRIVE},      {TEXT("SubscriptionRoleArn"), RULE_TEXT},
    {TEXT("ReplayPolicy"), RULE_NO_REPLAY},
};

/* --- NULL, or why the value is refused. */

static const char *invalid_value(const struct attribute_check *check, struct text value,
                                 const char *advice)
{
    return arena_printf(check->request->arena, "Invalid value [%.*s]. %s", TEXT_PRINTF(value),
                        advice)
        .at;
}

/* A filter policy is compiled once its scope is known, too: see subscription_filter_check. */
static const char *fault_of_nothing(const struct attribute_check *check, struct text value)
{
    (void)check;
    (void)value;
    return NULL;
}

static const char *fault_of_scope(const struct attribute_check *check, struct text value)
{
    if (value.len == 0 || text_equal(value, T("MessageAttributes"))
        || text_equal(value, T("MessageBody"))) {
        return NULL;
    }
    return invalid_value(check, value, "Please use either MessageBody or MessageAttributes");
}

static const char *fault_of_raw(const struct attribute_check *check, struct text value)
{
    if (text_equal_ignore_case(value, T("true")) || text_equal_ignore_case(value, T("false"))) {
        return NULL;
    }
    return invalid_value(check, value, "Must be true or false.");
}

static const char *fault_of_delivery_policy(const struct attribute_check *check,
                                            struct text value)
{
    return value.len == 0 ? NULL : delivery_policy_fault(check->request->arena, value, false);
}

/* Its deadLetterTargetArn; at == NULL: the JSON is none, or has no such text. */
static struct text redrive_target(struct arena *arena, struct text value)
{
    struct json_reader reader;
    struct text target = {0};
    enum json_token token;

    json_reader_init(&reader, value, arena);
    if (json_next(&reader) != JSON_OBJECT) {
        return target;
    }
    while ((token = json_next(&reader)) == JSON_NAME) {
        if (text_equal(reader.value, T("deadLetterTargetArn"))) {
            target = json_next(&reader) == JSON_STRING ? reader.value : (struct text){0};
        } else if (!json_skip(&reader)) {
            break;
        }
    }
    return token == JSON_OBJECT_END && json_next(&reader) == JSON_END ? target
                                                                      : (struct text){0};
}

static const char *fault_of_redrive(const struct attribute_check *check, struct text value)
{
    struct arn arn;
    struct text fifo = T(".fifo");

    if (value.len == 0) {
        return NULL;
    }
    if (!json_is_valid(value)) {
        return "failed to parse JSON.";
    }
    struct text target = redrive_target(check->request->arena, value);

    if (!arn_parse_service(target, T("sqs"), &arn)) {
        return "deadLetterTargetArn is an invalid arn";
    }
    if (text_ends_with(check->topic_arn, fifo) && text_ends_with(check->endpoint, fifo)
        && !text_ends_with(target, fifo)) {
        return "must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic.";
    }
    return NULL;
}

static const char *fault_of_replay(const struct attribute_check *check, struct text value)
{
    (void)check;
    return value.len == 0 ? NULL : "this server does not keep archives to replay";
}

static const char *(*const faults[])(const struct attribute_check *check, struct text value) = {
    [RULE_FILTER_POLICY] = fault_of_nothing,
    [RULE_FILTER_SCOPE] = fault_of_scope,
    [RULE_RAW] = fault_of_raw,
    [RULE_DELIVERY_POLICY] = fault_of_delivery_policy,
    [RULE_REDRIVE] = fault_of_redrive,
    [RULE_TEXT] = fault_of_nothing,
    [RULE_NO_REPLAY] = fault_of_replay,
};

static size_t rule_find(struct text name)
{
    size_t i = 0;

    while (i < countof(rules) && !text_equal(rules[i].name, name)) {
        i++;
    }
    return i;
}

static void put_or_remove(struct attribute_set *set, struct text name, struct text value)
{
    if (value.len == 0) {
        attribute_set_remove(set, name);
    } else {
        attribute_set_put(set, name, value);
    }
}

enum status subscription_rules_apply(const struct attribute_check *check,
                                     struct attribute_set *set, struct text name,
                                     struct text value)
{
    size_t rule = rule_find(name);

    if (rule == countof(rules) && text_starts_with(name, T(FANFARE_PREFIX))) {
        const char *fault = fanfare_attribute_fault(check, name, value);

        if (fault != NULL) {
            return attribute_refuse(check, name, fault);
        }
        put_or_remove(set, name, value);
        return STATUS_OK;
    }
    if (rule == countof(rules)) {
        return check->unknown != NULL ? request_fail(check->request, &sns_invalid_parameter,
                                                     "%s%s", check->prefix, check->unknown)
                                      : request_fail(check->request, &sns_invalid_parameter,
                                                     "%sUnknown attribute: %.*s", check->prefix,
                                                     TEXT_PRINTF(name));
    }
    const char *fault = faults[rules[rule].kind](check, value);

    if (fault != NULL) {
        return attribute_refuse(check, name, fault);
    }
    if (rules[rule].kind == RULE_RAW) {
        value = text_equal_ignore_case(value, T("true")) ? T("true") : T("false");
    }
    put_or_remove(set, name, value);
    if (rules[rule].kind == RULE_FILTER_POLICY && value.len == 0) {
        attribute_set_remove(set, T("FilterPolicyScope"));
    }
    return STATUS_OK;
}

/* --- The filter policy. */

static enum status filter_refuse(const struct attribute_check *check,
                                 const struct filter_error *error)
{
    return request_fail(check->request, &sns_invalid_parameter, "%s%s%.*s", check->prefix,
                        error->names_policy ? "FilterPolicy: " : "", (int)error->len,
                        error->text == NULL ? "" : error->text);
}

/* Without the blanks between its tokens: so do errors quote it and count its columns.  What is
 * no JSON stays as it was sent. */
static struct text policy_compact(struct arena *arena, struct text policy)
{
    char *compact = arena_take(arena, policy.len + 1);
    bool is_string = false;
    size_t len = 0;

    if (!json_is_valid(policy)) {
        return policy;
    }
    for (size_t i = 0; i < policy.len; i++) {
        char c = policy.at[i];

        if (!is_string && text_find(T(" \t\r\n"), c) < 4) {
            continue;
        }
        compact[len++] = c;
        if (is_string && c == '\\') {
            compact[len++] = policy.at[++i]; /* valid: an escape is never the last */
        } else if (c == '"') {
            is_string = !is_string;
        }
    }
    return text_make(compact, len);
}

enum status subscription_filter_check(const struct attribute_check *check,
                                      const struct attribute_set *set)
{
    struct text text = attribute_set_get(set, T("FilterPolicy"));
    bool is_body = text_equal(attribute_set_get(set, T("FilterPolicyScope")), T("MessageBody"));
    bool is_extended =
        text_equal(attribute_set_get(set, T(FANFARE_PREFIX "FilterProfile")), T("fanfare"));
    struct filter_policy *policy = NULL;
    struct filter_error error = {0};

    if (text.len == 0) {
        return STATUS_OK;
    }
    text = policy_compact(check->request->arena, text);
    enum filter_status status = filter_policy_compile(
        text.at, text.len, is_body ? FILTER_SCOPE_BODY : FILTER_SCOPE_ATTRIBUTES,
        is_extended ? FILTER_PROFILE_FANFARE : FILTER_PROFILE_SNS, &policy, &error);

    filter_policy_free(policy);
    if (status == FILTER_OK) {
        return STATUS_OK;
    }
    enum status refused = status == FILTER_INVALID
                              ? filter_refuse(check, &error)
                              : request_fail(check->request, &error_unavailable,
                                             "out of memory while compiling the filter policy");

    filter_error_clear(&error);
    return refused;
}
