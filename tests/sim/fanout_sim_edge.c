/* A scene of its own: queues that share their messages' bodies, and whose retention ends them
 * in the moment in which their consumers delete them.  Whoever gives a body back twice, or not
 * at all, is found by the queue that keeps its messages for longer, or by what is left on disk.
 */
#include "fanout_sim.h"

#include "base/memory.h"

#include <string.h>

enum {
    MESSAGES = 100,
    CLUMPS = 3, /* of messages that get too old at the same time */
    CLUMP_MS = 12000,
    SHORT_QUEUES = 2,
    KEEPER = SHORT_QUEUES, /* keeps all, and is asked at the end */
    EDGE_QUEUES = KEEPER + 1,
    RETENTION_MS = 60000,
    RECEIVES = 40, /* of each short queue, before its messages get too old */
    EARLY_MS = 4000,
    SPREAD_MS = 60 /* deletions are so much earlier or later than the end */
};

struct edge {
    struct scene scene; /* for what all of them have: the world, the findings */
    bool is_accepted[MESSAGES];
    bool is_kept[MESSAGES]; /* the keeper gave it */
    bool is_ending;
};

struct edge_call {
    struct world_call call;
    uint32_t number; /* the message, or the queue */
    struct arena arena;
    struct text handle;
    struct queue_receive receive;
    struct queue_lent lent[10];
};

static struct edge *edge_of(const struct world *world)
{
    return container_of(scene_of(world), struct edge, scene);
}

static struct edge_call *edge_call_of(struct call *call)
{
    return container_of(container_of(call, struct world_call, call), struct edge_call, call);
}

static struct edge_call *
edge_call_new(uint32_t number, enum status (*run)(struct call *call, struct step *step),
              void (*ended)(struct world_call *call, enum status status))
{
    struct edge_call *call = memory_zero(sizeof *call);

    call->number = number;
    call->call.call.run = run;
    call->call.ended = ended;
    return call;
}

static void edge_call_free(struct edge_call *call)
{
    for (size_t i = 0; i < call->receive.lent_count; i++) {
        queue_lent_free(&call->lent[i]);
    }
    arena_free(&call->arena);
    memory_free(call);
}

static void edge_call_lost(struct world *world, struct call *call)
{
    (void)world;
    edge_call_free(edge_call_of(call));
}

static void ended_well(struct world_call *call, enum status status)
{
    struct edge_call *this = container_of(call, struct edge_call, call);

    if (status != STATUS_OK && status != STATUS_STORAGE) {
        complain(scene_of(call->world), status_name(status), this->number, 0);
    }
    edge_call_free(this);
}

static struct topic_name topic_of_edges(void)
{
    return (struct topic_name){T("000000000000"), T("us-east-1"), T("edges")};
}

/* --- The topic and its queues. */

static enum status make_run(struct call *call, struct step *step)
{
    struct edge_call *this = edge_call_of(call);
    struct topic_name name = topic_of_edges();
    struct topic *topic = NULL;
    struct why why;
    enum status status = topic_create(step, &name, NULL, 0, &topic, &why);

    for (uint32_t i = 0; i < EDGE_QUEUES && status == STATUS_OK; i++) {
        struct queue_name queue = queue_name_of(&this->arena, "queue", i);
        struct queue_settings settings = queue_settings_default;
        uint32_t subscription = 0;

        if (i < SHORT_QUEUES) {
            settings.message_retention_s = RETENTION_MS / 1000;
        }
        status = subscribed_queue_make(step, topic, &this->arena, &queue, &settings,
                                       (1U << KINDS) - 1, &subscription);
    }
    return status;
}

/* --- Messages. */

static enum status publish_run(struct call *call, struct step *step)
{
    struct edge_call *this = edge_call_of(call);
    struct topic_name name = topic_of_edges();
    struct publish publish = {
        .message = {.body = arena_printf(&this->arena, "%u", this->number),
                    .signature_version = 1}};
    struct why why;

    return topic_publish(step, topic_find(router_of(step), &name), &publish, &why);
}

static void publish_ended(struct world_call *call, enum status status)
{
    struct edge_call *this = container_of(call, struct edge_call, call);

    edge_of(call->world)->is_accepted[this->number] = status == STATUS_OK;
    world_note(call->world, "published %u %d", this->number, (int)status);
    edge_call_free(this);
}

static void on_publish(struct world *world, struct event *event)
{
    world_call_start(world,
                     &edge_call_new((uint32_t)event->number, publish_run, publish_ended)->call);
}

/* --- Consumers: receive early, delete when it is nearly too late. */

static struct queue *queue_of_call(struct step *step, struct edge_call *call)
{
    struct queue_name name = queue_name_of(&call->arena, "queue", call->number);

    return queue_find(queues_of(step), &name);
}

static enum status delete_run(struct call *call, struct step *step)
{
    struct edge_call *this = edge_call_of(call);

    return queue_delete_message(step, queue_of_call(step, this), this->handle);
}

struct deletion {
    struct event event;
    uint32_t queue;
    size_t len;
    char handle[128];
};

static void on_deletion(struct world *world, struct event *event)
{
    const struct deletion *deletion = container_of(event, struct deletion, event);
    struct edge_call *call = edge_call_new(deletion->queue, delete_run, ended_well);

    call->handle = arena_copy(&call->arena, text_make(deletion->handle, deletion->len));
    world_call_start(world, &call->call);
}

static void deletion_plan(struct edge *edge, uint32_t queue, const struct queue_lent *lent)
{
    struct world *world = edge->scene.world;
    struct deletion *deletion = memory_zero(sizeof *deletion);
    int64_t delay_ms = lent->sent_ms + RETENTION_MS - world->now_ms - SPREAD_MS
                       + (int64_t)world_chance(world, (uint64_t)2 * SPREAD_MS);

    deletion->event.happen = on_deletion;
    deletion->event.survives_crash = true;
    deletion->queue = queue;
    deletion->len = lent->handle.len;
    if (lent->handle.len > sizeof deletion->handle) {
        complain(&edge->scene, "has too long a handle", 0, queue);
        deletion->len = 0;
    }
    memcpy(deletion->handle, lent->handle.at, deletion->len);
    world_later(world, delay_ms > 0 && !edge->is_ending ? delay_ms : 0, &deletion->event);
}

static enum status receive_run(struct call *call, struct step *step)
{
    struct edge_call *this = edge_call_of(call);
    enum status status = queue_receive(step, queue_of_call(step, this), &this->receive);

    call->only_reads = !this->receive.must_be_durable;
    return status;
}

static void receive_leave(struct call *call, struct step *step)
{
    queue_receive_end(step, &edge_call_of(call)->receive);
}

/* Everything it was given has its body, and that is one of ours. */
static void given_check(struct edge *edge, const struct edge_call *call,
                        const struct queue_lent *lent)
{
    struct arena arena = {0};
    struct message message;
    uint32_t number = MESSAGES;

    if (message_decode(blob_text(lent->body), &arena, &message)) {
        number = message_number(message.body);
    }
    arena_free(&arena);
    if (number >= MESSAGES) {
        complain(&edge->scene, "received what nobody published", 0, call->number);
    } else if (call->number == KEEPER) {
        edge->is_kept[number] = true;
    }
    world_note(edge->scene.world, "received %u from %u", number, call->number);
}

static void receive_ended(struct world_call *call, enum status status)
{
    struct edge_call *this = container_of(call, struct edge_call, call);
    struct edge *edge = edge_of(call->world);

    for (size_t i = 0; i < this->receive.lent_count && status == STATUS_OK; i++) {
        given_check(edge, this, &this->lent[i]);
        if (edge->is_ending || world_chance(call->world, 6) != 0) {
            deletion_plan(edge, this->number, &this->lent[i]);
        }
    }
    edge_call_free(this);
}

static void on_ask(struct world *world, struct event *event)
{
    struct edge_call *call = edge_call_new((uint32_t)event->number, receive_run, receive_ended);

    call->receive = (struct queue_receive){
        .max = 1 + (uint32_t)world_chance(world, 10),
        .visibility_ms = RETENTION_MS,
        .arena = &call->arena,
        .lent = call->lent,
    };
    call->call.call.leave = receive_leave;
    world_call_start(world, &call->call);
}

static void on_restart(struct world *world, struct event *event)
{
    (void)event;
    if (world_chance(world, 2) == 0) {
        world_stop(world);
    } else {
        world_crash(world);
    }
}

/* --- The run. */

static int64_t some_clump(struct world *world)
{
    return CLUMP_MS * (int64_t)world_chance(world, CLUMPS);
}

static void edge_plan(struct world *world)
{
    for (uint32_t i = 0; i < MESSAGES; i++) {
        world_schedule(world, on_publish, i,
                       some_clump(world) + (int64_t)world_chance(world, SPREAD_MS));
    }
    for (uint32_t i = 0; i < SHORT_QUEUES * RECEIVES; i++) {
        world_schedule(world, on_ask, i % SHORT_QUEUES,
                       some_clump(world) + RETENTION_MS
                           - (int64_t)world_chance(world, EARLY_MS));
    }
    for (uint64_t i = world_chance(world, 3); i > 0; i--) {
        world_schedule(world, on_restart, 0,
                       some_clump(world) + RETENTION_MS
                           + (int64_t)world_chance(world, (uint64_t)2 * EARLY_MS) - EARLY_MS);
    }
}

static uint64_t messages_in(const struct world *world, uint32_t number)
{
    struct arena arena = {0};
    struct queue_name name = queue_name_of(&arena, "queue", number);
    struct queue_counts counts = queue_counts(queue_find(cell_queues(world->cell), &name));

    arena_free(&arena);
    return counts.visible + counts.in_flight + counts.delayed;
}

static void keeper_drain(struct edge *edge)
{
    struct world *world = edge->scene.world;

    edge->is_ending = true;
    for (uint32_t round = 0; round < MESSAGES && messages_in(world, KEEPER) > 0; round++) {
        world_schedule(world, on_ask, KEEPER, 0);
        run_for(world, 1000);
    }
    for (uint32_t i = 0; i < EDGE_QUEUES; i++) {
        if (messages_in(world, i) != 0) {
            complain(&edge->scene, "its counters say that something is left", 0, i);
        }
    }
}

static void edge_check(struct edge *edge)
{
    static const enum table tables[] = {TABLE_BODY,   TABLE_REFERENCES, TABLE_OWED,
                                        TABLE_CURSOR, TABLE_READY,      TABLE_EXPIRY,
                                        TABLE_DAMAGED};
    struct world *world = edge->scene.world;

    for (uint32_t i = 0; i < MESSAGES; i++) {
        if (edge->is_accepted[i] && !edge->is_kept[i]) {
            complain(&edge->scene, "was accepted and the keeper has lost it", i, KEEPER);
        }
    }
    run_for(world, 2 * world->options.history.max_age_ms + BUSY_MS);
    for (size_t i = 0; i < countof(tables); i++) {
        if (rows_of(world, tables[i]) > 0) {
            complain(&edge->scene, "rows are left in a table", (uint32_t)tables[i], 0);
        }
    }
}

struct seed_run edge_run(uint64_t seed)
{
    struct cell_options options = {
        .cache_bytes = seed / 4 % 3 * 2000, /* the counts are on disk only */
        .history = {.max_age_ms = seed / 12 % 2 == 0 ? 0 : 20000, .max_bytes = 1 << 20},
        .deliveries = {.in_flight_max = 8, .lane_window_max = 4, .active_message_max = 4},
    };
    struct edge *edge = memory_zero(sizeof *edge);
    struct world *world = world_create(seed, &options);

    edge->scene.world = world;
    world->user = &edge->scene;
    world->call_lost = edge_call_lost;
    world_boot(world);
    world_call_start(world, &edge_call_new(0, make_run, ended_well)->call);
    run_for(world, 1000);
    edge_plan(world);
    run_for(world, (CLUMPS * CLUMP_MS) + RETENTION_MS + BUSY_MS);
    keeper_drain(edge);
    edge_check(edge);
    struct seed_run run = {
        .findings = edge->scene.failures, .trace = world->trace, .steps = world->steps};

    world_free(world);
    memory_free(edge);
    return run;
}
