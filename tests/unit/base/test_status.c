/* Statuses and reasons. */
#include "base/status.h"

#include <criterion/criterion.h>

#include <string.h>

Test(status, every_one_has_a_name)
{
    for (int i = STATUS_OK; i <= STATUS_STORAGE; i++) {
        cr_expect_str_neq(status_name((enum status)i), "unknown", "status %d", i);
    }
    cr_expect_str_eq(status_name((enum status)99), "unknown");
}

Test(status, fail_writes_the_reason_and_gives_the_status_back)
{
    struct why why = {0};

    cr_expect_eq(fail(&why, STATUS_INVALID, "%d is not %s", 3, "even"), STATUS_INVALID);
    cr_expect_str_eq(why.text, "3 is not even");
    cr_expect_eq(fail(NULL, STATUS_BUSY, "nobody asked"), STATUS_BUSY);
}

Test(status, a_long_reason_is_cut)
{
    struct why why;

    (void)fail(&why, STATUS_FULL, "%02000d", 7);
    cr_expect_eq(strlen(why.text), WHY_MAX - 1);
}
