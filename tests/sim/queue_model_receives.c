/* Receiving, and what a client does with what it was given. */
#include "queue_model.h"

#include "base/memory.h"

#include <string.h>

/* --- Deleting, extending, giving back. */

/* Whoever has a message may settle it. */
static void refusal_check(const struct operation *operation, enum status status, int64_t now_ms)
{
    const struct fact *fact = &operation->scene->facts[operation->message];

    if (status == STATUS_EXISTS && operation->incarnation == operation->scene->incarnation
        && operation->receipt == fact->receipts && fact->place == operation->place
        && fact->lent_until_ms > now_ms) {
        complain(operation->scene, "is lent, and its latest receipt was refused",
                 operation->message);
    }
}

static enum status delete_run(struct call *call, struct step *step)
{
    struct operation *operation = operation_of(call);
    struct fact *fact = &operation->scene->facts[operation->message];
    uint64_t total = 0;
    struct queue *queue = queue_at(step, operation->scene, operation->place);
    struct queue_counts before = queue_counts(queue);
    enum status status = queue_delete_message(step, queue, operation->handle);

    /* Of a standard queue every receipt is as good as the latest. */
    operation->is_latest = !operation->scene->is_fifo || operation->receipt == fact->receipts;
    refusal_check(operation, status, step->now_ms);
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
    if (status == STATUS_OK && operation->is_latest) {
        fact->gone_sequence = operation->sequence;
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

    refusal_check(operation, status, step->now_ms);
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
        && (status != STATUS_EXISTS || !operation->scene->is_fifo)
        && status != STATUS_NOT_FOUND) {
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
    uint32_t number; /* of the message's */
    uint64_t sequence;
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
    operation->receipt = receipt->number;
    operation->sequence = receipt->sequence;
    operation->visible_ms = world_chance(world, 2) == 0 ? 0 : some(scene, 2LL * VISIBILITY_MS);
    operation->lost = deletes ? NULL : change_lost;
    world_call_start(world, &operation->call);
}

/* --- Receiving: here the model is asked. */

static void receipt_keep(struct scene *scene, size_t message, const struct operation *operation,
                         const struct queue_lent *lent)
{
    struct receipt *receipt = memory_zero(sizeof *receipt);
    struct text handle = lent->handle;

    receipt->event.happen = on_receipt_used;
    receipt->event.survives_crash = true;
    receipt->message = message;
    receipt->place = operation->place;
    receipt->incarnation = scene->incarnation;
    receipt->number = scene->facts[message].receipts;
    receipt->sequence = lent->sequence;
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

    call->only_reads = !operation->receive.must_be_durable;
    if (status != STATUS_OK) {
        return status;
    }
    received_check(operation, step->now_ms);
    received_note(operation, step->now_ms);
    for (size_t i = 0; i < operation->receive.lent_count; i++) {
        scene->facts[lent_message(&operation->lent[i])].receipts++;
        if (scene->is_draining || world_chance(scene->world, 5) != 0) {
            receipt_keep(scene, lent_message(&operation->lent[i]), operation,
                         &operation->lent[i]);
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
        size_t message = lent_message(&operation->lent[i]);

        if (message < MESSAGES) {
            operation->scene->facts[message].lent_until_ms = 0;
            operation->scene->facts[message].attempt = 0;
        }
    }
}

void on_receive(struct world *world, struct event *event)
{
    struct scene *scene = scene_of(world);
    struct operation *operation = operation_new(scene, receive_run, receive_ended);
    bool is_hasty = !scene->is_draining && world_chance(world, 10) == 0;

    operation->place = (enum place)event->number;
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
    operation->call.call.leave = receive_leave;
    world_call_start(world, &operation->call);
}
