/* One policy against one message. */
#include "policy.h"

#include "joint.h"

bool condition_accepts(const struct condition *condition, const struct leaf *leaf)
{
    for (uint32_t i = 0; i < condition->test_count; i++) {
        if (test_matches(&condition->tests[i], leaf)) {
            return true;
        }
    }
    return false;
}

static bool condition_allows_absence(const struct condition *condition)
{
    for (uint32_t i = 0; i < condition->test_count; i++) {
        if (condition->tests[i].operand.kind == TEST_ABSENT) {
            return true;
        }
    }
    return false;
}

bool condition_holds(const struct filter_policy *policy, const struct condition *condition,
                     const struct event *event)
{
    uint32_t leaf = event_first(event, condition->node);

    if (leaf == LEAF_NONE) {
        return event_has_root(event, policy_root(policy))
               && condition_allows_absence(condition);
    }
    for (; leaf != LEAF_NONE; leaf = event->leaves[leaf].next) {
        if (condition_accepts(condition, &event->leaves[leaf])) {
            return true;
        }
    }
    return false;
}

static void leaves_see(struct event *event, const struct condition *condition, uint64_t bit)
{
    for (uint32_t leaf = event_first(event, condition->node); leaf != LEAF_NONE;
         leaf = event->leaves[leaf].next) {
        if (condition_accepts(condition, &event->leaves[leaf])) {
            joint_see(event, event->leaves[leaf].element, bit);
        }
    }
}

enum joint_result conjunction_joins(const struct filter_policy *policy,
                                    const struct conjunction *conjunction, struct event *event)
{
    uint64_t full = 0;

    if (event->element_count == 1) {
        return JOINT_HOLDS;
    }
    if (!joint_begin(event)) {
        return JOINT_NO_MEMORY;
    }
    for (uint32_t i = 0; i < conjunction->count; i++) {
        const struct condition *condition = &policy->conditions[conjunction->conditions[i]];

        if (event_in_array(event, condition->node)) {
            leaves_see(event, condition, UINT64_C(1) << i);
            full |= UINT64_C(1) << i;
        }
    }
    return joint_ends(event, full);
}

static enum joint_result conjunction_holds(const struct filter_policy *policy,
                                           const struct conjunction *conjunction,
                                           struct event *event)
{
    for (uint32_t i = 0; i < conjunction->count; i++) {
        if (!condition_holds(policy, &policy->conditions[conjunction->conditions[i]], event)) {
            return JOINT_FAILS;
        }
    }
    return conjunction_joins(policy, conjunction, event);
}

static enum filter_status conjunctions_try(const struct filter_policy *policy,
                                           struct event *event, bool *ret_matches)
{
    bool matches = false;

    for (uint32_t i = 0; !matches && i < policy->conjunction_count; i++) {
        enum joint_result result = conjunction_holds(policy, &policy->conjunctions[i], event);

        if (result == JOINT_NO_MEMORY) {
            return FILTER_NO_MEMORY;
        }
        matches = result == JOINT_HOLDS;
    }
    if (policy->trouble.starved) {
        return FILTER_NO_MEMORY;
    }
    *ret_matches = matches;
    return FILTER_OK;
}

enum filter_status filter_policy_matches(const struct filter_policy *policy,
                                         const struct filter_message *message,
                                         bool *ret_matches)
{
    struct account account = {0};
    struct event event;
    enum filter_status status;

    if (policy->conjunction_count == 0) {
        *ret_matches = true;
        return FILTER_OK;
    }
    event_init(&event, &account);
    status =
        event_scan(&event, &policy->paths, message, policy->scope == FILTER_SCOPE_ATTRIBUTES,
                   policy->scope == FILTER_SCOPE_BODY);
    if (status == FILTER_OK) {
        status = conjunctions_try(policy, &event, ret_matches);
    }
    event_free(&event);
    return status;
}
