/* A FIFO topic: the same deduplication ids again and again, inside their five minutes and
 * behind them, across sweeps and crashes. */
#include "fanout_sim.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>

#define LIFE_MS          (5LL * 60 * 1000) /* of what a topic accepted */
#define COMMIT_LATEST_MS 1000              /* it was accepted before it was acknowledged */

struct fifo_call {
    struct world_call call;
    uint32_t number;
    int64_t ran_ms;            /* when it was last tried; 0: never to its end */
    struct promise remembered; /* as of then: the clock may leap before it is answered */
    char sequence[24];
};

struct topic_name fifo_topic_name(void)
{
    return (struct topic_name){T("000000000000"), T("us-east-1"), T("orders.fifo")};
}

static enum status fifo_run(struct call *call, struct step *step)
{
    struct fifo_call *this =
        container_of(container_of(call, struct world_call, call), struct fifo_call, call);
    struct topic_name name = fifo_topic_name();
    char body[16];
    struct why why;

    (void)snprintf(body, sizeof body, "%u", this->number);
    struct publish publish = {.message = {.body = text_from(body),
                                          .group_id = T("group"),
                                          .deduplication_id = text_from(body),
                                          .signature_version = 1}};
    enum status status =
        topic_publish(step, topic_find(router_of(step), &name), &publish, &why);

    if (status == STATUS_OK) {
        this->ran_ms = step->now_ms;
        this->remembered = promise_for(this->call.world, LIFE_MS - COMMIT_LATEST_MS);
        memcpy(this->sequence, publish.message.sequence_number.at,
               publish.message.sequence_number.len);
    }
    return status;
}

static bool is_same(const struct duplicate *duplicate, const struct fifo_call *call)
{
    return strcmp(duplicate->sequence, call->sequence) == 0;
}

static void duplicate_check(struct scene *scene, const struct duplicate *duplicate,
                            const struct fifo_call *call)
{
    if (duplicate->sequence[0] == '\0') {
        return;
    }
    if (!is_same(duplicate, call) && call->ran_ms < duplicate->from_ms + LIFE_MS) {
        complain(scene, "a duplicate was accepted", call->number, 0);
    }
    if (is_same(duplicate, call) && call->ran_ms >= duplicate->until_ms + LIFE_MS) {
        complain(scene, "was taken for a duplicate too long", call->number, 0);
    }
}

/* It may have been accepted, and nobody heard. */
static void duplicate_lost(struct duplicate *duplicate, const struct fifo_call *call)
{
    if (call->ran_ms > 0 && duplicate->lost_ms == 0) {
        duplicate->lost_ms = call->ran_ms;
    }
}

static void fifo_ended(struct world_call *call, enum status status)
{
    struct fifo_call *this = container_of(call, struct fifo_call, call);
    struct scene *scene = scene_of(call->world);
    struct duplicate *duplicate = &scene->duplicates[this->number];

    world_note(call->world, "fifo %u %d %s", this->number, (int)status, this->sequence);
    if (status != STATUS_OK) {
        duplicate_lost(duplicate, this);
        memory_free(this);
        return;
    }
    duplicate_check(scene, duplicate, this);
    if (!is_same(duplicate, this) && promise_holds(scene->world, &duplicate->remembered)) {
        complain(scene, "a duplicate was accepted before five minutes had passed", this->number,
                 0);
    }
    if (!is_same(duplicate, this)) {
        /* What was lost may be what this one repeats. */
        duplicate->from_ms = duplicate->lost_ms > 0 ? duplicate->lost_ms : this->ran_ms;
        duplicate->until_ms = this->ran_ms;
        duplicate->remembered = duplicate->lost_ms > 0 ? (struct promise){0} : this->remembered;
        duplicate->lost_ms = 0;
        memcpy(duplicate->sequence, this->sequence, sizeof this->sequence);
    }
    memory_free(this);
}

static void on_publish_fifo(struct world *world, struct event *event)
{
    struct fifo_call *call = memory_zero(sizeof *call);

    call->number = (uint32_t)event->number;
    call->call.call.run = fifo_run;
    call->call.ended = fifo_ended;
    world_call_start(world, &call->call);
}

bool fifo_call_lost(struct scene *scene, struct world_call *call)
{
    struct fifo_call *this = container_of(call, struct fifo_call, call);

    if (call->call.run != fifo_run) {
        return false;
    }
    duplicate_lost(&scene->duplicates[this->number], this);
    memory_free(this);
    return true;
}

void fifo_received(struct scene *scene, uint32_t number)
{
    scene->duplicates[number].received++;
}

void fifo_check(struct scene *scene)
{
    for (uint32_t i = 0; i < DUPLICATES; i++) {
        if (scene->duplicates[i].sequence[0] != '\0' && scene->duplicates[i].received == 0) {
            complain(scene, "was accepted by the FIFO topic and is lost", i, 0);
        }
    }
}

/* Minutes: 0, 1, 2.6, 4.9, and then again. */
void fifo_schedule(struct scene *scene)
{
    static const int64_t again_ms[] = {0, 60000, 156000, 294000, 301000, 330000};

    for (uint32_t i = 0; i < DUPLICATES; i++) {
        int64_t start_ms = (int64_t)world_chance(scene->world, BUSY_MS);

        for (size_t j = 0; j < countof(again_ms); j++) {
            world_schedule(scene->world, on_publish_fifo, i, start_ms + again_ms[j]);
        }
    }
}
