/* Named fault points: present only in a build with ENABLE_FAULTS. */
#include "base/faults.h"

#include <criterion/criterion.h>

#include <signal.h>
#include <stdlib.h>

#ifdef ENABLE_FAULTS
static void faults_set(const char *faults)
{
    if (setenv("FAULTS", faults, 1) != 0) { /* NOLINT(concurrency-mt-unsafe): one thread */
        abort();
    }
}

Test(faults, fail_at_the_passage_asked_for)
{
    faults_set("a.b:2:fail,c:0:fail,d:1:delay");
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
    faults_set("x:3:kill");
    (void)fault_point("x");
    (void)fault_point("x");
    (void)fault_point("x");
}

Test(faults, a_misspelt_one_is_not_ignored, .signal = SIGABRT)
{
    faults_set("x:1:explode");
    (void)fault_point("x");
}
#else
Test(faults, are_nothing_in_a_plain_build)
{
    cr_expect_not(fault_point("x"));
}
#endif
