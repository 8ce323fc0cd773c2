/* Which key is meant. */
#include "services/common/arn.h"
#include "services/kms/internal.h"

struct kms_scope kms_scope_of(const struct request *request)
{
    return (struct kms_scope){request->account, request->region};
}

bool kms_alias_is_managed(struct text name)
{
    return text_starts_with(name, T("alias/aws/"));
}

struct text kms_default_policy(struct request *request)
{
    return arena_printf(
        request->arena,
        "{\n  \"Version\" : \"2012-10-17\",\n  \"Id\" : \"key-default-1\",\n"
        "  \"Statement\" : [ {\n    \"Sid\" : \"Enable IAM User Permissions\",\n"
        "    \"Effect\" : \"Allow\",\n    \"Principal\" : {\n"
        "      \"AWS\" : \"arn:aws:iam::%.*s:root\"\n    },\n    \"Action\" : \"kms:*\",\n"
        "    \"Resource\" : \"*\"\n  } ]\n}",
        TEXT_PRINTF(request->account));
}

/* What AWS keeps for its services, and what its keys are called there. */
static const struct {
    struct text alias, description;
} managed[] = {
    {TEXT("alias/aws/sqs"),
     TEXT("Default key that protects my SQS messages when no other key is defined")},
    {TEXT("alias/aws/sns"),
     TEXT("Default key that protects my SNS data when no other key is defined")},
};

static enum status managed_make(struct request *request, struct step *step, struct text name,
                                struct kms_key **ret_key)
{
    const struct kms_scope scope = kms_scope_of(request);
    struct why why = {""};

    for (size_t i = 0; i < countof(managed); i++) {
        if (text_equal(managed[i].alias, name)) {
            const struct kms_wish wish = {managed[i].description, kms_default_policy(request),
                                          true};
            enum status status = kms_key_create(step, &scope, &wish, ret_key, &why);

            status = status != STATUS_OK ? status : kms_alias_put(step, *ret_key, name);
            return kms_fail_status(request, NULL, status, &why);
        }
    }
    return STATUS_NOT_FOUND;
}

static enum status find_alias(struct request *request, struct step *step,
                              const struct kms_scope *scope, struct text name,
                              struct kms_key **ret_key)
{
    const struct kms_alias *alias = kms_alias_find(kms_of(step), scope, name);
    enum status status = STATUS_NOT_FOUND;

    if (alias != NULL) {
        *ret_key = alias->key;
        return STATUS_OK;
    }
    if (text_equal(scope->account, request->account)
        && text_equal(scope->region, request->region)) {
        status = managed_make(request, step, name, ret_key);
    }
    return status != STATUS_NOT_FOUND
               ? status
               : request_fail(
                   request, &kms_not_found, "Alias arn:aws:kms:%.*s:%.*s:%.*s is not found.",
                   TEXT_PRINTF(scope->region), TEXT_PRINTF(scope->account), TEXT_PRINTF(name));
}

static enum status find_id(struct request *request, struct step *step,
                           const struct kms_scope *scope, struct text id,
                           struct kms_key **ret_key)
{
    uint8_t bytes[16];

    *ret_key = kms_key_find(kms_of(step), scope, id);
    if (*ret_key != NULL) {
        return STATUS_OK;
    }
    return uuid_parse(id, bytes)
               ? request_fail(request, &kms_not_found,
                              "Key 'arn:aws:kms:%.*s:%.*s:key/%.*s' does not exist",
                              TEXT_PRINTF(scope->region), TEXT_PRINTF(scope->account),
                              TEXT_PRINTF(id))
               : request_fail(request, &kms_not_found, "Invalid keyId '%.*s'", TEXT_PRINTF(id));
}

/* What stands behind "key/", or the alias; the scope out of an ARN. */
static struct text resource_of(struct text id, struct kms_scope *io_scope)
{
    struct arn arn;

    if (arn_parse_service(id, T("kms"), &arn)) {
        *io_scope = (struct kms_scope){arn.account, arn.region};
        id = arn.resource;
        return text_starts_with(id, T("key/")) ? text_after(id, 4) : id;
    }
    return id;
}

/* Other accounts' keys are not to be had until policies are enforced. */
static enum status scope_check(struct request *request, const struct kms_scope *scope,
                               struct text id)
{
    return text_equal(scope->account, request->account)
                   && text_equal(scope->region, request->region)
               ? STATUS_OK
               : request_fail(request, &kms_not_found, "Invalid arn %.*s", TEXT_PRINTF(id));
}

enum status kms_find(struct request *request, struct step *step, struct text id,
                     struct kms_key **ret_key)
{
    struct kms_scope scope = kms_scope_of(request);
    struct text resource = resource_of(id, &scope);
    enum status status = scope_check(request, &scope, id);

    if (status != STATUS_OK) {
        return status;
    }
    return text_starts_with(resource, T("alias/"))
               ? find_alias(request, step, &scope, resource, ret_key)
               : find_id(request, step, &scope, resource, ret_key);
}

enum status kms_find_key(struct request *request, struct step *step, struct text id,
                         struct kms_key **ret_key)
{
    struct kms_scope scope = kms_scope_of(request);
    struct text resource = resource_of(id, &scope);
    enum status status = scope_check(request, &scope, id);

    return status != STATUS_OK ? status : find_id(request, step, &scope, resource, ret_key);
}

enum status kms_check_usable(struct request *request, const struct kms_key *key)
{
    switch (key->state) {
    case KMS_ENABLED: return STATUS_OK;
    case KMS_DISABLED:
        return request_fail(request, &kms_disabled, "%.*s is disabled.", TEXT_PRINTF(key->arn));
    case KMS_PENDING_DELETION: break;
    }
    return request_fail(request, &kms_invalid_state, "%.*s is pending deletion.",
                        TEXT_PRINTF(key->arn));
}
