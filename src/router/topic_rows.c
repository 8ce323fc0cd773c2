/* What a deleted topic leaves behind: its subscriptions, ended in bounded batches.
 * A garbage row ('t', topic) stands for it until they are gone, so that a crash only delays. */
#include "base/memory.h"
#include "router/internal.h"

#define RECLAIM_ROWS  256
#define RECLAIM_BYTES (1024 * 1024)

static struct key garbage_key(uint32_t topic)
{
    struct key key = key_u64_u32(TABLE_GARBAGE, 0, topic);

    key.at[1] = 't'; /* whose garbage: topics' rows sort apart from the queues' */
    return key;
}

static void reclaim_read(struct step *step, uint32_t topic, struct key from);

static void on_rows(struct read *read, struct step *step)
{
    uint32_t topic = key_get_u32(&read->from, 1);

    for (uint32_t i = 0; i < read->row_count; i++) {
        struct blob *value = record_overlay(step, &read->rows[i]);
        struct subscription subscription;
        struct arena arena = {0};

        if (value != NULL && subscription_decode(blob_text(value), &arena, &subscription)) {
            subscription_delete(step, &subscription);
        }
        arena_free(&arena);
    }
    if (read->complete) {
        struct key garbage = garbage_key(topic);

        record_delete(step, &garbage);
    } else {
        reclaim_read(step, topic, read_next_from(read));
    }
    read_free(read);
}

static void reclaim_read(struct step *step, uint32_t topic, struct key from)
{
    struct key prefix = key_u32(TABLE_SUBSCRIPTION, topic);
    struct read *read = read_create(on_rows, NULL);

    read->from = from;
    read->to = key_after_prefix(&prefix);
    read->row_max = RECLAIM_ROWS;
    read->bytes_max = RECLAIM_BYTES;
    read->value_max = UINT32_MAX;
    step_read(step, read);
}

static void reclaim_all(struct step *step, uint32_t topic)
{
    reclaim_read(step, topic, key_u32(TABLE_SUBSCRIPTION, topic));
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
        reclaim_all(step, reclaim->topic);
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

static void garbage_read(struct step *step, struct key from);

static void on_garbage(struct read *read, struct step *step)
{
    for (uint32_t i = 0; i < read->row_count; i++) {
        reclaim_all(step, key_get_u32(&read->rows[i].key, 9));
    }
    if (!read->complete) {
        garbage_read(step, read_next_from(read));
    }
    read_free(read);
}

static void garbage_read(struct step *step, struct key from)
{
    struct read *read = read_create(on_garbage, NULL);

    read->from = from;
    read->to = garbage_key(UINT32_MAX);
    read->row_max = UINT32_MAX;
    read->bytes_max = UINT32_MAX;
    read->value_max = 0;
    step_read(step, read);
}

void topics_reclaim_start(struct step *step)
{
    garbage_read(step, garbage_key(0));
}
