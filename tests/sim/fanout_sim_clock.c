/* The wall clock is set, forward and back, while the process runs and while it does not.  What
 * was promised for a time is kept by the time that really passes: the cell's clock runs at most
 * a twentieth too fast or too slow (base/steady.h).  Only a start, or a wall clock that was
 * behind the disk and is set right, may take over a leap forward. */
#include "fanout_sim.h"

/* Forward, it must stay below what queues keep, the drain included. */
#define AHEAD_MAX_MS  (36 * HOUR_MS)
#define BEHIND_MAX_MS (72 * HOUR_MS)

static void on_leap(struct world *world, struct event *event)
{
    bool is_forward = world_chance(world, 2) == 0;
    int64_t by_ms = (int64_t)world_chance(world, is_forward ? AHEAD_MAX_MS : BEHIND_MAX_MS);

    (void)event;
    world_set_wall(world, is_forward ? by_ms : -by_ms);
}

void leaps_schedule(struct scene *scene)
{
    struct world *world = scene->world;

    scene->has_leaps = world_chance(world, 3) == 0;
    for (uint64_t i = scene->has_leaps ? 1 + world_chance(world, 4) : 0; i > 0; i--) {
        bool is_late = world_chance(world, 4) == 0; /* while queues are drained */

        world_schedule(world, on_leap, 0,
                       (int64_t)world_chance(world, is_late ? 12 * HOUR_MS : 2LL * BUSY_MS));
    }
}

struct promise promise_for(const struct world *world, int64_t duration_ms)
{
    return (struct promise){
        .epoch = world->epoch,
        .until_real_ms = world->real_ms + duration_ms * STEADY_PARTS / (STEADY_PARTS + 1) - 1,
    };
}

bool promise_holds(const struct world *world, const struct promise *promise)
{
    return promise->epoch == world->epoch && world->real_ms < promise->until_real_ms;
}
