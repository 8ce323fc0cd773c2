/* Conjunctions and unions, each stored once: policies to rules, and rules filed where they are
 * cheapest to find. */
#include "hash.h"
#include "policy.h"

#include "index/index.h"

#include <stdlib.h>

/* How many slots of the rules table each added policy looks at again.  Two would visit every
 * conjunction once while the index doubles. */
#define REVIEW_STEP 3u

static uint32_t members_hash(const struct filter_index *index, const uint32_t *members,
                             uint32_t count, bool is_union)
{
    return (uint32_t)hash_bytes(hash_mix(index->seed, is_union), (const char *)members,
                                count * sizeof *members);
}

uint32_t rule_hash(const void *context, uint32_t entry)
{
    const struct filter_index *index = context;
    const uint32_t *units = pool_at(&index->pool, entry);

    return members_hash(index, units + RULE_MEMBERS, rule_count(units),
                        (rule_flags(units) & RULE_IS_UNION) != 0);
}

uint32_t membership_hash(const void *context, uint32_t entry)
{
    const struct filter_index *index = context;

    return (uint32_t)hash_mix(index->seed, pool_at(&index->pool, entry)[MEMBERSHIP_RULE]);
}

static uint32_t rule_find(const struct filter_index *index, const uint32_t *members,
                          uint32_t count, bool is_union)
{
    struct table_probe probe;
    uint32_t hash = members_hash(index, members, count, is_union);

    for (uint32_t at = table_first(&index->rules, hash, &probe); at != 0;
         at = table_next(&index->rules, &probe)) {
        const uint32_t *units = pool_at(&index->pool, at);

        if (((rule_flags(units) & RULE_IS_UNION) != 0) == is_union && rule_count(units) == count
            && memcmp(units + RULE_MEMBERS, members, count * sizeof *members) == 0) {
            return at;
        }
    }
    return 0;
}

/* Sorts, and drops what is there twice; returns how many are left. */
static int number_order(const void *a, const void *b)
{
    const uint32_t *left = a;
    const uint32_t *right = b;

    return (*left > *right) - (*left < *right);
}

static void numbers_sort(uint32_t *list, uint32_t count)
{
    if (count > 16) {
        qsort(list, count, sizeof *list, number_order);
        return;
    }
    for (uint32_t i = 1; i < count; i++) {
        uint32_t number = list[i];
        uint32_t at = i;

        for (; at > 0 && list[at - 1] > number; at--) {
            list[at] = list[at - 1];
        }
        list[at] = number;
    }
}

/* Predicates of a policy. */

static void predicates_release(struct filter_index *index, const uint32_t *list, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        predicate_release(index, list[i]);
    }
}

/* Sorts uses of predicates and gives back those of repeated ones. */
static uint32_t predicates_unique(struct filter_index *index, uint32_t *list, uint32_t count)
{
    uint32_t kept = 0;

    numbers_sort(list, count);
    for (uint32_t i = 0; i < count; i++) {
        if (kept > 0 && list[kept - 1] == list[i]) {
            predicate_release(index, list[i]);
        } else {
            list[kept++] = list[i];
        }
    }
    return kept;
}

/* The kind of a set whose members are all exact values, which is decided without looking at
 * them: see verify.c. */
static enum predicate_kind set_kind(const struct filter_index *index, enum predicate_kind kind,
                                    const uint32_t *list, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        enum predicate_kind member = predicate_kind(pool_at(&index->pool, list[i]));

        if (member != (enum predicate_kind)TEST_STRING
            && member != (enum predicate_kind)TEST_NUMBER) {
            return kind;
        }
    }
    return kind == PREDICATE_ANY_OF ? PREDICATE_ONE_OF : PREDICATE_NONE_OF;
}

/* A set of predicates; takes the uses of its members over, also on failure. */
static uint32_t set_use(struct filter_index *index, struct predicate_key key, uint32_t *list,
                        uint32_t count)
{
    uint32_t set;

    count = predicates_unique(index, list, count);
    if (count == 1 && key.kind == PREDICATE_ANY_OF) {
        return list[0];
    }
    key.kind = set_kind(index, key.kind, list, count);
    key.bytes = slice_make(list, count * sizeof *list);
    set = predicate_use(index, &key);
    predicates_release(index, list, count);
    return set;
}

static uint32_t test_use(struct filter_index *index, uint32_t field, const struct test *test)
{
    struct predicate_key key = {.kind = (enum predicate_kind)test->operand.kind,
                                .field = field,
                                .bytes = test->operand.bytes};
    uint32_t *inner;

    if (test->operand.kind != TEST_ANYTHING_BUT) {
        return predicate_use(index, &key);
    }
    inner = arena_take(&index->work, test->inner_count * sizeof *inner);
    for (uint32_t i = 0; inner != NULL && i < test->inner_count; i++) {
        inner[i] = test_use(index, field, &test->inner[i]);
        if (inner[i] == 0) {
            predicates_release(index, inner, i);
            inner = NULL;
        }
    }
    return inner == NULL ? 0 : set_use(index, key, inner, test->inner_count);
}

static uint32_t tests_use(struct filter_index *index, uint32_t field,
                          const struct condition *condition)
{
    struct predicate_key key = {.kind = PREDICATE_ANY_OF, .field = field};
    uint32_t *list = arena_take(&index->work, condition->test_count * sizeof *list);

    for (uint32_t i = 0; list != NULL && i < condition->test_count; i++) {
        list[i] = test_use(index, field, &condition->tests[i]);
        if (list[i] == 0) {
            predicates_release(index, list, i);
            list = NULL;
        }
    }
    return list == NULL ? 0 : set_use(index, key, list, condition->test_count);
}

static uint32_t condition_use(struct filter_index *index, const struct filter_policy *policy,
                              const struct condition *condition)
{
    uint32_t field = paths_use(&index->paths, policy_root(policy), condition->path);
    uint32_t predicate;

    if (field == PATH_NONE) {
        return 0;
    }
    predicate = tests_use(index, field, condition);
    paths_release(&index->paths, field);
    return predicate;
}

/* Conjunctions. */

/* Where a conjunction is filed: under the member that is expected to hold least often, with the
 * next one to be checked. */
struct filing {
    uint32_t access; /* position of the member */
    uint32_t check;  /* predicate, or 0 */
    double share;    /* of the access member */
};

static struct filing filing_choose(const struct filter_index *index, const uint32_t *members,
                                   uint32_t count)
{
    struct filing filing = {.share = 2};
    double next = 2;

    for (uint32_t i = 0; i < count; i++) {
        double share = predicate_share(index, members[i]);

        if (share < filing.share) {
            next = filing.share;
            filing.check = i == 0 ? 0 : members[filing.access];
            filing.access = i;
            filing.share = share;
        } else if (share < next) {
            next = share;
            filing.check = members[i];
        }
    }
    return filing;
}

/* The scope of a conjunction with members. */
static uint32_t *scope_count(struct filter_index *index, const uint32_t *units)
{
    const uint32_t *member = pool_at(&index->pool, units[RULE_MEMBERS]);
    uint32_t root = paths_root(&index->paths, predicate_field(member));

    return &index->scope_counts[root == PATH_BODY];
}

static bool conjunction_enter(struct filter_index *index, uint32_t rule)
{
    uint32_t *units = pool_at(&index->pool, rule);
    uint32_t count = rule_count(units);
    struct filing filing;

    if (count == 0) {
        index->everything = rule;
        return true;
    }
    filing = filing_choose(index, units + RULE_MEMBERS, count);
    units[RULE_HEAD] |= filing.access << 16;
    if (!access_file(index, units[RULE_MEMBERS + filing.access], rule, filing.check)) {
        return false;
    }
    ++*scope_count(index, units);
    return true;
}

/* A record that nothing knows yet, but table_put will not fail. */
static uint32_t rule_create(struct filter_index *index, const uint32_t *members, uint32_t count,
                            enum rule_flag flags)
{
    uint32_t rule;
    uint32_t *units;

    if (!table_reserve(&index->rules, rule_hash, index)) {
        return 0;
    }
    rule = pool_take(&index->pool, RULE_MEMBERS + count);
    if (rule == 0) {
        return 0;
    }
    units = pool_at(&index->pool, rule);
    memset(units, 0, RULE_MEMBERS * sizeof *units);
    units[RULE_HEAD] = (uint32_t)flags << 24 | count;
    memcpy(units + RULE_MEMBERS, members, count * sizeof *members);
    return rule;
}

/* Takes the uses of the members over, also on failure. */
static uint32_t conjunction_use(struct filter_index *index, uint32_t *members, uint32_t count)
{
    uint32_t rule;

    count = predicates_unique(index, members, count);
    rule = rule_find(index, members, count, false);
    if (rule != 0) {
        predicates_release(index, members, count);
        return rule;
    }
    rule = rule_create(index, members, count, 0);
    if (rule != 0 && !conjunction_enter(index, rule)) {
        pool_give(&index->pool, rule);
        rule = 0;
    }
    if (rule == 0) {
        predicates_release(index, members, count);
        return 0;
    }
    table_put(&index->rules, members_hash(index, members, count, false), rule);
    return rule;
}

static uint32_t conjunction_of(struct filter_index *index, const struct filter_policy *policy,
                               const struct conjunction *conjunction)
{
    uint32_t members[CONJUNCTION_MAX];

    for (uint32_t i = 0; i < conjunction->count; i++) {
        members[i] =
            condition_use(index, policy, &policy->conditions[conjunction->conditions[i]]);
        if (members[i] == 0) {
            predicates_release(index, members, i);
            return 0;
        }
    }
    return conjunction_use(index, members, conjunction->count);
}

/* Unions. */

static uint32_t membership_find(const struct filter_index *index, uint32_t rule)
{
    struct table_probe probe;
    uint32_t hash = (uint32_t)hash_mix(index->seed, rule);

    for (uint32_t at = table_first(&index->memberships, hash, &probe); at != 0;
         at = table_next(&index->memberships, &probe)) {
        if (pool_at(&index->pool, at)[MEMBERSHIP_RULE] == rule) {
            return at;
        }
    }
    return 0;
}

uint32_t rule_unions(const struct filter_index *index, uint32_t rule)
{
    return membership_find(index, rule) + MEMBERSHIP_UNIONS;
}

static uint32_t membership_use(struct filter_index *index, uint32_t rule)
{
    uint32_t membership = membership_find(index, rule);
    uint32_t *units;

    if (membership != 0) {
        return membership;
    }
    if (!table_reserve(&index->memberships, membership_hash, index)) {
        return 0;
    }
    membership = pool_take(&index->pool, MEMBERSHIP_UNITS);
    if (membership == 0) {
        return 0;
    }
    units = pool_at(&index->pool, membership);
    memset(units, 0, MEMBERSHIP_UNITS * sizeof *units);
    units[MEMBERSHIP_RULE] = rule;
    table_put(&index->memberships, (uint32_t)hash_mix(index->seed, rule), membership);
    pool_at(&index->pool, rule)[RULE_HEAD] |= (uint32_t)RULE_HAS_UNIONS << 24;
    return membership;
}

static void membership_drop_unused(struct filter_index *index, uint32_t membership)
{
    uint32_t rule = pool_at(&index->pool, membership)[MEMBERSHIP_RULE];

    if (!chain_is_empty(&index->pool, membership + MEMBERSHIP_UNIONS)) {
        return;
    }
    table_drop(&index->memberships, (uint32_t)hash_mix(index->seed, rule), membership);
    table_shrink(&index->memberships, membership_hash, index);
    pool_give(&index->pool, membership);
    pool_at(&index->pool, rule)[RULE_HEAD] &= ~((uint32_t)RULE_HAS_UNIONS << 24);
}

static bool union_join(struct filter_index *index, uint32_t rule, uint32_t union_rule)
{
    struct chain chain = {&index->pool, NULL, NULL, 1};
    uint32_t membership = membership_use(index, rule);

    if (membership == 0) {
        return false;
    }
    if (chain_add(&chain, membership + MEMBERSHIP_UNIONS, union_rule, 0) == 0) {
        membership_drop_unused(index, membership);
        return false;
    }
    return true;
}

static void union_part(struct filter_index *index, uint32_t rule, uint32_t union_rule)
{
    struct chain chain = {&index->pool, NULL, NULL, 1};
    uint32_t membership = membership_find(index, rule);
    uint32_t list = membership + MEMBERSHIP_UNIONS;

    chain_remove(&chain, list, chain_find(&chain, list, union_rule));
    membership_drop_unused(index, membership);
}

/* Takes the union out of its first `count` members. */
static void union_leave(struct filter_index *index, uint32_t union_rule, uint32_t count)
{
    const uint32_t *units = pool_at(&index->pool, union_rule);

    for (uint32_t i = 0; i < count; i++) {
        union_part(index, units[RULE_MEMBERS + i], union_rule);
    }
}

static bool union_enter(struct filter_index *index, uint32_t union_rule)
{
    const uint32_t *units = pool_at(&index->pool, union_rule);

    for (uint32_t i = 0; i < rule_count(units); i++) {
        if (!union_join(index, units[RULE_MEMBERS + i], union_rule)) {
            union_leave(index, union_rule, i);
            return false;
        }
    }
    return true;
}

/* The members are sorted and unique, two at least. */
static uint32_t union_use(struct filter_index *index, const uint32_t *members, uint32_t count)
{
    uint32_t rule = rule_find(index, members, count, true);

    if (rule != 0) {
        return rule;
    }
    rule = rule_create(index, members, count, RULE_IS_UNION);
    if (rule != 0 && !union_enter(index, rule)) {
        pool_give(&index->pool, rule);
        return 0;
    }
    if (rule != 0) {
        table_put(&index->rules, members_hash(index, members, count, true), rule);
    }
    return rule;
}

static void rules_drop_unused(struct filter_index *index, const uint32_t *rules, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        rule_drop_unused(index, rules[i]);
    }
}

static uint32_t rules_unique(uint32_t *rules, uint32_t count)
{
    uint32_t kept = 0;

    numbers_sort(rules, count);
    for (uint32_t i = 0; i < count; i++) {
        if (kept == 0 || rules[kept - 1] != rules[i]) {
            rules[kept++] = rules[i];
        }
    }
    return kept;
}

uint32_t rule_use(struct filter_index *index, const struct filter_policy *policy)
{
    uint32_t rules[CONJUNCTIONS_MAX];
    uint32_t count = policy->conjunction_count;
    uint32_t rule;

    arena_reset(&index->work);
    if (count == 0) {
        return conjunction_use(index, rules, 0);
    }
    for (uint32_t i = 0; i < count; i++) {
        rules[i] = conjunction_of(index, policy, &policy->conjunctions[i]);
        if (rules[i] == 0) {
            rules_drop_unused(index, rules, rules_unique(rules, i));
            return 0;
        }
    }
    count = rules_unique(rules, count);
    if (count == 1) {
        return rules[0];
    }
    rule = union_use(index, rules, count);
    if (rule == 0) {
        rules_drop_unused(index, rules, count);
    }
    return rule;
}

static void conjunction_destroy(struct filter_index *index, uint32_t rule)
{
    uint32_t *units = pool_at(&index->pool, rule);
    uint32_t count = rule_count(units);

    if (count == 0) {
        index->everything = 0;
    } else {
        --*scope_count(index, units);
        access_unfile(index, units[RULE_MEMBERS + rule_access(units)], rule);
    }
    predicates_release(index, units + RULE_MEMBERS, count);
    pool_give(&index->pool, rule);
}

static void union_destroy(struct filter_index *index, uint32_t rule)
{
    const uint32_t *units = pool_at(&index->pool, rule);

    for (uint32_t i = 0; i < rule_count(units); i++) {
        union_part(index, units[RULE_MEMBERS + i], rule);
        rule_drop_unused(index, units[RULE_MEMBERS + i]);
    }
    pool_give(&index->pool, rule);
}

void rule_drop_unused(struct filter_index *index, uint32_t rule)
{
    uint32_t flags = rule_flags(pool_at(&index->pool, rule));

    if ((flags & RULE_HAS_UNIONS) != 0 || !chain_is_empty(&index->pool, rule + RULE_IDS)) {
        return;
    }
    table_drop(&index->rules, rule_hash(index, rule), rule);
    if ((flags & RULE_IS_UNION) != 0) {
        union_destroy(index, rule);
    } else {
        conjunction_destroy(index, rule);
    }
    table_shrink(&index->rules, rule_hash, index);
}

/* Files a conjunction elsewhere; stays where it is when out of memory. */
static void conjunction_move(struct filter_index *index, uint32_t rule,
                             const struct filing *filing)
{
    uint32_t *units = pool_at(&index->pool, rule);
    uint32_t old_access = rule_access(units);
    uint32_t old_place = units[RULE_PLACE];
    uint32_t place;

    if (!access_file(index, units[RULE_MEMBERS + filing->access], rule, filing->check)) {
        units[RULE_PLACE] = old_place;
        return;
    }
    place = units[RULE_PLACE];
    units[RULE_PLACE] = old_place;
    access_unfile(index, units[RULE_MEMBERS + old_access], rule);
    units[RULE_PLACE] = place;
    units[RULE_HEAD] = (units[RULE_HEAD] & ~(0xffu << 16)) | filing->access << 16;
}

static void conjunction_review(struct filter_index *index, uint32_t rule)
{
    const uint32_t *units = pool_at(&index->pool, rule);
    uint32_t count = rule_count(units);
    struct filing filing;
    double share;

    if (count < 2 || (rule_flags(units) & RULE_IS_UNION) != 0) {
        return;
    }
    filing = filing_choose(index, units + RULE_MEMBERS, count);
    share = predicate_share(index, units[RULE_MEMBERS + rule_access(units)]);
    if (filing.share * 2 < share) {
        conjunction_move(index, rule, &filing);
    }
}

void rule_review(struct filter_index *index)
{
    uint32_t slots = table_slots(&index->rules);

    for (uint32_t i = 0; i < REVIEW_STEP && slots > 0; i++) {
        uint32_t rule;

        index->cursor = index->cursor + 1 < slots ? index->cursor + 1 : 0;
        rule = table_slot(&index->rules, index->cursor);
        if (rule != 0) {
            conjunction_review(index, rule);
        }
    }
}
