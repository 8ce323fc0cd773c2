/* A world for the cell: a virtual clock, and a wall clock that may be wrong, a store that
 * forgets what was not committed, reads and commits that take their time, crashes; everything
 * decided by one seed. */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "base/steady.h"
#include "core/core.h"
#include "tests/support/damaged_rows.h"

struct world;

/* Something that happens at a time.  Allocated with memory_zero, freed after `happen`. */
struct event {
    struct heap_node node;
    void (*happen)(struct world *world, struct event *event);
    bool survives_crash; /* the others are forgotten with the process */
    uint64_t number;
    char text[64];
};

struct world {
    int64_t now_ms;        /* as the cell is told, see base/steady.h */
    int64_t real_ms;       /* since the machine booted; delays are counted by it */
    int64_t wall_ahead_ms; /* how wrong the wall clock is */
    uint64_t epoch;        /* rises when a wall clock that is ahead was believed at once */
    struct steady clock;
    struct random *random;      /* the world's chance */
    struct random *cell_random; /* the cell's */
    struct heap events;
    const struct engine *engine;
    void *disk;
    struct cell *cell;
    struct cell_options options;
    struct masters *masters[2]; /* the same two keys: either of them wraps, from boot to boot */
    struct batch *committing;
    bool has_slow_scans;
    uint64_t boots;
    uint64_t steps;
    uint64_t trace; /* a digest of everything that happened */
    void (*attempt)(struct world *world, struct attempt_start *take_start);
    void (*call_lost)(struct world *world, struct call *call); /* by a crash */
    struct list calls; /* struct world_call, under way */
    void *user;
};

/* A call whose end the world follows. */
struct world_call {
    struct call call;
    struct list_node node;
    struct world *world;
    void (*ended)(struct world_call *call, enum status status);
};

struct world *world_create(uint64_t seed, const struct cell_options *options);
void world_free(struct world *world);
/* Starts a cell over what is on disk and runs until it is ready. */
void world_boot(struct world *world);
/* The process dies: what was not committed is gone; a commit under way may or may not be. */
void world_crash(struct world *world);
/* The process ends by itself and starts again, in the middle of everything; the commit under
 * way may fail before.  Every call is told. */
void world_stop(struct world *world);
void world_later(struct world *world, int64_t delay_ms, struct event *take_event);
/* Something from outside: a crash does not undo it. */
void world_schedule(struct world *world, void (*happen)(struct world *, struct event *),
                    uint64_t number, int64_t delay_ms);
/* The wall clock is set; `ahead_ms` may be negative. */
void world_set_wall(struct world *world, int64_t ahead_ms);
/* Runs the cell's effects, then the next event or wake-up; false when nothing is left before
 * `until_ms` of real time. */
bool world_step(struct world *world, int64_t until_ms);
/* Steps for so long, whatever the clocks say; false when it does not come to rest. */
bool world_run(struct world *world, int64_t duration_ms);
void world_call_start(struct world *world, struct world_call *call);
uint64_t world_chance(struct world *world, uint64_t bound);
/* Adds to the trace: the same seed must give the same trace. */
PRINTF_LIKE(2, 3) void world_note(struct world *world, const char *format, ...);

#endif
