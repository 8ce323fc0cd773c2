/* The core on a virtual clock: publish, match, deliver, retry, park, dead letter, lease and
 * delete, with limits and topic policies, over a store that loses what was not committed, with
 * endpoints that fail, hang and answer twice. A ledger checks that every accepted publish
 * reached each matching subscription, or is in its dead-letter queue.  fanout_sim [first seed]
 * [count]; each seed runs twice and must leave the same trace. */
#include "world.h"

#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENDPOINTS 6
#define QUEUES    3
#define KINDS     4
#define PUBLISHES 120
#define BUSY_MS   60000
#define DAYS_MS   (3LL * 24 * 3600 * 1000)
#define HOUR_MS   (3600LL * 1000)
#define RATE_OVER 10 /* seconds over which rates are checked */

enum mood { /* of an endpoint */
    MOOD_GOOD,
    MOOD_FLAKY,   /* fails half of the time */
    MOOD_HANGING, /* answers late, as a timeout does */
    MOOD_TWICE,   /* settles twice */
    MOOD_REFUSING,
    MOOD_GONE,    /* wants no more after a while */
    MOOD_HEALING, /* fails for some hours, then it is good */
    MOOD_DOWN     /* nothing but failures: everything must reach its dead-letter queue */
};

struct ledger {
    uint32_t kind;
    bool is_accepted;
    uint32_t delivered[ENDPOINTS];
    uint32_t dead[ENDPOINTS];
    uint32_t attempts[ENDPOINTS];
    uint32_t received[QUEUES];
};

/* What an endpoint's subscription says, and what is seen of it. */
struct limits {
    uint32_t concurrency; /* 0: none */
    uint32_t per_second;  /* 0: none */
    uint32_t under_way;
    int64_t period; /* the one that is counted */
    uint32_t in_period;
};

/* Entries of a queue whose deletion was acknowledged. */
struct deleted {
    uint64_t sequences[16 * PUBLISHES];
    size_t count;
};

struct scene {
    struct world *world;
    struct ledger ledger[PUBLISHES];
    struct deleted deleted[QUEUES];
    uint32_t wants[ENDPOINTS + QUEUES]; /* bits of kinds */
    enum mood moods[ENDPOINTS];
    struct limits limits[ENDPOINTS];
    bool topic_rules; /* its delivery policy comes before its subscriptions' own */
    int64_t healed_ms;
    uint32_t subscription[ENDPOINTS]; /* numbers */
    uint32_t replays;
    bool is_set_up;
    bool is_draining; /* no more misbehaviour: all is to come to its end */
    uint64_t failures;
};

static struct scene *scene_of(const struct world *world)
{
    return world->user;
}

static void complain(struct scene *scene, const char *what, uint32_t publish, uint32_t place)
{
    scene->failures++;
    (void)fprintf(stderr, "  publish %u, place %u: %s\n", publish, place, what);
}

/* --- The set-up, one call. */

static struct queue_name queue_name_of(struct arena *arena, const char *what, uint32_t i)
{
    return (struct queue_name){T("000000000000"), T("us-east-1"),
                               arena_printf(arena, "%s-%u", what, i)};
}

static struct text policy_of(struct arena *arena, uint32_t kinds)
{
    struct text policy = T("");

    for (uint32_t kind = 0; kind < KINDS; kind++) {
        if ((kinds >> kind & 1) != 0) {
            policy = arena_printf(arena, "%.*s%s\"k%u\"", TEXT_PRINTF(policy),
                                  policy.len > 0 ? "," : "", kind);
        }
    }
    return arena_printf(arena, "{\"kind\":[%.*s]}", TEXT_PRINTF(policy));
}

static enum status subscribe(struct step *step, struct topic *topic, struct arena *arena,
                             struct subscription *wanted, uint32_t kinds,
                             const struct limits *limits)
{
    static const struct text slow_policy =
        TEXT("{\"healthyRetryPolicy\":{\"numRetries\":5,\"minDelayTarget\":1,"
             "\"maxDelayTarget\":30,\"backoffFunction\":\"exponential\"}}");
    struct attribute *attributes = arena_array(arena, 5, sizeof *attributes);
    size_t count = 0;
    struct why why;

    attributes[count++] = (struct attribute){T("DeliveryPolicy"), slow_policy};
    if (kinds != (1U << KINDS) - 1) {
        attributes[count++] = (struct attribute){T("FilterPolicy"), policy_of(arena, kinds)};
    }
    if (wanted->protocol == PROTOCOL_HTTP) {
        attributes[count++] = (struct attribute){
            T("RedrivePolicy"),
            arena_printf(arena,
                         "{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:dead-"
                         "%.*s\"}",
                         TEXT_PRINTF(text_after(wanted->endpoint, 7)))};
    }
    if (limits != NULL && limits->concurrency > 0) {
        attributes[count++] = (struct attribute){
            T("Fanfare.MaxConcurrency"), arena_printf(arena, "%u", limits->concurrency)};
    }
    if (limits != NULL && limits->per_second > 0) {
        attributes[count++] = (struct attribute){T("Fanfare.MaxPerSecond"),
                                                 arena_printf(arena, "%u", limits->per_second)};
    }
    wanted->attributes = attributes;
    wanted->attribute_count = count;
    wanted->owner = T("000000000000");
    wanted->is_confirmed = true;
    return subscription_create(step, topic, wanted, &why);
}

static enum status set_up_run(struct call *call, struct step *step)
{
    struct world_call *this = container_of(call, struct world_call, call);
    struct scene *scene = scene_of(this->world);
    struct topic_name name = {T("000000000000"), T("us-east-1"), T("orders")};
    struct topic *topic = NULL;
    struct arena arena = {0};
    struct why why;
    static const struct attribute topic_policy = {
        TEXT("DeliveryPolicy"),
        TEXT("{\"http\":{\"disableSubscriptionOverrides\":true,\"defaultHealthyRetryPolicy\":"
             "{\"numRetries\":2,\"minDelayTarget\":1,\"maxDelayTarget\":2}}}")};
    enum status status =
        topic_create(step, &name, &topic_policy, scene->topic_rules, &topic, &why);

    for (uint32_t i = 0; i < ENDPOINTS && status == STATUS_OK; i++) {
        struct queue_name dead = queue_name_of(&arena, "dead", i);
        struct queue *queue = NULL;
        struct subscription wanted = {
            .protocol = PROTOCOL_HTTP,
            .endpoint = arena_printf(&arena, "http://%u", i),
        };

        status = queue_create(step, &dead, &queue_settings_default, NULL, 0, &queue, &why);
        if (status == STATUS_OK) {
            status =
                subscribe(step, topic, &arena, &wanted, scene->wants[i], &scene->limits[i]);
        }
        scene->subscription[i] = wanted.number;
    }
    for (uint32_t i = 0; i < QUEUES && status == STATUS_OK; i++) {
        struct queue_name plain = queue_name_of(&arena, "queue", i);
        struct queue *queue = NULL;
        struct subscription wanted = {
            .protocol = PROTOCOL_SQS,
            .endpoint = arena_printf(&arena, "arn:aws:sqs:us-east-1:000000000000:queue-%u", i),
        };

        status = queue_create(step, &plain, &queue_settings_default, NULL, 0, &queue, &why);
        if (status == STATUS_OK) {
            status = subscribe(step, topic, &arena, &wanted, scene->wants[ENDPOINTS + i], NULL);
        }
    }
    arena_free(&arena);
    return status;
}

static void set_up_ended(struct world_call *call, enum status status)
{
    struct scene *scene = scene_of(call->world);

    scene->is_set_up = status == STATUS_OK;
    if (!scene->is_set_up) {
        complain(scene, status_name(status), 0, 0);
    }
    memory_free(call);
}

/* --- Publishing. */

struct publish_call {
    struct world_call call;
    uint32_t number;
};

static enum status publish_run(struct call *call, struct step *step)
{
    struct publish_call *this =
        container_of(container_of(call, struct world_call, call), struct publish_call, call);
    struct scene *scene = scene_of(this->call.world);
    struct topic_name name = {T("000000000000"), T("us-east-1"), T("orders")};
    struct topic *topic = topic_find(router_of(step), &name);
    char body[16];
    char kind[8];
    struct why why;

    (void)snprintf(body, sizeof body, "%u", this->number);
    (void)snprintf(kind, sizeof kind, "k%u", scene->ledger[this->number].kind);
    struct message_attribute attribute = {T("kind"), T("String"), text_from(kind)};
    struct publish publish = {.message = {.body = text_from(body),
                                          .attributes = &attribute,
                                          .attribute_count = 1,
                                          .signature_version = 1}};

    return topic_publish(step, topic, &publish, &why);
}

static void publish_ended(struct world_call *call, enum status status)
{
    struct publish_call *this = container_of(call, struct publish_call, call);
    struct scene *scene = scene_of(call->world);

    scene->ledger[this->number].is_accepted = status == STATUS_OK;
    world_note(call->world, "published %u %d", this->number, (int)status);
    memory_free(this);
}

static void on_publish(struct world *world, struct event *event)
{
    struct publish_call *call = memory_zero(sizeof *call);

    call->number = (uint32_t)event->number;
    call->call.call.run = publish_run;
    call->call.ended = publish_ended;
    world_call_start(world, &call->call);
}

/* --- Endpoints. */

struct answer_event {
    struct event event;
    uint64_t id;
    uint32_t place;
    bool is_again; /* the second answer to the same */
    enum attempt_verdict verdict;
};

static void on_answer(struct world *world, struct event *event)
{
    struct answer_event *this = container_of(event, struct answer_event, event);
    const struct attempt_detail detail = {
        .status_code = 500, .peer = T("[::1]:80"), .answer = T("as it pleased")};
    struct attempt_outcome outcome = {
        .verdict = this->verdict, .reason = T("as it pleased"), .detail = &detail};

    world_note(world, "answer %d", (int)this->verdict);
    scene_of(world)->limits[this->place].under_way -= !this->is_again;
    cell_outcome(world->cell, world->now_ms, this->id, &outcome);
}

static void answer_later(struct world *world, const struct answer_event *answer,
                         int64_t delay_ms)
{
    struct answer_event *event = memory_zero(sizeof *event);

    *event = *answer;
    event->event.happen = on_answer;
    world_later(world, delay_ms, &event->event);
}

static uint32_t message_number(struct text body)
{
    char text[16];
    size_t len = body.len < sizeof text - 1 ? body.len : sizeof text - 1;

    memcpy(text, body.at, len);
    text[len] = '\0';
    return (uint32_t)strtoul(text, NULL, 10);
}

static enum attempt_verdict endpoint_verdict(struct scene *scene, enum mood mood)
{
    switch (mood) {
    case MOOD_GOOD:
    case MOOD_TWICE: return ATTEMPT_DELIVERED;
    case MOOD_FLAKY:
        return scene->is_draining || world_chance(scene->world, 2) == 0 ? ATTEMPT_DELIVERED
                                                                        : ATTEMPT_RETRY;
    case MOOD_HANGING: return scene->is_draining ? ATTEMPT_DELIVERED : ATTEMPT_RETRY;
    case MOOD_REFUSING: return ATTEMPT_REFUSED;
    case MOOD_GONE:
        return scene->is_draining || world_chance(scene->world, 8) == 0 ? ATTEMPT_GONE
                                                                        : ATTEMPT_DELIVERED;
    case MOOD_HEALING:
        return scene->world->now_ms >= scene->healed_ms ? ATTEMPT_DELIVERED : ATTEMPT_RETRY;
    case MOOD_DOWN: break;
    }
    return ATTEMPT_RETRY;
}

static void limits_check(struct scene *scene, uint32_t publish, uint32_t place)
{
    struct limits *limits = &scene->limits[place];
    int64_t period = scene->world->now_ms / (RATE_OVER * 1000LL);

    limits->in_period = limits->period == period ? limits->in_period + 1 : 1;
    limits->period = period;
    limits->under_way++;
    if (limits->concurrency > 0 && limits->under_way > limits->concurrency) {
        complain(scene, "more at a time than its subscription allows", publish, place);
    }
    if (limits->per_second > 0 && limits->in_period > limits->per_second * RATE_OVER + 1) {
        complain(scene, "more a second than its subscription allows", publish, place);
    }
}

static void on_attempt(struct world *world, struct attempt_start *take_start)
{
    struct scene *scene = scene_of(world);
    struct arena arena = {0};
    struct message message;
    struct subscription subscription;

    if (!message_decode(blob_text(take_start->message_record), &arena, &message)
        || !subscription_decode(blob_text(take_start->subscription_record), &arena,
                                &subscription)) {
        complain(scene, "an attempt with records that do not decode", 0, 0);
    } else {
        uint32_t publish = message_number(message.body);
        uint32_t place = message_number(text_after(subscription.endpoint, 7));
        enum attempt_verdict verdict = endpoint_verdict(scene, scene->moods[place]);
        int64_t delay_ms = scene->moods[place] == MOOD_HANGING ? 15000 : 20;

        world_note(world, "attempt %u at %u: %d", publish, place, (int)verdict);
        scene->ledger[publish].delivered[place] += verdict == ATTEMPT_DELIVERED;
        delay_ms += (int64_t)world_chance(world, 200);
        scene->ledger[publish].attempts[place]++;
        limits_check(scene, publish, place);
        struct answer_event answer = {.id = take_start->id, .place = place, .verdict = verdict};

        answer_later(world, &answer, delay_ms);
        if (scene->moods[place] == MOOD_TWICE) {
            answer.is_again = true;
            answer.verdict = ATTEMPT_RETRY;
            answer_later(world, &answer, delay_ms + 5);
        }
    }
    blob_unref(take_start->subscription_record);
    blob_unref(take_start->message_record);
    arena_free(&arena);
}

/* --- Consumers: receive, then delete (not always). */

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
    struct queue_name name = queue < QUEUES ? queue_name_of(arena, "queue", queue)
                                            : queue_name_of(arena, "dead", queue - QUEUES);

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
    if (status != STATUS_OK) {
        complain(scene, "a deletion failed", this->publish, this->queue);
    } else if (this->queue < QUEUES) {
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
    if (call->queue >= QUEUES) {
        scene->ledger[publish].dead[call->queue - QUEUES]++;
    } else {
        scene->ledger[publish].received[call->queue]++;
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

static void on_receive(struct world *world, struct event *event)
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

static void on_call_lost(struct world *world, struct call *call)
{
    struct world_call *this = container_of(call, struct world_call, call);

    (void)world;
    if (call->run == receive_run) {
        receive_free(container_of(this, struct receive_call, call));
    } else {
        memory_free(this); /* the call is the first member of all others */
    }
}

/* --- Replays: to any endpoint, of anything. */

struct replay_call {
    struct world_call call;
    uint32_t place;
    uint64_t chance;
};

static enum status replay_run(struct call *call, struct step *step)
{
    struct replay_call *this =
        container_of(container_of(call, struct world_call, call), struct replay_call, call);
    const struct scene *scene = scene_of(this->call.world);
    struct replay_wish wish = {
        .from_ms = this->chance % 3 == 0 ? step->now_ms - 5000 : 0,
        .until_ms = step->now_ms + 1,
        .pick = (enum replay_pick)(this->chance % REPLAY_PICK_COUNT),
        .rate = this->chance % 5 == 0 ? 10 : 0,
        .is_dry_run = this->chance % 7 == 0,
    };
    uint8_t id[16];
    struct why why;

    if (this->chance % 11 == 0 && replay_list(step, &(struct replay){0}, 1) > 0) {
        struct replay replay;

        (void)replay_list(step, &replay, 1);
        return replay_cancel(step, replay.id);
    }
    if (!subscription_id_of(router_of(step), scene->subscription[this->place],
                            wish.subscription)) {
        return STATUS_NOT_FOUND;
    }
    return replay_start(step, &wish, id, &why);
}

static void replay_ended(struct world_call *call, enum status status)
{
    world_note(call->world, "replay %d", (int)status);
    memory_free(call);
}

static void on_replay(struct world *world, struct event *event)
{
    struct replay_call *call = memory_zero(sizeof *call);

    call->place = (uint32_t)(event->number % ENDPOINTS);
    call->chance = event->number / ENDPOINTS;
    call->call.call.run = replay_run;
    call->call.ended = replay_ended;
    world_call_start(world, &call->call);
}

/* --- One run. */

/* Off, short, small, long; sometimes another at the next start. */
static void history_plan(struct world *world)
{
    static const int64_t ages_ms[] = {0, 3000, 20000, 3600000};
    static const uint64_t sizes[] = {1, 3000, 1 << 30};
    static const uint64_t counts[] = {0, 40, 1000000};

    world->options.history = (struct history_options){
        .max_age_ms = ages_ms[world_chance(world, countof(ages_ms))],
        .max_bytes = sizes[world_chance(world, countof(sizes))],
        .attempts_max_age_ms = 3600000 * (int64_t)world_chance(world, 2),
        .attempts_max_count = counts[world_chance(world, countof(counts))],
        .attempts_all = world_chance(world, 2) == 0,
    };
}

static void on_crash(struct world *world, struct event *event)
{
    struct scene *scene = scene_of(world);

    (void)event;
    if (world_chance(world, 4) == 0) {
        history_plan(world);
    }
    for (uint32_t i = 0; i < ENDPOINTS; i++) { /* what was under way is forgotten */
        scene->limits[i].under_way = 0;
        scene->limits[i].in_period = 0;
        scene->limits[i].period = -1;
    }
    world_crash(world);
}

static void schedule(struct world *world, void (*happen)(struct world *, struct event *),
                     uint64_t number, int64_t delay_ms)
{
    struct event *event = memory_zero(sizeof *event);

    event->happen = happen;
    event->number = number;
    event->survives_crash = true;
    world_later(world, delay_ms, event);
}

static void scene_plan(struct scene *scene)
{
    struct world *world = scene->world;

    for (uint32_t i = 0; i < ENDPOINTS; i++) {
        scene->moods[i] = (enum mood)world_chance(world, MOOD_DOWN + 1);
        scene->limits[i].concurrency = (uint32_t)world_chance(world, 4);
        scene->limits[i].per_second = (uint32_t)world_chance(world, 8);
    }
    scene->topic_rules = world_chance(world, 2) == 0;
    scene->healed_ms = world->now_ms + BUSY_MS + (int64_t)world_chance(world, 4 * HOUR_MS);
    for (uint32_t i = 0; i < countof(scene->wants); i++) {
        scene->wants[i] = 1 + (uint32_t)world_chance(world, (1U << KINDS) - 1);
    }
    for (uint32_t i = 0; i < PUBLISHES; i++) {
        scene->ledger[i].kind = (uint32_t)world_chance(world, KINDS);
    }
}

static void scene_schedule(struct scene *scene)
{
    struct world *world = scene->world;

    for (uint32_t i = 0; i < PUBLISHES; i++) {
        schedule(world, on_publish, i, (int64_t)world_chance(world, BUSY_MS));
    }
    for (uint32_t i = 0; i < 60; i++) {
        schedule(world, on_receive, world_chance(world, QUEUES),
                 (int64_t)world_chance(world, BUSY_MS));
    }
    scene->replays = (uint32_t)world_chance(world, 5);
    for (uint32_t i = 0; i < scene->replays; i++) {
        schedule(world, on_replay, world_chance(world, 10000),
                 (int64_t)world_chance(world, (uint64_t)2 * BUSY_MS));
    }
    for (uint64_t i = world_chance(world, 5); i > 0; i--) {
        schedule(world, on_crash, 0, (int64_t)world_chance(world, BUSY_MS));
    }
}

static void run_until(struct world *world, int64_t until_ms)
{
    uint64_t limit = world->steps + 2000000;

    while (world_step(world, until_ms)) {
        if (world->steps > limit) {
            complain(scene_of(world), "it does not come to rest", 0, 0);
            return;
        }
    }
    world->now_ms = until_ms;
}

/* Dead letters may come several times each after crashes: as many rounds as it takes. */
static bool scene_is_empty(const struct scene *scene)
{
    struct queues *queues = cell_queues(scene->world->cell);
    uint64_t left = 0;

    for (struct queue *queue = queue_next(queues, NULL); queue != NULL;
         queue = queue_next(queues, queue)) {
        struct queue_counts counts = queue_counts(queue);

        left += counts.visible + counts.in_flight + counts.delayed;
    }
    return left == 0;
}

static void scene_drain(struct scene *scene)
{
    struct world *world = scene->world;

    scene->is_draining = true;
    run_until(world, world->now_ms + DAYS_MS / 3); /* park_max is over, too */
    for (uint32_t round = 0; round < 500 && !scene_is_empty(scene); round++) {
        for (uint32_t queue = 0; queue < QUEUES + ENDPOINTS; queue++) {
            schedule(world, on_receive, queue, 0);
            schedule(world, on_receive, queue, 100);
        }
        run_until(world, world->now_ms + 60000);
    }
}

/* Whoever fails for good is tried as often as the policy says, breakers, replays and crashes
 * aside. */
static void attempts_check(struct scene *scene, uint32_t publish, uint32_t place)
{
    const struct ledger *entry = &scene->ledger[publish];
    uint32_t policy = scene->topic_rules ? 3 : 6;
    bool is_exact = scene->world->boots == 1 && scene->replays == 0
                    && scene->world->options.deliveries.breaker_min == 0;
    uint32_t wanted = scene->moods[place] == MOOD_DOWN ? policy : 1;

    if ((scene->moods[place] == MOOD_DOWN || scene->moods[place] == MOOD_REFUSING) && is_exact
        && entry->attempts[place] > 0 && entry->attempts[place] != wanted) {
        complain(scene, "was tried more or less often than the policy says", publish, place);
    }
}

static void entry_check(struct scene *scene, uint32_t publish, uint32_t place)
{
    const struct ledger *entry = &scene->ledger[publish];
    bool wants = (scene->wants[place] >> entry->kind & 1) != 0;

    if (place < ENDPOINTS) {
        attempts_check(scene, publish, place);
    }
    uint32_t got = place < ENDPOINTS ? entry->delivered[place] + entry->dead[place]
                                     : entry->received[place - ENDPOINTS];

    if (!wants && got > 0) {
        complain(scene, "reached whom its filter excludes", publish, place);
    }
    if (wants && entry->is_accepted && got == 0) {
        complain(scene, "was accepted and is lost", publish, place);
    }
}

static bool row_count_up(void *context, struct text key, struct text value)
{
    (void)key;
    (void)value;
    ++*(uint64_t *)context;
    return true;
}

static uint64_t rows_of(struct world *world, enum table table)
{
    struct key from = key_table(table);
    struct key to = key_after_prefix(&from);
    uint64_t count = 0;

    (void)world->engine->scan(world->disk, key_text(&from), key_text(&to), false, row_count_up,
                              &count);
    return count;
}

/* All deliveries are over and all queues empty: what is left is the history's, and that ends.
 */
static void leaks_check(struct scene *scene)
{
    static const enum table tables[] = {TABLE_BODY,   TABLE_REFERENCES, TABLE_OWED,
                                        TABLE_CURSOR, TABLE_LANE,       TABLE_ATTEMPT};
    struct world *world = scene->world;
    const struct history_options *options = &world->options.history;
    bool has_ends = options->attempts_max_count == 0 || options->attempts_max_age_ms > 0;

    run_until(world,
              world->now_ms + 2 * options->max_age_ms + options->attempts_max_age_ms + BUSY_MS);
    for (size_t i = 0; i < countof(tables); i++) {
        uint64_t count = rows_of(world, tables[i]);

        if (tables[i] == TABLE_ATTEMPT && !has_ends) {
            continue;
        }
        if (count > 0) {
            char what[64];

            (void)snprintf(what, sizeof what, "%llu rows are left in table %c",
                           (unsigned long long)count, (int)tables[i]);
            complain(scene, what, 0, 0);
        }
    }
}

static void scene_check(struct scene *scene)
{
    for (uint32_t i = 0; i < PUBLISHES; i++) {
        for (uint32_t place = 0; place < ENDPOINTS + QUEUES; place++) {
            entry_check(scene, i, place);
        }
    }
    if (delivery_counters(cell_deliveries(scene->world->cell)).active_messages != 0) {
        complain(scene, "owed lists are left", 0, 0);
    }
}

/* What the runs came to see, for whoever wants to know that they see it. */
static const struct {
    struct text event;
    struct text reason;
} sights[] = {
    {TEXT("delivery_retry"), TEXT("")},
    {TEXT("delivery_dead"), TEXT("")},
    {TEXT("breaker_open"), TEXT("")},
    {TEXT("breaker_closed"), TEXT("")},
    {TEXT("delivery_dead"), TEXT("it was parked")},
    {TEXT("subscription_disabled"), TEXT("")},
    {TEXT("delivery_dead"), TEXT("its subscription is disabled")},
};

static uint64_t seen[countof(sights)];

static void on_event(void *context, const struct delivery_event *event)
{
    (void)context;
    for (size_t i = 0; i < countof(sights); i++) {
        seen[i] += text_equal(text_from(event->event), sights[i].event)
                   && text_starts_with(event->reason, sights[i].reason);
    }
}

static void seen_print(void)
{
    for (size_t i = 0; i < countof(sights); i++) {
        (void)printf("%s%s%s%s %llu", i == 0 ? "" : ", ", sights[i].event.at,
                     sights[i].reason.len > 0 ? " because " : "", sights[i].reason.at,
                     (unsigned long long)seen[i]);
    }
    (void)printf("\n");
}

static uint64_t run_seed(uint64_t seed, uint64_t *ret_trace, uint64_t *ret_steps)
{
    struct cell_options options = {
        .cache_bytes = 2000 + seed % 3 * 200000, /* small caches make it read */
        .deliveries = {.in_flight_max = 8 + (uint32_t)(seed % 50),
                       .lane_window_max = 4,
                       .active_message_max = 4 + (uint32_t)(seed % 100),
                       .breaker_min = (uint32_t)(seed % 3 * 4), /* never, soon, later */
                       .park_max_ms = 2 * HOUR_MS,
                       .log = on_event},
    };
    struct scene *scene = memory_zero(sizeof *scene);

    scene->world = world_create(seed, &options);
    scene->world->user = scene;
    scene->world->attempt = on_attempt;
    scene->world->call_lost = on_call_lost;
    scene_plan(scene);
    history_plan(scene->world);
    world_boot(scene->world);
    struct world_call *set_up = memory_zero(sizeof *set_up);

    set_up->call.run = set_up_run;
    set_up->ended = set_up_ended;
    world_call_start(scene->world, set_up);
    run_until(scene->world, scene->world->now_ms + 1000);
    scene_schedule(scene);
    run_until(scene->world, scene->world->now_ms + 2LL * BUSY_MS);
    scene_drain(scene);
    scene_check(scene);
    leaks_check(scene);
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
    uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 300;
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
    seen_print();
    return failed == 0 ? 0 : 1;
}
