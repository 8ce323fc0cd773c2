/* KMS's errors. */
#include "services/kms/internal.h"

#include <ctype.h>

#define KIND(variable, name) \
    const struct error_kind variable = {.type = (name), .query = (name), .http_status = 400}

KIND(kms_not_found, "NotFoundException");
KIND(kms_disabled, "DisabledException");
KIND(kms_invalid_state, "KMSInvalidStateException");
KIND(kms_exists, "AlreadyExistsException");
KIND(kms_invalid_alias, "InvalidAliasNameException");
KIND(kms_validation, "ValidationException");
KIND(kms_invalid_ciphertext, "InvalidCiphertextException");
KIND(kms_incorrect_key, "IncorrectKeyException");
KIND(kms_invalid_usage, "InvalidKeyUsageException");
KIND(kms_unsupported, "UnsupportedOperationException");
KIND(kms_limit, "LimitExceededException");
KIND(kms_malformed_policy, "MalformedPolicyDocumentException");
KIND(kms_invalid_marker, "InvalidMarkerException");

enum status kms_missing(struct request *request, const struct operation *operation,
                        struct text name)
{
    (void)operation;
    return request_fail(request, &kms_validation,
                        "1 validation error detected: Value null at '%c%.*s' failed to satisfy "
                        "constraint: Member must not be null",
                        tolower((unsigned char)name.at[0]), TEXT_PRINTF(text_after(name, 1)));
}

enum status kms_fail_status(struct request *request, const struct kms_key *key,
                            enum status status, const struct why *why)
{
    switch (status) {
    case STATUS_OK:
    case STATUS_WAIT: return status;
    case STATUS_DENIED:
        return key == NULL
                   ? request_fail(request, &kms_unsupported, "%s", why->text)
                   : request_fail(request, &kms_invalid_state, "%.*s cannot be used: %s",
                                  TEXT_PRINTF(key->arn), why->text);
    case STATUS_FULL: return request_fail(request, &kms_limit, "%s", why->text);
    case STATUS_INVALID: return request_fail(request, &kms_invalid_ciphertext, "%s", "");
    case STATUS_NOT_FOUND:
    case STATUS_EXISTS:
    case STATUS_BUSY:
    case STATUS_STORAGE:
    case STATUS_FENCED: break;
    }
    return request_fail(request, &error_internal, "%s", why->text);
}
