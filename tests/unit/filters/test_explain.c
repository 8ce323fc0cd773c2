#include <criterion/criterion.h>
#include <fanfare/filter.h>

#include <stdio.h>
#include <string.h>

static struct filter_explanation explain(const char *text, enum filter_scope scope,
                                         const char *body)
{
    struct filter_message message = {.body = body, .body_len = strlen(body)};
    struct filter_explanation explanation = {.memory = NULL};
    struct filter_policy *policy = NULL;

    cr_assert_eq(
        filter_policy_compile(text, strlen(text), scope, FILTER_PROFILE_SNS, &policy, NULL),
        FILTER_OK);
    cr_assert_eq(filter_explain(policy, &message, &explanation), FILTER_OK);
    filter_policy_free(policy); /* the explanation stands alone */
    return explanation;
}

Test(explain, names_the_condition_that_failed_and_what_was_there)
{
    struct filter_explanation explanation =
        explain("{\"type\":[\"paid\"],\"order\":{\"total\":[{\"numeric\":[\">\",100]}]}}",
                FILTER_SCOPE_BODY,
                "{\"type\":\"paid\",\"order\":{\"total\":[99.5,\"n\\u0000\\\"o\"]}}");

    cr_expect_not(explanation.matches);
    cr_expect_str_eq(explanation.reason, "The condition on \"order.total\" does not hold.");
    cr_assert_eq(explanation.finding_count, 2u);
    cr_expect(explanation.findings[0].holds);
    cr_expect_str_eq(explanation.findings[0].seen, "\"paid\"");
    cr_expect_not(explanation.findings[1].holds);
    cr_expect_str_eq(explanation.findings[1].path, "order.total");
    cr_expect_str_eq(explanation.findings[1].condition, "[{\"numeric\":[\">\",100]}]");
    cr_expect_str_eq(explanation.findings[1].seen, "99.5, \"n\\u0000\\\"o\"");
    filter_explanation_clear(&explanation);
}

Test(explain, tells_alternatives_apart)
{
    struct filter_explanation explanation =
        explain("{\"$or\":[{\"a\":[1]},{\"b\":[2]}]}", FILTER_SCOPE_BODY, "{\"b\":2}");

    cr_expect(explanation.matches);
    cr_expect_str_eq(explanation.reason, "Every condition holds of some alternative.");
    cr_assert_eq(explanation.finding_count, 2u);
    cr_expect_eq(explanation.findings[1].alternative, 1u);
    cr_expect_null(explanation.findings[0].seen);
    filter_explanation_clear(&explanation);
}

Test(explain, says_when_only_the_elements_differ)
{
    struct filter_explanation explanation = explain(
        "{\"l\":{\"a\":[1],\"b\":[2]}}", FILTER_SCOPE_BODY, "{\"l\":[{\"a\":1},{\"b\":2}]}");

    cr_expect_not(explanation.matches);
    cr_expect(strstr(explanation.reason, "same element") != NULL);
    filter_explanation_clear(&explanation);
}

Test(explain, says_when_the_message_cannot_be_read)
{
    struct filter_explanation body = explain("{\"a\":[1]}", FILTER_SCOPE_BODY, "plain");
    struct filter_explanation attributes =
        explain("{\"a\":[1]}", FILTER_SCOPE_ATTRIBUTES, "plain");

    cr_expect(strstr(body.reason, "not a JSON object") != NULL);
    cr_expect(strstr(attributes.reason, "no attributes") != NULL);
    filter_explanation_clear(&body);
    filter_explanation_clear(&attributes);
}

Test(explain, shortens_what_is_long)
{
    char body[4096];
    struct filter_explanation explanation;

    (void)snprintf(body, sizeof body, "{\"a\":[\"%0*d\",1,2,3,4,5,6,7,8,9,%0*d]}", 1000, 1, 0,
                   0);
    explanation = explain("{\"a\":[\"x\"]}", FILTER_SCOPE_BODY, body);
    cr_expect_lt(strlen(explanation.findings[0].seen), 200u);
    cr_expect(strstr(explanation.findings[0].seen, "...") != NULL);
    filter_explanation_clear(&explanation);
}

/* A regular expression that gives up at its limits counts as no match; nobody is left to guess.
 */
Test(explain, says_when_a_regular_expression_was_given_up)
{
    static const char policy_text[] = "{\"k\":[{\"regex\":\"^(a|b)*c$\"}]}";
    static char body[70100];
    static const size_t lengths[] = {2000, 70000};

    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct filter_explanation explanation = {.memory = NULL};
        struct filter_policy *policy = NULL;
        struct filter_index *index = filter_index_create();
        const uint32_t *ids = NULL;
        size_t count = 0;

        for (size_t j = 0; j < lengths[i]; j++) {
            body[j] = "ab"[j % 2];
        }
        for (size_t j = 0; j < 6; j++) {
            body[j] = "{\"k\":\""[j];
        }
        for (size_t j = 0; j < 4; j++) { /* with its end */
            body[lengths[i] + j] = "c\"}"[j];
        }
        const struct filter_message message = {.body = body, .body_len = strlen(body)};

        cr_assert_eq(filter_policy_compile(policy_text, strlen(policy_text), FILTER_SCOPE_BODY,
                                           FILTER_PROFILE_FANFARE, &policy, NULL),
                     FILTER_OK);
        cr_assert_eq(filter_explain(policy, &message, &explanation), FILTER_OK);
        cr_expect_not(explanation.matches);
        cr_expect(strstr(explanation.reason, "given up at its limits") != NULL, "%s",
                  explanation.reason);
        filter_explanation_clear(&explanation);
        cr_assert_eq(filter_index_add(index, 1, policy), FILTER_OK);
        cr_assert_eq(filter_index_match(index, &message, &ids, &count), FILTER_OK);
        cr_expect_eq(count, 0);
        cr_expect_eq(filter_index_regex_over(index), 1);
        filter_index_free(index);
        filter_policy_free(policy);
    }
}
