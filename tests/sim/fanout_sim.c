/* The core on a virtual clock: publish, match, deliver, retry, park, dead letter, lease and
 * delete, with limits and topic policies, over a store that loses what was not committed, with
 * endpoints that fail, hang and answer twice. A ledger checks that every accepted publish
 * reached each matching subscription, or is in its dead-letter queue.  fanout_sim [first seed]
 * [count]; each seed runs twice and must leave the same trace.  Every fourth seed is a scene of
 * its own: deletions while retention ends (fanout_sim_edge.c). */
#include "fanout_sim.h"

#include "base/memory.h"

#include <stdio.h>

struct scene *scene_of(const struct world *world)
{
    return world->user;
}

void complain(struct scene *scene, const char *what, uint32_t publish, uint32_t place)
{
    scene->failures++;
    (void)fprintf(stderr, "  publish %u, place %u: %s\n", publish, place, what);
}

void run_for(struct world *world, int64_t duration_ms)
{
    if (!world_run(world, duration_ms)) {
        complain(scene_of(world), "it does not come to rest", 0, 0);
    }
}

static void scene_plan(struct scene *scene)
{
    struct world *world = scene->world;

    for (uint32_t i = 0; i < ENDPOINTS; i++) {
        scene->moods[i] = (enum mood)world_chance(world, MOOD_DOWN + 1);
        scene->limits[i].concurrency = (uint32_t)world_chance(world, 4);
        scene->limits[i].per_second = (uint32_t)world_chance(world, 8);
    }
    scene->topic_rules = world_chance(world, 2) == 0;
    scene->healed_ms = world->now_ms + BUSY_MS + (int64_t)world_chance(world, 4 * HOUR_MS);
    for (uint32_t i = 0; i < countof(scene->wants); i++) {
        scene->wants[i] = 1 + (uint32_t)world_chance(world, (1U << KINDS) - 1);
    }
    for (uint32_t i = 0; i < PUBLISHES; i++) {
        scene->ledger[i].kind = (uint32_t)world_chance(world, KINDS);
    }
    for (uint32_t i = 0; i < QUEUES; i++) {
        bool is_short = world_chance(world, 4) == 0;

        scene->retention_s[i] = is_short ? 20 + (uint32_t)world_chance(world, 60) : 0;
        scene->is_purged[i] = world_chance(world, 6) == 0;
    }
    scene->has_damage = world_chance(world, 3) == 0;
    scene->has_tokens = world_chance(world, 8) == 0;
}

/* Dead letters may come several times each after crashes: as many rounds as it takes. */
static bool scene_is_empty(const struct scene *scene)
{
    struct queues *queues = cell_queues(scene->world->cell);
    uint64_t left = 0;

    for (struct queue *queue = queue_next(queues, NULL); queue != NULL;
         queue = queue_next(queues, queue)) {
        struct queue_counts counts = queue_counts(queue);

        left += counts.visible + counts.in_flight + counts.delayed;
    }
    return left == 0;
}

static void scene_drain(struct scene *scene)
{
    struct world *world = scene->world;

    scene->is_draining = true;
    run_for(world, DAYS_MS / 3); /* park_max is over, too */
    for (uint32_t round = 0; round < 500 && !scene_is_empty(scene); round++) {
        for (uint32_t queue = 0; queue < CONSUMERS; queue++) {
            world_schedule(world, on_receive, queue, 0);
            world_schedule(world, on_receive, queue, 100);
        }
        run_for(world, 60000);
    }
    if (!scene_is_empty(scene)) {
        complain(scene, "queues do not become empty", 0, 0);
    }
}

/* What the runs came to see, for whoever wants to know that they see it. */
static const struct {
    struct text event;
    struct text reason;
} sights[] = {
    {TEXT("delivery_retry"), TEXT("")},
    {TEXT("delivery_dead"), TEXT("")},
    {TEXT("breaker_open"), TEXT("")},
    {TEXT("breaker_closed"), TEXT("")},
    {TEXT("delivery_dead"), TEXT("it was parked")},
    {TEXT("subscription_disabled"), TEXT("")},
    {TEXT("delivery_dead"), TEXT("its subscription is disabled")},
};

static uint64_t seen[countof(sights)];

static void on_event(void *context, const struct delivery_event *event)
{
    (void)context;
    for (size_t i = 0; i < countof(sights); i++) {
        seen[i] += text_equal(text_from(event->event), sights[i].event)
                   && text_starts_with(event->reason, sights[i].reason);
    }
}

static void seen_print(void)
{
    for (size_t i = 0; i < countof(sights); i++) {
        (void)printf("%s%s%s%s %llu", i == 0 ? "" : ", ", sights[i].event.at,
                     sights[i].reason.len > 0 ? " because " : "", sights[i].reason.at,
                     (unsigned long long)seen[i]);
    }
    (void)printf("\n");
}

static struct seed_run run_seed(uint64_t seed)
{
    struct cell_options options = {
        .cache_bytes = 2000 + seed % 3 * 200000, /* small caches make it read */
        .deliveries = {.in_flight_max = 8 + (uint32_t)(seed % 50),
                       .lane_window_max = 4,
                       .active_message_max = 4 + (uint32_t)(seed % 100),
                       .breaker_min = (uint32_t)(seed % 3 * 4), /* never, soon, later */
                       .park_max_ms = 2 * HOUR_MS,
                       .log = on_event},
    };
    struct scene *scene = NULL;

    if (seed % 4 == 3) {
        return edge_run(seed);
    }
    scene = memory_zero(sizeof *scene);
    scene->world = world_create(seed, &options);
    scene->world->user = scene;
    scene->world->attempt = on_attempt;
    scene->world->call_lost = on_call_lost;
    scene_plan(scene);
    history_plan(scene->world);
    if (scene->has_damage) {
        scene->world->options.seal = SEAL_NONE; /* who is harmed is read off the rows */
    }
    world_boot(scene->world);
    set_up_start(scene);
    run_for(scene->world, 1000);
    inputs_schedule(scene);
    run_for(scene->world, 2LL * BUSY_MS);
    told_again(scene);
    if (world_chance(scene->world, 4) == 0) { /* to the end of what is deduplicated */
        run_for(scene->world, 5LL * BUSY_MS);
    }
    scene_drain(scene);
    scene_check(scene);
    tokens_check(scene);
    leaks_check(scene);
    struct seed_run run = {.findings = scene->failures,
                           .trace = scene->world->trace,
                           .steps = scene->world->steps};

    world_free(scene->world);
    memory_free(scene);
    return run;
}

int main(int argc, char **argv)
{
    int result = seeds_run(argc, argv, 300, run_seed);

    seen_print();
    return result;
}
