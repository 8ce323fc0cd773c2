/* The time from the kernel. */
#include "base/clock.h"

#include <stdlib.h>
#include <time.h>

static struct timespec clock_read(clockid_t clock)
{
    struct timespec now;

    if (clock_gettime(clock, &now) != 0) {
        abort(); /* both clocks exist on every Linux */
    }
    return now;
}

int64_t clock_now_ms(void)
{
    struct timespec now = clock_read(CLOCK_REALTIME);

    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_monotonic_us(void)
{
    struct timespec now = clock_read(CLOCK_MONOTONIC);

    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}
