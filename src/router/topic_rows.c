/* What a deleted topic leaves behind: its subscriptions, ended in bounded batches.
 * A garbage row ('t', topic) stands for it until they are gone, so that a crash only delays. */
#include "base/memory.h"
#include "router/internal.h"

static struct key garbage_key(uint32_t topic)
{
    struct key key = key_u64_u32(TABLE_GARBAGE, 0, topic);

    key.at[1] = 't'; /* whose garbage: topics' rows sort apart from the queues' */
    return key;
}

static void subscription_meet(struct table_walk *walk, struct step *step, const struct key *key,
                              struct blob *value)
{
    struct subscription subscription;
    struct arena arena = {0};

    (void)walk;
    if (subscription_decode(blob_text(value), &arena, &subscription)) {
        subscription_delete(step, &subscription);
    } else {
        record_set_aside(step, key, value, "a subscription of a deleted topic");
    }
    arena_free(&arena);
}

static void on_over(struct table_walk *walk, struct step *step)
{
    struct key garbage = garbage_key((uint32_t)walk->number);

    record_delete(step, &garbage);
}

static void reclaim_begin(struct step *step, uint32_t topic)
{
    struct key prefix = key_u32(TABLE_SUBSCRIPTION, topic);
    const struct table_walk walk = {
        .from = prefix,
        .to = key_after_prefix(&prefix),
        .visit = subscription_meet,
        .over = on_over,
        .number = topic,
    };

    table_walk(step, &walk);
}

/* Its last rows may be on their way to disk: reading starts once the deletion is durable. */
struct reclaim {
    struct hook hook;
    uint32_t topic;
};

static void on_deleted(struct hook *hook, struct step *step, enum status status)
{
    struct reclaim *reclaim = container_of(hook, struct reclaim, hook);

    if (status == STATUS_OK) {
        reclaim_begin(step, reclaim->topic);
    }
    memory_free(reclaim);
}

void topic_reclaim(struct step *step, uint32_t topic)
{
    struct key garbage = garbage_key(topic);
    struct reclaim *reclaim = memory_zero(sizeof *reclaim);

    record_put(step, &garbage, blob_new(0));
    reclaim->topic = topic;
    reclaim->hook.run = on_deleted;
    step_when_durable(step, &reclaim->hook);
}

static void garbage_meet(struct table_walk *walk, struct step *step, const struct key *key,
                         struct blob *value)
{
    (void)walk;
    (void)value;
    reclaim_begin(step, key_get_u32(key, 9));
}

void topics_reclaim_start(struct step *step)
{
    const struct table_walk walk = {
        .from = garbage_key(0), .to = garbage_key(UINT32_MAX), .visit = garbage_meet};

    table_walk(step, &walk);
}
