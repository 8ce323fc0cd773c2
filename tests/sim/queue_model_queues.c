/* The queues: made, purged, deleted and made again, changed; dead letters moved back. */
#include "queue_model.h"

static struct queue_name name_at(const struct scene *scene, enum place place)
{
    static const char *const names[2][PLACE_COUNT] = {{"live", "dead", "twin"},
                                                      {"live.fifo", "dead.fifo", "twin.fifo"}};

    return (struct queue_name){T("000000000000"), T("us-east-1"),
                               text_from(names[scene->is_fifo][place])};
}

struct queue *queue_at(struct step *step, const struct scene *scene, enum place place)
{
    struct queue_name name = name_at(scene, place);

    return queue_find(queues_of(step), &name);
}

/* --- Making them. */

static enum status queue_make(struct step *step, const struct scene *scene, enum place place)
{
    struct queue_settings settings = queue_settings_default;
    struct queue_attribute policy = {
        T("RedrivePolicy"),
        scene->is_fifo
            ? T("{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:dead.fifo\"}")
            : T("{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:dead\"}")};
    struct queue_name name = name_at(scene, place);
    struct queue *queue = NULL;

    settings.is_fifo = scene->is_fifo;
    if (scene->gets_old && place != PLACE_TWIN) {
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

    status = status == STATUS_OK ? queue_make(step, scene, PLACE_TWIN) : status;
    return status == STATUS_OK ? queue_make(step, scene, PLACE_LIVE) : status;
}

static void set_up_ended(struct operation *operation, enum status status)
{
    if (status != STATUS_OK) {
        complain(operation->scene, "no queues", 0);
    }
}

void set_up_start(struct scene *scene)
{
    world_call_start(scene->world, &operation_new(scene, set_up_run, set_up_ended)->call);
}

/* --- Purging. */

static enum status purge_run(struct call *call, struct step *step)
{
    struct operation *operation = operation_of(call);
    struct scene *scene = operation->scene;

    queue_purge(step, queue_at(step, scene, PLACE_LIVE));
    scene->purges++;
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

void on_purge(struct world *world, struct event *event)
{
    (void)event;
    world_call_start(world, &operation_new(scene_of(world), purge_run, purge_ended)->call);
}

/* --- Deleting a queue and making it again. */

/* It is gone, unless it is dead already: then whoever has it still has it. */
static void fact_forget(struct fact *fact)
{
    fact->is_purged = fact->is_purged || fact->sent_ms != 0;
    fact->accepted = 0;
    if (fact->place != PLACE_DEAD) {
        fact->lent_until_ms = 0;
        fact->attempt = 0;
    }
}

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

void on_remake(struct world *world, struct event *event)
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

void on_update(struct world *world, struct event *event)
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

void on_move(struct world *world, struct event *event)
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

void on_cancel(struct world *world, struct event *event)
{
    (void)event;
    world_call_start(world, &operation_new(scene_of(world), cancel_run, cancel_ended)->call);
}
