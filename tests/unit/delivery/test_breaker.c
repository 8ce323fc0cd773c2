#include "delivery/breaker.h"

#include <criterion/criterion.h>

#define START_MS 1700000000000LL

static struct breaker breaker;
static int64_t now_ms;

static void start(void)
{
    breaker = (struct breaker){.min_before = 20};
    now_ms = START_MS;
}

TestSuite(breaker, .init = start);

static enum breaker_change attempt(uint64_t message, bool fails)
{
    bool was_probe = breaker_start(&breaker);
    struct breaker_outcome outcome = {.now_ms = now_ms,
                                      .message = message,
                                      .has_failed = fails,
                                      .was_probe = was_probe,
                                      .chance = 12345};

    return breaker_count(&breaker, &outcome);
}

static void open_it(void)
{
    enum breaker_change change = BREAKER_STAYS;

    for (uint64_t message = 1; message <= 20; message++) {
        cr_assert_eq(change, BREAKER_STAYS);
        change = attempt(message, true);
    }
    cr_assert_eq(change, BREAKER_OPENED);
    cr_assert(breaker_is_open(&breaker));
}

Test(breaker, opens_when_nearly_everything_fails)
{
    open_it();
    cr_expect_gt(breaker_next_ms(&breaker), now_ms);
}

Test(breaker, a_few_messages_never_open_it_however_often_they_are_tried)
{
    for (uint32_t try = 0; try < 1000; try++) {
        for (uint64_t message = 1; message <= 15; message++) {
            cr_expect_eq(attempt(message, true), BREAKER_STAYS);
        }
    }
}

Test(breaker, slow_failures_never_open_it)
{
    for (uint64_t message = 1; message < 1000; message++) {
        cr_expect_eq(attempt(message, true), BREAKER_STAYS);
        now_ms += 20000; /* 15 in five minutes */
    }
}

Test(breaker, a_third_that_works_keeps_it_closed)
{
    for (uint64_t message = 1; message < 10000; message++) {
        cr_expect_eq(attempt(message, message % 3 != 0), BREAKER_STAYS);
        now_ms += 10;
    }
}

Test(breaker, never_opens_when_it_is_switched_off)
{
    breaker.min_before = 0;
    for (uint64_t message = 1; message < 1000; message++) {
        cr_expect_eq(attempt(message, true), BREAKER_STAYS);
    }
}

Test(breaker, probes_one_at_a_time_at_growing_intervals)
{
    int64_t expected_ms = 5000;

    open_it();
    for (uint32_t probe = 0; probe < 12; probe++) {
        int64_t delay_ms = breaker_next_ms(&breaker) - now_ms;

        cr_expect(delay_ms >= expected_ms * 3 / 4 && delay_ms <= expected_ms * 5 / 4,
                  "probe %u after %lld ms", probe, (long long)delay_ms);
        now_ms = breaker_next_ms(&breaker);
        cr_assert(breaker_start(&breaker));
        cr_expect_eq(breaker_next_ms(&breaker), INT64_MAX, "a second probe beside the first");
        cr_expect_not(breaker_start(&breaker));
        struct breaker_outcome outcome = {.now_ms = now_ms,
                                          .has_failed = true,
                                          .was_probe = true,
                                          .chance = probe * 77777ULL};

        cr_expect_eq(breaker_count(&breaker, &outcome), BREAKER_STAYS);
        expected_ms = expected_ms * 2 < 300000 ? expected_ms * 2 : 300000;
    }
}

Test(breaker, what_the_endpoint_asks_for_is_waited_for)
{
    open_it();
    now_ms = breaker_next_ms(&breaker);
    (void)breaker_start(&breaker);
    struct breaker_outcome outcome = {
        .now_ms = now_ms, .has_failed = true, .was_probe = true, .retry_after_ms = 1800000};

    (void)breaker_count(&breaker, &outcome);
    cr_expect_eq(breaker_next_ms(&breaker), now_ms + 1800000);
}

Test(breaker, what_began_before_it_opened_does_not_close_it)
{
    struct breaker_outcome late = {.now_ms = now_ms, .message = 99};

    open_it();
    cr_expect_eq(breaker_count(&breaker, &late), BREAKER_STAYS);
    cr_expect(breaker_is_open(&breaker));
}

Test(breaker, a_probe_that_works_closes_it_on_trial)
{
    open_it();
    now_ms = breaker_next_ms(&breaker);
    cr_expect_eq(attempt(1, false), BREAKER_CLOSED_AGAIN);
    cr_expect_eq(breaker_next_ms(&breaker), 0);
    for (uint64_t i = 0; i < 3; i++) {
        cr_expect_eq(attempt(1, true), BREAKER_STAYS);
    }
    cr_expect_eq(attempt(1, true), BREAKER_OPENED, "four failures after closing");
}

Test(breaker, is_trusted_again_after_some_successes)
{
    open_it();
    now_ms = breaker_next_ms(&breaker);
    (void)attempt(1, false);
    for (uint64_t i = 0; i < 20; i++) {
        cr_expect_eq(attempt(i, false), BREAKER_STAYS);
    }
    cr_expect_eq(breaker.state, BREAKER_CLOSED);
    cr_expect_eq(breaker.probes, 0U);
}

Test(breaker, a_probe_that_asked_nobody_is_made_up_for)
{
    open_it();
    now_ms = breaker_next_ms(&breaker);
    cr_expect(breaker_start(&breaker));
    breaker_unasked(&breaker);
    cr_expect(breaker_next_ms(&breaker) <= now_ms);
    cr_expect(breaker_start(&breaker));
}

Test(breaker, knows_how_long_a_delivery_is_parked)
{
    cr_expect_eq(breaker_parked_ms(&breaker, now_ms - 5000, now_ms), 0);
    open_it();
    cr_expect_eq(breaker_parked_ms(&breaker, now_ms - 5000, now_ms + 100), 100);
    cr_expect_eq(breaker_parked_ms(&breaker, now_ms + 30, now_ms + 100), 70);
    cr_expect_eq(breaker_parked_ms(&breaker, now_ms + 500, now_ms + 100), 0);
}

Test(breaker, may_be_forgotten_when_it_knows_nothing)
{
    cr_expect(breaker_is_rested(&breaker, now_ms));
    (void)attempt(1, true);
    cr_expect_not(breaker_is_rested(&breaker, now_ms));
    cr_expect(breaker_is_rested(&breaker, now_ms + 300000));
    start();
    open_it();
    cr_expect_not(breaker_is_rested(&breaker, now_ms));
    cr_expect(breaker_is_rested(&breaker, breaker_next_ms(&breaker)));
}
