/* AddPermission and RemovePermission: statements of the queue's Policy. */
#include "services/common/names.h"
#include "services/common/policy.h"
#include "services/sqs/internal.h"

#define ACTIONS_MAX    7
#define STATEMENTS_MAX 20

struct permission_input {
    struct text url;
    struct text label;
    struct string_list accounts;
    struct string_list actions;
};

static const struct field add_permission_input_fields[] = {
    {.name = "QueueUrl", .type = FIELD_STRING, AT(struct permission_input, url)},
    {.name = "Label",
     .type = FIELD_STRING,
     .required = true,
     AT(struct permission_input, label)},
    {.name = "AWSAccountIds",
     .query = "AWSAccountId",
     .type = FIELD_STRING_LIST,
     .shape = QUERY_FLAT,
     .required = true,
     AT(struct permission_input, accounts)},
    {.name = "Actions",
     .query = "ActionName",
     .type = FIELD_STRING_LIST,
     .shape = QUERY_FLAT,
     .required = true,
     AT(struct permission_input, actions)},
    FIELDS_END,
};

static const struct field remove_permission_input_fields[] = {
    {.name = "QueueUrl", .type = FIELD_STRING, AT(struct permission_input, url)},
    {.name = "Label",
     .type = FIELD_STRING,
     .required = true,
     AT(struct permission_input, label)},
    FIELDS_END,
};

static bool is_action(struct text action)
{
    static const struct text names[] = {
        TEXT("*"),
        TEXT("SendMessage"),
        TEXT("ReceiveMessage"),
        TEXT("DeleteMessage"),
        TEXT("ChangeMessageVisibility"),
        TEXT("GetQueueAttributes"),
        TEXT("GetQueueUrl"),
        TEXT("ListDeadLetterSourceQueues"),
        TEXT("PurgeQueue"),
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
    if (!name_is_plain(in->label, QUEUE_NAME_MAX)) {
        return request_fail(request, &sqs_invalid_parameter_value,
                            "Value %.*s for parameter Label is invalid. Reason: Can only "
                            "include alphanumeric characters, hyphens, or underscores. 1 to 80 "
                            "in length.",
                            TEXT_PRINTF(in->label));
    }
    if (in->actions.count > ACTIONS_MAX) {
        return request_fail(request, &sqs_over_limit,
                            "%zu Actions were found, maximum "
                            "allowed is %d.",
                            in->actions.count, ACTIONS_MAX);
    }
    for (size_t i = 0; i < in->actions.count; i++) {
        if (!is_action(in->actions.items[i])) {
            return request_fail(request, &sqs_invalid_parameter_value,
                                "Value SQS:%.*s for parameter ActionName is invalid. Reason: "
                                "Please refer to the appropriate WSDL for a list of valid "
                                "actions. ",
                                TEXT_PRINTF(in->actions.items[i]));
        }
    }
    for (size_t i = 0; i < in->accounts.count; i++) {
        if (!text_is_account(in->accounts.items[i])) {
            return request_fail(request, &sqs_invalid_parameter_value,
                                "Value %.*s for parameter PrincipalId is invalid. Reason: "
                                "Unable to verify.",
                                TEXT_PRINTF(in->accounts.items[i]));
        }
    }
    return STATUS_OK;
}

/* Without a policy a new one begins. */
static struct text policy_of(struct request *request, const struct queue *queue)
{
    struct text policy = queue_attribute(queue, T("Policy"));

    return policy.len > 0
               ? policy
               : arena_printf(request->arena,
                              "{\"Version\":\"2008-10-17\",\"Id\":\"%.*s/SQSDefaultPolicy\","
                              "\"Statement\":[]}",
                              TEXT_PRINTF(queue->arn));
}

static void policy_store(struct request *request, struct step *step, struct queue *queue,
                         struct text policy)
{
    struct attribute_set set;

    queue_set_open(request, queue, &set);
    if (policy_statement_count(policy) == 0) {
        attribute_set_remove(&set, T("Policy"));
    } else {
        attribute_set_put(&set, T("Policy"), policy);
    }
    queue_set_store(step, queue, &queue->settings, &set);
}

static enum status add_permission(struct request *request, struct step *step, const void *input,
                                  void *output)
{
    const struct permission_input *in = input;
    struct queue *queue = NULL;
    enum status status = sqs_queue(request, step, in->url, &queue);

    (void)output;
    status = status != STATUS_OK ? status : permission_check(request, in);
    if (status != STATUS_OK) {
        return status;
    }
    struct text policy = policy_of(request, queue);
    struct text *actions = arena_array(request->arena, in->actions.count, sizeof *actions);
    struct permission permission = {
        .label = in->label,
        .accounts = in->accounts.items,
        .account_count = in->accounts.count,
        .actions = actions,
        .action_count = in->actions.count,
        .resource = queue->arn,
    };

    for (size_t i = 0; i < in->actions.count; i++) {
        actions[i] =
            arena_printf(request->arena, "SQS:%.*s", TEXT_PRINTF(in->actions.items[i]));
    }
    if (policy_statement_count(policy) >= STATEMENTS_MAX) {
        return request_fail(request, &sqs_over_limit,
                            "%d Statements were found, maximum allowed is %d.",
                            STATEMENTS_MAX + 1, STATEMENTS_MAX);
    }
    if (policy_add(request->arena, policy, &permission, &policy) != STATUS_OK) {
        return request_fail(request, &sqs_invalid_parameter_value,
                            "Value %.*s for parameter Label is invalid. Reason: Already "
                            "exists.",
                            TEXT_PRINTF(in->label));
    }
    policy_store(request, step, queue, policy);
    return STATUS_OK;
}

static enum status remove_permission(struct request *request, struct step *step,
                                     const void *input, void *output)
{
    const struct permission_input *in = input;
    struct queue *queue = NULL;
    struct text policy;
    enum status status = sqs_queue(request, step, in->url, &queue);

    (void)output;
    if (status != STATUS_OK) {
        return status;
    }
    if (policy_remove(request->arena, queue_attribute(queue, T("Policy")), in->label, &policy)
        != STATUS_OK) {
        return request_fail(request, &sqs_invalid_parameter_value,
                            "Value %.*s for parameter Label is invalid. Reason: can't find "
                            "label.",
                            TEXT_PRINTF(in->label));
    }
    policy_store(request, step, queue, policy);
    return STATUS_OK;
}

const struct operation sqs_permission_operations[] = {
    {.name = "AddPermission",
     .permission = "sqs:AddPermission",
     .handle = add_permission,
     .input = add_permission_input_fields,
     .input_size = sizeof(struct permission_input)},
    {.name = "RemovePermission",
     .permission = "sqs:RemovePermission",
     .handle = remove_permission,
     .input = remove_permission_input_fields,
     .input_size = sizeof(struct permission_input)},
    OPERATIONS_END,
};
