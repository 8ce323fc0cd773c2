/* Which attributes a topic has: what each may say, defaults, and what is always shown. */
#include "services/common/attribute_equal.h"
#include "services/common/policy.h"
#include "services/sns/internal.h"

#define DISPLAY_NAME_MAX 400 /* 100 characters of up to four bytes */

enum rule_kind {
    RULE_TEXT,
    RULE_DISPLAY_NAME,
    RULE_POLICY,
    RULE_DELIVERY_POLICY,
    RULE_WORD, /* one of `words` */
    RULE_BOOLEAN,
    RULE_PERCENT,
    RULE_FIFO_TOPIC,
    RULE_NO_ARCHIVE
};

struct topic_rule {
    struct text name;
    enum rule_kind kind;
    bool is_fifo_only;
    struct text words[2];
};

static const struct topic_rule rules[] = {
    {.name = TEXT("DisplayName"), .kind = RULE_DISPLAY_NAME},
    {.name = TEXT("Policy"), .kind = RULE_POLICY},
    {.name = TEXT("DeliveryPolicy"), .kind = RULE_DELIVERY_POLICY},
    {.name = TEXT("TracingConfig"),
     .kind = RULE_WORD,
     .words = {TEXT("PassThrough"), TEXT("Active")}},
    {.name = TEXT("SignatureVersion"), .kind = RULE_WORD, .words = {TEXT("1"), TEXT("2")}},
    {.name = TEXT("KmsMasterKeyId"), .kind = RULE_TEXT},
    {.name = TEXT("FifoTopic"), .kind = RULE_FIFO_TOPIC},
    {.name = TEXT("ContentBasedDeduplication"), .kind = RULE_BOOLEAN, .is_fifo_only = true},
    {.name = TEXT("FifoThroughputScope"),
     .kind = RULE_WORD,
     .is_fifo_only = true,
     .words = {TEXT("Topic"), TEXT("MessageGroup")}},
    {.name = TEXT("ArchivePolicy"), .kind = RULE_NO_ARCHIVE, .is_fifo_only = true},
    {.name = TEXT("HTTPSuccessFeedbackRoleArn"), .kind = RULE_TEXT},
    {.name = TEXT("HTTPFailureFeedbackRoleArn"), .kind = RULE_TEXT},
    {.name = TEXT("HTTPSuccessFeedbackSampleRate"), .kind = RULE_PERCENT},
    {.name = TEXT("FirehoseSuccessFeedbackRoleArn"), .kind = RULE_TEXT},
    {.name = TEXT("FirehoseFailureFeedbackRoleArn"), .kind = RULE_TEXT},
    {.name = TEXT("FirehoseSuccessFeedbackSampleRate"), .kind = RULE_PERCENT},
    {.name = TEXT("LambdaSuccessFeedbackRoleArn"), .kind = RULE_TEXT},
    {.name = TEXT("LambdaFailureFeedbackRoleArn"), .kind = RULE_TEXT},
    {.name = TEXT("LambdaSuccessFeedbackSampleRate"), .kind = RULE_PERCENT},
    {.name = TEXT("ApplicationSuccessFeedbackRoleArn"), .kind = RULE_TEXT},
    {.name = TEXT("ApplicationFailureFeedbackRoleArn"), .kind = RULE_TEXT},
    {.name = TEXT("ApplicationSuccessFeedbackSampleRate"), .kind = RULE_PERCENT},
    {.name = TEXT("SQSSuccessFeedbackRoleArn"), .kind = RULE_TEXT},
    {.name = TEXT("SQSFailureFeedbackRoleArn"), .kind = RULE_TEXT},
    {.name = TEXT("SQSSuccessFeedbackSampleRate"), .kind = RULE_PERCENT},
};

static const struct topic_rule *rule_find(struct text name)
{
    for (size_t i = 0; i < countof(rules); i++) {
        if (text_equal(rules[i].name, name)) {
            return &rules[i];
        }
    }
    return NULL;
}

enum status attribute_refuse(const struct attribute_check *check, struct text name,
                             const char *reason)
{
    return request_fail(check->request, &sns_invalid_parameter, "%s%.*s: %s", check->prefix,
                        TEXT_PRINTF(name), reason);
}

/* --- NULL, or why the value is refused. */

static const char *fault_of_text(const struct attribute_check *check,
                                 const struct topic_rule *rule, struct text value)
{
    (void)check;
    (void)rule;
    (void)value;
    return NULL;
}

static const char *fault_of_display_name(const struct attribute_check *check,
                                         const struct topic_rule *rule, struct text value)
{
    (void)check;
    (void)rule;
    return value.len <= DISPLAY_NAME_MAX ? NULL : "must be at most 100 characters long";
}

static const char *fault_of_policy(const struct attribute_check *check,
                                   const struct topic_rule *rule, struct text value)
{
    (void)check;
    (void)rule;
    return policy_is_valid(value) ? NULL : "is not a valid policy document";
}

static const char *fault_of_delivery_policy(const struct attribute_check *check,
                                            const struct topic_rule *rule, struct text value)
{
    (void)rule;
    return delivery_policy_fault(check->request->arena, value, true);
}

static const char *fault_of_word(const struct attribute_check *check,
                                 const struct topic_rule *rule, struct text value)
{
    if (text_equal(value, rule->words[0]) || text_equal(value, rule->words[1])) {
        return NULL;
    }
    return arena_printf(check->request->arena, "Invalid value [%.*s]. Must be %s or %s.",
                        TEXT_PRINTF(value), rule->words[0].at, rule->words[1].at)
        .at;
}

static const char *fault_of_boolean(const struct attribute_check *check,
                                    const struct topic_rule *rule, struct text value)
{
    (void)rule;
    if (text_equal_ignore_case(value, T("true")) || text_equal_ignore_case(value, T("false"))) {
        return NULL;
    }
    return arena_printf(check->request->arena, "Invalid value [%.*s]. Must be true or false.",
                        TEXT_PRINTF(value))
        .at;
}

static const char *fault_of_percent(const struct attribute_check *check,
                                    const struct topic_rule *rule, struct text value)
{
    int64_t number = 0;

    (void)check;
    (void)rule;
    return text_to_int64(value, &number) && number >= 0 && number <= 100
               ? NULL
               : "must be a whole number from 0 to 100";
}

static const char *fault_of_fifo_topic(const struct attribute_check *check,
                                       const struct topic_rule *rule, struct text value)
{
    return fault_of_boolean(check, rule, value);
}

static const char *fault_of_archive(const struct attribute_check *check,
                                    const struct topic_rule *rule, struct text value)
{
    (void)check;
    (void)rule;
    return text_equal(value, T("{}")) ? NULL : "this server does not keep archives of topics";
}

static const char *(*const faults[])(const struct attribute_check *check,
                                     const struct topic_rule *rule, struct text value) = {
    [RULE_TEXT] = fault_of_text,          [RULE_DISPLAY_NAME] = fault_of_display_name,
    [RULE_POLICY] = fault_of_policy,      [RULE_DELIVERY_POLICY] = fault_of_delivery_policy,
    [RULE_WORD] = fault_of_word,          [RULE_BOOLEAN] = fault_of_boolean,
    [RULE_PERCENT] = fault_of_percent,    [RULE_FIFO_TOPIC] = fault_of_fifo_topic,
    [RULE_NO_ARCHIVE] = fault_of_archive,
};

static enum status unknown(const struct attribute_check *check, struct text name)
{
    if (check->unknown != NULL) {
        return request_fail(check->request, &sns_invalid_parameter, "%s%s", check->prefix,
                            check->unknown);
    }
    return request_fail(check->request, &sns_invalid_parameter, "%sUnknown attribute: %.*s",
                        check->prefix, TEXT_PRINTF(name));
}

/* So does a FifoTopic of false, which AWS does not keep. */
static void put_or_remove(struct attribute_set *set, const struct topic_rule *rule,
                          struct text value)
{
    bool is_boolean = rule->kind == RULE_BOOLEAN || rule->kind == RULE_FIFO_TOPIC;
    bool is_true = text_equal_ignore_case(value, T("true"));

    if (value.len == 0 || (rule->kind == RULE_FIFO_TOPIC && !is_true)) {
        attribute_set_remove(set, rule->name);
    } else if (is_boolean) {
        attribute_set_put(set, rule->name, is_true ? T("true") : T("false"));
    } else {
        attribute_set_put(set, rule->name, value);
    }
}

enum status topic_rules_apply(const struct attribute_check *check, struct attribute_set *set,
                              struct text name, struct text value)
{
    const struct topic_rule *rule = rule_find(name);

    if (text_starts_with(name, T(FANFARE_PREFIX))) {
        attribute_set_put(set, name, value);
        return STATUS_OK;
    }
    if (rule == NULL || (rule->kind == RULE_FIFO_TOPIC && !check->is_new)) {
        return unknown(check, name);
    }
    if (rule->is_fifo_only && !check->is_fifo) {
        return attribute_refuse(check, name, "can only be set on FIFO topics");
    }
    /* Empty unsets. */
    const char *fault = value.len == 0 ? NULL : faults[rule->kind](check, rule, value);

    if (fault != NULL) {
        return attribute_refuse(check, name, fault);
    }
    put_or_remove(set, rule, value);
    return STATUS_OK;
}

/* --- Reading. */

struct text topic_default_policy(struct arena *arena, const struct topic *topic)
{
    return arena_printf(
        arena,
        "{\"Version\":\"2008-10-17\",\"Id\":\"__default_policy_ID\",\"Statement\":[{\"Sid\":"
        "\"__default_statement_ID\",\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"*\"},"
        "\"Action\":[\"SNS:GetTopicAttributes\",\"SNS:SetTopicAttributes\","
        "\"SNS:AddPermission\",\"SNS:RemovePermission\",\"SNS:DeleteTopic\","
        "\"SNS:Subscribe\",\"SNS:ListSubscriptionsByTopic\",\"SNS:Publish\"],\"Resource\":"
        "\"%.*s\",\"Condition\":{\"StringEquals\":{\"AWS:SourceOwner\":\"%.*s\"}}}]}",
        TEXT_PRINTF(topic->arn), TEXT_PRINTF(topic->account));
}

/* What a topic does that was not told; empty: nothing. */
static struct text value_untold(struct request *request, const struct topic *topic,
                                struct text name)
{
    static const struct string_pair values[] = {
        {TEXT("FifoTopic"), TEXT("false")},
        {TEXT("ContentBasedDeduplication"), TEXT("false")},
        {TEXT("SignatureVersion"), TEXT("1")},
        {TEXT("TracingConfig"), TEXT("PassThrough")},
        {TEXT("FifoThroughputScope"), TEXT("Topic")},
    };

    for (size_t i = 0; i < countof(values); i++) {
        if (text_equal(values[i].name, name)) {
            return values[i].value;
        }
    }
    return text_equal(name, T("Policy")) ? topic_default_policy(request->arena, topic)
                                         : (struct text){0};
}

/* In the form that AWS gives it, which is not always the one it was given in. */
static struct text value_shown(struct arena *arena, struct text name, struct text value)
{
    return text_equal(name, T("DeliveryPolicy")) ? delivery_policy_shown(arena, value) : value;
}

bool topic_rules_equal(struct request *request, const struct topic *topic,
                       const struct attribute_set *wanted, struct text name)
{
    struct text want = attribute_set_get(wanted, name);
    struct text have = topic_attribute(topic, name);

    want = want.len > 0 ? want : value_untold(request, topic, name);
    have = have.len > 0 ? have : value_untold(request, topic, name);
    return attribute_values_equal(name, value_shown(request->arena, name, want),
                                  value_shown(request->arena, name, have));
}

struct text topic_rules_value(struct request *request, const struct topic *topic,
                              struct text name)
{
    struct text stored = topic_attribute(topic, name);

    return stored.len > 0 ? value_shown(request->arena, name, stored)
                          : value_untold(request, topic, name);
}

static void map_add(struct string_map *map, struct text name, struct text value)
{
    map->items[map->count++] = (struct string_pair){name, value};
}

static void always_shown_add(struct request *request, const struct topic *topic,
                             struct string_map *map)
{
    struct arena *arena = request->arena;

    map_add(map, T("TopicArn"), topic->arn);
    map_add(map, T("Owner"), topic->account);
    map_add(map, T("Policy"), topic_rules_value(request, topic, T("Policy")));
    map_add(map, T("DisplayName"), topic_attribute(topic, T("DisplayName")));
    map_add(map, T("SubscriptionsConfirmed"),
            arena_printf(arena, "%llu", (unsigned long long)topic->confirmed));
    map_add(map, T("SubscriptionsPending"),
            arena_printf(arena, "%llu", (unsigned long long)topic->pending));
    map_add(map, T("SubscriptionsDeleted"),
            arena_printf(arena, "%llu", (unsigned long long)topic->deleted));
    map_add(map, T("EffectiveDeliveryPolicy"),
            delivery_policy_effective(arena, topic_attribute(topic, T("DeliveryPolicy"))));
    if (topic->is_fifo) {
        map_add(map, T("FifoTopic"), T("true"));
        map_add(map, T("ContentBasedDeduplication"),
                topic_rules_value(request, topic, T("ContentBasedDeduplication")));
    }
}

static bool is_always_shown(struct text name)
{
    static const struct text names[] = {TEXT("Policy"), TEXT("DisplayName"), TEXT("FifoTopic"),
                                        TEXT("ContentBasedDeduplication")};

    for (size_t i = 0; i < countof(names); i++) {
        if (text_equal(names[i], name)) {
            return true;
        }
    }
    return false;
}

void topic_rules_list(struct request *request, const struct topic *topic,
                      struct string_map *ret_attributes)
{
    ret_attributes->items =
        arena_array(request->arena, topic->attribute_count + 16, sizeof *ret_attributes->items);
    ret_attributes->count = 0;
    ret_attributes->is_set = true;
    always_shown_add(request, topic, ret_attributes);
    for (size_t i = 0; i < topic->attribute_count; i++) {
        struct text name = topic->attributes[i].name;
        bool is_shown = rule_find(name) != NULL || text_starts_with(name, T(FANFARE_PREFIX));

        if (is_shown && !is_always_shown(name)) {
            map_add(ret_attributes, name,
                    value_shown(request->arena, name, topic->attributes[i].value));
        }
    }
}

/* --- From the core's form and back. */

void topic_set_open(struct request *request, const struct topic *topic,
                    struct attribute_set *ret_set)
{
    struct string_pair *pairs =
        arena_array(request->arena, topic->attribute_count, sizeof *pairs);

    /* Texts are copied: the topic gives up its own when the set is stored. */
    for (size_t i = 0; i < topic->attribute_count; i++) {
        pairs[i] = (struct string_pair){arena_copy(request->arena, topic->attributes[i].name),
                                        arena_copy(request->arena, topic->attributes[i].value)};
    }
    attribute_set_init(ret_set, request->arena, pairs, topic->attribute_count);
}

struct attribute *attributes_of(const struct attribute_set *set)
{
    struct attribute *attributes = arena_array(set->arena, set->count, sizeof *attributes);

    for (size_t i = 0; i < set->count; i++) {
        attributes[i] = (struct attribute){set->items[i].name, set->items[i].value};
    }
    return attributes;
}

void topic_set_store(struct step *step, struct topic *topic, const struct attribute_set *set)
{
    topic_update(step, topic, attributes_of(set), set->count);
}
