/* Queues against a small obvious model: many consumers send, receive, delete, extend and forget
 * at random, on a virtual clock, across crashes.  Standard: nothing accepted is lost, nothing
 * comes back while it is lent or after its deletion was acknowledged.  FIFO: also order and one
 * holder per group, and no duplicates.  queue_model [first seed] [count]. */
#include "world.h"

#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MESSAGES = 150,
    GROUPS = 4,
    BUSY_MS = 120000,
    VISIBILITY_MS = 4000,
    DELAY_MAX_S = 8,
    DRAIN_ROUNDS = 400
};

enum place {
    PLACE_LIVE,
    PLACE_DEAD,
    PLACE_COUNT
};

/* What the world knows of a message. */
struct fact {
    uint32_t group;
    bool is_accepted;     /* acknowledged */
    bool is_seen;         /* received at least once: it exists */
    bool is_delete_tried; /* perhaps it is gone */
    bool is_delete_acked; /* it must never be seen again */
    bool is_deleted_now;  /* as the running process knows it */
    bool is_purged;       /* perhaps it is gone */
    uint64_t sequence;    /* of the first accepted send; 0: not known */
    int64_t sent_ms, delay_ms;
    int64_t lent_until_ms;   /* nobody else may get it before */
    uint32_t receives;       /* at most so many are counted */
    enum place place;        /* where it was seen last */
    uint64_t order_in_batch; /* the receive that has it just now */
};

struct scene {
    struct world *world;
    struct fact facts[MESSAGES];
    bool is_fifo;
    bool is_draining;
    uint32_t max_receives; /* 0: no dead letters */
    uint32_t window;       /* 0: as it is */
    uint32_t pressure;     /* how far senders are ahead of receivers */
    uint64_t batches;
    uint64_t failures;
};

static struct scene *scene_of(const struct world *world)
{
    return world->user;
}

static void complain(struct scene *scene, const char *what, size_t message)
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

struct operation {
    struct world_call call;
    struct scene *scene;
    size_t message;
    enum place place;
    struct arena arena;
    struct text handle;
    int64_t visible_ms;
    int64_t lent_before_ms; /* of a change that may be lost */
    int64_t started_ms;
    struct queue_sent sent;
    struct queue_receive receive;
    struct queue_lent lent[10];
    void (*lost)(struct operation *operation);
    void (*ended)(struct operation *operation, enum status status);
};

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

static enum status send_run(struct call *call, struct step *step)
{
    struct operation *operation = operation_of(call);
    struct fact *fact = &operation->scene->facts[operation->message];
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
    }
    return status;
}

static void on_send(struct world *world, struct event *event);

static void send_ended(struct operation *operation, enum status status)
{
    struct fact *fact = &operation->scene->facts[operation->message];

    if (status != STATUS_OK) {
        complain(operation->scene, "was refused", operation->message);
        return;
    }
    if (operation->scene->is_fifo && fact->sequence != 0
        && fact->sequence != operation->sent.sequence) {
        complain(operation->scene, "was accepted twice", operation->message);
    }
    fact->sequence = operation->sent.sequence;
    fact->is_accepted = true;
    world_note(operation->scene->world, "accepted %zu", operation->message);
    if (operation->scene->is_fifo && world_chance(operation->scene->world, 8) == 0) {
        later(operation->scene, on_send, operation->message, some(operation->scene, 60000),
              true);
    }
}

static void send_lost(struct operation *operation)
{
    if (operation->scene->is_fifo) {
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
    if (status != STATUS_OK && status != STATUS_EXISTS && status != STATUS_NOT_FOUND) {
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
    operation->handle = arena_copy(&operation->arena, text_from(receipt->handle));
    operation->visible_ms = world_chance(world, 2) == 0 ? 0 : some(scene, 2LL * VISIBILITY_MS);
    operation->lost = deletes ? NULL : change_lost;
    world_call_start(world, &operation->call);
}

/* --- Receiving: here the model is asked. */

static bool may_be_dead(const struct scene *scene, const struct fact *fact)
{
    return scene->max_receives > 0 && fact->receives >= scene->max_receives;
}

/* Of the same group and before it: must be over, or in the same answer. */
static void order_check(struct scene *scene, size_t message, const struct operation *operation,
                        int64_t now_ms)
{
    const struct fact *fact = &scene->facts[message];

    for (size_t i = 0; i < MESSAGES; i++) {
        const struct fact *other = &scene->facts[i];
        bool is_gone = other->is_delete_tried || other->is_purged
                       || (operation->place == PLACE_LIVE && may_be_dead(scene, other))
                       || other->place != operation->place;

        if (i == message || other->group != fact->group || is_gone
            || other->order_in_batch == scene->batches) {
            continue;
        }
        if ((other->is_accepted || other->is_seen) && other->sequence < fact->sequence) {
            complain(scene, "was lent before an older one of its group", message);
        }
        if (other->lent_until_ms > now_ms) {
            complain(scene, "was lent while its group has a holder", message);
        }
    }
}

static void lent_check(struct scene *scene, size_t message, const struct operation *operation,
                       int64_t now_ms)
{
    const struct fact *fact = &scene->facts[message];

    if (fact->is_delete_acked || fact->is_deleted_now) {
        complain(scene, "came back after its deletion", message);
    }
    if (fact->sent_ms == 0) {
        complain(scene, "was never sent", message);
    }
    if (!scene->is_fifo && now_ms < fact->sent_ms + fact->delay_ms) {
        complain(scene, "came before its delay was over", message);
    }
    if (fact->lent_until_ms > now_ms && fact->place == operation->place) {
        complain(scene, "was lent twice at a time", message);
    }
    if (operation->place == PLACE_LIVE && fact->place == PLACE_DEAD) {
        complain(scene, "came back from the dead", message);
    }
    if (operation->place == PLACE_DEAD && !may_be_dead(scene, fact)) {
        complain(scene, "died too early", message);
    }
}

static void receipt_keep(struct scene *scene, size_t message, const struct operation *operation,
                         struct text handle)
{
    struct receipt *receipt = memory_zero(sizeof *receipt);

    receipt->event.happen = on_receipt_used;
    receipt->event.survives_crash = true;
    receipt->message = message;
    receipt->place = operation->place;
    if (handle.len >= sizeof receipt->handle) {
        complain(scene, "has too long a handle", message);
        handle.len = 0;
    }
    memcpy(receipt->handle, handle.at, handle.len);
    world_later(scene->world, some(scene, 3LL * VISIBILITY_MS / 2), &receipt->event);
}

static void lent_one(struct operation *operation, const struct queue_lent *lent, int64_t now_ms)
{
    struct scene *scene = operation->scene;
    int64_t number = 0;

    if (!text_to_int64(lent->text, &number) || number < 0 || number >= MESSAGES) {
        complain(scene, "has a body that nobody sent", 0);
        return;
    }
    size_t message = (size_t)number;
    struct fact *fact = &scene->facts[message];

    fact->sequence = operation->place == PLACE_LIVE ? lent->sequence : fact->sequence;
    fact->order_in_batch = scene->batches;
    lent_check(scene, message, operation, now_ms);
    if (scene->is_fifo) {
        order_check(scene, message, operation, now_ms);
    }
    if (operation->place == PLACE_LIVE && scene->max_receives > 0
        && lent->receive_count > scene->max_receives) {
        complain(scene, "should be dead", message);
    }
    fact->is_seen = true;
    fact->place = operation->place;
    fact->receives += operation->place == PLACE_LIVE;
    fact->lent_until_ms = operation->visible_ms == 0 ? 0 : now_ms + operation->visible_ms;
    world_note(scene->world, "lent %zu at %d", message, (int)operation->place);
    if (scene->is_draining || world_chance(scene->world, 5) != 0) {
        receipt_keep(scene, message, operation, lent->handle);
    }
}

static enum status receive_run(struct call *call, struct step *step)
{
    struct operation *operation = operation_of(call);
    enum status status = queue_receive(step, queue_at(step, operation->scene, operation->place),
                                       &operation->receive);

    if (status == STATUS_OK) {
        operation->scene->batches++;
        for (size_t i = 0; i < operation->receive.lent_count; i++) {
            lent_one(operation, &operation->lent[i], step->now_ms);
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
    operation->receive = (struct queue_receive){
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
    for (size_t i = 0; i < MESSAGES; i++) {
        struct fact *fact = &scene->facts[i];

        fact->is_deleted_now = fact->is_delete_acked;
        if (!scene->is_fifo) {
            fact->lent_until_ms = 0; /* answered before it was durable */
        }
    }
}

/* --- The scene. */

static enum status set_up_run(struct call *call, struct step *step)
{
    struct scene *scene = operation_of(call)->scene;
    struct queue_settings settings = queue_settings_default;
    struct queue_attribute policy = {
        T("RedrivePolicy"),
        scene->is_fifo
            ? T("{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:dead.fifo\"}")
            : T("{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:dead\"}")};
    struct queue_name live = {T("000000000000"), T("us-east-1"),
                              scene->is_fifo ? T("live.fifo") : T("live")};
    struct queue_name dead = live;
    struct queue *queue = NULL;
    enum status status = STATUS_OK;

    dead.name = scene->is_fifo ? T("dead.fifo") : T("dead");
    settings.is_fifo = scene->is_fifo;
    status = queue_create(step, &dead, &settings, NULL, 0, &queue, NULL);
    settings.max_receive_count = scene->max_receives;
    if (status == STATUS_OK) {
        status = queue_create(step, &live, &settings, &policy, 1, &queue, NULL);
    }
    return status;
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

static void scene_plan(struct scene *scene)
{
    for (size_t i = 0; i < MESSAGES; i++) {
        scene->facts[i].group = (uint32_t)world_chance(scene->world, GROUPS);
        scene->facts[i].delay_ms =
            world_chance(scene->world, 3) == 0 ? 1000 * some(scene, DELAY_MAX_S) : 0;
        later(scene, on_send, i, some(scene, BUSY_MS >> scene->pressure), true);
    }
    for (size_t i = 0; i < (size_t)MESSAGES >> scene->pressure; i++) {
        later(scene, on_receive, i % 5 == 0 ? PLACE_DEAD : PLACE_LIVE, some(scene, BUSY_MS),
              true);
    }
    for (uint64_t i = world_chance(scene->world, 6); i > 0; i--) {
        later(scene, on_crash, 0, some(scene, BUSY_MS), true);
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

        if (fact->is_accepted && !fact->is_purged && !fact->is_delete_tried) {
            complain(scene, "was accepted and is lost", i);
        }
    }
    if (total_at(scene, PLACE_LIVE) + total_at(scene, PLACE_DEAD) != 0) {
        complain(scene, "the counters say that something is left", 0);
    }
}

static uint64_t run_seed(uint64_t seed, uint64_t *ret_trace, uint64_t *ret_steps)
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
    world_boot(scene->world);
    scene_window(scene);
    world_call_start(scene->world, &operation_new(scene, set_up_run, set_up_ended)->call);
    run_until(scene, scene->world->now_ms + 1000);
    scene_plan(scene);
    run_until(scene, scene->world->now_ms + 2LL * BUSY_MS);
    scene_drain(scene);
    scene_check(scene);
    uint64_t failures = scene->failures;

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

    for (uint64_t seed = first; seed < first + count; seed++) {
        uint64_t trace = 0;
        uint64_t trace_again = 0;
        uint64_t taken = 0;
        uint64_t failures = run_seed(seed, &trace, &taken);

        steps += taken;
        failures += run_seed(seed, &trace_again, &taken);
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
    (void)printf("%llu seeds, %llu failed, %llu steps\n", (unsigned long long)count,
                 (unsigned long long)failed, (unsigned long long)steps);
    return failed == 0 ? 0 : 1;
}
