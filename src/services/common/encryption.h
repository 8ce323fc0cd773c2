/* Encryption at rest that is asked for and not to be had. */
#ifndef SERVICES_COMMON_ENCRYPTION_H
#define SERVICES_COMMON_ENCRYPTION_H

#include "api/api.h"

/* Says in the log when a key is given (KmsMasterKeyId) to a queue or topic of a server that has
 * no master key: AWS's attributes are kept, and nothing is encrypted. */
void encryption_warn(const struct step *step, struct text arn, const struct string_map *given);

#endif
