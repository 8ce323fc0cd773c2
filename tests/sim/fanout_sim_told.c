/* The history told again to one queue: everything that is kept, each once, across a crash. */
#include "fanout_sim.h"

#include "base/memory.h"

#include <string.h>

#define RATE 40 /* messages a second: a crash comes in between */

struct told_call {
    struct world_call call;
    uint32_t queue;
    uint8_t id[16];
    bool is_started;
};

static enum status told_run(struct call *call, struct step *step)
{
    struct told_call *this =
        container_of(container_of(call, struct world_call, call), struct told_call, call);
    const struct scene *scene = scene_of(this->call.world);
    struct replay_wish wish = {.until_ms = step->now_ms + 1, .rate = RATE};
    struct why why;

    if (!subscription_id_of(router_of(step), scene->subscription[ENDPOINTS + this->queue],
                            wish.subscription)) {
        return STATUS_NOT_FOUND;
    }
    return replay_start(step, &wish, this->id, &why);
}

static void told_ended(struct world_call *call, enum status status)
{
    struct told_call *this = container_of(call, struct told_call, call);
    struct scene *scene = scene_of(call->world);

    scene->is_told = status == STATUS_OK;
    memcpy(scene->told, this->id, sizeof scene->told);
    world_note(call->world, "told again %d", (int)status);
    memory_free(this);
}

struct look_call {
    struct world_call call;
    struct replay found;
};

static enum status look_run(struct call *call, struct step *step)
{
    struct look_call *this =
        container_of(container_of(call, struct world_call, call), struct look_call, call);
    const struct scene *scene = scene_of(this->call.world);
    struct replay replays[16];
    size_t count = replay_list(step, replays, countof(replays));

    for (size_t i = 0; i < count; i++) {
        if (memcmp(replays[i].id, scene->told, sizeof scene->told) == 0) {
            this->found = replays[i];
        }
    }
    return STATUS_OK;
}

static void look_ended(struct world_call *call, enum status status)
{
    struct look_call *this = container_of(call, struct look_call, call);
    struct scene *scene = scene_of(call->world);

    (void)status;
    scene->told_sent = this->found.sent;
    scene->is_told = this->found.state == REPLAY_COMPLETED;
    memory_free(this);
}

static uint64_t wanted_count(const struct scene *scene, uint32_t queue)
{
    uint64_t count = 0;

    for (uint32_t i = 0; i < PUBLISHES; i++) {
        count += scene->ledger[i].is_accepted
                 && (scene->wants[ENDPOINTS + queue] >> scene->ledger[i].kind & 1) != 0;
    }
    return count;
}

/* What nobody heard of may be there, too. */
static void told_check(struct scene *scene, uint32_t queue)
{
    uint64_t wanted = wanted_count(scene, queue);

    if (!scene->is_told) {
        complain(scene, "a replay did not come to its end", 0, ENDPOINTS + queue);
    } else if (scene->told_sent < wanted
               || (scene->world->boots == 1 && scene->told_sent > wanted)) {
        complain(scene, "a replay sent another number than there is",
                 (uint32_t)scene->told_sent, (uint32_t)wanted);
    }
}

void told_again(struct scene *scene)
{
    struct world *world = scene->world;
    uint32_t queue = (uint32_t)world_chance(world, QUEUES);
    struct told_call *call = NULL;
    struct look_call *look = NULL;

    if (!history_keeps_all(scene)) {
        return;
    }
    call = memory_zero(sizeof *call);
    call->queue = queue;
    call->call.call.run = told_run;
    call->call.ended = told_ended;
    world_call_start(world, &call->call);
    run_for(world, 1000);
    if (!scene->is_told) {
        return; /* too many of them are running */
    }
    if (world_chance(world, 2) == 0) {
        endpoints_forget(scene);
        world_crash(world);
    }
    run_for(world, 30000);
    look = memory_zero(sizeof *look);
    look->call.call.run = look_run;
    look->call.ended = look_ended;
    look->call.call.only_reads = true;
    world_call_start(world, &look->call);
    run_for(world, 1000);
    told_check(scene, queue);
}
