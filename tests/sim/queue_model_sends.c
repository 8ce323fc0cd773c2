/* Sending: a client that hears nothing sends again, like an SDK. */
#include "queue_model.h"

/* It was sent to a queue that is gone, or that was purged since and has forgotten that it had
 * it: a copy of it may be among the dead. */
static bool is_given_up(const struct scene *scene, const struct fact *fact)
{
    return scene->is_fifo && fact->sent_ms != 0
           && (fact->incarnation != scene->incarnation || fact->purges != scene->purges);
}

static enum status send_run(struct call *call, struct step *step)
{
    struct operation *operation = operation_of(call);
    struct fact *fact = &operation->scene->facts[operation->message];

    if (is_given_up(operation->scene, fact)) {
        return STATUS_NOT_FOUND;
    }
    struct text body = arena_printf(&operation->arena, "%zu", operation->message);

    struct queue_message message = {
        .body = body,
        .group_id = operation->scene->is_fifo || fact->group > 0
                        ? arena_printf(&operation->arena, "group-%u", fact->group)
                        : (struct text){0},
        .deduplication_id = operation->scene->is_fifo ? body : (struct text){0},
        .delay_ms = operation->scene->is_fifo ? -1 : fact->delay_ms,
    };
    enum status status = fact->is_reference
                             ? twin_send(operation, step, body)
                             : queue_send(step, queue_at(step, operation->scene, PLACE_LIVE),
                                          &message, &operation->sent, NULL);

    if (status == STATUS_OK && fact->sent_ms == 0) {
        fact->sent_ms = step->now_ms;
        fact->incarnation = operation->scene->incarnation;
        fact->purges = operation->scene->purges;
    }
    if (status == STATUS_OK && fact->tried != operation->sent.sequence) {
        fact->tried = operation->sent.sequence;
        fact->tried_ms = step->now_ms;
        fact->first_ms = fact->lost == fact->tried ? fact->first_ms : fact->tried_ms;
    }
    return status;
}

static void on_duplicate(struct world *world, struct event *event);

static void on_again(struct world *world, struct event *event);

/* Shortly before its five minutes are over it is a duplicate, and afterwards it is not. */
static void duplicates_plan(struct scene *scene, size_t message)
{
    const struct fact *fact = &scene->facts[message];
    int64_t now_ms = scene->world->now_ms;

    world_schedule(scene->world, on_duplicate, message,
                   fact->first_ms + DUPLICATE_MS - 6000 - now_ms);
    world_schedule(scene->world, on_again, message,
                   fact->tried_ms + DUPLICATE_MS + 1000 - now_ms);
}

static void send_ended(struct operation *operation, enum status status)
{
    struct scene *scene = operation->scene;
    struct fact *fact = &scene->facts[operation->message];

    if (is_given_up(scene, fact)) {
        return;
    }
    if (status != STATUS_OK) {
        complain(scene, "was refused", operation->message);
        return;
    }
    fact->is_accepted = true;
    world_note(scene->world, "accepted %zu", operation->message);
    if (operation->incarnation != scene->incarnation) {
        return; /* to a queue that is gone by now */
    }
    if (scene->is_fifo && fact->accepted != 0 && fact->accepted != operation->sent.sequence) {
        complain(scene, "was accepted twice", operation->message);
    }
    if (scene->is_fifo && fact->accepted == 0 && !scene->is_resending) {
        duplicates_plan(scene, operation->message);
    }
    if (fact->accepted == 0) {
        fact->accepted = operation->sent.sequence;
        fact->sequence = operation->sent.sequence;
    }
    if (scene->is_fifo && scene->world->now_ms < fact->tried_ms + DUPLICATE_MS / 2
        && world_chance(scene->world, 8) == 0) {
        world_schedule(scene->world, on_send, operation->message, some(scene, 60000));
    }
}

static void send_lost(struct operation *operation)
{
    struct fact *fact = &operation->scene->facts[operation->message];

    if (operation->scene->is_fifo) {
        /* Perhaps it is not durable; then its number is given again. */
        fact->lost = fact->tried != 0 ? fact->tried : fact->lost;
        fact->tried = 0;
        world_schedule(operation->scene->world, on_send, operation->message, 100);
    }
}

void on_send(struct world *world, struct event *event)
{
    struct scene *scene = scene_of(world);
    struct operation *operation = operation_new(scene, send_run, send_ended);

    operation->message = event->number;
    operation->lost = send_lost;
    world_call_start(world, &operation->call);
}

static void on_duplicate(struct world *world, struct event *event)
{
    if (scene_of(world)->facts[event->number].accepted != 0) {
        on_send(world, event);
    }
}

/* It is another message then, if the first one is over. */
static void on_again(struct world *world, struct event *event)
{
    struct scene *scene = scene_of(world);
    struct fact *fact = &scene->facts[event->number];
    struct fact fresh = {
        .group = fact->group, .delay_ms = fact->delay_ms, .is_reference = fact->is_reference};

    if (fact->accepted == 0 || !fact->is_delete_acked || fact->is_purged
        || fact->tried_ms + DUPLICATE_MS >= world->now_ms) {
        return;
    }
    fresh.tried = fact->tried;
    *fact = fresh;
    scene->is_resending = true;
    scene->accepted_again++;
    on_send(world, event);
}
