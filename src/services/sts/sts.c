/* STS GetCallerIdentity: the account that the access key claims. */
#include "services/sts/sts.h"

struct identity {
    struct text arn;
    struct text user_id;
    struct text account;
};

static const struct field no_fields[] = {FIELDS_END};

static const struct field identity_fields[] = {
    {.name = "Arn", .type = FIELD_STRING, .offset = offsetof(struct identity, arn)},
    {.name = "UserId", .type = FIELD_STRING, .offset = offsetof(struct identity, user_id)},
    {.name = "Account", .type = FIELD_STRING, .offset = offsetof(struct identity, account)},
    FIELDS_END,
};

static enum status get_caller_identity(struct request *request, struct step *step,
                                       const void *input, void *output)
{
    struct identity *identity = output;

    (void)step;
    (void)input;
    identity->account = request->account;
    identity->user_id = request->access_key.len > 0 ? request->access_key : request->account;
    identity->arn =
        arena_printf(request->arena, "arn:aws:iam::%.*s:root", TEXT_PRINTF(request->account));
    return STATUS_OK;
}

static const struct operation operations[] = {
    {.name = "GetCallerIdentity",
     .permission = "sts:GetCallerIdentity",
     .input = no_fields,
     .output = identity_fields,
     .output_size = sizeof(struct identity),
     .only_reads = true,
     .handle = get_caller_identity},
    OPERATIONS_END,
};

static const struct operation *const families[] = {operations, NULL};

static const char *const unserved[] = {
    "AssumeRole",
    "AssumeRoleWithSAML",
    "AssumeRoleWithWebIdentity",
    "DecodeAuthorizationMessage",
    "GetAccessKeyInfo",
    "GetFederationToken",
    "GetSessionToken",
    NULL,
};

static enum status missing(struct request *request, const struct operation *operation,
                           struct text name)
{
    (void)operation;
    return request_fail(request, &error_missing_parameter,
                        "The request must contain the parameter %.*s.", TEXT_PRINTF(name));
}

const struct service sts_service = {
    .name = "sts",
    .version = "2011-06-15",
    .xml_namespace = "https://sts.amazonaws.com/doc/2011-06-15/",
    .json_type_prefix = "com.amazonaws.sts#",
    .families = families,
    .unserved = unserved,
    .missing = missing,
};
