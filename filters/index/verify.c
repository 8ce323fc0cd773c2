/* Whether predicates and conjunctions hold in the present message; each predicate is decided
 * once a message and remembered in its stamp. */
#include "joint.h"
#include "mutants.h"

#include "index/index.h"

/* Kinds that every value is looked up under: unless found, they do not hold. */
static bool is_looked_up(enum predicate_kind kind)
{
    switch ((unsigned)kind) {
    case TEST_STRING:
    case TEST_NUMBER:
    case TEST_NULL:
    case TEST_TRUE:
    case TEST_FALSE:
    case TEST_EQUALS_IGNORE_CASE:
    case TEST_EXISTS: return true;
    default: return false;
    }
}

static bool any_member_holds(struct filter_index *index, uint32_t predicate)
{
    uint32_t count;
    const uint32_t *members = predicate_members(index, predicate, &count);

    for (uint32_t i = 0; i < count; i++) {
        if (predicate_holds(index, members[i])) {
            return true;
        }
    }
    return false;
}

static bool any_member_accepts(const struct filter_index *index, uint32_t predicate,
                               const struct leaf *leaf)
{
    uint32_t count;
    const uint32_t *members = predicate_members(index, predicate, &count);

    for (uint32_t i = 0; i < count; i++) {
        if (predicate_accepts(index, members[i], leaf)) {
            return true;
        }
    }
    return false;
}

/* Exact values have their predicate noted in the leaf, so the members need no look. */
static bool value_is_member(const struct filter_index *index, uint32_t predicate,
                            const struct leaf *leaf)
{
    uint32_t count;
    const uint32_t *members = predicate_members(index, predicate, &count);

    for (uint32_t i = 0; i < count; i++) {
        if (members[i] == leaf->exact) {
            return true;
        }
    }
    return false;
}

bool predicate_accepts(const struct filter_index *index, uint32_t predicate,
                       const struct leaf *leaf)
{
    enum predicate_kind kind = predicate_kind(pool_at(&index->pool, predicate));
    struct operand operand;

    switch ((unsigned)kind) {
    case TEST_STRING:
    case TEST_NUMBER: return leaf->exact == predicate;
    case PREDICATE_ONE_OF: return value_is_member(index, predicate, leaf);
    case PREDICATE_NONE_OF: return !value_is_member(index, predicate, leaf);
    case PREDICATE_ANY_OF: return any_member_accepts(index, predicate, leaf);
    case TEST_ANYTHING_BUT:
        return !any_member_accepts(index, predicate, leaf)
               || mutant("filters.anything-but-passes");
    default: operand = predicate_operand(index, predicate);
    }
    return operand_matches(&operand, leaf);
}

static bool any_leaf_accepted(const struct filter_index *index, uint32_t predicate,
                              uint32_t field)
{
    const struct event *event = &index->event;

    for (uint32_t leaf = event_first(event, field); leaf != LEAF_NONE;
         leaf = event->leaves[leaf].next) {
        if (predicate_accepts(index, predicate, &event->leaves[leaf])) {
            return true;
        }
    }
    return false;
}

static bool is_absent(const struct filter_index *index, uint32_t field)
{
    return event_first(&index->event, field) == LEAF_NONE
           && (event_has_root(&index->event, paths_root(&index->paths, field))
               || mutant("filters.absent-without-root"));
}

bool predicate_decide(struct filter_index *index, uint32_t predicate)
{
    uint32_t *units = pool_at(&index->pool, predicate);
    enum predicate_kind kind = predicate_kind(units);
    uint32_t field = predicate_field(units);
    bool holds = false;

    if (is_looked_up(kind)) {
        return false;
    }
    if (kind == (enum predicate_kind)TEST_ABSENT) {
        holds = is_absent(index, field);
    } else if (kind == PREDICATE_ANY_OF) {
        holds = any_member_holds(index, predicate);
    } else {
        holds = any_leaf_accepted(index, predicate, field);
    }
    units[PREDICATE_STAMP] =
        index->epoch << STAMP_BITS | STAMP_KNOWN | (holds ? (uint32_t)STAMP_HOLDS : 0u);
    return holds;
}

static void leaves_see(struct filter_index *index, uint32_t predicate, uint32_t field,
                       uint64_t bit)
{
    struct event *event = &index->event;

    for (uint32_t leaf = event_first(event, field); leaf != LEAF_NONE;
         leaf = event->leaves[leaf].next) {
        if (predicate_accepts(index, predicate, &event->leaves[leaf])) {
            joint_see(event, event->leaves[leaf].element, bit);
        }
    }
}

/* Members whose fields have values inside array elements, as bits. */
static uint64_t members_in_arrays(const struct filter_index *index, const uint32_t *members,
                                  uint32_t count)
{
    uint64_t bits = 0;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t field = predicate_field(pool_at(&index->pool, members[i]));

        bits |= (uint64_t)event_in_array(&index->event, field) << i;
    }
    return bits;
}

static bool members_join(struct filter_index *index, const uint32_t *members, uint32_t count,
                         bool *ret_holds)
{
    uint64_t full = members_in_arrays(index, members, count);
    enum joint_result result;

    *ret_holds = true;
    if ((full & (full - 1)) == 0) {
        return true;
    }
    if (!joint_begin(&index->event)) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        if ((full >> i & 1) != 0) {
            uint32_t field = predicate_field(pool_at(&index->pool, members[i]));

            leaves_see(index, members[i], field, UINT64_C(1) << i);
        }
    }
    result = joint_ends(&index->event, full);
    *ret_holds = result == JOINT_HOLDS;
    return result != JOINT_NO_MEMORY;
}

bool conjunction_verify(struct filter_index *index, uint32_t conjunction, bool *ret_holds)
{
    const uint32_t *units = pool_at(&index->pool, conjunction);
    const uint32_t *members = units + RULE_MEMBERS;
    uint32_t count = rule_count(units);
    uint32_t access = rule_access(units); /* holds, or we would not be here */

    for (uint32_t i = 0; i < count; i++) {
        if (i != access && !predicate_holds(index, members[i])) {
            *ret_holds = false;
            return true;
        }
    }
    *ret_holds = true;
    return index->event.element_count == 1 || mutant("filters.elements-mixed")
           || members_join(index, members, count, ret_holds);
}
