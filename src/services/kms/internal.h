/* Private to services/kms. */
#ifndef SERVICES_KMS_INTERNAL_H
#define SERVICES_KMS_INTERNAL_H

#include "api/api.h"
#include "keyring/keyring.h"

#define AT(type, member) .offset = offsetof(type, member)

/* --- Errors (errors.c): AWS's names and texts. */

extern const struct error_kind kms_not_found;
extern const struct error_kind kms_disabled;
extern const struct error_kind kms_invalid_state;
extern const struct error_kind kms_exists;
extern const struct error_kind kms_invalid_alias;
extern const struct error_kind kms_validation;
extern const struct error_kind kms_invalid_ciphertext;
extern const struct error_kind kms_incorrect_key;
extern const struct error_kind kms_invalid_usage;
extern const struct error_kind kms_unsupported;
extern const struct error_kind kms_limit;
extern const struct error_kind kms_malformed_policy;
extern const struct error_kind kms_invalid_marker;

enum status kms_missing(struct request *request, const struct operation *operation,
                        struct text name);
/* What the core refuses, as AWS would say it. */
enum status kms_fail_status(struct request *request, const struct kms_key *key,
                            enum status status, const struct why *why);

/* --- Naming a key (find.c): its id, its ARN, an alias or an alias' ARN.  Fails the request.
 * AWS's own aliases get their key here, when they are first asked for. */

struct kms_scope kms_scope_of(const struct request *request);
MUST_CHECK enum status kms_find(struct request *request, struct step *step, struct text id,
                                struct kms_key **ret_key);
/* The same, by id or ARN alone: what changes a key takes no alias. */
MUST_CHECK enum status kms_find_key(struct request *request, struct step *step, struct text id,
                                    struct kms_key **ret_key);
/* Whether it may be used; else AWS's error. */
MUST_CHECK enum status kms_check_usable(struct request *request, const struct kms_key *key);
/* "alias/aws/...", which nobody makes or deletes. */
bool kms_alias_is_managed(struct text name);
/* The policy that a key has unless told: everything to its account. */
struct text kms_default_policy(struct request *request);

/* --- Families. */

extern const struct operation kms_key_operations[];
extern const struct operation kms_alias_operations[];
extern const struct operation kms_cipher_operations[];

#endif
