/* Subscriptions that wait for a confirmation, and one that was deleted and may be brought back:
 * a token is good for two days, and ends. */
#include "fanout_sim.h"

#include "base/memory.h"

#include <string.h>

#define VALID_MS (48 * HOUR_MS)

struct token_call {
    struct world_call call;
    uint32_t number;
};

static struct text endpoint_of(struct arena *arena, uint32_t number)
{
    return arena_printf(arena, "http://%u", PENDING_FIRST + number);
}

static struct topic *orders(struct step *step)
{
    struct topic_name name = {T("000000000000"), T("us-east-1"), T("orders")};

    return topic_find(router_of(step), &name);
}

static void ended_well(struct world_call *call, enum status status)
{
    if (status != STATUS_OK && status != STATUS_STORAGE) {
        complain(scene_of(call->world), status_name(status), 0, PENDING_FIRST);
    }
    memory_free(call);
}

static void token_call_start(struct scene *scene, uint32_t number,
                             enum status (*run)(struct call *call, struct step *step),
                             void (*ended)(struct world_call *call, enum status status))
{
    struct token_call *call = memory_zero(sizeof *call);

    call->number = number;
    call->call.call.run = run;
    call->call.ended = ended;
    world_call_start(scene->world, &call->call);
}

static struct token_call *token_call_of(struct call *call)
{
    return container_of(container_of(call, struct world_call, call), struct token_call, call);
}

static enum status find(struct step *step, struct arena *arena, uint32_t number,
                        struct subscription *ret)
{
    return subscription_find_endpoint(step, orders(step), T("http"), endpoint_of(arena, number),
                                      arena, ret);
}

/* --- Made, and one of them deleted by somebody who did not sign. */

static enum status subscribe_run(struct call *call, struct step *step)
{
    uint32_t number = token_call_of(call)->number;
    struct arena arena = {0};
    struct subscription there;
    static const struct attribute nothing = {TEXT("FilterPolicy"), TEXT("{\"kind\":[\"no\"]}")};
    struct subscription wanted = {
        .protocol = PROTOCOL_HTTP,
        .endpoint = endpoint_of(&arena, number),
        .owner = T("000000000000"),
        .attributes = &nothing,
        .attribute_count = 1,
        .is_confirmed = number == 0,
    };
    struct why why;
    enum status status = find(step, &arena, number, &there);

    if (status == STATUS_NOT_FOUND) {
        status = subscription_create(step, orders(step), &wanted, &why);
        if (status == STATUS_OK && !wanted.is_confirmed) {
            subscription_send_confirmation(step, orders(step), &wanted);
        }
    }
    arena_free(&arena);
    return status;
}

static enum status unsubscribe_run(struct call *call, struct step *step)
{
    struct arena arena = {0};
    struct subscription there;
    struct why why;
    enum status status = find(step, &arena, token_call_of(call)->number, &there);

    if (status == STATUS_OK) {
        status = subscription_delete_undoably(step, orders(step), &there, &why);
    }
    arena_free(&arena);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static void on_subscribe(struct world *world, struct event *event)
{
    token_call_start(scene_of(world), (uint32_t)event->number, subscribe_run, ended_well);
}

static void on_unsubscribe(struct world *world, struct event *event)
{
    token_call_start(scene_of(world), (uint32_t)event->number, unsubscribe_run, ended_well);
}

/* --- Its token comes, and is used. */

void token_hear(struct scene *scene, uint32_t number, const struct message *message)
{
    struct pending *pending = &scene->pending[number];

    if (message->token.len > 0 && message->token.len < sizeof pending->token
        && message->time_ms >= pending->token_ms) {
        memcpy(pending->token, message->token.at, message->token.len);
        pending->token[message->token.len] = '\0';
        pending->token_ms = message->time_ms;
    }
}

static enum status confirm_run(struct call *call, struct step *step)
{
    struct token_call *this = token_call_of(call);
    struct scene *scene = scene_of(this->call.world);
    struct pending *pending = &scene->pending[this->number];
    struct arena arena = {0};
    struct subscription found;
    enum status status =
        subscription_find_token(step, text_from(pending->token), &arena, &found);
    bool is_over = step->now_ms > pending->token_ms + VALID_MS;

    arena_free(&arena);
    if (status == STATUS_OK && is_over) {
        complain(scene, "a token is good after its time", 0, PENDING_FIRST + this->number);
    }
    if (status == STATUS_INVALID && !is_over) {
        complain(scene, "a token is not good before its end", 0, PENDING_FIRST + this->number);
    }
    return status == STATUS_INVALID ? STATUS_OK : status;
}

static void on_confirm(struct world *world, struct event *event)
{
    token_call_start(scene_of(world), (uint32_t)event->number, confirm_run, ended_well);
}

void tokens_schedule(struct scene *scene)
{
    static const int64_t hours[] = {1, 24, 47, 49};
    struct world *world = scene->world;

    if (!scene->has_tokens) {
        return;
    }
    for (uint32_t i = 0; i < PENDING; i++) {
        world_schedule(world, on_subscribe, i, (int64_t)world_chance(world, BUSY_MS / 2));
        for (size_t j = 0; j < countof(hours); j++) {
            world_schedule(world, on_confirm, i, hours[j] * HOUR_MS);
        }
    }
    world_schedule(world, on_unsubscribe, 0, BUSY_MS);
}

void tokens_check(struct scene *scene)
{
    if (!scene->has_tokens) {
        return;
    }
    run_for(scene->world, 51 * HOUR_MS);
    for (uint32_t i = 0; i < PENDING; i++) {
        if (scene->pending[i].token_ms == 0 && scene->world->boots == 1) {
            complain(scene, "its token never came", 0, PENDING_FIRST + i);
        }
    }
    /* What was deleted ended with its token; the others still wait. */
    if (rows_of(scene->world, TABLE_TOKEN) > 0) {
        complain(scene, "tokens are left", 0, PENDING_FIRST);
    }
    if (scene->world->boots == 1
        && rows_of(scene->world, TABLE_SUBSCRIPTION) != ENDPOINTS + QUEUES + 1 + PENDING - 1) {
        complain(scene, "a deleted subscription did not end with its token", 0, PENDING_FIRST);
    }
}
