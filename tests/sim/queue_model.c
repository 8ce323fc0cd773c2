/* Queues against a small obvious model: many consumers send, receive, delete, extend and forget
 * at random, on a virtual clock, across crashes; queues are purged, deleted and made again,
 * dead letters moved back, duplicates sent.  Standard: nothing accepted is lost, nothing comes
 * back while it is lent or after its deletion was acknowledged.  FIFO: also order and one
 * holder per group, no duplicates for five minutes, and the same again for the same attempt.
 * queue_model [first seed] [count]. */
#include "queue_model.h"

#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct scene *scene_of(const struct world *world)
{
    return world->user;
}

void complain(struct scene *scene, const char *what, size_t message)
{
    scene->failures++;
    (void)fprintf(stderr, "  message %zu: %s\n", message, what);
}

static struct queue *queue_at(struct step *step, const struct scene *scene, enum place place)
{
    static const char *const names[2][PLACE_COUNT] = {{"live", "dead"},
                                                      {"live.fifo", "dead.fifo"}};
    struct queue_name name = {T("000000000000"), T("us-east-1"),
                              text_from(names[scene->is_fifo][place])};

    return queue_find(queues_of(step), &name);
}

/* --- One operation of a client. */

static struct operation *operation_of(struct call *call)
{
    return container_of(container_of(call, struct world_call, call), struct operation, call);
}

static void operation_free(struct operation *operation)
{
    for (size_t i = 0; i < operation->receive.lent_count; i++) {
        queue_lent_free(&operation->lent[i]);
    }
    arena_free(&operation->arena);
    memory_free(operation);
}

static void on_ended(struct world_call *call, enum status status)
{
    struct operation *operation = container_of(call, struct operation, call);

    operation->ended(operation, status);
    operation_free(operation);
}

static void on_lost(struct world *world, struct call *call)
{
    struct operation *operation = operation_of(call);

    (void)world;
    if (operation->lost != NULL) {
        operation->lost(operation);
    }
    operation_free(operation);
}

static struct operation *operation_new(struct scene *scene,
                                       enum status (*run)(struct call *call, struct step *step),
                                       void (*ended)(struct operation *, enum status))
{
    struct operation *operation = memory_zero(sizeof *operation);

    operation->scene = scene;
    operation->call.call.run = run;
    operation->call.ended = on_ended;
    operation->ended = ended;
    operation->started_ms = scene->world->now_ms;
    operation->incarnation = scene->incarnation;
    return operation;
}

/* --- Time. */

static void later(struct scene *scene, void (*happen)(struct world *, struct event *),
                  uint64_t number, int64_t delay_ms, bool survives_crash)
{
    struct event *event = memory_zero(sizeof *event);

    event->happen = happen;
    event->number = number;
    event->survives_crash = survives_crash;
    world_later(scene->world, delay_ms, event);
}

static int64_t some(struct scene *scene, int64_t bound)
{
    return (int64_t)world_chance(scene->world, (uint64_t)bound);
}

/* --- Sending. A client that hears nothing sends again, like an SDK. */

/* It was sent to a queue that is gone: a copy of it may be among the dead. */
static bool is_given_up(const struct scene *scene, const struct fact *fact)
{
    return scene->is_fifo && fact->sent_ms != 0 && fact->incarnation != scene->incarnation;
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
    enum status status = queue_send(step, queue_at(step, operation->scene, PLACE_LIVE),
                                    &message, &operation->sent, NULL);

    if (status == STATUS_OK && fact->sent_ms == 0) {
        fact->sent_ms = step->now_ms;
        fact->incarnation = operation->scene->incarnation;
    }
    if (status == STATUS_OK && fact->tried != operation->sent.sequence) {
        fact->tried = operation->sent.sequence;
        fact->tried_ms = step->now_ms;
    }
    return status;
}

static void on_send(struct world *world, struct event *event);

static void on_duplicate(struct world *world, struct event *event);

static void on_again(struct world *world, struct event *event);

/* Shortly before its five minutes are over it is a duplicate, and afterwards it is not. */
static void duplicates_plan(struct scene *scene, size_t message)
{
    int64_t passed_ms = scene->world->now_ms - scene->facts[message].tried_ms;

    later(scene, on_duplicate, message, DUPLICATE_MS - 6000 - passed_ms, true);
    later(scene, on_again, message, DUPLICATE_MS + 1000 - passed_ms, true);
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
        later(scene, on_send, operation->message, some(scene, 60000), true);
    }
}

static void send_lost(struct operation *operation)
{
    if (operation->scene->is_fifo) {
        /* Perhaps it is not durable; then its number is given again. */
        operation->scene->facts[operation->message].tried = 0;
        later(operation->scene, on_send, operation->message, 100, true);
    }
}

static void on_send(struct world *world, struct event *event)
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
    struct fact fresh = {.group = fact->group, .delay_ms = fact->delay_ms};

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

/* --- Deleting, extending, giving back. */

static enum status delete_run(struct call *call, struct step *step)
{
    struct operation *operation = operation_of(call);
    struct fact *fact = &operation->scene->facts[operation->message];
    uint64_t total = 0;
    struct queue *queue = queue_at(step, operation->scene, operation->place);
    struct queue_counts before = queue_counts(queue);
    enum status status = queue_delete_message(step, queue, operation->handle);
    struct queue_counts after = queue_counts(queue);

    total = before.visible + before.in_flight + before.delayed;
    if (status == STATUS_OK && after.visible + after.in_flight + after.delayed + 1 == total) {
        fact->is_delete_tried = true;
        fact->is_deleted_now = true;
    }
    return status;
}

static void delete_ended(struct operation *operation, enum status status)
{
    struct fact *fact = &operation->scene->facts[operation->message];

    if (operation->incarnation != operation->scene->incarnation) {
        return; /* the handle is of a queue that is gone */
    }
    if (status == STATUS_OK && fact->is_deleted_now) {
        fact->is_delete_acked = true;
        world_note(operation->scene->world, "deleted %zu", operation->message);
    } else if (status != STATUS_OK && !(operation->scene->is_fifo && status == STATUS_EXISTS)) {
        complain(operation->scene, "could not be deleted", operation->message);
    }
}

static enum status change_run(struct call *call, struct step *step)
{
    struct operation *operation = operation_of(call);
    struct fact *fact = &operation->scene->facts[operation->message];
    enum status status =
        queue_change_visibility(step, queue_at(step, operation->scene, operation->place),
                                operation->handle, operation->visible_ms);

    if (status == STATUS_OK) {
        operation->lent_before_ms = fact->lent_until_ms;
        fact->lent_until_ms =
            operation->visible_ms == 0 ? 0 : step->now_ms + operation->visible_ms;
    }
    return status;
}

static void change_ended(struct operation *operation, enum status status)
{
    if (operation->incarnation == operation->scene->incarnation && status != STATUS_OK
        && status != STATUS_EXISTS && status != STATUS_NOT_FOUND) {
        complain(operation->scene, "could not be extended", operation->message);
    }
}

static void change_lost(struct operation *operation)
{
    struct fact *fact = &operation->scene->facts[operation->message];

    if (operation->lent_before_ms < fact->lent_until_ms) {
        fact->lent_until_ms = operation->lent_before_ms;
    }
}

struct receipt {
    struct event event;
    size_t message;
    enum place place;
    uint32_t incarnation;
    char handle[64];
};

static void on_receipt_used(struct world *world, struct event *event)
{
    struct receipt *receipt = container_of(event, struct receipt, event);
    struct scene *scene = scene_of(world);
    bool deletes = scene->is_draining || world_chance(world, 4) != 0;
    struct operation *operation = operation_new(scene, deletes ? delete_run : change_run,
                                                deletes ? delete_ended : change_ended);

    operation->message = receipt->message;
    operation->place = receipt->place;
    operation->incarnation = receipt->incarnation;
    operation->handle = arena_copy(&operation->arena, text_from(receipt->handle));
    operation->visible_ms = world_chance(world, 2) == 0 ? 0 : some(scene, 2LL * VISIBILITY_MS);
    operation->lost = deletes ? NULL : change_lost;
    world_call_start(world, &operation->call);
}

/* --- Receiving: here the model is asked. */

static void receipt_keep(struct scene *scene, size_t message, const struct operation *operation,
                         struct text handle)
{
    struct receipt *receipt = memory_zero(sizeof *receipt);

    receipt->event.happen = on_receipt_used;
    receipt->event.survives_crash = true;
    receipt->message = message;
    receipt->place = operation->place;
    receipt->incarnation = scene->incarnation;
    if (handle.len >= sizeof receipt->handle) {
        complain(scene, "has too long a handle", message);
        handle.len = 0;
    }
    memcpy(receipt->handle, handle.at, handle.len);
    world_later(scene->world, some(scene, 3LL * VISIBILITY_MS / 2), &receipt->event);
}

static enum status receive_run(struct call *call, struct step *step)
{
    struct operation *operation = operation_of(call);
    struct scene *scene = operation->scene;
    enum status status =
        queue_receive(step, queue_at(step, scene, operation->place), &operation->receive);

    if (status != STATUS_OK) {
        return status;
    }
    received_check(operation, step->now_ms);
    received_note(operation, step->now_ms);
    for (size_t i = 0; i < operation->receive.lent_count; i++) {
        if (scene->is_draining || world_chance(scene->world, 5) != 0) {
            receipt_keep(scene, lent_message(&operation->lent[i]), operation,
                         operation->lent[i].handle);
        }
    }
    return status;
}

static void receive_leave(struct call *call, struct step *step)
{
    queue_receive_end(step, &operation_of(call)->receive);
}

static void receive_ended(struct operation *operation, enum status status)
{
    if (status != STATUS_OK) {
        complain(operation->scene, "could not be received", 0);
    }
}

/* Whether the lease has become durable nobody knows. */
static void receive_lost(struct operation *operation)
{
    for (size_t i = 0; i < operation->receive.lent_count; i++) {
        int64_t number = 0;

        if (text_to_int64(operation->lent[i].text, &number)) {
            operation->scene->facts[number].lent_until_ms = 0;
            operation->scene->facts[number].attempt = 0;
        }
    }
}

static void on_receive(struct world *world, struct event *event)
{
    struct scene *scene = scene_of(world);
    struct operation *operation = operation_new(scene, receive_run, receive_ended);
    bool is_hasty = !scene->is_draining && world_chance(world, 10) == 0;

    operation->place = (enum place)(event->number % PLACE_COUNT);
    operation->visible_ms = is_hasty ? 0 : 1 + some(scene, 2LL * VISIBILITY_MS);
    operation->lost = receive_lost;
    if (scene->is_fifo && !scene->is_draining && world_chance(world, 3) == 0) {
        /* Odd ones ask the live queue, even ones the other. */
        operation->attempt = 1 + 2 * (uint32_t)world_chance(world, ATTEMPTS / 2)
                             + (operation->place == PLACE_DEAD);
        operation->receive.attempt_id = arena_printf(&operation->arena, "attempt-%d-%u",
                                                     (int)operation->place, operation->attempt);
    }
    operation->receive = (struct queue_receive){
        .attempt_id = operation->receive.attempt_id,
        .max = 1 + (uint32_t)world_chance(world, 10),
        .visibility_ms = operation->visible_ms,
        .wait_ms = (int64_t)world_chance(world, 2) * 3000,
        .arena = &operation->arena,
        .lent = operation->lent,
    };
    operation->call.call.only_reads = !scene->is_fifo;
    operation->call.call.leave = receive_leave;
    world_call_start(world, &operation->call);
}

/* --- Purging. */

static enum status purge_run(struct call *call, struct step *step)
{
    struct operation *operation = operation_of(call);
    struct scene *scene = operation->scene;

    queue_purge(step, queue_at(step, scene, PLACE_LIVE));
    for (size_t i = 0; i < MESSAGES; i++) {
        struct fact *fact = &scene->facts[i];

        fact->is_purged = fact->is_purged || fact->sent_ms != 0;
    }
    return STATUS_OK;
}

static void purge_ended(struct operation *operation, enum status status)
{
    (void)operation;
    (void)status;
}

static void on_purge(struct world *world, struct event *event)
{
    (void)event;
    world_call_start(world, &operation_new(scene_of(world), purge_run, purge_ended)->call);
}

/* --- Deleting a queue and making it again. */

/* It is gone, unless it is dead already. */
static void fact_forget(struct fact *fact)
{
    fact->is_purged = fact->is_purged || fact->sent_ms != 0;
    fact->lent_until_ms = 0;
    fact->accepted = 0;
    fact->attempt = 0;
}

static enum status queue_make(struct step *step, const struct scene *scene, enum place place);

static enum status remake_run(struct call *call, struct step *step)
{
    struct scene *scene = operation_of(call)->scene;

    queue_delete(step, queue_at(step, scene, PLACE_LIVE));
    scene->incarnation++;
    for (size_t i = 0; i < MESSAGES; i++) {
        fact_forget(&scene->facts[i]);
    }
    return queue_make(step, scene, PLACE_LIVE);
}

static void remake_ended(struct operation *operation, enum status status)
{
    if (status != STATUS_OK) {
        complain(operation->scene, "the queue could not be made again", 0);
    }
}

static void on_remake(struct world *world, struct event *event)
{
    (void)event;
    world_call_start(world, &operation_new(scene_of(world), remake_run, remake_ended)->call);
}

/* --- Changing its attributes. */

static enum status update_run(struct call *call, struct step *step)
{
    struct queue *queue = queue_at(step, operation_of(call)->scene, PLACE_LIVE);
    struct queue_settings settings = queue->settings;

    settings.visibility_timeout_s++;
    queue_update(step, queue, &settings, queue->attributes, queue->attribute_count);
    return STATUS_OK;
}

static void on_update(struct world *world, struct event *event)
{
    (void)event;
    world_call_start(world, &operation_new(scene_of(world), update_run, purge_ended)->call);
}

/* --- Moving dead letters back. */

static enum status move_run(struct call *call, struct step *step)
{
    struct operation *operation = operation_of(call);
    struct scene *scene = operation->scene;
    uint32_t rate = operation->message % 3 == 0 ? 0 : 2 + (uint32_t)operation->message % 20;
    enum status status = queue_move_start(step, queue_at(step, scene, PLACE_DEAD),
                                          (struct text){0}, rate, scene->move_id, NULL);

    if (status == STATUS_OK) {
        scene->has_moved = true;
        scene->moves++;
    }
    return status;
}

static void move_ended(struct operation *operation, enum status status)
{
    if (status != STATUS_OK && status != STATUS_EXISTS) {
        complain(operation->scene, "could not be moved", 0);
    }
}

static void on_move(struct world *world, struct event *event)
{
    struct operation *operation = operation_new(scene_of(world), move_run, move_ended);

    operation->message = event->number;
    world_call_start(world, &operation->call);
}

static enum status cancel_run(struct call *call, struct step *step)
{
    struct scene *scene = operation_of(call)->scene;
    uint64_t moved = 0;

    return queue_move_cancel(step, queue_at(step, scene, PLACE_DEAD), scene->move_id, &moved);
}

static void cancel_ended(struct operation *operation, enum status status)
{
    if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
        complain(operation->scene, "a move task could not be cancelled", 0);
    }
}

static void on_cancel(struct world *world, struct event *event)
{
    (void)event;
    world_call_start(world, &operation_new(scene_of(world), cancel_run, cancel_ended)->call);
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

static enum status queue_make(struct step *step, const struct scene *scene, enum place place)
{
    static const char *const names[2][PLACE_COUNT] = {{"live", "dead"},
                                                      {"live.fifo", "dead.fifo"}};
    struct queue_settings settings = queue_settings_default;
    struct queue_attribute policy = {
        T("RedrivePolicy"),
        scene->is_fifo
            ? T("{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:dead.fifo\"}")
            : T("{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:dead\"}")};
    struct queue_name name = {T("000000000000"), T("us-east-1"),
                              text_from(names[scene->is_fifo][place])};
    struct queue *queue = NULL;

    settings.is_fifo = scene->is_fifo;
    if (scene->gets_old) {
        settings.message_retention_s = RETENTION_MS / 1000;
    }
    if (place == PLACE_LIVE) {
        settings.max_receive_count = scene->max_receives;
        settings.delay_s = scene->is_fifo ? (uint32_t)scene->facts[0].delay_ms / 1000 : 0;
    }
    return queue_create(step, &name, &settings, &policy, place == PLACE_LIVE ? 1 : 0, &queue,
                        NULL);
}

static enum status set_up_run(struct call *call, struct step *step)
{
    const struct scene *scene = operation_of(call)->scene;
    enum status status = queue_make(step, scene, PLACE_DEAD);

    return status == STATUS_OK ? queue_make(step, scene, PLACE_LIVE) : status;
}

static void set_up_ended(struct operation *operation, enum status status)
{
    if (status != STATUS_OK) {
        complain(operation->scene, "no queues", 0);
    }
}

static void run_until(struct scene *scene, int64_t until_ms)
{
    uint64_t limit = scene->world->steps + 2000000;

    while (world_step(scene->world, until_ms)) {
        if (scene->world->steps > limit) {
            complain(scene, "it does not come to rest", 0);
            return;
        }
    }
    scene->world->now_ms = until_ms;
}

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
        scene->facts[i].delay_ms = delay_ms;
    }
}

static void scene_plan(struct scene *scene)
{
    for (size_t i = 0; i < MESSAGES; i++) {
        later(scene, on_send, i, some(scene, BUSY_MS >> scene->pressure), true);
    }
    for (size_t i = 0; i < (size_t)MESSAGES >> scene->pressure; i++) {
        later(scene, on_receive, i % 5 == 0 ? PLACE_DEAD : PLACE_LIVE, some(scene, BUSY_MS),
              true);
    }
    for (uint64_t i = world_chance(scene->world, 6); i > 0; i--) {
        later(scene, on_crash, 0, some(scene, BUSY_MS), true);
    }
    for (uint64_t i = world_chance(scene->world, 8); i > 0 && scene->max_receives > 0; i--) {
        later(scene, on_move, world_chance(scene->world, 60), some(scene, BUSY_MS), true);
        later(scene, on_cancel, 0, some(scene, 3LL * BUSY_MS), true);
    }
    if (world_chance(scene->world, 6) == 0) {
        later(scene, on_remake, 0, some(scene, BUSY_MS), true);
    }
    if (world_chance(scene->world, 4) == 0) {
        later(scene, on_update, 0, some(scene, BUSY_MS), true);
    }
    if (world_chance(scene->world, 4) == 0) {
        later(scene, on_purge, 0, some(scene, BUSY_MS), true);
    }
}

static uint64_t total_at(const struct scene *scene, enum place place)
{
    struct step step = {.queues = cell_queues(scene->world->cell)};
    struct queue_counts counts = queue_counts(queue_at(&step, scene, place));

    return counts.visible + counts.in_flight + counts.delayed;
}

static void scene_drain(struct scene *scene)
{
    scene->is_draining = true;
    for (uint32_t round = 0; round < DRAIN_ROUNDS; round++) {
        if (total_at(scene, PLACE_LIVE) + total_at(scene, PLACE_DEAD) == 0) {
            break;
        }
        later(scene, on_receive, PLACE_LIVE, 0, true);
        later(scene, on_receive, PLACE_DEAD, 0, true);
        run_until(scene, scene->world->now_ms + 5000);
    }
    run_until(scene, scene->world->now_ms + 60000);
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
    if (total_at(scene, PLACE_LIVE) + total_at(scene, PLACE_DEAD) != 0) {
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
struct totals {
    uint64_t repeats, moves, accepted_again;
};

static uint64_t run_seed(uint64_t seed, struct totals *totals, uint64_t *ret_trace,
                         uint64_t *ret_steps)
{
    struct cell_options options = {
        .cache_bytes = seed % 3 * 4000, /* small caches make it read */
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
    scene->gets_old = seed % 7 == 3;
    messages_plan(scene);
    world_boot(scene->world);
    scene_window(scene);
    world_call_start(scene->world, &operation_new(scene, set_up_run, set_up_ended)->call);
    run_until(scene, scene->world->now_ms + 1000);
    scene_plan(scene);
    run_until(scene, scene->world->now_ms + 2LL * BUSY_MS);
    scene_drain(scene);
    /* Until the last duplicate is none any more. */
    run_until(scene, scene->world->now_ms + DUPLICATE_MS + BUSY_MS);
    scene_drain(scene);
    scene_check(scene);
    uint64_t failures = scene->failures;

    totals->repeats += scene->repeats;
    totals->moves += scene->moves;
    totals->accepted_again += scene->accepted_again;

    *ret_trace = scene->world->trace;
    *ret_steps = scene->world->steps;
    world_free(scene->world);
    memory_free(scene);
    return failures;
}

int main(int argc, char **argv)
{
    uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 400;
    uint64_t failed = 0;
    uint64_t steps = 0;
    struct totals totals = {0};

    for (uint64_t seed = first; seed < first + count; seed++) {
        uint64_t trace = 0;
        uint64_t trace_again = 0;
        uint64_t taken = 0;
        uint64_t failures = run_seed(seed, &totals, &trace, &taken);

        steps += taken;
        failures += run_seed(seed, &totals, &trace_again, &taken);
        if (trace != trace_again) {
            (void)fprintf(stderr, "  two runs left different traces\n");
            failures++;
        }
        if (failures > 0) {
            (void)fprintf(stderr, "seed %llu: %llu findings\n", (unsigned long long)seed,
                          (unsigned long long)failures);
            failed++;
        }
    }
    (void)printf(
        "%llu seeds, %llu failed, %llu steps; %llu messages repeated to their attempt, "
        "%llu move tasks, %llu accepted again after five minutes\n",
        (unsigned long long)count, (unsigned long long)failed, (unsigned long long)steps,
        (unsigned long long)totals.repeats, (unsigned long long)totals.moves,
        (unsigned long long)totals.accepted_again);
    return failed == 0 ? 0 : 1;
}
