#include "delivery/rate.h"

#include <criterion/criterion.h>

#define START_MS 1700000000000LL

/* As many as it lets through in `for_ms`, waiting as it says. */
static uint32_t passed(uint32_t per_second, int64_t for_ms)
{
    struct rate rate = {0};
    uint32_t count = 0;

    for (int64_t now_ms = START_MS; now_ms < START_MS + for_ms;) {
        while (rate_room(&rate, per_second, now_ms) > 0) {
            rate_take(&rate, per_second, now_ms);
            count++;
        }
        int64_t next_ms = rate_next_ms(&rate, per_second, now_ms);

        cr_assert_gt(next_ms, now_ms);
        now_ms = next_ms;
    }
    return count;
}

Test(rate, keeps_the_average)
{
    static const uint32_t rates[] = {1, 2, 3, 7, 10, 33, 100, 999, 5000, 70000, 100000};

    for (size_t i = 0; i < countof(rates); i++) {
        uint32_t wanted = rates[i] * 60;
        uint32_t got = passed(rates[i], 60000);
        uint32_t burst = rates[i] / 10 + 1;

        cr_expect(got >= wanted - burst && got <= wanted + wanted / 1000 + burst,
                  "%u a second: %u in a minute", rates[i], got);
    }
}

Test(rate, says_how_many_may_start_together)
{
    struct rate rate = {0};

    cr_expect_eq(rate_room(&rate, 1, START_MS), 1U);
    cr_expect_eq(rate_room(&rate, 100, START_MS), 10U);
    for (int i = 0; i < 4; i++) {
        rate_take(&rate, 100, START_MS);
    }
    cr_expect_eq(rate_room(&rate, 100, START_MS), 6U);
    cr_expect_eq(rate_next_ms(&rate, 100, START_MS), START_MS);
}

Test(rate, takes_what_there_was_no_room_for_as_a_debt)
{
    struct rate rate = {0};

    for (int i = 0; i < 3; i++) {
        rate_take(&rate, 1, START_MS);
    }
    cr_expect_eq(rate_room(&rate, 1, START_MS), 0U);
    cr_expect_eq(rate_next_ms(&rate, 1, START_MS), START_MS + 3000);
    cr_expect_not(rate_is_rested(&rate, START_MS + 2999));
    cr_expect(rate_is_rested(&rate, START_MS + 3000));
}

Test(rate, a_faster_rate_counts_from_now_on)
{
    struct rate rate = {0};

    rate_take(&rate, 1, START_MS);
    cr_expect_eq(rate_next_ms(&rate, 1, START_MS), START_MS + 1000);
    cr_expect_eq(rate_next_ms(&rate, 1000, START_MS + 950), START_MS + 950);
}
