/* A compiled policy: a list of conjunctions of which one must hold. */
#ifndef FILTERS_POLICY_H
#define FILTERS_POLICY_H

#include "arena.h"
#include "joint.h"
#include "paths.h"

#include "operators/operators.h"
#include "operators/regex.h"

/* More conditions than this in one conjunction is too complex, whatever the limits say. */
#define CONJUNCTION_MAX 64
/* Likewise more conjunctions than this. */
#define CONJUNCTIONS_MAX 240

/* One key of a policy: some leaf at the path passes one of the tests (or none exists, for
 * TEST_ABSENT). */
struct condition {
    uint32_t node;       /* in the policy's paths */
    struct slice path;   /* dotted */
    struct slice source; /* the list as written */
    struct test *tests;
    uint32_t test_count;
};

struct conjunction {
    uint32_t *conditions; /* numbers of conditions; each path once */
    uint32_t count;
};

struct filter_policy {
    struct account account;
    struct arena arena;
    struct paths paths;
    enum filter_scope scope;
    enum filter_profile profile;
    struct condition *conditions;
    struct conjunction *conjunctions;
    uint32_t condition_count;
    uint32_t conjunction_count;   /* 0: no filtering, everything matches */
    struct regex *regexes;        /* all of its tests' */
    struct regex_trouble trouble; /* of its regular expressions */
};

static inline uint32_t policy_root(const struct filter_policy *policy)
{
    return policy->scope == FILTER_SCOPE_BODY ? PATH_BODY : PATH_ATTRIBUTES;
}

/* Whether the condition holds for some leaf (or for the absence of any). */
bool condition_holds(const struct filter_policy *policy, const struct condition *condition,
                     const struct event *event);
/* Whether one leaf alone satisfies the condition. */
bool condition_accepts(const struct condition *condition, const struct leaf *leaf);

/* Given that every condition of the conjunction holds: whether they hold in the same elements
 * of the arrays they share.  See joint.h. */
enum joint_result conjunction_joins(const struct filter_policy *policy,
                                    const struct conjunction *conjunction, struct event *event);

#endif
