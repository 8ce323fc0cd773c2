/* Memory runs out at every single allocation of compile, match, explain, and of add, match and
 * remove of an index: each time the answer is FILTER_NO_MEMORY, nothing leaks (the sanitizer
 * watches), and an index is as it was before. */
#include "alloc_faults.h"

#include <fanfare/filter.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POINTS_MAX 100000 /* allocations of one call, at most */
#define NEIGHBOURS 40     /* policies that are in the index beforehand */

static const char *const policies[] = {
    "{}",
    "{\"a\":[\"x\"]}",
    "{\"a\":[\"x\",\"y\",1,true,null],\"b\":[{\"prefix\":\"p\"},{\"suffix\":\"s\"}]}",
    "{\"a\\u0062\":[\"x\\u0062\"],\"n\":[{\"numeric\":[\">\",1,\"<=\",2.5]}]}",
    "{\"a\":[{\"anything-but\":[\"x\",\"z\"]}],\"c\":[{\"exists\":false}]}",
    "{\"a\":[{\"anything-but\":{\"wildcard\":[\"q*\",\"*r\"]}},{\"exists\":false}]}",
    "{\"w\":[{\"wildcard\":\"*mid*dle*\"},{\"wildcard\":\"head*\"},{\"wildcard\":\"*tail\"}]}",
    "{\"r\":[{\"regex\":\"literal[0-9]+\"},{\"regex\":\"[ab]+\"}]}",
    "{\"ip\":[{\"cidr\":\"10.0.0.0/8\"},\"::1\"],\"e\":[{\"equals-ignore-case\":\"\xc3\x89\"}]}",
    "{\"$or\":[{\"a\":[\"x\"]},{\"l\":{\"n\":[1],\"m\":[2]}},{\"b\":[{\"exists\":true}]}]}",
    "{\"p\":[{\"prefix\":{\"equals-ignore-case\":\"Pre\"}}]}",
    "{\"p\":[{\"suffix\":{\"equals-ignore-case\":\"fix\"}}]}",
    "{\"a\":5}",
    "{\"a\":[{\"numeric\":[\">\"]}]}",
    "{\"a\":[{\"regex\":\"(\"}]}",
    "not json",
};

static const char body[] =
    "{\"a\":\"\\u0078\",\"b\":[\"p1\",\"1s\",3.25],\"n\":2,\"w\":\"a middle in middle\","
    "\"r\":\"literal42\",\"ip\":\"10.1.2.3\",\"e\":\"\xc3\xa9\",\"p\":\"prefix\","
    "\"l\":[{\"n\":1,\"m\":3},{\"n\":2,\"m\":2},{\"n\":1,\"m\":2}],\"ab\":\"xb\","
    "\"other\":{\"x\":[1,2,{\"y\":null}]}}";

static const struct filter_attribute attributes[] = {
    {"a", 1, FILTER_ATTRIBUTE_STRING_ARRAY, "[\"x\",1]", 7},
    {"n", 1, FILTER_ATTRIBUTE_NUMBER, "2", 1},
};

static const struct filter_message message = {
    .attributes = attributes, .attribute_count = 2, .body = body, .body_len = sizeof body - 1};

static void require(bool holds, const char *what, const char *policy)
{
    if (!holds) {
        (void)alloc_faults_disarm();
        (void)fprintf(stderr, "filter_faults: %s: %s\n", what, policy);
        _Exit(1);
    }
}

static enum filter_status compile(const char *text, enum filter_scope scope,
                                  struct filter_policy **ret_policy, struct filter_error *error)
{
    return filter_policy_compile(text, strlen(text), scope, FILTER_PROFILE_FANFARE, ret_policy,
                                 error);
}

/* One call with the nth allocation failing; false when it needed fewer. */
typedef bool attempt(const char *text, enum filter_scope scope, long nth, bool stays);

static bool try_compile(const char *text, enum filter_scope scope, long nth, bool stays)
{
    struct filter_error error = {.text = NULL};
    struct filter_policy *policy = NULL;
    enum filter_status expected = compile(text, scope, &policy, NULL);
    enum filter_status status;
    bool fired;

    filter_policy_free(policy);
    policy = NULL;
    alloc_faults_arm(nth, stays);
    status = compile(text, scope, &policy, &error);
    fired = alloc_faults_disarm();
    /* Without memory for JIT a regular expression is interpreted, so that is no failure. */
    require(status == (fired ? FILTER_NO_MEMORY : expected) || status == expected,
            "compile gives another status", text);
    require((policy != NULL) == (status == FILTER_OK), "compile gives a policy", text);
    filter_policy_free(policy);
    filter_error_clear(&error);
    return fired;
}

static bool try_match(const char *text, enum filter_scope scope, long nth, bool stays)
{
    struct filter_policy *policy = NULL;
    bool expected = false;
    bool matches = false;
    enum filter_status status;
    bool fired;

    if (compile(text, scope, &policy, NULL) != FILTER_OK) {
        return false;
    }
    require(filter_policy_matches(policy, &message, &expected) == FILTER_OK, "match", text);
    alloc_faults_arm(nth, stays);
    status = filter_policy_matches(policy, &message, &matches);
    fired = alloc_faults_disarm();
    require(status == (fired ? FILTER_NO_MEMORY : FILTER_OK), "match gives another status",
            text);
    require(fired || matches == expected, "match gives another answer", text);
    filter_policy_free(policy);
    return fired;
}

static bool try_explain(const char *text, enum filter_scope scope, long nth, bool stays)
{
    struct filter_explanation explanation = {.memory = NULL};
    struct filter_policy *policy = NULL;
    enum filter_status status;
    bool fired;

    if (compile(text, scope, &policy, NULL) != FILTER_OK) {
        return false;
    }
    alloc_faults_arm(nth, stays);
    status = filter_explain(policy, &message, &explanation);
    fired = alloc_faults_disarm();
    require(status == (fired ? FILTER_NO_MEMORY : FILTER_OK), "explain gives another status",
            text);
    filter_explanation_clear(&explanation);
    filter_policy_free(policy);
    return fired;
}

static void neighbours_add(struct filter_index *index)
{
    for (uint32_t i = 0; i < NEIGHBOURS; i++) {
        struct filter_policy *policy = NULL;
        char text[128];

        (void)snprintf(text, sizeof text,
                       i % 2 == 0 ? "{\"a\":[\"x\"],\"z%u\":[{\"exists\":false}]}"
                                  : "{\"n\":[{\"numeric\":[\">\",-%u]}]}",
                       i % 7);
        require(compile(text, FILTER_SCOPE_BODY, &policy, NULL) == FILTER_OK, "compile", text);
        require(filter_index_add(index, i, policy) == FILTER_OK, "add", text);
        filter_policy_free(policy);
    }
}

static size_t matches_count(struct filter_index *index, const char *text)
{
    const uint32_t *ids;
    size_t count = 0;

    require(filter_index_match(index, &message, &ids, &count) == FILTER_OK, "index match",
            text);
    return count;
}

/* Into an empty index, or one with neighbours (`scope` only chooses how the policy is read). */
static bool try_add_to(struct filter_index *index, const struct filter_policy *policy,
                       const char *text, long nth, bool stays)
{
    size_t before = matches_count(index, text);
    size_t count = filter_index_count(index);
    enum filter_status status;
    bool fired;

    alloc_faults_arm(nth, stays);
    status = filter_index_add(index, 1000, policy);
    fired = alloc_faults_disarm();
    if (status == FILTER_NO_MEMORY) {
        require(fired, "add fails by itself", text);
        require(filter_index_count(index) == count, "add is half done", text);
        require(matches_count(index, text) == before, "a failed add changes matches", text);
        require(filter_index_remove(index, 1000) == FILTER_NOT_FOUND, "a failed add is there",
                text);
        require(filter_index_add(index, 1000, policy) == FILTER_OK, "add the second time",
                text);
    } else {
        require(status == FILTER_OK, "add gives another status", text);
    }
    require(matches_count(index, text) >= before, "an added policy hides others", text);
    require(filter_index_remove(index, 1000) == FILTER_OK, "remove", text);
    require(matches_count(index, text) == before, "a removed policy still matches", text);
    return fired;
}

static bool try_add(const char *text, enum filter_scope scope, long nth, bool stays)
{
    struct filter_policy *policy = NULL;
    struct filter_index *index;
    bool fired = false;

    if (compile(text, scope, &policy, NULL) != FILTER_OK) {
        return false;
    }
    for (int neighbours = 0; neighbours < 2; neighbours++) {
        index = filter_index_create();
        if (neighbours == 1) {
            neighbours_add(index);
        }
        fired = try_add_to(index, policy, text, nth, stays) || fired;
        filter_index_free(index);
    }
    filter_policy_free(policy);
    return fired;
}

static bool try_index_match(const char *text, enum filter_scope scope, long nth, bool stays)
{
    struct filter_policy *policy = NULL;
    struct filter_index *index;
    const uint32_t *ids;
    size_t expected;
    size_t count = 0;
    enum filter_status status;
    bool fired;

    if (compile(text, scope, &policy, NULL) != FILTER_OK) {
        return false;
    }
    index = filter_index_create();
    neighbours_add(index);
    require(filter_index_add(index, 1000, policy) == FILTER_OK, "add", text);
    alloc_faults_arm(nth, stays);
    status = filter_index_match(index, &message, &ids, &count);
    fired = alloc_faults_disarm();
    require(status == (fired ? FILTER_NO_MEMORY : FILTER_OK), "index match status", text);
    expected = matches_count(index, text);
    require(fired || count == expected, "index match answer", text);
    /* Nothing may fail any more: removal needs no memory, and warm matching neither. */
    alloc_faults_arm(1, true);
    require(filter_index_match(index, &message, &ids, &count) == FILTER_OK, "warm match", text);
    require(filter_index_remove(index, 1000) == FILTER_OK, "remove without memory", text);
    (void)alloc_faults_disarm();
    filter_policy_free(policy);
    filter_index_free(index);
    return fired;
}

static bool try_create(const char *text, enum filter_scope scope, long nth, bool stays)
{
    struct filter_index *index;
    bool fired;

    (void)text;
    (void)scope;
    alloc_faults_arm(nth, stays);
    index = filter_index_create();
    fired = alloc_faults_disarm();
    require((index == NULL) == fired, "create", "");
    filter_index_free(index);
    return fired;
}

static long points_try(attempt *one, const char *text, enum filter_scope scope)
{
    long nth = 1;

    for (; nth < POINTS_MAX && one(text, scope, nth, false); nth++) {
        (void)one(text, scope, nth, true);
    }
    return nth - 1;
}

int main(void)
{
    static attempt *const attempts[] = {try_compile, try_match,       try_explain,
                                        try_add,     try_index_match, try_create};
    long points = 0;

    for (size_t i = 0; i < sizeof policies / sizeof policies[0]; i++) {
        for (size_t j = 0; j < sizeof attempts / sizeof attempts[0]; j++) {
            points += points_try(attempts[j], policies[i], FILTER_SCOPE_BODY);
            points += points_try(attempts[j], policies[i], FILTER_SCOPE_ATTRIBUTES);
        }
    }
    (void)printf("%ld points of failure\n", points);
    return points > 500 ? 0 : 1;
}
