#include "base/steady.h"

#include <criterion/criterion.h>

#define SECOND INT64_C(1000000)
#define HOUR   (3600 * SECOND)
#define START  (INT64_C(1700000000) * SECOND)

static struct steady steady;
static int64_t boot_us;
static int64_t wall_us;

static void begin(void)
{
    boot_us = 5 * SECOND;
    wall_us = START;
    steady_start(&steady, boot_us, wall_us);
}

/* So much time passes, looked at every `often_us`; the time afterwards, in seconds since START.
 */
static double pass(int64_t us, int64_t often_us)
{
    int64_t last_ms = steady.now_us / 1000;
    int64_t now_ms = last_ms;

    for (int64_t done = 0; done < us; done += often_us) {
        boot_us += often_us;
        wall_us += often_us;
        now_ms = steady_now_ms(&steady, boot_us, wall_us);
        cr_assert_geq(now_ms, last_ms, "it went back");
        last_ms = now_ms;
    }
    return (double)(now_ms * 1000 - START) / (double)SECOND;
}

/* Once evaluated, unlike Criterion's own. */
static void about(double value, double expected, double within)
{
    cr_expect(value > expected - within && value < expected + within, "%f is not %f", value,
              expected);
}

TestSuite(steady, .init = begin);

Test(steady, with_a_good_wall_clock_it_is_the_wall_clock)
{
    about(pass(HOUR, SECOND), 3600.0, 0.002);
    cr_expect_eq(steady.ahead_us, 0);
}

Test(steady, a_leap_forward_is_followed_slowly)
{
    wall_us += HOUR;
    about(pass(60 * SECOND, SECOND / 100), 63.0, 0.01);
    cr_expect_gt(steady.ahead_us, HOUR - 4 * SECOND);
    about(pass(21 * HOUR, SECOND), 22 * 3600 + 60, 1.0);
    cr_expect_eq(steady.ahead_us, 0);
}

Test(steady, a_leap_back_makes_it_slower_and_never_goes_back)
{
    wall_us -= HOUR;
    about(pass(60 * SECOND, SECOND / 100), 57.0, 0.01);
}

Test(steady, small_corrections_are_followed_also_when_it_is_asked_all_the_time)
{
    wall_us += SECOND / 10;
    about(pass(3 * SECOND, 7), 3.1, 0.002);
    cr_expect_eq(steady.ahead_us, 0);
}

Test(steady, it_starts_behind_nothing_that_has_happened)
{
    steady_raise(&steady, START + HOUR);
    about(pass(SECOND, SECOND / 10), 3600.95, 0.01);
}

Test(steady, a_wall_clock_that_was_behind_the_disk_is_believed_once_it_is_set)
{
    steady_raise(&steady, START + HOUR); /* this machine woke up in the past */
    (void)pass(SECOND, SECOND / 10);
    wall_us += 48 * HOUR; /* and now somebody told it the time */
    about(pass(SECOND, SECOND / 10), 48 * 3600 + 2, 0.2);
    wall_us += HOUR; /* once */
    about(pass(SECOND, SECOND / 10), 48 * 3600 + 3, 0.2);
}

Test(steady, a_boot_clock_that_stands_or_goes_back_is_taken_as_standing)
{
    int64_t before_ms = steady_now_ms(&steady, boot_us, wall_us);

    cr_expect_eq(steady_now_ms(&steady, boot_us - SECOND, wall_us), before_ms);
    cr_expect_geq(steady_now_ms(&steady, boot_us, wall_us + HOUR), before_ms);
}
