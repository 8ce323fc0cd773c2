/* Named fault points: present only in a build with ENABLE_FAULTS. */
#include "base/faults.h"

#include <criterion/criterion.h>

#include <signal.h>
#include <stdlib.h>

#ifdef ENABLE_FAULTS
Test(faults, fail_at_the_passage_asked_for)
{
    cr_assert_eq(setenv("FAULTS", "a.b:2:fail,c:0:fail,d:1:delay", 1), 0);
    cr_expect_not(fault_point("a.b"));
    cr_expect_not(fault_point("other"));
    cr_expect(fault_point("a.b"));
    cr_expect_not(fault_point("a.b"));
    cr_expect(fault_point("c"));
    cr_expect(fault_point("c"));
    cr_expect_not(fault_point("d"));
}

Test(faults, kill_kills, .signal = SIGKILL)
{
    cr_assert_eq(setenv("FAULTS", "x:3:kill", 1), 0);
    (void)fault_point("x");
    (void)fault_point("x");
    (void)fault_point("x");
}

Test(faults, a_misspelt_one_is_not_ignored, .signal = SIGABRT)
{
    cr_assert_eq(setenv("FAULTS", "x:1:explode", 1), 0);
    (void)fault_point("x");
}
#else
Test(faults, are_nothing_in_a_plain_build)
{
    cr_assert_eq(setenv("FAULTS", "x:0:fail", 1), 0);
    cr_expect_not(fault_point("x"));
}
#endif
