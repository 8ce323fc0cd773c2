/* The twin queue: it gets a reference to every body that the live queue gets one to, keeps it
 * for longer, and finds out when somebody gave a body back that was not his. */
#include "queue_model.h"

#include "history/history.h"

enum status twin_send(struct operation *operation, struct step *step, struct text body)
{
    const struct scene *scene = operation->scene;
    struct fact *fact = &operation->scene->facts[operation->message];
    uint64_t number = step_number(step, COUNTER_MESSAGE);
    struct queue_reference reference = {.message = number, .raw = true};
    struct key key = key_u64(TABLE_BODY, number);
    uint32_t taken = 0;

    if (scene->is_fifo) {
        reference.group_id = arena_printf(&operation->arena, "group-%u", fact->group);
        reference.deduplication_id = body;
    }
    record_put(step, &key, blob_copy(body));
    for (size_t i = 0; i < 2; i++) {
        enum place place = i == 0 ? PLACE_TWIN : PLACE_LIVE;
        enum status status =
            queue_send_reference(step, queue_at(step, scene, place), &reference, step->now_ms);

        if (status == STATUS_OK) {
            taken++;
        } else if (status != STATUS_EXISTS || !scene->is_fifo) {
            return status;
        }
        if (status == STATUS_OK && place == PLACE_LIVE) {
            fact->stored = step_counter(step, COUNTER_SEQUENCE);
        }
    }
    body_set_references(step, number, taken);
    operation->sent.sequence = fact->stored;
    return STATUS_OK;
}

/* --- Its consumer: what it was given it deletes at once. */

static enum status delete_run(struct call *call, struct step *step)
{
    struct operation *operation = operation_of(call);

    return queue_delete_message(step, queue_at(step, operation->scene, PLACE_TWIN),
                                operation->handle);
}

static void delete_ended(struct operation *operation, enum status status)
{
    if (status != STATUS_OK) {
        complain(operation->scene, "could not be deleted from the twin", operation->message);
    }
}

static enum status receive_run(struct call *call, struct step *step)
{
    struct operation *operation = operation_of(call);

    enum status status =
        queue_receive(step, queue_at(step, operation->scene, PLACE_TWIN), &operation->receive);

    call->only_reads = !operation->receive.must_be_durable;
    return status;
}

static void receive_leave(struct call *call, struct step *step)
{
    queue_receive_end(step, &operation_of(call)->receive);
}

/* It loses nothing and is asked by one who deletes what he gets: its groups go only forward,
 * but for what a crash brings back. */
static void twin_order_check(struct scene *scene, size_t message, uint64_t sequence)
{
    uint64_t *latest = &scene->twin_latest[scene->facts[message].group];

    if (scene->is_fifo && !scene->facts[message].is_twin_seen && sequence < *latest) {
        complain(scene, "came out of the twin behind a younger one of its group", message);
    }
    *latest = sequence > *latest ? sequence : *latest;
}

static void receive_ended(struct operation *operation, enum status status)
{
    struct scene *scene = operation->scene;

    if (status != STATUS_OK) {
        complain(scene, "the twin could not be asked", 0);
    }
    for (size_t i = 0; i < operation->receive.lent_count; i++) {
        size_t message = lent_message(&operation->lent[i]);

        if (message == MESSAGES) {
            complain(scene, "the twin has a body that nobody sent", 0);
            continue;
        }
        struct operation *delete = operation_new(scene, delete_run, delete_ended);

        twin_order_check(scene, message, operation->lent[i].sequence);
        scene->facts[message].is_twin_seen = true;
        delete->message = message;
        delete->handle = arena_copy(&delete->arena, operation->lent[i].handle);
        world_note(scene->world, "twin gave %zu", message);
        world_call_start(scene->world, &delete->call);
    }
}

void on_twin_receive(struct world *world, struct event *event)
{
    struct operation *operation = operation_new(scene_of(world), receive_run, receive_ended);

    (void)event;
    operation->receive = (struct queue_receive){
        .max = 1 + (uint32_t)world_chance(world, 10),
        .visibility_ms = VISIBILITY_MS,
        .arena = &operation->arena,
        .lent = operation->lent,
    };
    operation->call.call.leave = receive_leave;
    world_call_start(world, &operation->call);
}

/* --- At the end. */

static bool body_count(void *context, const struct engine_row *row)
{
    *(uint64_t *)context += !row->is_deleted;
    return true;
}

void twin_check(struct scene *scene)
{
    const struct world *world = scene->world;
    struct key from = key_table(TABLE_BODY);
    struct key to = key_after_prefix(&from);
    uint64_t bodies = 0;

    for (size_t i = 0; i < MESSAGES; i++) {
        const struct fact *fact = &scene->facts[i];

        if (fact->is_reference && fact->is_accepted && !fact->is_twin_seen) {
            complain(scene, "was accepted and never came out of the twin", i);
        }
    }
    if (world->engine->scan(world->disk, key_text(&from), key_text(&to), false, body_count,
                            &bodies)
            != STATUS_OK
        || bodies != 0) {
        complain(scene, "bodies are left that nobody refers to", bodies);
    }
}
