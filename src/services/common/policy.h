/* Access policies as JSON documents: AddPermission and RemovePermission edit them. */
#ifndef SERVICES_COMMON_POLICY_H
#define SERVICES_COMMON_POLICY_H

#include "base/arena.h"
#include "base/status.h"

/* A JSON object whose Statement is a list of objects (or one), or empty. */
bool policy_is_valid(struct text policy);

struct permission {
    struct text label; /* Sid */
    const struct text *accounts;
    size_t account_count;
    const struct text *actions; /* as they are to be written: "SQS:SendMessage" */
    size_t action_count;
    struct text resource;
};

/* Adds a statement that allows it; `policy` is a valid one.  STATUS_EXISTS: the label is taken.
 */
MUST_CHECK enum status policy_add(struct arena *arena, struct text policy,
                                  const struct permission *permission, struct text *ret_policy);
/* STATUS_NOT_FOUND: no such label. */
MUST_CHECK enum status policy_remove(struct arena *arena, struct text policy, struct text label,
                                     struct text *ret_policy);
/* How many statements it has. */
size_t policy_statement_count(struct text policy);

#endif
