/* A policy's structure before it becomes conjunctions: keys and alternatives, in order. */
#ifndef FILTERS_CLAUSES_H
#define FILTERS_CLAUSES_H

#include "policy.h"

/* One key with its list, or one $or with its arms.  Keys nested in objects stand in the list of
 * the object's parent, with their whole path. */
struct clause {
    struct clause *next;
    struct condition condition; /* of a key */
    uint32_t number;            /* of the condition in the policy */
    uint32_t depth;             /* of the key; 1 on the top level */
    uint32_t wildcard_points;   /* SNS's complexity of the list's wildcards */
    struct clause_list *arms;   /* of a $or, else NULL */
    uint32_t arm_count;
};

struct clause_list {
    struct clause *first;
    struct clause *last;
};

struct compiler;

/* Reads the object at `token`.  False: see the compiler's status. */
bool clauses_read(struct compiler *compiler, uint32_t token, struct clause_list *ret_clauses);
/* SNS's combinations: lists multiply, alternatives add; UINT32_MAX when it is more. */
uint32_t clauses_combinations(const struct clause_list *clauses);
uint32_t clauses_wildcard_points(const struct clause_list *clauses);
/* Fills the policy's conditions and conjunctions.  The combinations are within the limits. */
bool clauses_expand(struct compiler *compiler, const struct clause_list *clauses,
                    struct filter_policy *policy);

#endif
