/* A world for the cell, decided by one seed. */
#include "world.h"

#include "base/digest.h"
#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define COMMIT_MAX_MS 40
#define READ_MAX_MS   15
#define SCAN_MAX_MS   400 /* of a range, in a world whose disk is busy */
#define FOREVER_MS    (INT64_C(1000) * 24 * 3600 * 1000)

uint64_t world_chance(struct world *world, uint64_t bound)
{
    return random_below(world->random, bound);
}

void world_note(struct world *world, const char *format, ...)
{
    char line[256];
    va_list arguments;

    va_start(arguments, format);
    int len = snprintf(line, 64, "%016llx %lld ", (unsigned long long)world->trace,
                       (long long)world->now_ms);

    len += vsnprintf(line + len, sizeof line - (size_t)len, format, arguments);
    va_end(arguments);
    len = len < (int)sizeof line ? len : (int)sizeof line - 1;
    world->trace = digest_fast(text_make(line, (size_t)len));
}

static void must(bool claim, const char *what)
{
    if (!claim) {
        (void)fprintf(stderr, "simulator: %s\n", what);
        exit(2); /* NOLINT(concurrency-mt-unsafe): one thread */
    }
}

static void masters_make(struct world *world)
{
    static const uint8_t keys[3 * SEALING_KEY_SIZE] = {
        [0] = 1, [SEALING_KEY_SIZE] = 2, [2 * SEALING_KEY_SIZE] = 1};

    world->masters[0] = masters_of(keys, 2);
    world->masters[1] = masters_of(keys + SEALING_KEY_SIZE, 2);
}

struct world *world_create(uint64_t seed, const struct cell_options *options)
{
    struct world *world = memory_zero(sizeof *world);
    struct why why;

    world->random = random_seeded(seed);
    world->cell_random = random_seeded(seed ^ 0x9e3779b97f4a7c15ULL);
    world->now_ms = 1700000000000LL;
    world->real_ms = world->now_ms;
    world->engine = engine_find("memory");
    world->options = *options;
    world->options.random = world->cell_random;
    world->has_slow_scans = seed / 3 % 4 == 1;
    masters_make(world);
    world->options.seal = (enum seal_mode)(seed / 5 % 3);
    list_init(&world->calls);
    must(world->engine->open("", 0, &world->disk, &why) == STATUS_OK, "no memory engine");
    return world;
}

void world_free(struct world *world)
{
    struct heap_node *node = NULL;

    while ((node = heap_first(&world->events)) != NULL) {
        heap_remove(&world->events, node);
        memory_free(container_of(node, struct event, node));
    }
    heap_free(&world->events);
    cell_free(world->cell);
    batch_free(world->committing);
    world->engine->close(world->disk);
    masters_free(world->masters[0]);
    masters_free(world->masters[1]);
    memory_free(world->random);
    memory_free(world->cell_random);
    memory_free(world);
}

void world_later(struct world *world, int64_t delay_ms, struct event *take_event)
{
    heap_insert(&world->events, &take_event->node, world->real_ms + delay_ms);
}

void world_schedule(struct world *world, void (*happen)(struct world *, struct event *),
                    uint64_t number, int64_t delay_ms)
{
    struct event *event = memory_zero(sizeof *event);

    event->happen = happen;
    event->number = number;
    event->survives_crash = true;
    world_later(world, delay_ms, event);
}

/* --- The store. */

/* Content of users in a world that seals all of it; confirmations are ours. */
static bool is_in_plain(const struct batch_op *op)
{
    struct text value = blob_text(op->value);
    uint8_t table = op->key->at[0];

    if (value.len < 2 || row_is_sealed(value)) {
        return false;
    }
    return table == TABLE_ATTEMPT || (table == TABLE_READY && op->key->at[13] == 0)
           || (table == TABLE_BODY && value.at[1] == 0);
}

static void on_commit(struct world *world, struct event *event)
{
    struct batch *batch = world->committing;
    struct why why;
    bool fatal = false;

    (void)event;
    for (size_t i = 0; i < batch->count && world->options.seal == SEAL_ALL; i++) {
        must(!is_in_plain(&batch->ops[i]), "content goes to disk in plain");
    }
    world->committing = NULL;
    must(world->engine->commit(world->disk, batch, &fatal, &why) == STATUS_OK, "commit failed");
    world_note(world, "committed %zu", batch->count);
    cell_committed(world->cell, world->now_ms, batch, STATUS_OK);
}

struct read_event {
    struct event event;
    struct read *read;
};

static void on_read(struct world *world, struct event *event)
{
    struct read_event *this = container_of(event, struct read_event, event);

    cell_read_done(world->cell, world->now_ms, this->read);
}

/* Ranges wait behind each other, single rows do not: what is loaded page by page at the start
 * may come long after traffic that needs it. */
static uint64_t read_max_ms(const struct world *world, const struct read *read)
{
    return world->has_slow_scans && read->row_max > 1 ? SCAN_MAX_MS : READ_MAX_MS;
}

/* The disk is looked at some time between asking and answering. */
static void take_reads(struct world *world)
{
    struct read *read = NULL;

    while ((read = cell_next_read(world->cell)) != NULL) {
        struct read_event *event = memory_zero(sizeof *event);

        read_execute(read, world->engine, world->disk);
        read_show_damage(read);
        event->read = read;
        event->event.happen = on_read;
        world_later(world, (int64_t)world_chance(world, read_max_ms(world, read)),
                    &event->event);
    }
}

static void take_effects(struct world *world)
{
    struct attempt_start start;

    take_reads(world);
    struct batch *batch = cell_next_batch(world->cell, world->now_ms);

    if (batch != NULL) {
        struct event *event = memory_zero(sizeof *event);

        world->committing = batch;
        event->happen = on_commit;
        world_later(world, (int64_t)world_chance(world, COMMIT_MAX_MS), event);
    }
    while (cell_next_attempt(world->cell, &start)) {
        world->attempt(world, &start);
    }
    take_reads(world);
}

/* --- Time. */

static int64_t clock_at(struct steady clock, const struct world *world, int64_t real_ms)
{
    return steady_now_ms(&clock, real_ms * 1000, (real_ms + world->wall_ahead_ms) * 1000);
}

/* As the daemon does at each turn. */
static void clock_look(struct world *world)
{
    bool was_unsure = false;

    if (world->cell != NULL) {
        steady_raise(&world->clock, cell_now_ms(world->cell) * 1000);
    }
    was_unsure = world->clock.is_unsure;
    world->now_ms = steady_now_ms(&world->clock, world->real_ms * 1000,
                                  (world->real_ms + world->wall_ahead_ms) * 1000);
    world->epoch += was_unsure && !world->clock.is_unsure;
}

void world_set_wall(struct world *world, int64_t ahead_ms)
{
    world_note(world, "the wall clock is %lld ahead", (long long)ahead_ms);
    world->wall_ahead_ms = ahead_ms;
    clock_look(world);
}

/* When it is `wake_ms` by the cell's clock, which may run slower or faster; at most `until_ms`.
 */
static int64_t real_at(const struct world *world, int64_t wake_ms, int64_t until_ms)
{
    int64_t low = world->real_ms;
    int64_t high = until_ms;

    if (wake_ms <= world->now_ms) {
        return low;
    }
    if (wake_ms == INT64_MAX || clock_at(world->clock, world, until_ms) < wake_ms) {
        return until_ms;
    }
    while (low + 1 < high) {
        int64_t middle = low + (high - low) / 2;

        if (clock_at(world->clock, world, middle) < wake_ms) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return high;
}

bool world_step(struct world *world, int64_t until_ms)
{
    take_effects(world);
    struct heap_node *first = heap_first(&world->events);
    int64_t event_ms = first == NULL || first->key > until_ms ? until_ms + 1 : first->key;
    int64_t next_ms = real_at(world, cell_next_wake(world->cell), event_ms);

    if (next_ms > until_ms) {
        return false;
    }
    world->steps++;
    world->real_ms = next_ms > world->real_ms ? next_ms : world->real_ms;
    clock_look(world);
    if (first != NULL && event_ms <= next_ms) {
        struct event *event = container_of(first, struct event, node);

        heap_remove(&world->events, first);
        if (event->survives_crash && !cell_is_ready(world->cell)) {
            world_later(world, 5, event); /* clients find the door shut until it is ready */
            return true;
        }
        event->happen(world, event);
        memory_free(event);
    } else {
        cell_tick(world->cell, world->now_ms);
    }
    return true;
}

bool world_run(struct world *world, int64_t duration_ms)
{
    uint64_t limit = world->steps + 2000000;
    int64_t until_ms = world->real_ms + duration_ms;

    while (world_step(world, until_ms)) {
        if (world->steps > limit) {
            return false;
        }
    }
    world->real_ms = until_ms;
    clock_look(world);
    return true;
}

/* --- The process. */

void world_boot(struct world *world)
{
    uint64_t limit = world->steps + 100000;

    world->boots++;
    world->epoch++;
    steady_start(&world->clock, world->real_ms * 1000,
                 (world->real_ms + world->wall_ahead_ms) * 1000);
    clock_look(world);
    world->options.masters = world->masters[world->boots % 2];
    world->cell = cell_create(&world->options);
    cell_start(world->cell, world->now_ms);
    world_note(world, "boot");
    while (!cell_is_ready(world->cell)) {
        must(world->steps < limit, "the cell does not become ready");
        (void)world_step(world, world->real_ms + FOREVER_MS);
    }
}

static void forget_events(struct world *world)
{
    struct heap kept = {0};
    struct heap_node *node = NULL;

    while ((node = heap_first(&world->events)) != NULL) {
        struct event *event = container_of(node, struct event, node);
        int64_t at_ms = node->key;

        heap_remove(&world->events, node);
        if (event->survives_crash) {
            heap_insert(&kept, node, at_ms);
            continue;
        }
        if (event->happen == on_read) {
            read_free(container_of(event, struct read_event, event)->read);
        }
        memory_free(event);
    }
    heap_free(&world->events);
    world->events = kept;
}

static void cell_drop(struct world *world)
{
    cell_free(world->cell);
    batch_free(world->committing);
    world->committing = NULL;
    world->cell = NULL;
    forget_events(world);
}

void world_crash(struct world *world)
{
    struct list_node *node = NULL;
    struct why why;
    bool fatal = false;

    world_note(world, "crash");
    if (world->committing != NULL && world_chance(world, 2) == 0) {
        (void)world->engine->commit(world->disk, world->committing, &fatal, &why);
    }
    cell_drop(world);
    while ((node = list_pop(&world->calls)) != NULL) {
        world->call_lost(world, &container_of(node, struct world_call, node)->call);
    }
    world->real_ms += (int64_t)world_chance(world, 3000);
    world_boot(world);
}

/* What a commit that failed has left on disk is not known. */
static void commit_fail(struct world *world)
{
    struct batch *batch = world->committing;
    struct why why;
    bool fatal = false;

    if (batch == NULL || world_chance(world, 2) == 0) {
        return;
    }
    world->committing = NULL;
    if (world_chance(world, 2) == 0) {
        (void)world->engine->commit(world->disk, batch, &fatal, &why);
    }
    cell_committed(world->cell, world->now_ms, batch, STATUS_STORAGE);
}

void world_stop(struct world *world)
{
    world_note(world, "stop");
    commit_fail(world);
    cell_end(world->cell);
    must(list_is_empty(&world->calls), "a call was not told that the cell stops");
    cell_drop(world);
    world->real_ms += (int64_t)world_chance(world, 3000);
    world_boot(world);
}

static void on_call_done(struct call *call, enum status status)
{
    struct world_call *this = container_of(call, struct world_call, call);

    list_remove(&this->node);
    this->ended(this, status);
}

void world_call_start(struct world *world, struct world_call *call)
{
    call->world = world;
    call->call.done = on_call_done;
    list_push(&world->calls, &call->node);
    cell_call(world->cell, world->now_ms, &call->call);
}
