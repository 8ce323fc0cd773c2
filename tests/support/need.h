/* A claim that a test's helper functions rely on: when it does not hold the test ends there. */
#ifndef TESTS_SUPPORT_NEED_H
#define TESTS_SUPPORT_NEED_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static inline void need_holds(bool holds, const char *claim, const char *file, int line)
{
    if (!holds) {
        (void)fprintf(stderr, "%s:%d: needed: %s\n", file, line, claim);
        abort();
    }
}

#define NEED(claim) need_holds((claim), #claim, __FILE__, __LINE__)

#endif
