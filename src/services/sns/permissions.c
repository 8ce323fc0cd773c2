/* AddPermission and RemovePermission: statements of the topic's Policy. */
#include "services/common/names.h"
#include "services/common/policy.h"
#include "services/sns/internal.h"

#define LABEL_MAX 80

struct permission_input {
    struct text arn;
    struct text label;
    struct string_list accounts;
    struct string_list actions;
};

static const struct field add_permission_input_fields[] = {
    {.name = "TopicArn",
     .type = FIELD_STRING,
     .required = true,
     AT(struct permission_input, arn)},
    {.name = "Label",
     .type = FIELD_STRING,
     .required = true,
     AT(struct permission_input, label)},
    {.name = "AWSAccountId",
     .type = FIELD_STRING_LIST,
     .required = true,
     AT(struct permission_input, accounts)},
    {.name = "ActionName",
     .type = FIELD_STRING_LIST,
     .required = true,
     AT(struct permission_input, actions)},
    FIELDS_END,
};

static const struct field remove_permission_input_fields[] = {
    {.name = "TopicArn",
     .type = FIELD_STRING,
     .required = true,
     AT(struct permission_input, arn)},
    {.name = "Label",
     .type = FIELD_STRING,
     .required = true,
     AT(struct permission_input, label)},
    FIELDS_END,
};

static bool is_action(struct text action)
{
    static const struct text names[] = {
        TEXT("AddPermission"),
        TEXT("DeleteTopic"),
        TEXT("GetTopicAttributes"),
        TEXT("ListSubscriptionsByTopic"),
        TEXT("Publish"),
        TEXT("Receive"),
        TEXT("RemovePermission"),
        TEXT("SetTopicAttributes"),
        TEXT("Subscribe"),
    };

    for (size_t i = 0; i < countof(names); i++) {
        if (text_equal(names[i], action)) {
            return true;
        }
    }
    return false;
}

static enum status permission_check(struct request *request, const struct permission_input *in)
{
    if (!name_is_plain(in->label, LABEL_MAX)) {
        return request_fail(request, &sns_invalid_parameter, "Invalid parameter: Label");
    }
    for (size_t i = 0; i < in->actions.count; i++) {
        if (!is_action(in->actions.items[i])) {
            return request_fail(request, &sns_invalid_parameter,
                                "Invalid parameter: Policy statement action out of service "
                                "scope!");
        }
    }
    for (size_t i = 0; i < in->accounts.count; i++) {
        if (!text_is_account(in->accounts.items[i])) {
            return request_fail(request, &sns_invalid_parameter,
                                "Invalid parameter: AWSAccountId Reason: must be 12 digits");
        }
    }
    return STATUS_OK;
}

static void policy_store(struct request *request, struct step *step, struct topic *topic,
                         struct text policy)
{
    struct attribute_set set;

    topic_set_open(request, topic, &set);
    attribute_set_put(&set, T("Policy"), policy);
    topic_set_store(step, topic, &set);
}

static enum status add_permission(struct request *request, struct step *step, const void *input,
                                  void *output)
{
    const struct permission_input *in = input;
    struct topic *topic = NULL;
    enum status status = sns_topic(request, step, in->arn, "TopicArn", &topic);

    (void)output;
    status = status != STATUS_OK ? status : permission_check(request, in);
    if (status != STATUS_OK) {
        return status;
    }
    struct text policy = topic_rules_value(request, topic, T("Policy"));
    struct text *actions = arena_array(request->arena, in->actions.count, sizeof *actions);
    struct permission permission = {
        .label = in->label,
        .accounts = in->accounts.items,
        .account_count = in->accounts.count,
        .actions = actions,
        .action_count = in->actions.count,
        .resource = topic->arn,
    };

    for (size_t i = 0; i < in->actions.count; i++) {
        actions[i] =
            arena_printf(request->arena, "SNS:%.*s", TEXT_PRINTF(in->actions.items[i]));
    }
    if (policy_add(request->arena, policy, &permission, &policy) != STATUS_OK) {
        return request_fail(request, &sns_invalid_parameter,
                            "Invalid parameter: Statement already exists");
    }
    policy_store(request, step, topic, policy);
    return STATUS_OK;
}

/* A label that is not there is as good as removed. */
static enum status remove_permission(struct request *request, struct step *step,
                                     const void *input, void *output)
{
    const struct permission_input *in = input;
    struct topic *topic = NULL;
    struct text policy;
    enum status status = sns_topic(request, step, in->arn, "TopicArn", &topic);

    (void)output;
    if (status == STATUS_OK
        && policy_remove(request->arena, topic_rules_value(request, topic, T("Policy")),
                         in->label, &policy)
               == STATUS_OK) {
        policy_store(request, step, topic, policy);
    }
    return status;
}

const struct operation sns_permission_operations[] = {
    {.name = "AddPermission",
     .permission = "sns:AddPermission",
     .handle = add_permission,
     .input = add_permission_input_fields,
     .input_size = sizeof(struct permission_input)},
    {.name = "RemovePermission",
     .permission = "sns:RemovePermission",
     .handle = remove_permission,
     .input = remove_permission_input_fields,
     .input_size = sizeof(struct permission_input)},
    OPERATIONS_END,
};
