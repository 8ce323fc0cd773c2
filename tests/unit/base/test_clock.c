/* The time, at the edge. */
#include "base/clock.h"

#include <criterion/criterion.h>

Test(clock, tells_milliseconds_since_1970)
{
    int64_t now = clock_now_ms();

    cr_expect_gt(now, INT64_C(1700000000000), "later than 2023");
    cr_expect_lt(now, INT64_C(9000000000000), "and not microseconds");
}

Test(clock, the_monotonic_one_does_not_go_back)
{
    int64_t last = clock_monotonic_us();

    for (int i = 0; i < 1000; i++) {
        int64_t now = clock_monotonic_us();

        cr_assert_geq(now, last);
        last = now;
    }
}
