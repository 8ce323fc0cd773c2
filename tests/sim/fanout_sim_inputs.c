/* What happens to the process while it is busy: messages, replays, crashes. */
#include "fanout_sim.h"

#include "base/memory.h"

#include <stdio.h>

/* --- Publishing. */

struct publish_call {
    struct world_call call;
    uint32_t number;
};

static enum status publish_run(struct call *call, struct step *step)
{
    struct publish_call *this =
        container_of(container_of(call, struct world_call, call), struct publish_call, call);
    struct scene *scene = scene_of(this->call.world);
    struct topic_name name = {T("000000000000"), T("us-east-1"), T("orders")};
    struct topic *topic = topic_find(router_of(step), &name);
    char body[16];
    char kind[8];
    struct why why;

    (void)snprintf(body, sizeof body, "%u", this->number);
    (void)snprintf(kind, sizeof kind, "k%u", scene->ledger[this->number].kind);
    struct message_attribute attribute = {T("kind"), T("String"), text_from(kind)};
    struct publish publish = {.message = {.body = text_from(body),
                                          .attributes = &attribute,
                                          .attribute_count = 1,
                                          .signature_version = 1}};

    return topic_publish(step, topic, &publish, &why);
}

static void publish_ended(struct world_call *call, enum status status)
{
    struct publish_call *this = container_of(call, struct publish_call, call);
    struct scene *scene = scene_of(call->world);

    scene->ledger[this->number].is_accepted = status == STATUS_OK;
    scene->ledger[this->number].boot = call->world->boots;
    world_note(call->world, "published %u %d", this->number, (int)status);
    memory_free(this);
}

static void on_publish(struct world *world, struct event *event)
{
    struct publish_call *call = memory_zero(sizeof *call);

    call->number = (uint32_t)event->number;
    call->call.call.run = publish_run;
    call->call.ended = publish_ended;
    world_call_start(world, &call->call);
}

/* --- Purges. */

struct purge_call {
    struct world_call call;
    uint32_t queue;
};

static enum status purge_run(struct call *call, struct step *step)
{
    struct purge_call *this =
        container_of(container_of(call, struct world_call, call), struct purge_call, call);
    struct arena arena = {0};
    struct queue_name name = queue_name_of(&arena, "queue", this->queue);

    queue_purge(step, queue_find(queues_of(step), &name));
    arena_free(&arena);
    return STATUS_OK;
}

static void purge_ended(struct world_call *call, enum status status)
{
    world_note(call->world, "purged %d", (int)status);
    memory_free(call);
}

static void on_purge(struct world *world, struct event *event)
{
    struct purge_call *call = memory_zero(sizeof *call);

    call->queue = (uint32_t)event->number;
    call->call.call.run = purge_run;
    call->call.ended = purge_ended;
    world_call_start(world, &call->call);
}

/* --- Replays: to any endpoint or queue, of anything. */

struct replay_call {
    struct world_call call;
    uint32_t place;
    uint64_t chance;
};

static enum status replay_run(struct call *call, struct step *step)
{
    struct replay_call *this =
        container_of(container_of(call, struct world_call, call), struct replay_call, call);
    const struct scene *scene = scene_of(this->call.world);
    struct replay_wish wish = {
        .from_ms = this->chance % 3 == 0 ? step->now_ms - 5000 : 0,
        .until_ms = step->now_ms + 1,
        .pick = (enum replay_pick)(this->chance % REPLAY_PICK_COUNT),
        .rate = this->chance % 5 == 0 ? 10 : 0,
        .is_dry_run = this->chance % 7 == 0,
    };
    uint8_t id[16];
    struct why why;

    if (this->chance % 11 == 0 && replay_list(step, &(struct replay){0}, 1) > 0) {
        struct replay replay;

        (void)replay_list(step, &replay, 1);
        return replay_cancel(step, replay.id);
    }
    if (!subscription_id_of(router_of(step), scene->subscription[this->place],
                            wish.subscription)) {
        return STATUS_NOT_FOUND;
    }
    return replay_start(step, &wish, id, &why);
}

static void replay_ended(struct world_call *call, enum status status)
{
    world_note(call->world, "replay %d", (int)status);
    memory_free(call);
}

static void on_replay(struct world *world, struct event *event)
{
    struct replay_call *call = memory_zero(sizeof *call);

    call->place = (uint32_t)(event->number % (ENDPOINTS + QUEUES));
    call->chance = event->number / (ENDPOINTS + QUEUES);
    call->call.call.run = replay_run;
    call->call.ended = replay_ended;
    world_call_start(world, &call->call);
}

/* --- Crashes. */

/* Off, short, small, long; sometimes another at the next start. */
void history_plan(struct world *world)
{
    static const int64_t ages_ms[] = {0, 3000, 20000, 3600000};
    static const uint64_t sizes[] = {1, 3000, 1 << 30};
    static const uint64_t counts[] = {0, 40, 1000000};

    scene_of(world)->history_plans++;
    world->options.history = (struct history_options){
        .max_age_ms = ages_ms[world_chance(world, countof(ages_ms))],
        .max_bytes = sizes[world_chance(world, countof(sizes))],
        .attempts_max_age_ms = 3600000 * (int64_t)world_chance(world, 2),
        .attempts_max_count = counts[world_chance(world, countof(counts))],
        .attempts_all = world_chance(world, 2) == 0,
    };
}

bool history_keeps_all(const struct scene *scene)
{
    const struct history_options *options = &scene->world->options.history;

    return scene->history_plans == 1 && !scene->has_leaps && !scene->has_damage
           && options->max_age_ms == HOUR_MS && options->max_bytes == 1 << 30;
}

static void on_crash(struct world *world, struct event *event)
{
    (void)event;
    if (world_chance(world, 4) == 0) {
        history_plan(world);
    }
    endpoints_forget(scene_of(world));
    if (world_chance(world, 3) == 0) {
        world_stop(world);
    } else {
        world_crash(world);
    }
}

void crash_schedule(struct world *world, int64_t delay_ms)
{
    world_schedule(world, on_crash, 0, delay_ms);
}

/* --- All of them. */

void inputs_schedule(struct scene *scene)
{
    struct world *world = scene->world;

    for (uint32_t i = 0; i < PUBLISHES; i++) {
        world_schedule(world, on_publish, i, (int64_t)world_chance(world, BUSY_MS));
    }
    for (uint32_t i = 0; i < 60; i++) {
        world_schedule(world, on_receive, world_chance(world, QUEUES),
                       (int64_t)world_chance(world, BUSY_MS));
    }
    for (uint32_t i = 0; i < QUEUES; i++) {
        if (scene->is_purged[i]) {
            world_schedule(world, on_purge, i, (int64_t)world_chance(world, BUSY_MS));
        }
    }
    leaps_schedule(scene);
    damage_schedule(scene);
    fifo_schedule(scene);
    tokens_schedule(scene);
    scene->replays = (uint32_t)world_chance(world, 5);
    for (uint32_t i = 0; i < scene->replays; i++) {
        uint64_t number = world_chance(world, 10000);
        int64_t at_ms = (int64_t)world_chance(world, (uint64_t)2 * BUSY_MS);

        world_schedule(world, on_replay, number, at_ms);
        if (world_chance(world, 3) == 0) { /* and the same at the same time */
            world_schedule(world, on_replay, number, at_ms);
        }
    }
    for (uint64_t i = world_chance(world, 5); i > 0; i--) {
        crash_schedule(world, (int64_t)world_chance(world, BUSY_MS));
    }
}
