/* At start: every subscription into its topic's index, a page at a time, beside the traffic.
 * No table_walk: what is behind a page is what makes topics ready and wakes who waits. */
#include "router/internal.h"

#define LOAD_ROWS  1024
#define LOAD_BYTES (4 * 1024 * 1024)

static void load_from(struct step *step, struct key from);

static void topics_ready_before(struct router *router, uint32_t topic)
{
    for (size_t i = 0; i < router->topic_count; i++) {
        if (router->sorted[i]->number < topic) {
            router->sorted[i]->is_ready = true;
        }
    }
}

static void load_row(struct step *step, const struct row *row)
{
    struct router *router = router_of(step);
    struct topic *topic = topic_find_number(router, key_get_u32(&row->key, 1));
    struct blob *value = record_overlay(step, row);
    struct subscription subscription;
    struct arena arena = {0};

    if (topic != NULL && value != NULL
        && slot_find(router, key_get_u32(&row->key, 5)) == NULL) {
        bool is_read = subscription_decode(blob_text(value), &arena, &subscription);

        if (!is_read) {
            record_set_aside(step, &row->key, value, "a subscription");
        } else if (!subscription.is_deleted) {
            subscription_enter(router, topic, &subscription);
        }
    }
    arena_free(&arena);
    router->progress.subscriptions_loaded++;
}

static void on_rows(struct read *read, struct step *step)
{
    struct router *router = router_of(step);

    for (uint32_t i = 0; i < read->row_count; i++) {
        load_row(step, &read->rows[i]);
    }
    if (read->complete) {
        topics_ready_before(router, UINT32_MAX);
        router->progress.done = true;
    } else {
        struct key next = read_next_from(read);

        topics_ready_before(router, key_get_u32(&next, 1));
        load_from(step, next);
    }
    task_wake(step, &router->loading_waiters, SIZE_MAX);
    read_free(read);
}

static void load_from(struct step *step, struct key from)
{
    struct key table = key_table(TABLE_SUBSCRIPTION);
    struct read *read = read_create(on_rows, NULL);

    read->from = from;
    read->to = key_after_prefix(&table);
    read->row_max = LOAD_ROWS;
    read->bytes_max = LOAD_BYTES;
    read->value_max = UINT32_MAX;
    step_read(step, read);
}

void subscriptions_load(struct step *step, struct router *router)
{
    (void)router;
    load_from(step, key_table(TABLE_SUBSCRIPTION));
}
