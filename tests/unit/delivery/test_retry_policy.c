#include "delivery/retry_policy.h"

#include <criterion/criterion.h>

static int64_t total_ms(const struct retry_policy *policy, uint32_t *ret_retries)
{
    int64_t total = 0;
    uint32_t retry = 1;

    for (; retry_delay(policy, retry) != RETRY_NEVER; retry++) {
        total += retry_delay(policy, retry);
    }
    *ret_retries = retry - 1;
    return total;
}

Test(retry_policy, default_for_http_is_three_retries_twenty_seconds_apart)
{
    static const int64_t expected[] = {20000, 20000, 20000, RETRY_NEVER, RETRY_NEVER};

    for (uint32_t retry = 1; retry <= countof(expected); retry++) {
        cr_expect_eq(retry_delay(&retry_policy_http, retry), expected[retry - 1], "retry %u",
                     retry);
    }
}

Test(retry_policy, for_managed_endpoints_lasts_23_days)
{
    uint32_t retries = 0;
    int64_t total = total_ms(&retry_policy_managed, &retries);

    cr_expect_eq(retries, 100015U);
    cr_expect_eq(total / (24LL * 3600 * 1000), 23);
}

Test(retry_policy, for_messaging_lasts_six_hours)
{
    uint32_t retries = 0;
    int64_t total = total_ms(&retry_policy_messaging, &retries);

    cr_expect_eq(retries, 50U);
    cr_expect_gt(total, 6LL * 3600 * 1000);
    cr_expect_lt(total, 8LL * 3600 * 1000);
}

Test(retry_policy, every_backoff_starts_at_the_least_and_ends_at_the_most)
{
    for (int function = BACKOFF_LINEAR; function <= BACKOFF_EXPONENTIAL; function++) {
        struct retry_policy policy = {.backoff = 10,
                                      .min_delay_ms = 5000,
                                      .max_delay_ms = 260000,
                                      .function = (enum backoff)function};
        int64_t before = 0;

        cr_expect_eq(retry_delay(&policy, 1), 5000, "function %d", function);
        cr_expect_eq(retry_delay(&policy, 10), 260000, "function %d", function);
        for (uint32_t retry = 1; retry <= 10; retry++) {
            cr_expect_gt(retry_delay(&policy, retry), before, "function %d retry %u", function,
                         retry);
            before = retry_delay(&policy, retry);
        }
    }
}

Test(retry_policy, phases_follow_each_other)
{
    struct retry_policy policy = {.immediate = 1,
                                  .pre_backoff = 2,
                                  .backoff = 3,
                                  .post_backoff = 1,
                                  .min_delay_ms = 1000,
                                  .max_delay_ms = 3000,
                                  .function = BACKOFF_LINEAR};
    static const int64_t expected[] = {0, 1000, 1000, 1000, 2000, 3000, 3000, RETRY_NEVER};

    for (uint32_t retry = 1; retry <= countof(expected); retry++) {
        cr_expect_eq(retry_delay(&policy, retry), expected[retry - 1], "retry %u", retry);
    }
}

Test(retry_policy, a_schedule_replaces_the_phases)
{
    struct retry_policy policy = {
        .backoff = 9, .schedule = {5000, 300000}, .schedule_count = 2};

    cr_expect_eq(retry_delay(&policy, 1), 5000);
    cr_expect_eq(retry_delay(&policy, 2), 300000);
    cr_expect_eq(retry_delay(&policy, 3), RETRY_NEVER);
}

Test(retry_policy, jitter_stays_within_a_tenth)
{
    for (uint64_t chance = 0; chance < 100000; chance += 7) {
        int64_t delay = retry_jitter(20000, chance);

        cr_expect(delay >= 18000 && delay <= 22000);
    }
    cr_expect_eq(retry_jitter(0, 12345), 0);
    cr_expect_eq(retry_jitter(5, UINT64_MAX), 5);
}

Test(retry_policy, reads_what_subscribers_set)
{
    struct retry_policy policy;
    const char *reason = NULL;

    cr_assert(retry_policy_parse(
        T("{\"healthyRetryPolicy\":{\"numRetries\":7,\"minDelayTarget\":1,\"maxDelayTarget\":4,"
          "\"numNoDelayRetries\":1,\"numMinDelayRetries\":1,\"numMaxDelayRetries\":2,"
          "\"backoffFunction\":\"geometric\"},\"sicklyRetryPolicy\":null,\"throttlePolicy\":"
          "{\"maxReceivesPerSecond\":10},\"guaranteed\":false}"),
        &policy, &reason));
    cr_expect_eq(policy.immediate, 1U);
    cr_expect_eq(policy.pre_backoff, 1U);
    cr_expect_eq(policy.backoff, 3U);
    cr_expect_eq(policy.post_backoff, 2U);
    cr_expect_eq(policy.max_delay_ms, 4000);
    cr_expect_eq(policy.function, BACKOFF_GEOMETRIC);
    cr_assert(retry_policy_parse(T(""), &policy, &reason));
    cr_expect_eq(policy.backoff, 3U);
}

Test(retry_policy, refuses_what_breaks_the_rules)
{
    static const struct text bad[] = {
        TEXT("[]"),
        TEXT("{"),
        TEXT("{\"healthyRetryPolicy\":5}"),
        TEXT("{\"healthyRetryPolicy\":{\"numRetries\":\"3\"}}"),
        TEXT("{\"healthyRetryPolicy\":{\"numRetries\":101}}"),
        TEXT("{\"healthyRetryPolicy\":{\"numRetries\":-1}}"),
        TEXT("{\"healthyRetryPolicy\":{\"minDelayTarget\":0}}"),
        TEXT("{\"healthyRetryPolicy\":{\"minDelayTarget\":30,\"maxDelayTarget\":20}}"),
        TEXT("{\"healthyRetryPolicy\":{\"numRetries\":2,\"numMaxDelayRetries\":3}}"),
        TEXT("{\"healthyRetryPolicy\":{\"backoffFunction\":\"cubic\"}}"),
        TEXT("{\"healthyRetryPolicy\":{\"surprise\":1}}"),
        /* longer than an hour in all */
        TEXT("{\"healthyRetryPolicy\":{\"numRetries\":100,\"minDelayTarget\":60,"
             "\"maxDelayTarget\":60}}"),
        TEXT("{\"healthyRetryPolicy\":{}} trailing"),
    };

    for (size_t i = 0; i < countof(bad); i++) {
        struct retry_policy policy;
        const char *reason = NULL;

        cr_expect_not(retry_policy_parse(bad[i], &policy, &reason), "%s", bad[i].at);
        cr_expect_not_null(reason, "%s", bad[i].at);
    }
}

static void expect_schedule(const char *text, const int64_t *expected, uint32_t count)
{
    struct retry_policy policy = retry_policy_http;
    const char *reason = NULL;

    cr_assert(retry_schedule_parse(text_from(text), &policy, &reason), "%s: %s", text, reason);
    for (uint32_t i = 0; i < count; i++) {
        cr_expect_eq(retry_delay(&policy, i + 1), expected[i], "%s: retry %u", text, i + 1);
    }
    cr_expect_eq(retry_delay(&policy, count + 1), RETRY_NEVER, "%s", text);
}

Test(retry_policy, a_list_of_delays_is_a_schedule)
{
    static const int64_t list[] = {5000, 60000, 1800000, 7200000, 86400000, 0};
    static const int64_t three[] = {20000, 20000, 20000};

    expect_schedule("5s,1m, 30m ,2h,1d,0s", list, countof(list));
    expect_schedule("sns", three, countof(three));
    expect_schedule("", three, countof(three));
}

Test(retry_policy, named_schedules_last_28_hours_and_three_days)
{
    static const struct {
        const char *name;
        uint32_t retries;
        int64_t hours;
    } rows[] = {{"normal", 7, 28}, {"patient", 9, 76}};

    for (size_t i = 0; i < countof(rows); i++) {
        struct retry_policy policy = retry_policy_http;
        const char *reason = NULL;
        uint32_t retries = 0;

        cr_assert(retry_schedule_parse(text_from(rows[i].name), &policy, &reason));
        cr_expect_eq((total_ms(&policy, &retries) + 1800000) / 3600000, rows[i].hours);
        cr_expect_eq(retries, rows[i].retries);
    }
}

Test(retry_policy, refuses_what_is_no_schedule)
{
    static const char *const bad[] = {"often",
                                      "5",
                                      "5x",
                                      ",",
                                      "5s,",
                                      "-5s",
                                      "s",
                                      "1w",
                                      "31d",
                                      "20d,11d",
                                      "5s;6s",
                                      "5 s",
                                      "99999999999999999999s",
                                      "9223372036854775807d"};

    for (size_t i = 0; i < countof(bad); i++) {
        struct retry_policy policy = retry_policy_http;
        const char *reason = NULL;

        cr_expect_not(retry_schedule_parse(text_from(bad[i]), &policy, &reason), "%s", bad[i]);
        cr_expect_not_null(reason);
        cr_expect_eq(policy.schedule_count, 0U, "%s left something behind", bad[i]);
    }
}

Test(retry_policy, a_topics_policy_is_the_default_of_its_subscriptions)
{
    static const struct {
        const char *topic, *own;
        uint32_t retries, per_second;
    } rows[] = {
        {"", "", 3, 0},
        {"{\"http\":{\"defaultHealthyRetryPolicy\":{\"numRetries\":5}}}", "", 5, 0},
        {"{\"http\":{\"defaultHealthyRetryPolicy\":{\"numRetries\":5}}}",
         "{\"healthyRetryPolicy\":{\"numRetries\":7}}", 7, 0},
        {"{\"http\":{\"defaultHealthyRetryPolicy\":{\"numRetries\":5},"
         "\"disableSubscriptionOverrides\":true}}",
         "{\"healthyRetryPolicy\":{\"numRetries\":7},\"throttlePolicy\":"
         "{\"maxReceivesPerSecond\":9}}",
         5, 0},
        {"{\"http\":{\"defaultThrottlePolicy\":{\"maxReceivesPerSecond\":4}}}", "", 3, 4},
        /* part by part */
        {"{\"http\":{\"defaultThrottlePolicy\":{\"maxReceivesPerSecond\":4},"
         "\"defaultHealthyRetryPolicy\":{\"numRetries\":5}}}",
         "{\"throttlePolicy\":{\"maxReceivesPerSecond\":9}}", 5, 9},
        {"{\"http\":null}", "{\"healthyRetryPolicy\":null,\"throttlePolicy\":null}", 3, 0},
        {"{\"http\":{\"defaultThrottlePolicy\":{\"maxReceivesPerSecond\":99999999999}}}", "", 3,
         UINT32_MAX},
        /* not to be read: it says nothing */
        {"{\"http\":5}", "[", 3, 0},
    };

    for (size_t i = 0; i < countof(rows); i++) {
        struct retry_policy policy = {0};
        uint32_t per_second = 77;
        uint32_t retries = 0;

        delivery_policy_join(text_from(rows[i].topic), text_from(rows[i].own), &policy,
                             &per_second);
        (void)total_ms(&policy, &retries);
        cr_expect_eq(retries, rows[i].retries, "row %zu: %u", i, retries);
        cr_expect_eq(per_second, rows[i].per_second, "row %zu: %u", i, per_second);
    }
}
