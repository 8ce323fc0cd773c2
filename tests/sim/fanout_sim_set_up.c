/* The set-up, one call. */
#include "fanout_sim.h"

#include "base/memory.h"

struct queue_name queue_name_of(struct arena *arena, const char *what, uint32_t i)
{
    return (struct queue_name){T("000000000000"), T("us-east-1"),
                               arena_printf(arena, "%s-%u", what, i)};
}

struct queue_name fifo_queue_name(void)
{
    return (struct queue_name){T("000000000000"), T("us-east-1"), T("queue.fifo")};
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

static enum status endpoints_make(struct step *step, struct scene *scene, struct topic *topic,
                                  struct arena *arena)
{
    enum status status = STATUS_OK;
    struct why why;

    for (uint32_t i = 0; i < ENDPOINTS && status == STATUS_OK; i++) {
        struct queue_name dead = queue_name_of(arena, "dead", i);
        struct queue *queue = NULL;
        struct subscription wanted = {
            .protocol = PROTOCOL_HTTP,
            .endpoint = arena_printf(arena, "http://%u", i),
        };

        status = queue_create(step, &dead, &queue_settings_default, NULL, 0, &queue, &why);
        if (status == STATUS_OK) {
            status = subscribe(step, topic, arena, &wanted, scene->wants[i], &scene->limits[i]);
        }
        scene->subscription[i] = wanted.number;
    }
    return status;
}

enum status subscribed_queue_make(struct step *step, struct topic *topic, struct arena *arena,
                                  const struct queue_name *name,
                                  const struct queue_settings *settings, uint32_t kinds,
                                  uint32_t *ret_subscription)
{
    struct queue *queue = NULL;
    struct why why;
    struct subscription wanted = {
        .protocol = PROTOCOL_SQS,
        .endpoint = arena_printf(arena, "arn:aws:sqs:us-east-1:000000000000:%.*s",
                                 TEXT_PRINTF(name->name)),
    };
    enum status status = queue_create(step, name, settings, NULL, 0, &queue, &why);

    if (status == STATUS_OK) {
        status = subscribe(step, topic, arena, &wanted, kinds, NULL);
    }
    *ret_subscription = wanted.number;
    return status;
}

static enum status queues_make(struct step *step, struct scene *scene, struct topic *topic,
                               struct arena *arena)
{
    enum status status = STATUS_OK;

    for (uint32_t i = 0; i < QUEUES && status == STATUS_OK; i++) {
        struct queue_name name = queue_name_of(arena, "queue", i);
        struct queue_settings settings = queue_settings_default;

        if (scene->retention_s[i] > 0) {
            settings.message_retention_s = scene->retention_s[i];
        }
        status = subscribed_queue_make(step, topic, arena, &name, &settings,
                                       scene->wants[ENDPOINTS + i],
                                       &scene->subscription[ENDPOINTS + i]);
    }
    return status;
}

static enum status fifo_make(struct step *step, struct arena *arena)
{
    struct topic_name name = fifo_topic_name();
    struct queue_name queue = fifo_queue_name();
    struct queue_settings settings = queue_settings_default;
    struct topic *topic = NULL;
    uint32_t subscription = 0;
    struct why why;
    enum status status = topic_create(step, &name, NULL, 0, &topic, &why);

    settings.is_fifo = true;
    return status != STATUS_OK ? status
                               : subscribed_queue_make(step, topic, arena, &queue, &settings,
                                                       (1U << KINDS) - 1, &subscription);
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

    status = status == STATUS_OK ? endpoints_make(step, scene, topic, &arena) : status;
    status = status == STATUS_OK ? queues_make(step, scene, topic, &arena) : status;
    status = status == STATUS_OK ? fifo_make(step, &arena) : status;
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

void set_up_start(struct scene *scene)
{
    struct world_call *call = memory_zero(sizeof *call);

    call->call.run = set_up_run;
    call->ended = set_up_ended;
    world_call_start(scene->world, call);
}
