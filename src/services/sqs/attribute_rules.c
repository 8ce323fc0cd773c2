/* Which attributes a queue has: kinds, ranges, defaults, and what each one changes. */
#include "base/json.h"
#include "services/common/attribute_equal.h"
#include "services/common/policy.h"
#include "services/sqs/internal.h"

#include <string.h>

enum rule_kind {
    RULE_NUMBER,
    RULE_BOOLEAN,
    RULE_CHOICE, /* one of two words; `setting` says it is the second */
    RULE_TEXT,
    RULE_POLICY,
    RULE_REDRIVE,
    RULE_REDRIVE_ALLOW,
    RULE_FIFO_QUEUE,
    RULE_READ_ONLY
};

#define NO_SETTING SIZE_MAX

struct attribute_rule {
    struct text name;
    enum rule_kind kind;
    bool is_fifo_only;
    uint32_t min, max;
    size_t setting;    /* offset in struct queue_settings, or NO_SETTING */
    struct text value; /* the default; empty: none, or a number's setting */
    struct text words[2];
};

#define SETTING(member) .setting = offsetof(struct queue_settings, member)

static const struct attribute_rule rules[] = {
    {TEXT("VisibilityTimeout"), RULE_NUMBER, .max = VISIBILITY_MAX_S,
     SETTING(visibility_timeout_s)},
    {TEXT("MaximumMessageSize"), RULE_NUMBER, .min = 1024, .max = 1048576,
     SETTING(maximum_message_size)},
    {TEXT("MessageRetentionPeriod"), RULE_NUMBER, .min = 60, .max = 1209600,
     SETTING(message_retention_s)},
    {TEXT("DelaySeconds"), RULE_NUMBER, .max = 900, SETTING(delay_s)},
    {TEXT("ReceiveMessageWaitTimeSeconds"), RULE_NUMBER, .max = 20, SETTING(receive_wait_s)},
    {TEXT("KmsDataKeyReusePeriodSeconds"), RULE_NUMBER, .min = 60, .max = 86400,
     .value = TEXT("300"), .setting = NO_SETTING},
    {TEXT("KmsMasterKeyId"), RULE_TEXT, .setting = NO_SETTING},
    {TEXT("SqsManagedSseEnabled"), RULE_BOOLEAN, .value = TEXT("true"), .setting = NO_SETTING},
    {TEXT("Policy"), RULE_POLICY, .setting = NO_SETTING},
    {TEXT("RedrivePolicy"), RULE_REDRIVE, .setting = NO_SETTING},
    {TEXT("RedriveAllowPolicy"), RULE_REDRIVE_ALLOW, .setting = NO_SETTING},
    {TEXT("FifoQueue"), RULE_FIFO_QUEUE, .is_fifo_only = true, .value = TEXT("true"),
     .setting = NO_SETTING},
    {TEXT("ContentBasedDeduplication"), RULE_BOOLEAN, .is_fifo_only = true,
     .value = TEXT("false"), SETTING(content_based_deduplication)},
    {TEXT("DeduplicationScope"), RULE_CHOICE, .is_fifo_only = true, .value = TEXT("queue"),
     .words = {TEXT("queue"), TEXT("messageGroup")}, SETTING(deduplicate_per_group)},
    {TEXT("FifoThroughputLimit"), RULE_CHOICE, .is_fifo_only = true, .value = TEXT("perQueue"),
     .words = {TEXT("perQueue"), TEXT("perMessageGroupId")}, SETTING(throughput_per_group)},
    {TEXT("QueueArn"), RULE_READ_ONLY, .setting = NO_SETTING},
    {TEXT("CreatedTimestamp"), RULE_READ_ONLY, .setting = NO_SETTING},
    {TEXT("LastModifiedTimestamp"), RULE_READ_ONLY, .setting = NO_SETTING},
    {TEXT("ApproximateNumberOfMessages"), RULE_READ_ONLY, .setting = NO_SETTING},
    {TEXT("ApproximateNumberOfMessagesNotVisible"), RULE_READ_ONLY, .setting = NO_SETTING},
    {TEXT("ApproximateNumberOfMessagesDelayed"), RULE_READ_ONLY, .setting = NO_SETTING},
};

static const struct attribute_rule *rule_find(struct text name)
{
    for (size_t i = 0; i < countof(rules); i++) {
        if (text_equal(rules[i].name, name)) {
            return &rules[i];
        }
    }
    return NULL;
}

bool attribute_rules_know(struct text name)
{
    return rule_find(name) != NULL || text_equal(name, T("All"));
}

/* --- Checking, one function for each kind. */

static enum status bad_value(const struct attribute_change *change,
                             const struct attribute_rule *rule)
{
    return request_fail(change->request, &sqs_invalid_attribute_value,
                        "Invalid value for the parameter %.*s.", TEXT_PRINTF(rule->name));
}

static void keep(const struct attribute_change *change, const struct attribute_rule *rule,
                 struct text value)
{
    attribute_set_put(change->set, rule->name, value);
}

static enum status apply_number(const struct attribute_change *change,
                                const struct attribute_rule *rule, struct text value)
{
    bool is_size = rule->setting == offsetof(struct queue_settings, maximum_message_size);
    int64_t max =
        is_size ? queues_limits(queues_of(change->step))->message_size_max : rule->max;
    int64_t number = 0;

    if (!text_to_int64(value, &number) || number < rule->min || number > max) {
        return bad_value(change, rule);
    }
    if (rule->setting != NO_SETTING) {
        uint32_t setting = (uint32_t)number;

        memcpy((char *)change->settings + rule->setting, &setting, sizeof setting);
    }
    keep(change, rule, arena_printf(change->request->arena, "%lld", (long long)number));
    return STATUS_OK;
}

static void settings_put_flag(const struct attribute_change *change,
                              const struct attribute_rule *rule, bool flag)
{
    if (rule->setting != NO_SETTING) {
        memcpy((char *)change->settings + rule->setting, &flag, sizeof flag);
    }
}

static enum status apply_boolean(const struct attribute_change *change,
                                 const struct attribute_rule *rule, struct text value)
{
    bool is_true = text_equal_ignore_case(value, T("true"));

    if (!is_true && !text_equal_ignore_case(value, T("false"))) {
        return bad_value(change, rule);
    }
    settings_put_flag(change, rule, is_true);
    keep(change, rule, is_true ? T("true") : T("false"));
    return STATUS_OK;
}

static enum status apply_choice(const struct attribute_change *change,
                                const struct attribute_rule *rule, struct text value)
{
    bool is_second = text_equal(value, rule->words[1]);

    if (!is_second && !text_equal(value, rule->words[0])) {
        return bad_value(change, rule);
    }
    settings_put_flag(change, rule, is_second);
    keep(change, rule, value);
    return STATUS_OK;
}

/* Empty unsets it. */
static enum status apply_text(const struct attribute_change *change,
                              const struct attribute_rule *rule, struct text value)
{
    if (value.len == 0) {
        attribute_set_remove(change->set, rule->name);
    } else {
        keep(change, rule, value);
    }
    return STATUS_OK;
}

static enum status apply_policy(const struct attribute_change *change,
                                const struct attribute_rule *rule, struct text value)
{
    return policy_is_valid(value) ? apply_text(change, rule, value) : bad_value(change, rule);
}

static enum status apply_redrive(const struct attribute_change *change,
                                 const struct attribute_rule *rule, struct text value)
{
    (void)rule;
    return redrive_policy_apply(change, value);
}

static enum status apply_redrive_allow(const struct attribute_change *change,
                                       const struct attribute_rule *rule, struct text value)
{
    (void)rule;
    return redrive_allow_policy_apply(change, value);
}

static enum status unknown_attribute(struct request *request, struct text name)
{
    return request_fail(request, &sqs_invalid_attribute_name, "Unknown Attribute %.*s.",
                        TEXT_PRINTF(name));
}

/* That a queue is FIFO is settled by its name, before; standard queues do not know it at all.
 */
static enum status apply_fifo_queue(const struct attribute_change *change,
                                    const struct attribute_rule *rule, struct text value)
{
    if (!change->settings->is_fifo) {
        return unknown_attribute(change->request, rule->name);
    }
    if (text_equal_ignore_case(value, T("true"))) {
        keep(change, rule, T("true"));
        return STATUS_OK;
    }
    return request_fail(change->request, &sqs_invalid_attribute_value,
                        "Invalid value for the parameter FifoQueue. Reason: Modifying queue "
                        "type is not supported.");
}

static enum status apply_read_only(const struct attribute_change *change,
                                   const struct attribute_rule *rule, struct text value)
{
    (void)value;
    return unknown_attribute(change->request, rule->name);
}

static enum status (*const appliers[])(const struct attribute_change *change,
                                       const struct attribute_rule *rule, struct text value) = {
    [RULE_NUMBER] = apply_number,
    [RULE_BOOLEAN] = apply_boolean,
    [RULE_CHOICE] = apply_choice,
    [RULE_TEXT] = apply_text,
    [RULE_POLICY] = apply_policy,
    [RULE_REDRIVE] = apply_redrive,
    [RULE_REDRIVE_ALLOW] = apply_redrive_allow,
    [RULE_FIFO_QUEUE] = apply_fifo_queue,
    [RULE_READ_ONLY] = apply_read_only,
};

/* The older of these attributes AWS calls unknown, the choices it explains. */
static enum status not_for_standard(const struct attribute_change *change,
                                    const struct attribute_rule *rule)
{
    if (rule->kind != RULE_CHOICE) {
        return unknown_attribute(change->request, rule->name);
    }
    return request_fail(change->request, &sqs_invalid_attribute_name,
                        "You can specify the %.*s only when FifoQueue is set to true.",
                        TEXT_PRINTF(rule->name));
}

static enum status apply_one(const struct attribute_change *change,
                             const struct string_pair *pair)
{
    const struct attribute_rule *rule = rule_find(pair->name);

    if (rule == NULL) {
        return unknown_attribute(change->request, pair->name);
    }
    if (rule->is_fifo_only && !change->settings->is_fifo) {
        return not_for_standard(change, rule);
    }
    return appliers[rule->kind](change, rule, pair->value);
}

/* --- What only all of them together show. */

static bool is_given(const struct string_map *given, struct text name, struct text value)
{
    for (size_t i = 0; i < given->count; i++) {
        if (text_equal(given->items[i].name, name)
            && (value.len == 0 ? given->items[i].value.len > 0
                               : text_equal_ignore_case(given->items[i].value, value))) {
            return true;
        }
    }
    return false;
}

/* One kind of encryption: what is set later replaces the other, both at once is a mistake.  A
 * key that goes does not bring SQS's own kind back. */
static enum status check_encryption(const struct attribute_change *change,
                                    const struct string_map *given)
{
    bool has_key = is_given(given, T("KmsMasterKeyId"), (struct text){0});
    bool has_managed = is_given(given, T("SqsManagedSseEnabled"), T("true"));

    if (has_key && has_managed) {
        return request_fail(change->request, &sqs_invalid_attribute_name,
                            "You can use one type of server-side encryption (SSE) at one time. "
                            "You can either enable KMS SSE or SQS SSE.");
    }
    if (has_key) {
        attribute_set_put(change->set, T("SqsManagedSseEnabled"), T("false"));
    }
    if (has_managed) {
        attribute_set_remove(change->set, T("KmsMasterKeyId"));
        attribute_set_remove(change->set, T("KmsDataKeyReusePeriodSeconds"));
    }
    return STATUS_OK;
}

enum status attribute_rules_apply(const struct attribute_change *change,
                                  const struct string_map *given)
{
    for (size_t i = 0; i < given->count; i++) {
        enum status status = apply_one(change, &given->items[i]);

        if (status != STATUS_OK) {
            return status;
        }
    }
    if (change->settings->throughput_per_group && !change->settings->deduplicate_per_group) {
        return request_fail(change->request, &sqs_invalid_attribute_value,
                            "The FifoThroughputLimit attribute can be set to perMessageGroupId "
                            "only when the DeduplicationScope attribute is set to "
                            "messageGroup.");
    }
    return check_encryption(change, given);
}

/* --- Reading. */

static struct text number_text(struct request *request, uint64_t number)
{
    return arena_printf(request->arena, "%llu", (unsigned long long)number);
}

static struct text read_only_value(struct request *request, const struct queue *queue,
                                   struct text name)
{
    struct queue_counts counts = queue_counts(queue);

    const struct {
        struct text name;
        uint64_t value;
    } numbers[] = {
        {TEXT("CreatedTimestamp"), (uint64_t)queue->created_ms / 1000},
        {TEXT("LastModifiedTimestamp"), (uint64_t)queue->modified_ms / 1000},
        {TEXT("ApproximateNumberOfMessages"), counts.visible},
        {TEXT("ApproximateNumberOfMessagesNotVisible"), counts.in_flight},
        {TEXT("ApproximateNumberOfMessagesDelayed"), counts.delayed},
    };

    for (size_t i = 0; i < countof(numbers); i++) {
        if (text_equal(numbers[i].name, name)) {
            return number_text(request, numbers[i].value);
        }
    }
    return queue->arn;
}

/* What the queue was made with: the default may be another by now. */
static struct text setting_text(struct request *request, const struct queue *queue,
                                const struct attribute_rule *rule)
{
    uint32_t setting = 0;

    memcpy(&setting, (const char *)&queue->settings + rule->setting, sizeof setting);
    return number_text(request, setting);
}

/* What it was set to, or else its default. */
static struct text value_of(struct request *request, const struct queue *queue,
                            const struct attribute_rule *rule)
{
    struct text stored = queue_attribute(queue, rule->name);

    if (stored.len > 0) {
        return stored;
    }
    return rule->kind == RULE_NUMBER && rule->setting != NO_SETTING
               ? setting_text(request, queue, rule)
               : rule->value;
}

struct text attribute_rules_value(struct request *request, const struct queue *queue,
                                  struct text name)
{
    const struct attribute_rule *rule = rule_find(name);
    bool has_key = queue_attribute(queue, T("KmsMasterKeyId")).len > 0;

    if (rule == NULL || (rule->is_fifo_only && !queue->settings.is_fifo)) {
        return (struct text){0};
    }
    /* Of a key that is not there nothing is shown. */
    if (!has_key && text_equal(name, T("KmsDataKeyReusePeriodSeconds"))) {
        return (struct text){0};
    }
    return rule->kind == RULE_READ_ONLY ? read_only_value(request, queue, name)
                                        : value_of(request, queue, rule);
}

bool attribute_rules_equal(struct request *request, const struct queue *queue, struct text name,
                           struct text wanted)
{
    const struct attribute_rule *rule = rule_find(name);

    return rule != NULL && attribute_values_equal(name, wanted, value_of(request, queue, rule));
}

void attribute_rules_list(struct request *request, const struct queue *queue,
                          struct string_map *ret_attributes)
{
    ret_attributes->items =
        arena_array(request->arena, countof(rules), sizeof *ret_attributes->items);
    ret_attributes->count = 0;
    ret_attributes->is_set = true;
    for (size_t i = 0; i < countof(rules); i++) {
        struct text value = attribute_rules_value(request, queue, rules[i].name);

        if (value.at != NULL) {
            ret_attributes->items[ret_attributes->count++] =
                (struct string_pair){rules[i].name, value};
        }
    }
}

/* --- From the core's form and back. */

void queue_set_open(struct request *request, const struct queue *queue,
                    struct attribute_set *ret_set)
{
    struct string_pair *pairs =
        arena_array(request->arena, queue->attribute_count, sizeof *pairs);

    for (size_t i = 0; i < queue->attribute_count; i++) {
        pairs[i] = (struct string_pair){queue->attributes[i].name, queue->attributes[i].value};
    }
    attribute_set_init(ret_set, request->arena, pairs, queue->attribute_count);
}

void queue_set_store(struct step *step, struct queue *queue,
                     const struct queue_settings *settings, const struct attribute_set *set)
{
    struct queue_attribute *attributes =
        arena_array(set->arena, set->count, sizeof *attributes);

    for (size_t i = 0; i < set->count; i++) {
        attributes[i] = (struct queue_attribute){set->items[i].name, set->items[i].value};
    }
    queue_update(step, queue, settings, attributes, set->count);
}
