/* GET /_fanfare/dlq: the queues that dead letters go to, and from where.  Subscriptions are
 * read from the store for it, a part at a time: it is for people. */
#include "base/json.h"
#include "pages/internal.h"

#define SOURCES_TOLD 100 /* of one queue */
#define ROWS         256
#define BYTES        (1024 * 1024)

struct source {
    struct list_node node;
    struct text arn;
};

struct dead_letters {
    struct map_node map; /* by the queue's ARN */
    struct text arn;
    struct list sources; /* the first SOURCES_TOLD */
    uint64_t queues, subscriptions;
};

struct dlq_call {
    struct page_call page;
    struct map found;
    struct range range;
    uint32_t row;
    bool has_begun;
};

/* --- Found. */

static struct dead_letters *letters_of(struct dlq_call *this, struct text arn)
{
    struct map_node *node = map_find(&this->found, arn);
    struct dead_letters *letters = NULL;

    if (node != NULL) {
        return container_of(node, struct dead_letters, map);
    }
    letters = arena_take(&this->page.arena, sizeof *letters);
    *letters = (struct dead_letters){.arn = arena_copy(&this->page.arena, arn)};
    list_init(&letters->sources);
    map_insert(&this->found, &letters->map, letters->arn);
    return letters;
}

static void source_add(struct dlq_call *this, struct dead_letters *letters, struct text arn)
{
    struct source *source = NULL;

    if (letters->queues + letters->subscriptions > SOURCES_TOLD) {
        return;
    }
    source = arena_take(&this->page.arena, sizeof *source);
    *source = (struct source){.arn = arena_copy(&this->page.arena, arn)};
    list_push(&letters->sources, &source->node);
}

static void queues_look(struct dlq_call *this, struct step *step)
{
    struct queue *queue = NULL;

    while ((queue = queue_next(queues_of(step), queue)) != NULL) {
        if (queue->dead_letter_arn.len > 0) {
            struct dead_letters *letters = letters_of(this, queue->dead_letter_arn);

            letters->queues++;
            source_add(this, letters, queue->arn);
        }
    }
}

static void row_look(struct dlq_call *this, struct step *step, const struct row *row)
{
    struct blob *value = record_overlay(step, row);
    struct arena arena = {0};
    struct subscription subscription;

    if (value != NULL && subscription_decode(blob_text(value), &arena, &subscription)
        && !subscription.is_deleted) {
        struct text arn = subscription_dead_letter_arn(&subscription, &arena);
        struct topic *topic = topic_find_number(router_of(step), subscription.topic);

        if (arn.len > 0 && topic != NULL) {
            struct dead_letters *letters = letters_of(this, arn);

            letters->subscriptions++;
            source_add(this, letters, subscription_arn(&arena, topic, subscription.id));
        }
    }
    arena_free(&arena);
}

static enum status run(struct page_call *call, struct step *step)
{
    struct dlq_call *this = container_of(call, struct dlq_call, page);
    struct key table = key_table(TABLE_SUBSCRIPTION);
    const struct read *read = NULL;
    enum status status = STATUS_OK;

    if (!this->has_begun) {
        this->has_begun = true;
        this->range = (struct range){.from = table,
                                     .to = key_after_prefix(&table),
                                     .row_max = ROWS,
                                     .bytes_max = BYTES,
                                     .value_max = UINT32_MAX};
        queues_look(this, step);
    }
    while ((status = range_get(step, &this->range, &read)) == STATUS_OK) {
        for (uint32_t i = 0; i < read->row_count; i++) {
            row_look(this, step, &read->rows[i]);
        }
        if (!range_on(&this->range)) {
            break;
        }
    }
    return status;
}

/* --- Told. */

static void write_letters(struct buffer *to, struct cell *cell,
                          const struct dead_letters *letters)
{
    const struct queue *queue = queue_find_arn(cell_queues(cell), letters->arn);
    struct queue_counts counts = {0};
    int64_t oldest_ms = 0;

    if (queue != NULL) {
        counts = queue_counts(queue);
        oldest_ms = queue_oldest_ms(queue);
    }
    json_comma(to);
    buffer_add_byte(to, '{');
    json_text(to, "queue_arn", letters->arn);
    json_boolean(to, "exists", queue != NULL);
    json_number(to, "messages", (int64_t)counts.visible);
    json_number(to, "in_flight", (int64_t)counts.in_flight);
    json_number(to, "delayed", (int64_t)counts.delayed);
    json_time(to, "oldest", oldest_ms);
    json_number(to, "oldest_age_s", oldest_ms > 0 ? (cell_now_ms(cell) - oldest_ms) / 1000 : 0);
    json_number(to, "source_queues", (int64_t)letters->queues);
    json_number(to, "source_subscriptions", (int64_t)letters->subscriptions);
    json_name(to, "sources");
    buffer_add_byte(to, '[');
    list_each (node, &letters->sources) {
        json_comma(to);
        json_write_string(to, container_of(node, struct source, node)->arn);
    }
    buffer_add_string(to, "]}");
}

static void tell(struct page_call *call, struct buffer *to)
{
    struct dlq_call *this = container_of(call, struct dlq_call, page);
    struct map_node *node = NULL;

    json_name(to, "queues");
    buffer_add_byte(to, '[');
    while ((node = map_next(&this->found, node)) != NULL) {
        write_letters(to, call->pages->cell, container_of(node, struct dead_letters, map));
    }
    buffer_add_byte(to, ']');
}

static void end(struct page_call *call)
{
    struct dlq_call *this = container_of(call, struct dlq_call, page);

    range_end(&this->range);
    map_free(&this->found);
}

const struct page page_dlq_list = {
    .path = "/_fanfare/dlq",
    .method = "GET",
    .is_for_admins = true,
    .permission = "fanfare:ReadDeadLetters",
    .call_size = sizeof(struct dlq_call),
    .run = run,
    .only_reads = true,
    .write = tell,
    .end = end,
};
