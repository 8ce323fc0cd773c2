/* A clock that does not jump. */
#include "base/steady.h"

#include "base/mutants.h"

enum {
    FOLLOW_PART = 20 /* of the time that passes may be added to it, or taken off */
};

void steady_start(struct steady *steady, int64_t boot_us, int64_t wall_us)
{
    *steady = (struct steady){.now_us = wall_us, .boot_us = boot_us};
}

void steady_raise(struct steady *steady, int64_t floor_us)
{
    if (floor_us > steady->now_us) {
        steady->now_us = floor_us;
        steady->is_unsure = true;
    }
}

/* How far to go towards the wall clock, of what has been saved up for it. */
static int64_t follow(struct steady *steady, int64_t elapsed_us, int64_t ahead_us)
{
    int64_t most_us;

    if (mutant("base.clock-jumps")) {
        return ahead_us;
    }
    steady->credit_us += elapsed_us;
    most_us = steady->credit_us / FOLLOW_PART;
    if (ahead_us <= most_us && ahead_us >= -most_us) {
        steady->credit_us = 0;
        return ahead_us;
    }
    steady->credit_us -= most_us * FOLLOW_PART;
    return ahead_us > 0 ? most_us : -most_us;
}

int64_t steady_now_ms(struct steady *steady, int64_t boot_us, int64_t wall_us)
{
    int64_t elapsed_us = boot_us > steady->boot_us ? boot_us - steady->boot_us : 0;
    int64_t ahead_us = wall_us - (steady->now_us + elapsed_us);

    if (steady->is_unsure && ahead_us > 0) {
        steady->now_us = wall_us;
        steady->is_unsure = false;
    } else {
        steady->now_us += elapsed_us + follow(steady, elapsed_us, ahead_us);
    }
    steady->boot_us = boot_us;
    steady->ahead_us = wall_us - steady->now_us;
    return steady->now_us / 1000;
}
