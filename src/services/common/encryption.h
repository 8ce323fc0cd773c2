/* Encryption at rest that is asked for and not to be had: no master key, no such key. */
#ifndef SERVICES_COMMON_ENCRYPTION_H
#define SERVICES_COMMON_ENCRYPTION_H

#include "api/api.h"

enum encryption_fault {
    ENCRYPTION_FINE,
    ENCRYPTION_DISABLED,  /* its key is */
    ENCRYPTION_PENDING,   /* its key is to be deleted */
    ENCRYPTION_NOT_FOUND, /* there is no such key */
    ENCRYPTION_FAULTS
};

/* Whether the key of a queue or topic (KmsMasterKeyId, empty: none) may be used; *ret_text is
 * AWS's sentence when not.  Nothing is asked of a server that encrypts nothing. */
enum encryption_fault encryption_check(const struct request *request, const struct step *step,
                                       struct text key_id, struct text *ret_text);
/* Says in the log when a key is given (KmsMasterKeyId) to a queue or topic of a server that has
 * no master key: AWS's attributes are kept, and nothing is encrypted. */
void encryption_warn(const struct step *step, struct text arn, const struct string_map *given);

#endif
