/* Consumers of queues and dead-letter queues. */
#include "fanout_sim.h"

#include "base/memory.h"

#include <string.h>

struct receive_call {
    struct world_call call;
    uint32_t queue; /* QUEUES and above: dead letters */
    struct arena arena;
    struct queue_receive receive;
    struct queue_lent lent[10];
};

struct delete_call {
    struct world_call call;
    uint32_t queue;
    uint32_t publish;
    uint64_t sequence;
    char handle[256];
    size_t handle_len;
};

static struct queue *consumer_queue(struct step *step, struct arena *arena, uint32_t queue)
{
    struct queue_name name = fifo_queue_name();

    if (queue < QUEUES) {
        name = queue_name_of(arena, "queue", queue);
    } else if (queue != CONSUMER_FIFO) {
        name = queue_name_of(arena, "dead", queue - QUEUES);
    }
    return queue_find(queues_of(step), &name);
}

static enum status delete_run(struct call *call, struct step *step)
{
    struct delete_call *this =
        container_of(container_of(call, struct world_call, call), struct delete_call, call);
    struct arena arena = {0};
    struct queue *queue = consumer_queue(step, &arena, this->queue);
    enum status status =
        queue_delete_message(step, queue, text_make(this->handle, this->handle_len));

    arena_free(&arena);
    return status;
}

static void delete_ended(struct world_call *call, enum status status)
{
    struct delete_call *this = container_of(call, struct delete_call, call);
    struct scene *scene = scene_of(call->world);

    world_note(call->world, "deleted %u from %u: %d", this->publish, this->queue, (int)status);
    if (status != STATUS_OK && status != STATUS_STORAGE) {
        complain(scene, "a deletion failed", this->publish, this->queue);
    } else if (status == STATUS_OK && this->queue < QUEUES) {
        struct deleted *deleted = &scene->deleted[this->queue];

        if (deleted->count < countof(deleted->sequences)) {
            deleted->sequences[deleted->count++] = this->sequence;
        }
    }
    memory_free(this);
}

struct deletion_event {
    struct event event;
    uint32_t queue, publish;
    uint64_t sequence;
    size_t len;
    char handle[256];
};

static void delete_start(struct world *world, const struct deletion_event *event)
{
    struct delete_call *call = memory_zero(sizeof *call);

    call->queue = event->queue;
    call->publish = event->publish;
    call->sequence = event->sequence;
    call->handle_len = event->len;
    memcpy(call->handle, event->handle, event->len);
    call->call.call.run = delete_run;
    call->call.ended = delete_ended;
    world_call_start(world, &call->call);
}

static enum status receive_run(struct call *call, struct step *step)
{
    struct receive_call *this =
        container_of(container_of(call, struct world_call, call), struct receive_call, call);

    return queue_receive(step, consumer_queue(step, &this->arena, this->queue), &this->receive);
}

static void on_deletion(struct world *world, struct event *event)
{
    struct deletion_event *this = container_of(event, struct deletion_event, event);

    delete_start(world, this);
}

static bool was_deleted(const struct deleted *deleted, uint64_t sequence)
{
    for (size_t i = 0; i < deleted->count; i++) {
        if (deleted->sequences[i] == sequence) {
            return true;
        }
    }
    return false;
}

/* Nobody gets what somebody has, until its visibility timeout has really passed. */
static void lease_check(struct scene *scene, uint32_t queue, const struct queue_lent *lent,
                        uint32_t publish)
{
    struct lease_book *book = &scene->leases[queue];
    size_t at = 0;

    while (at < book->count && book->lent[at].sequence != lent->sequence) {
        at++;
    }
    if (at == countof(book->lent)) {
        return;
    }
    if (at < book->count && promise_holds(scene->world, &book->lent[at].promise)) {
        complain(scene, "was lent twice at a time", publish, queue);
    }
    book->count += at == book->count;
    book->lent[at] = (struct lent){
        .sequence = lent->sequence,
        .promise =
            promise_for(scene->world, 1000LL * queue_settings_default.visibility_timeout_s),
    };
}

static void received_one(struct receive_call *call, const struct queue_lent *lent)
{
    struct world *world = call->call.world;
    struct scene *scene = scene_of(world);
    struct arena arena = {0};
    struct message message;

    if (!message_decode(blob_text(lent->body), &arena, &message)) {
        complain(scene, "received what does not decode", 0, call->queue);
        return;
    }
    uint32_t publish = message_number(message.body);

    arena_free(&arena);
    world_note(world, "received %u from %u", publish, call->queue);
    if (call->queue == CONSUMER_FIFO) {
        fifo_received(scene, publish);
    } else if (call->queue >= QUEUES) {
        scene->ledger[publish].dead[call->queue - QUEUES]++;
    } else {
        scene->ledger[publish].received[call->queue]++;
        lease_check(scene, call->queue, lent, publish);
        if (was_deleted(&scene->deleted[call->queue], lent->sequence)) {
            complain(scene, "came back after its deletion was acknowledged", publish,
                     call->queue);
        }
    }
    if (!scene->is_draining && world_chance(world, 4) == 0) {
        return; /* a consumer that forgot: it will come again */
    }
    struct deletion_event *event = memory_zero(sizeof *event);

    event->event.happen = on_deletion;
    event->queue = call->queue;
    event->publish = publish;
    event->sequence = lent->sequence;
    event->len = lent->handle.len < sizeof event->handle ? lent->handle.len : 0;
    memcpy(event->handle, lent->handle.at, event->len);
    world_later(world, (int64_t)world_chance(world, 500), &event->event);
}

static void receive_free(struct receive_call *call)
{
    for (size_t i = 0; i < call->receive.lent_count; i++) {
        queue_lent_free(&call->lent[i]);
    }
    arena_free(&call->arena);
    memory_free(call);
}

static void receive_leave(struct call *call, struct step *step)
{
    queue_receive_end(step, &container_of(container_of(call, struct world_call, call),
                                          struct receive_call, call)
                                 ->receive);
}

static void receive_ended(struct world_call *call, enum status status)
{
    struct receive_call *this = container_of(call, struct receive_call, call);

    for (size_t i = 0; i < this->receive.lent_count && status == STATUS_OK; i++) {
        received_one(this, &this->lent[i]);
    }
    receive_free(this);
}

void on_receive(struct world *world, struct event *event)
{
    struct receive_call *call = memory_zero(sizeof *call);

    call->queue = (uint32_t)event->number;
    call->receive = (struct queue_receive){
        .max = 1 + (uint32_t)world_chance(world, 10),
        .visibility_ms = -1,
        .wait_ms = (int64_t)world_chance(world, 2) * 2000,
        .arena = &call->arena,
        .lent = call->lent,
    };
    call->call.call.run = receive_run;
    call->call.call.only_reads = true;
    call->call.call.leave = receive_leave;
    call->call.ended = receive_ended;
    world_call_start(world, &call->call);
}

void on_call_lost(struct world *world, struct call *call)
{
    struct world_call *this = container_of(call, struct world_call, call);

    if (call->run == receive_run) {
        receive_free(container_of(this, struct receive_call, call));
    } else if (!fifo_call_lost(scene_of(world), this)) {
        memory_free(this); /* the call is the first member of all others */
    }
}
