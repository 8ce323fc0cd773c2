/* AddPermission, RemovePermission: they edit the topic's Policy document. */
#include "services/common/names.h"
#include "services/common/policy.h"
#include "services/sns/internal.h"

struct add_input {
    struct text topic_arn;
    struct text label;
    struct string_list accounts;
    struct string_list actions;
};

static const struct field add_input_fields[] = {
    {.name = "TopicArn",
     .type = FIELD_STRING,
     .required = true,
     AT(struct add_input, topic_arn)},
    {.name = "Label", .type = FIELD_STRING, .required = true, AT(struct add_input, label)},
    {.name = "AWSAccountId",
     .type = FIELD_STRING_LIST,
     .required = true,
     AT(struct add_input, accounts)},
    {.name = "ActionName",
     .type = FIELD_STRING_LIST,
     .required = true,
     AT(struct add_input, actions)},
    FIELDS_END,
};

static const struct field remove_input_fields[] = {
    {.name = "TopicArn",
     .type = FIELD_STRING,
     .required = true,
     AT(struct add_input, topic_arn)},
    {.name = "Label", .type = FIELD_STRING, .required = true, AT(struct add_input, label)},
    FIELDS_END,
};

static const struct text actions_known[] = {
    TEXT("*"),
    TEXT("AddPermission"),
    TEXT("DeleteTopic"),
    TEXT("GetDataProtectionPolicy"),
    TEXT("GetTopicAttributes"),
    TEXT("ListSubscriptionsByTopic"),
    TEXT("ListTagsForResource"),
    TEXT("Publish"),
    TEXT("PutDataProtectionPolicy"),
    TEXT("RemovePermission"),
    TEXT("SetTopicAttributes"),
    TEXT("Subscribe"),
};

static bool is_action(struct text name)
{
    for (size_t i = 0; i < countof(actions_known); i++) {
        if (text_equal(name, actions_known[i])) {
            return true;
        }
    }
    return false;
}

static enum status actions_take(struct request *request, const struct add_input *in,
                                struct text **ret_actions)
{
    struct text *actions = arena_array(request->arena, in->actions.count, sizeof *actions);

    for (size_t i = 0; i < in->actions.count; i++) {
        if (!is_action(in->actions.items[i])) {
            return request_fail(request, &sns_invalid_parameter,
                                "Invalid parameter: Policy statement action out of service "
                                "scope!");
        }
        actions[i] =
            arena_printf(request->arena, "SNS:%.*s", TEXT_PRINTF(in->actions.items[i]));
    }
    for (size_t i = 0; i < in->accounts.count; i++) {
        if (!name_is_account(in->accounts.items[i])) {
            return request_fail(request, &sns_invalid_parameter,
                                "Invalid parameter: AWSAccountId");
        }
    }
    *ret_actions = actions;
    return STATUS_OK;
}

static void policy_store(struct request *request, struct step *step, struct topic *topic,
                         struct text policy)
{
    struct attribute_set set;

    set_from_attributes(&set, request->arena, topic->attributes, topic->attribute_count);
    if (policy.len > 0) {
        attribute_set_put(&set, T("Policy"), policy);
    } else {
        attribute_set_remove(&set, T("Policy"));
    }
    topic_update(step, topic, set_attributes(&set), set.count);
}

static struct text policy_of(struct request *request, const struct topic *topic)
{
    struct text policy = topic_attribute(topic, T("Policy"));

    return policy.len > 0 ? policy : topic_default_policy(request, topic);
}

static enum status add_permission(struct request *request, struct step *step, const void *input,
                                  void *output)
{
    const struct add_input *in = input;
    struct text *actions = NULL;
    struct text policy = {0};
    struct topic *topic = NULL;
    enum status status = sns_topic(request, step, in->topic_arn, "TopicArn", &topic);

    (void)output;
    status = status != STATUS_OK ? status : actions_take(request, in, &actions);
    if (status != STATUS_OK) {
        return status;
    }
    struct permission permission = {
        .label = in->label,
        .accounts = in->accounts.items,
        .account_count = in->accounts.count,
        .actions = actions,
        .action_count = in->actions.count,
        .resource = topic->arn,
    };

    status = policy_add(request->arena, policy_of(request, topic), &permission, &policy);
    if (status != STATUS_OK) {
        return request_fail(request, &sns_invalid_parameter,
                            "Invalid parameter: Statement already exists");
    }
    policy_store(request, step, topic, policy);
    return STATUS_OK;
}

static enum status remove_permission(struct request *request, struct step *step,
                                     const void *input, void *output)
{
    const struct add_input *in = input;
    struct text policy = {0};
    struct topic *topic = NULL;
    enum status status = sns_topic(request, step, in->topic_arn, "TopicArn", &topic);

    (void)output;
    if (status != STATUS_OK) {
        return status;
    }
    /* No complaint when there is no such label. */
    if (policy_remove(request->arena, policy_of(request, topic), in->label, &policy)
        == STATUS_OK) {
        policy_store(request, step, topic, policy);
    }
    return STATUS_OK;
}

const struct operation sns_permission_operations[] = {
    {.name = "AddPermission",
     .permission = "SNS:AddPermission",
     .input = add_input_fields,
     .input_size = sizeof(struct add_input),
     .handle = add_permission},
    {.name = "RemovePermission",
     .permission = "SNS:RemovePermission",
     .input = remove_input_fields,
     .input_size = sizeof(struct add_input),
     .handle = remove_permission},
    OPERATIONS_END,
};
