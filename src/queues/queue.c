/* The queues of the cell: found by name, made, changed, purged and deleted. */
#include "base/memory.h"
#include "base/must.h"
#include "base/mutants.h"
#include "queues/arrivals.h"
#include "queues/counts.h"
#include "queues/fifo.h"
#include "queues/load.h"
#include "queues/moves.h"
#include "queues/queue_record.h"
#include "queues/reclaimer.h"
#include "queues/resting.h"
#include "queues/state.h"
#include "queues/sweeper.h"
#include "queues/window.h"

#include <stdlib.h>
#include <string.h>

enum {
    ARN_MAX = 512
};

#define ARN_PREFIX "arn:aws:sqs:"

struct queues *queues_create(const struct queues_hooks *hooks,
                             const struct queues_limits *limits)
{
    struct queues *queues = memory_zero(sizeof *queues);

    queues->hooks = *hooks;
    queues->limits = *limits;
    if (queues->limits.message_size_max == 0) {
        queues->limits.message_size_max = queue_settings_default.maximum_message_size;
    }
    list_init(&queues->resting.ages);
    queues->window_room = WINDOW_ROOM;
    queues->is_ordered = true;
    list_init(&queues->gone);
    list_init(&queues->arrivals);
    queues->sweeper = sweeper_create(queues);
    queues->reclaimer = reclaimer_create(queues);
    return queues;
}

void queues_free(struct queues *queues)
{
    struct list_node *node = NULL;

    if (queues == NULL) {
        return;
    }
    arrivals_free(queues);
    resting_free(queues);
    for (size_t i = 0; i < queues->count; i++) {
        moves_free(queues->ordered[i]->state);
        queue_state_free(queues->ordered[i]->state);
        queue_free(queues->ordered[i]);
    }
    while ((node = list_pop(&queues->gone)) != NULL) {
        queue_state_free(container_of(node, struct queue_state, node));
    }
    memory_free(queues->ordered);
    map_free(&queues->by_arn);
    map_free(&queues->by_number);
    load_free(queues);
    recount_free(queues);
    sweeper_free(queues->sweeper);
    reclaimer_free(queues->reclaimer);
    memory_free(queues);
}

void queues_set_window(struct queues *queues, uint32_t room)
{
    queues->window_room = room;
}

const struct queues_limits *queues_limits(const struct queues *queues)
{
    return &queues->limits;
}

size_t queues_count(const struct queues *queues)
{
    return queues->count;
}

bool queues_is_ready(const struct queues *queues)
{
    return queues->is_ready;
}

bool queues_has_failed(const struct queues *queues)
{
    return queues->has_failed;
}

void queues_start(struct step *step, struct queues *queues, const uint8_t secret[16])
{
    memcpy(queues->secret, secret, SECRET_SIZE);
    load_start(step, queues);
}

/* --- Finding. */

/* Empty when it does not fit: then there is no such queue. */
static struct text arn_make(const struct queue_name *name, char at[ARN_MAX])
{
    struct text parts[] = {T(ARN_PREFIX), name->region, T(":"),
                           name->account, T(":"),       name->name};
    size_t len = 0;

    for (size_t i = 0; i < countof(parts); i++) {
        if (parts[i].len > ARN_MAX - len) {
            return (struct text){0};
        }
        if (parts[i].len > 0) {
            memcpy(at + len, parts[i].at, parts[i].len);
            len += parts[i].len;
        }
    }
    return text_make(at, len);
}

struct queue *queue_find_arn(struct queues *queues, struct text arn)
{
    struct map_node *node = map_find(&queues->by_arn, arn);

    return node == NULL ? NULL : container_of(node, struct queue_state, by_arn)->queue;
}

struct queue *queue_find(struct queues *queues, const struct queue_name *name)
{
    char at[ARN_MAX];

    return queue_find_arn(queues, arn_make(name, at));
}

struct queue *queue_find_number(struct queues *queues, uint32_t number)
{
    struct map_node *node = map_find(&queues->by_number, text_make(&number, sizeof number));

    return node == NULL ? NULL : container_of(node, struct queue_state, by_number)->queue;
}

bool queue_name_rests(struct queues *queues, const struct queue_name *name, int64_t now_ms)
{
    char at[ARN_MAX];

    return resting_has(queues, arn_make(name, at), now_ms);
}

static int queue_compare_name(const struct queue *queue, const struct queue_name *name)
{
    int order = text_compare(queue->account, name->account);

    order = order != 0 ? order : text_compare(queue->region, name->region);
    return order != 0 ? order : text_compare(queue->name, name->name);
}

static int queue_compare(const void *a, const void *b)
{
    const struct queue *left = *(struct queue *const *)a;
    const struct queue *right = *(struct queue *const *)b;
    struct queue_name name = {right->account, right->region, right->name};

    return queue_compare_name(left, &name);
}

static void queues_order(struct queues *queues)
{
    if (!queues->is_ordered && queues->count > 1) {
        qsort(queues->ordered, queues->count, sizeof(struct queue *), queue_compare);
    }
    queues->is_ordered = true;
}

/* The index of the first queue whose name is not below (`behind`: above) `name`. */
static size_t queues_search(struct queues *queues, const struct queue_name *name, bool behind)
{
    size_t low = 0;
    size_t high = queues->count;

    queues_order(queues);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = queue_compare_name(queues->ordered[middle], name);

        if (order < 0 || (behind && order == 0)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct queue *queue_after(struct queues *queues, const struct queue_name *after,
                          struct text prefix)
{
    /* The prefix itself may be a name. */
    bool is_before_prefix = text_compare(after->name, prefix) < 0;
    struct queue_name from = *after;

    from.name = is_before_prefix ? prefix : after->name;
    size_t place = queues_search(queues, &from, !is_before_prefix);
    struct queue *queue = place < queues->count ? queues->ordered[place] : NULL;

    if (queue == NULL || !text_equal(queue->account, after->account)
        || !text_equal(queue->region, after->region)
        || !text_starts_with(queue->name, prefix)) {
        return NULL;
    }
    return queue;
}

/* --- Making. */

static void queue_register(struct queues *queues, struct queue *queue)
{
    struct queue_name name = {queue->account, queue->region, queue->name};
    char at[ARN_MAX];

    queue->arn = text_own(arn_make(&name, at));
    queue->dead_letter_arn = queue_dead_letter_arn(queue);
    queue->state = queue_state_create(queues, queue);
    map_insert(&queues->by_arn, &queue->state->by_arn, queue->arn);
    map_insert(&queues->by_number, &queue->state->by_number,
               text_make(&queue->number, sizeof queue->number));
    if (queues->count == queues->room) {
        queues->room = queues->room == 0 ? 16 : queues->room * 2;
        queues->ordered = memory_resize(queues->ordered, queues->room * sizeof(struct queue *));
    }
    queues->ordered[queues->count++] = queue;
    queues->is_ordered = false;
}

static void queue_put(struct step *step, const struct queue *queue)
{
    struct key key = key_u32(TABLE_QUEUE, queue->number);

    record_put(step, &key, queue_encode(queue));
}

/* NOLINTNEXTLINE(readability-function-size): what a queue is made of */
enum status queue_create(struct step *step, const struct queue_name *name,
                         const struct queue_settings *settings,
                         const struct queue_attribute *attributes, size_t attribute_count,
                         struct queue **ret_queue, struct why *why)
{
    struct queues *queues = queues_of(step);
    char at[ARN_MAX];
    enum status status = step_may_grow(step, why);

    if (status != STATUS_OK) {
        return status;
    }
    if (arn_make(name, at).len == 0) {
        return fail(why, STATUS_INVALID, "the queue's name is too long");
    }
    must(queue_find(queues, name) == NULL);
    struct queue *queue = memory_zero(sizeof *queue);

    queue->number = (uint32_t)step_number(step, COUNTER_QUEUE);
    queue->store = (uint32_t)step_number(step, COUNTER_QUEUE);
    queue->account = text_own(name->account);
    queue->region = text_own(name->region);
    queue->name = text_own(name->name);
    queue->settings = *settings;
    queue->created_ms = step->now_ms;
    queue->modified_ms = step->now_ms;
    queue_attributes_own(queue, attributes, attribute_count);
    queue_register(queues, queue);
    queue_put(step, queue);
    counts_changed(step, queue->state);
    *ret_queue = queue;
    return STATUS_OK;
}

enum status queues_load(struct queues *queues, const struct key *key, struct text record)
{
    struct queue *queue = memory_zero(sizeof *queue);

    queue->number = key_get_u32(key, 1);
    if (!queue_decode(record, queue)) {
        queue_free(queue);
        return STATUS_STORAGE;
    }
    queue_register(queues, queue);
    queue->state->unloaded = LOAD_ROWS | LOAD_LEASES;
    return STATUS_OK;
}

/* --- Changing. */

void queue_update(struct step *step, struct queue *queue, const struct queue_settings *settings,
                  const struct queue_attribute *attributes, size_t attribute_count)
{
    /* `attributes` may borrow from the present ones. */
    struct queue before = *queue;

    queue->settings = *settings;
    queue->settings.is_fifo = before.settings.is_fifo;
    queue_attributes_own(queue, attributes, attribute_count);
    queue_attributes_disown(&before);
    text_disown(&queue->dead_letter_arn);
    queue->dead_letter_arn = queue_dead_letter_arn(queue);
    queue->modified_ms = step->now_ms;
    queue_put(step, queue);
    oldest_reset(step, queue->state);
}

void queue_purge(struct step *step, struct queue *queue)
{
    uint32_t old = queue->store;
    struct key counts = key_u32(TABLE_COUNTS, old);

    record_delete(step, &counts);
    reclaimer_add(step, queue->state->queues->reclaimer, old, 0);
    queue->store = (uint32_t)step_number(step, COUNTER_QUEUE);
    queue_state_empty(step, queue->state);
    queue->state->counts.purged_sequence = step_counter(step, COUNTER_SEQUENCE);
    if (queue->state->fifo != NULL) {
        fifo_purge(step, queue->state);
    }
    if (!mutant("queues.purge-unwritten")) {
        queue_put(step, queue);
    }
    counts_changed(step, queue->state);
}

void queue_delete(struct step *step, struct queue *queue)
{
    struct queue_state *state = queue->state;
    struct queues *queues = state->queues;
    struct key record = key_u32(TABLE_QUEUE, queue->number);
    struct key counts = key_u32(TABLE_COUNTS, queue->store);
    struct queue_name name = {queue->account, queue->region, queue->name};
    size_t place = queues_search(queues, &name, false);

    resting_add(queues, queue->arn, step->now_ms);
    record_delete(step, &record);
    record_delete(step, &counts);
    reclaimer_add(step, queues->reclaimer, queue->store, queue->number);
    moves_delete(step, state);
    arrivals_drop(state);
    queue_state_cancel(step, state);
    map_remove(&queues->by_arn, &state->by_arn);
    map_remove(&queues->by_number, &state->by_number);
    queues->count--;
    memmove(&queues->ordered[place], &queues->ordered[place + 1],
            (queues->count - place) * sizeof(struct queue *));
    queue_state_close(state);
    queue_free(queue);
}

struct queue *queue_next(struct queues *queues, const struct queue *before)
{
    struct map_node *node =
        map_next(&queues->by_number, before == NULL ? NULL : &before->state->by_number);

    return node == NULL ? NULL : container_of(node, struct queue_state, by_number)->queue;
}
