/* What is stored of encryption, and not done. */
#include "services/common/encryption.h"

#include "base/log.h"

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
