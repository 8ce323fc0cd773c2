/* The time, read only at the edge: everything inside takes it as an argument. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

int64_t clock_now_ms(void);       /* since 1970, UTC; may jump */
int64_t clock_wall_us(void);      /* the same, in microseconds */
int64_t clock_boot_us(void);      /* since the machine booted, suspended or not */
int64_t clock_monotonic_us(void); /* for durations only */

#endif
