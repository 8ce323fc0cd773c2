/* A clock for what has been promised: leases, retries, retention, deduplication.  It never goes
 * back, and it does not jump: it runs with the time since the machine booted (which a suspended
 * machine's counts, too) and follows the wall clock by at most a twentieth of what has passed,
 * so that corrections of a second are absorbed in twenty and a wrong hour ends nothing at once.
 * Pure: the readings of both clocks are arguments. */
#ifndef BASE_STEADY_H
#define BASE_STEADY_H

#include <stdbool.h>
#include <stdint.h>

struct steady {
    int64_t now_us;    /* since 1970: what was given last */
    int64_t boot_us;   /* the reading it was given for */
    int64_t credit_us; /* of correction, less than a reading's resolution */
    int64_t ahead_us;  /* of the wall clock, at the last reading */
    bool is_unsure;    /* the wall clock was behind what is on disk and has not caught up yet */
};

/* Starts at the wall clock. */
void steady_start(struct steady *steady, int64_t boot_us, int64_t wall_us);
/* Something happened at `floor_us` already (what is on disk says so): not earlier than that.
 * When the wall clock was behind it, as on a machine without one, it is believed at once when
 * it first is ahead again. */
void steady_raise(struct steady *steady, int64_t floor_us);
/* The time, in milliseconds since 1970. */
int64_t steady_now_ms(struct steady *steady, int64_t boot_us, int64_t wall_us);

#endif
