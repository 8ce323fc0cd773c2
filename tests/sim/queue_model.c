/* Queues against a small obvious model: many consumers send, receive, delete, extend and forget
 * at random, on a virtual clock, across crashes; queues are purged, deleted and made again,
 * dead letters moved back, duplicates sent.  Standard: nothing accepted is lost, nothing comes
 * back while it is lent or after its deletion was acknowledged.  FIFO: also order and one
 * holder per group, no duplicates for five minutes, and the same again for the same attempt.
 * queue_model [first seed] [count]. */
#include "queue_model.h"

#include "seeds.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>

struct scene *scene_of(const struct world *world)
{
    return world->user;
}

void complain(struct scene *scene, const char *what, size_t message)
{
    scene->failures++;
    (void)fprintf(stderr, "  message %zu: %s\n", message, what);
}

int64_t some(struct scene *scene, int64_t bound)
{
    return (int64_t)world_chance(scene->world, (uint64_t)bound);
}

static void run_for(struct scene *scene, int64_t duration_ms)
{
    if (!world_run(scene->world, duration_ms)) {
        complain(scene, "it does not come to rest", 0);
    }
}

/* --- The process dies. */

/* With a small window most messages are on disk only. */
static void scene_window(struct scene *scene)
{
    if (scene->window > 0) {
        queues_set_window(cell_queues(scene->world->cell), scene->window);
    }
}

static void on_crash(struct world *world, struct event *event)
{
    struct scene *scene = scene_of(world);

    (void)event;
    world_crash(world);
    scene_window(scene);
    memset(scene->given, 0, sizeof scene->given); /* attempts are in memory only */
    for (size_t i = 0; i < MESSAGES; i++) {
        struct fact *fact = &scene->facts[i];

        fact->attempt = 0;
        fact->is_deleted_now = fact->is_delete_acked;
        if (!scene->is_fifo) {
            fact->lent_until_ms = 0; /* answered before it was durable */
        }
    }
}

/* --- The scene. */

/* A FIFO queue has one delay for all. */
static void messages_plan(struct scene *scene)
{
    int64_t delay_ms =
        world_chance(scene->world, 3) == 0 ? 1000 * some(scene, FIFO_DELAY_MAX_S) : 0;

    for (size_t i = 0; i < MESSAGES; i++) {
        scene->facts[i].group = (uint32_t)world_chance(scene->world, GROUPS);
        if (!scene->is_fifo) {
            delay_ms = world_chance(scene->world, 3) == 0 ? 1000 * some(scene, DELAY_MAX_S) : 0;
        }
        scene->facts[i].is_reference = scene->has_twin && i % 2 == 0;
        scene->facts[i].delay_ms =
            scene->facts[i].is_reference && !scene->is_fifo ? 0 : delay_ms;
    }
}

/* Consumers are busy with what gets too old just then: many messages of the same moment, and
 * receipts that are used before and after. */
static void edges_plan(struct scene *scene)
{
    for (size_t i = 0; i < MESSAGES; i++) {
        world_schedule(scene->world, on_send, i,
                       CLUMP_MS * some(scene, CLUMPS) + some(scene, CLUMP_MS / 400));
    }
    for (size_t i = 0; i < MESSAGES / 3; i++) {
        world_schedule(scene->world, on_receive, PLACE_LIVE,
                       CLUMP_MS * some(scene, CLUMPS) + RETENTION_MS - some(scene, 3000));
    }
}

static void scene_plan(struct scene *scene)
{
    bool has_edges = scene->gets_old && scene->has_twin;

    if (has_edges) {
        edges_plan(scene);
    }
    for (size_t i = 0; !has_edges && i < MESSAGES; i++) {
        world_schedule(scene->world, on_send, i, some(scene, BUSY_MS >> scene->pressure));
    }
    for (size_t i = 0; i < (size_t)MESSAGES >> scene->pressure; i++) {
        world_schedule(scene->world, on_receive, i % 5 == 0 ? PLACE_DEAD : PLACE_LIVE,
                       some(scene, BUSY_MS));
    }
    for (size_t i = 0; scene->has_twin && i < MESSAGES / 20; i++) {
        world_schedule(scene->world, on_twin_receive, 0, some(scene, BUSY_MS));
    }
    for (uint64_t i = world_chance(scene->world, 6); i > 0; i--) {
        world_schedule(scene->world, on_crash, 0, some(scene, BUSY_MS));
    }
    for (uint64_t i = world_chance(scene->world, 8); i > 0 && scene->max_receives > 0; i--) {
        world_schedule(scene->world, on_move, world_chance(scene->world, 60),
                       some(scene, BUSY_MS));
        world_schedule(scene->world, on_cancel, 0, some(scene, 3LL * BUSY_MS));
    }
    if (world_chance(scene->world, 6) == 0) {
        world_schedule(scene->world, on_remake, 0, some(scene, BUSY_MS));
    }
    if (world_chance(scene->world, 4) == 0) {
        world_schedule(scene->world, on_update, 0, some(scene, BUSY_MS));
    }
    if (world_chance(scene->world, 4) == 0) {
        world_schedule(scene->world, on_purge, 0, some(scene, BUSY_MS));
    }
}

static uint64_t total_at(const struct scene *scene, enum place place)
{
    struct step step = {.queues = cell_queues(scene->world->cell)};
    struct queue_counts counts = queue_counts(queue_at(&step, scene, place));

    return counts.visible + counts.in_flight + counts.delayed;
}

static uint64_t total_left(const struct scene *scene)
{
    return total_at(scene, PLACE_LIVE) + total_at(scene, PLACE_DEAD)
           + total_at(scene, PLACE_TWIN);
}

static void scene_drain(struct scene *scene)
{
    scene->is_draining = true;
    for (uint32_t round = 0; round < DRAIN_ROUNDS; round++) {
        if (total_left(scene) == 0) {
            break;
        }
        world_schedule(scene->world, on_receive, PLACE_LIVE, 0);
        world_schedule(scene->world, on_receive, PLACE_DEAD, 0);
        if (scene->has_twin) {
            world_schedule(scene->world, on_twin_receive, 0, 0);
        }
        run_for(scene, 5000);
    }
    run_for(scene, 60000);
}

static void scene_check(struct scene *scene)
{
    for (size_t i = 0; i < MESSAGES; i++) {
        const struct fact *fact = &scene->facts[i];

        if (fact->is_accepted && !fact->is_purged && !fact->is_delete_tried
            && !scene->gets_old) {
            complain(scene, "was accepted and is lost", i);
        }
    }
    twin_check(scene);
    if (total_left(scene) != 0) {
        complain(scene, "the counters say that something is left", 0);
    }
    struct step step = {.queues = cell_queues(scene->world->cell)};
    struct queue_move move;

    if (queue_move_list(queue_at(&step, scene, PLACE_DEAD), &move, 1) == 1
        && move.state == QUEUE_MOVE_RUNNING) {
        complain(scene, "a move task does not end", 0);
    }
}

/* That what is tested happens at all. */
static struct {
    uint64_t repeats, moves, accepted_again;
} totals;

static struct seed_run run_seed(uint64_t seed)
{
    struct cell_options options = {
        .cache_bytes = seed % 3 * 4000, /* small caches make it read */
        .history = {.max_age_ms = seed / 11 % 2 == 0 ? 0 : 30000, .max_bytes = 1 << 20},
        .deliveries = {.in_flight_max = 8, .lane_window_max = 4, .active_message_max = 4},
    };
    struct scene *scene = memory_zero(sizeof *scene);

    scene->world = world_create(seed, &options);
    scene->world->user = scene;
    scene->world->call_lost = on_lost;
    scene->is_fifo = seed % 2 == 1;
    scene->window = seed / 4 % 3 == 0 ? 0 : 8 + 2 * (uint32_t)(seed % 8);
    scene->pressure = (uint32_t)(seed / 8 % 5);
    scene->max_receives = seed / 2 % 2 == 0 ? 0 : 2 + (uint32_t)(seed % 3);
    scene->has_twin = seed / 6 % 3 != 2;
    scene->gets_old = seed % 7 == 3 || (scene->has_twin && seed / 18 % 2 == 0);
    messages_plan(scene);
    world_boot(scene->world);
    scene_window(scene);
    set_up_start(scene);
    run_for(scene, 1000);
    scene_plan(scene);
    run_for(scene, 2LL * BUSY_MS);
    scene_drain(scene);
    /* Until the last duplicate is none any more. */
    run_for(scene, DUPLICATE_MS + BUSY_MS);
    scene_drain(scene);
    scene_check(scene);
    struct seed_run run = {.findings = scene->failures,
                           .trace = scene->world->trace,
                           .steps = scene->world->steps};

    totals.repeats += scene->repeats;
    totals.moves += scene->moves;
    totals.accepted_again += scene->accepted_again;
    world_free(scene->world);
    memory_free(scene);
    return run;
}

int main(int argc, char **argv)
{
    int result = seeds_run(argc, argv, 400, run_seed);

    (void)printf("%llu messages repeated to their attempt, %llu move tasks, "
                 "%llu accepted again after five minutes\n",
                 (unsigned long long)totals.repeats, (unsigned long long)totals.moves,
                 (unsigned long long)totals.accepted_again);
    return result;
}
