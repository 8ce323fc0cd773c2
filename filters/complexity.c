/* What a policy costs by SNS's rules, and its expansion into conjunctions. */
#include "clauses.h"
#include "compiler.h"

static uint32_t saturate(uint64_t value)
{
    return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

uint32_t clauses_combinations(const struct clause_list *clauses)
{
    uint32_t product = 1;

    for (const struct clause *clause = clauses->first; clause != NULL; clause = clause->next) {
        uint64_t factor = (uint64_t)clause->condition.test_count * clause->depth;

        for (uint32_t i = 0; i < clause->arm_count; i++) {
            factor += clauses_combinations(&clause->arms[i]);
        }
        product = saturate((uint64_t)product * saturate(factor));
    }
    return product;
}

uint32_t clauses_wildcard_points(const struct clause_list *clauses)
{
    uint64_t sum = 0;

    for (const struct clause *clause = clauses->first; clause != NULL; clause = clause->next) {
        sum += clause->wildcard_points;
        for (uint32_t i = 0; i < clause->arm_count; i++) {
            sum += clauses_wildcard_points(&clause->arms[i]);
        }
        sum = saturate(sum);
    }
    return (uint32_t)sum;
}

/* Conjunctions under construction. */
struct rules {
    struct conjunction *list;
    uint32_t count;
    uint32_t room;
};

struct expansion {
    struct compiler *compiler;
    struct filter_policy *policy;
    uint32_t condition_room;
};

static bool is_too_complex(struct compiler *compiler)
{
    return compiler_fails_bare(compiler, 0, "Filter policy is too complex");
}

/* Room in the arena for `count` items beside those that are there; old memory is left behind.
 */
static void *arena_regrow(struct compiler *compiler, const void *old, size_t old_size,
                          size_t new_size)
{
    void *memory = arena_take(compiler->arena, new_size);

    if (memory == NULL) {
        (void)compiler_starves(compiler);
        return NULL;
    }
    if (old_size > 0) {
        memcpy(memory, old, old_size);
    }
    return memory;
}

static bool rules_add(struct compiler *compiler, struct rules *rules,
                      const struct conjunction *conjunction)
{
    struct conjunction copy = {.count = conjunction->count};

    if (rules->count == rules->room) {
        uint32_t room = rules->room == 0 ? 4 : rules->room * 2;
        struct conjunction *list = arena_regrow(
            compiler, rules->list, rules->count * sizeof *list, room * sizeof *list);

        if (list == NULL) {
            return false;
        }
        rules->list = list;
        rules->room = room;
    }
    copy.conditions = arena_regrow(compiler, conjunction->conditions,
                                   conjunction->count * sizeof *copy.conditions,
                                   (conjunction->count + 1u) * sizeof *copy.conditions);
    if (copy.conditions == NULL) {
        return false;
    }
    rules->list[rules->count++] = copy;
    return true;
}

/* Adds a condition; one on the same path that was there before gives way, as AWS has it. */
static bool conjunction_put(struct expansion *expansion, struct conjunction *conjunction,
                            uint32_t number)
{
    const struct condition *conditions = expansion->policy->conditions;
    uint32_t at = 0;
    uint32_t *grown;

    while (at < conjunction->count
           && !slice_equal(conditions[conjunction->conditions[at]].path,
                           conditions[number].path)) {
        at++;
    }
    if (at == CONJUNCTION_MAX) {
        return is_too_complex(expansion->compiler);
    }
    if (at == conjunction->count) {
        grown = arena_regrow(expansion->compiler, conjunction->conditions, at * sizeof *grown,
                             (at + 1u) * sizeof *grown);
        if (grown == NULL) {
            return false;
        }
        conjunction->conditions = grown;
        conjunction->count++;
    }
    conjunction->conditions[at] = number;
    return true;
}

static bool condition_keep(struct expansion *expansion, struct clause *clause)
{
    struct filter_policy *policy = expansion->policy;

    if (policy->condition_count == expansion->condition_room) {
        uint32_t room = expansion->condition_room == 0 ? 4 : expansion->condition_room * 2;
        struct condition *list =
            arena_regrow(expansion->compiler, policy->conditions,
                         policy->condition_count * sizeof *list, room * sizeof *list);

        if (list == NULL) {
            return false;
        }
        policy->conditions = list;
        expansion->condition_room = room;
    }
    clause->number = policy->condition_count;
    policy->conditions[policy->condition_count++] = clause->condition;
    return true;
}

static bool conditions_keep(struct expansion *expansion, const struct clause_list *clauses);

static bool clause_keep(struct expansion *expansion, struct clause *clause)
{
    if (clause->arms == NULL) {
        return condition_keep(expansion, clause);
    }
    for (uint32_t i = 0; i < clause->arm_count; i++) {
        if (!conditions_keep(expansion, &clause->arms[i])) {
            return false;
        }
    }
    return true;
}

/* Numbers the conditions of all clauses, so that arms may repeat them. */
static bool conditions_keep(struct expansion *expansion, const struct clause_list *clauses)
{
    for (struct clause *clause = clauses->first; clause != NULL; clause = clause->next) {
        if (!clause_keep(expansion, clause)) {
            return false;
        }
    }
    return true;
}

static bool clauses_apply(struct expansion *expansion, const struct clause_list *clauses,
                          struct rules *rules);

static bool rules_append(struct compiler *compiler, struct rules *rules,
                         const struct rules *more)
{
    for (uint32_t i = 0; i < more->count; i++) {
        if (!rules_add(compiler, rules, &more->list[i])) {
            return false;
        }
    }
    return true;
}

/* Every conjunction so far goes on with every arm. */
static bool arms_apply(struct expansion *expansion, const struct clause *clause,
                       struct rules *rules)
{
    struct rules all = {NULL, 0, 0};

    for (uint32_t i = 0; i < clause->arm_count; i++) {
        struct rules arm = {NULL, 0, 0};

        if (!rules_append(expansion->compiler, &arm, rules)
            || !clauses_apply(expansion, &clause->arms[i], &arm)
            || !rules_append(expansion->compiler, &all, &arm)) {
            return false;
        }
    }
    *rules = all;
    return true;
}

static bool key_apply(struct expansion *expansion, uint32_t number, struct rules *rules)
{
    for (uint32_t i = 0; i < rules->count; i++) {
        if (!conjunction_put(expansion, &rules->list[i], number)) {
            return false;
        }
    }
    return true;
}

static bool clauses_apply(struct expansion *expansion, const struct clause_list *clauses,
                          struct rules *rules)
{
    for (const struct clause *clause = clauses->first; clause != NULL; clause = clause->next) {
        if (!(clause->arms != NULL ? arms_apply(expansion, clause, rules)
                                   : key_apply(expansion, clause->number, rules))) {
            return false;
        }
    }
    return true;
}

bool clauses_expand(struct compiler *compiler, const struct clause_list *clauses,
                    struct filter_policy *policy)
{
    struct expansion expansion = {compiler, policy, 0};
    struct conjunction empty = {NULL, 0};
    struct rules rules = {NULL, 0, 0};

    if (!conditions_keep(&expansion, clauses) || !rules_add(compiler, &rules, &empty)
        || !clauses_apply(&expansion, clauses, &rules)) {
        return false;
    }
    if (rules.count > CONJUNCTIONS_MAX) {
        return is_too_complex(compiler);
    }
    policy->conjunctions = rules.list;
    policy->conjunction_count = rules.count;
    return true;
}
