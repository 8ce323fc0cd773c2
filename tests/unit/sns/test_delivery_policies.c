/* DeliveryPolicy documents. */
#include "services/sns/internal.h"

#include <criterion/criterion.h>

#include <string.h>

#define HEALTHY                                                                              \
    "\"minDelayTarget\":20,\"maxDelayTarget\":20,\"numRetries\":3,\"numMaxDelayRetries\":0," \
    "\"numNoDelayRetries\":0,\"numMinDelayRetries\":0,\"backoffFunction\":\"linear\""
#define PLAIN "{\"headerContentType\":\"text/plain; charset=UTF-8\"}"

Test(delivery_policies, default_to_what_aws_shows)
{
    struct arena arena = {0};

    cr_expect(text_equal(delivery_policy_effective(&arena, T("")),
                         T("{\"http\":{\"defaultHealthyRetryPolicy\":{" HEALTHY
                           "},\"disableSubscriptionOverrides\":false,"
                           "\"defaultRequestPolicy\":" PLAIN "}}")));
    cr_expect(text_equal(subscription_policy_effective(&arena, T(""), T("")),
                         T("{\"healthyRetryPolicy\":{" HEALTHY
                           "},\"sicklyRetryPolicy\":null,\"throttlePolicy\":null,"
                           "\"requestPolicy\":" PLAIN ",\"guaranteed\":false}")));
    arena_free(&arena);
}

Test(delivery_policies, are_shown_without_nulls_and_say_whether_they_can_be_overridden)
{
    static const struct {
        struct text given, shown;
    } rows[] = {
        {TEXT("{\"http\": {\"defaultHealthyRetryPolicy\": null}}"),
         TEXT("{\"http\":{\"disableSubscriptionOverrides\":false}}")},
        {TEXT("{\"http\":{\"disableSubscriptionOverrides\":true}}"),
         TEXT("{\"http\":{\"disableSubscriptionOverrides\":true}}")},
        {TEXT("{\"http\":{\"defaultThrottlePolicy\":{\"maxReceivesPerSecond\":null}}}"),
         TEXT(
             "{\"http\":{\"defaultThrottlePolicy\":{},\"disableSubscriptionOverrides\":false}}")},
        {TEXT("{}"), TEXT("{}")},
        {TEXT(""), TEXT("")},
    };
    struct arena arena = {0};

    for (size_t i = 0; i < countof(rows); i++) {
        struct text shown = delivery_policy_shown(&arena, rows[i].given);

        cr_expect(text_equal(shown, rows[i].shown), "row %zu: %.*s", i, TEXT_PRINTF(shown));
    }
    arena_free(&arena);
}

Test(delivery_policies, of_a_subscription_override_the_topics_unless_it_forbids)
{
    static const struct text own = TEXT("{\"throttlePolicy\":{\"maxReceivesPerSecond\":7}}");
    struct arena arena = {0};
    struct text allowed = subscription_policy_effective(
        &arena, T("{\"http\":{\"defaultThrottlePolicy\":{\"maxReceivesPerSecond\":2}}}"), own);
    struct text forbidden = subscription_policy_effective(
        &arena,
        T("{\"http\":{\"disableSubscriptionOverrides\":true,\"defaultThrottlePolicy\":{"
          "\"maxReceivesPerSecond\":2}}}"),
        own);

    cr_expect_not_null(strstr(allowed.at, "\"maxReceivesPerSecond\":7"));
    cr_expect_not_null(strstr(forbidden.at, "\"maxReceivesPerSecond\":2"));
    arena_free(&arena);
}

Test(delivery_policies, are_refused_when_they_break_a_rule)
{
    static const struct {
        struct text policy;
        bool is_topic, is_good;
    } rows[] = {
        {TEXT("{}"), false, true},
        {TEXT("{\"healthyRetryPolicy\":{\"numRetries\":5}}"), false, true},
        {TEXT("{\"healthyRetryPolicy\":{\"numRetries\":101}}"), false, false},
        {TEXT("{\"healthyRetryPolicy\":\"x\"}"), false, false},
        {TEXT("{\"throttlePolicy\":{\"maxReceivesPerSecond\":0}}"), false, false},
        {TEXT("{\"throttlePolicy\":null}"), false, true},
        {TEXT("{\"requestPolicy\":{\"headerContentType\":\"application/json\"}}"), false, true},
        {TEXT("{\"requestPolicy\":{\"headerContentType\":\"text/plain; charset=UTF-8\"}}"),
         false, true},
        {TEXT("{\"requestPolicy\":{\"headerContentType\":\"image/png\"}}"), false, false},
        {TEXT("{\"http\":{\"defaultHealthyRetryPolicy\":{\"minDelayTarget\":0}}}"), true,
         false},
        {TEXT("{\"http\":{\"defaultHealthyRetryPolicy\":{\"minDelayTarget\":1}}}"), true, true},
        {TEXT("[]"), true, false},
        {TEXT("no json"), false, false},
    };
    struct arena arena = {0};

    for (size_t i = 0; i < countof(rows); i++) {
        const char *fault = delivery_policy_fault(&arena, rows[i].policy, rows[i].is_topic);

        cr_expect_eq(fault == NULL, rows[i].is_good, "row %zu: %s", i,
                     fault == NULL ? "taken" : fault);
    }
    arena_free(&arena);
}
