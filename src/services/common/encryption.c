/* What is stored of encryption, and not done. */
#include "services/common/encryption.h"

#include "base/log.h"
#include "keyring/keyring.h"
#include "services/common/arn.h"

void encryption_warn(const struct step *step, struct text arn, const struct string_map *given)
{
    for (size_t i = 0; i < given->count && !step_seals(step); i++) {
        if (text_equal(given->items[i].name, T("KmsMasterKeyId"))
            && given->items[i].value.len > 0) {
            log_warn("encryption_missing",
                     "resource=%.*s reason=\"KmsMasterKeyId is kept, and nothing is encrypted: "
                     "the server has no master_key\"",
                     TEXT_PRINTF(arn));
        }
    }
}

/* --- Keys of users. */

static const struct {
    const char *words; /* behind the key's name */
    const char *code;
} faults[ENCRYPTION_FAULTS] = {
    [ENCRYPTION_DISABLED] = {" is disabled.", "DisabledException"},
    [ENCRYPTION_PENDING] = {" is pending deletion.", "KMSInvalidStateException"},
    [ENCRYPTION_NOT_FOUND] = {" does not exist", "NotFoundException"},
};

/* By id, ARN, alias or alias' ARN; NULL: there is none. */
static const struct kms_key *key_named(const struct request *request, const struct step *step,
                                       struct text name)
{
    struct kms_scope scope = {request->account, request->region};
    struct arn arn;

    if (arn_parse_service(name, T("kms"), &arn)) {
        scope = (struct kms_scope){arn.account, arn.region};
        name = text_starts_with(arn.resource, T("key/")) ? text_after(arn.resource, 4)
                                                         : arn.resource;
    }
    if (!text_starts_with(name, T("alias/"))) {
        return kms_key_find(kms_of(step), &scope, name);
    }
    const struct kms_alias *alias = kms_alias_find(kms_of(step), &scope, name);

    return alias == NULL ? NULL : alias->key;
}

/* The keys of the services themselves are there whether or not somebody has looked at them. */
static bool is_managed(struct text name)
{
    return text_ends_with(name, T("alias/aws/sqs")) || text_ends_with(name, T("alias/aws/sns"));
}

static enum encryption_fault fault_of(const struct kms_key *key)
{
    return key == NULL                          ? ENCRYPTION_NOT_FOUND
           : key->state == KMS_DISABLED         ? ENCRYPTION_DISABLED
           : key->state == KMS_PENDING_DELETION ? ENCRYPTION_PENDING
                                                : ENCRYPTION_FINE;
}

enum encryption_fault encryption_check(const struct request *request, const struct step *step,
                                       struct text key_id, struct text *ret_text)
{
    if (key_id.len == 0 || !step_seals(step) || is_managed(key_id)) {
        return ENCRYPTION_FINE;
    }
    const struct kms_key *key = key_named(request, step, key_id);
    enum encryption_fault fault = fault_of(key);

    if (fault != ENCRYPTION_FINE) {
        *ret_text = arena_printf(
            request->arena,
            "%.*s%s (Service: AWSKMS; Status Code: 400; Error Code: %s; Request ID: %.*s; "
            "Proxy: null)",
            TEXT_PRINTF(key == NULL ? key_id : key->arn), faults[fault].words,
            faults[fault].code, TEXT_PRINTF(request->request_id));
    }
    return fault;
}
