/* Records: the store as the core knows it, with what is not durable yet on top, and the frame
 * around the steps that fills batches and hands out reads. */
#include "step/records.h"

#include "base/memory.h"
#include "base/must.h"
#include "base/mutants.h"

#include <string.h>

/* What a clean record costs beside its value, roughly: the struct and its share of the map. */
#define RECORD_OVERHEAD (sizeof(struct record) + 2 * sizeof(void *))

struct records *records_create(uint64_t cache_bytes)
{
    struct records *records = memory_zero(sizeof *records);

    records->cache_bytes = cache_bytes;
    records->next_batch = 1;
    records->free_bytes = UINT64_MAX;
    list_init(&records->clean);
    list_init(&records->closed);
    list_init(&records->retiring);
    list_init(&records->sealed);
    list_init(&records->wanted);
    list_init(&records->outstanding);
    list_init(&records->held);
    list_init(&records->walks);
    list_init(&records->ranges);
    list_init(&records->damages);
    list_init(&records->runnable);
    list_init(&records->holds);
    return records;
}

void records_end(struct records *records)
{
    timers_cancel(records);
    ranges_end(records);
    table_walks_end(records);
}

void records_free(struct records *records)
{
    struct list_node *node = NULL;
    struct map_node *map_node = NULL;

    if (records == NULL) {
        return;
    }
    table_walks_end(records); /* before their reads; timers and ranges are their owners' */
    batch_free(records->filling);
    while ((node = list_pop(&records->closed)) != NULL) {
        batch_free(container_of(node, struct batch, node));
    }
    while ((node = list_pop(&records->retiring)) != NULL) {
        batch_free(container_of(node, struct batch, node));
    }
    while ((node = list_pop(&records->wanted)) != NULL) {
        read_free(container_of(node, struct read, node));
    }
    while ((node = list_pop(&records->holds)) != NULL) {
        memory_free(container_of(node, struct hold, node));
    }
    damages_free(records);
    reads_cancel(records);
    while ((map_node = map_pop(&records->map)) != NULL) {
        struct record *record = container_of(map_node, struct record, map);

        blob_unref(record->value);
        memory_free(record);
    }
    map_free(&records->map);
    heap_free(&records->timers);
    memory_free(records);
}

/* --- One record. */

static uint64_t record_cost(const struct record *record)
{
    return RECORD_OVERHEAD + blob_text(record->value).len;
}

static struct record *record_find(const struct records *records, const struct key *key)
{
    struct map_node *node = map_find(&records->map, key_text(key));

    return node == NULL ? NULL : container_of(node, struct record, map);
}

static struct record *record_new(struct records *records, const struct key *key)
{
    struct record *record = memory_zero(sizeof *record);

    record->key = *key;
    list_init(&record->waiters);
    map_insert(&records->map, &record->map, key_text(&record->key));
    return record;
}

/* Out of the list of clean records: somebody is about to change or pin it. */
static void record_take_from_clean(struct records *records, struct record *record)
{
    if (list_contains(&record->lru)) {
        list_remove(&record->lru);
        records->used_bytes -= record_cost(record);
    }
}

void record_free(struct records *records, struct record *record)
{
    record_take_from_clean(records, record);
    map_remove(&records->map, &record->map);
    blob_unref(record->value);
    memory_free(record);
}

void record_release(struct records *records, struct record *record)
{
    if (record->pins > 0 || record->is_loading) {
        return;
    }
    record_take_from_clean(records, record);
    list_push(&records->clean, &record->lru);
    records->used_bytes += record_cost(record);
}

static void record_loaded(struct records *records, struct record *record, struct blob *value)
{
    record->is_loading = false;
    record->value = blob_ref(value);
    tasks_wake_all(records, &record->waiters);
    record_release(records, record);
}

static void on_point_read(struct read *read, struct step *step)
{
    struct record *record = record_find(step->records, &read->from);

    if (record != NULL && record->is_loading) {
        record->is_hidden = read->row_count > 0 && read->rows[0].is_damaged;
        record_loaded(step->records, record, read->row_count > 0 ? read->rows[0].value : NULL);
    }
    read_free(read);
}

static struct record *record_load(struct step *step, const struct key *key)
{
    struct record *record = record_new(step->records, key);
    struct read *read = read_create(on_point_read, NULL);

    record->is_loading = true;
    read->from = *key;
    read->to = key_next(key);
    read->row_max = 1;
    read->bytes_max = UINT32_MAX;
    read->value_max = UINT32_MAX;
    step_read(step, read);
    return record;
}

void record_hold(struct records *records, struct record *record, struct task *task)
{
    struct hold *hold = memory_zero(sizeof *hold);

    *hold = (struct hold){.next = task->holds, .record = record, .records = records};
    task->holds = hold;
    list_push(&records->holds, &hold->node);
    record->pins++;
}

void holds_release(struct task *task)
{
    while (task->holds != NULL) {
        struct hold *hold = task->holds;

        task->holds = hold->next;
        list_remove(&hold->node);
        hold->record->pins--;
        record_release(hold->records, hold->record);
        memory_free(hold);
    }
}

enum status record_get(struct step *step, const struct key *key, struct blob **ret_value)
{
    struct record *record = record_find(step->records, key);

    if (record == NULL) {
        record = record_load(step, key);
    }
    if (record->is_loading) {
        if (step->running != NULL) {
            record_hold(step->records, record, step->running);
            task_wait(step, &record->waiters);
        }
        return STATUS_WAIT;
    }
    if (list_contains(&record->lru)) {
        list_remove(&record->lru);
        list_push(&step->records->clean, &record->lru);
    }
    if (record->value == NULL) {
        return STATUS_NOT_FOUND;
    }
    *ret_value = record->value;
    return STATUS_OK;
}

enum status record_peek(const struct step *step, const struct key *key, struct blob **ret_value)
{
    const struct record *record = record_find(step->records, key);

    if (record == NULL || record->is_loading) {
        return STATUS_WAIT;
    }
    if (record->value == NULL) {
        return STATUS_NOT_FOUND;
    }
    *ret_value = record->value;
    return STATUS_OK;
}

void record_prefetch(struct step *step, const struct key *key)
{
    if (record_find(step->records, key) == NULL) {
        (void)record_load(step, key);
    }
}

void record_write(struct step *step, const struct key *key, struct blob *take_value,
                  struct blob *stored)
{
    struct records *records = step->records;
    struct batch *batch = records_filling(records);
    struct record *record = record_find(records, key);

    if (record == NULL) {
        record = record_new(records, key);
    }
    records->written++;
    record_take_from_clean(records, record);
    blob_unref(record->value);
    record->value = take_value;
    record->is_hidden = false;
    if (record->is_loading) {
        record->is_loading = false;
        tasks_wake_all(records, &record->waiters);
    }
    if (record->pins > 0 && record->batch == batch->number) {
        batch_replace(batch, record->op, stored);
        return;
    }
    record->batch = batch->number;
    record->op = batch_add(batch, &record->key, stored, record);
    record->pins++;
}

void record_put(struct step *step, const struct key *key, struct blob *take_value)
{
    must(take_value != NULL);
    record_write(step, key, take_value, take_value);
}

void record_delete(struct step *step, const struct key *key)
{
    record_write(step, key, NULL, NULL);
}

struct blob *record_overlay(struct step *step, const struct row *row)
{
    struct record *record = record_find(step->records, &row->key);

    bool is_known = record != NULL && !record->is_loading;

    if (is_known && record->value == NULL && mutant("step.overlay-misses-deletions")) {
        return row->value;
    }
    return is_known ? record->value : row->value;
}

bool row_is_lost(const struct step *step, const struct row *row)
{
    const struct record *record = record_find(step->records, &row->key);

    return row->is_damaged && (record == NULL || record->is_loading || record->is_hidden)
           && !mutant("step.lost-rows-passed");
}

void record_learn(struct step *step, const struct key *key, struct blob *value)
{
    struct record *record = record_find(step->records, key);

    if (record == NULL) {
        record = record_new(step->records, key);
        record->is_loading = true;
    }
    if (record->is_loading) {
        record_loaded(step->records, record, value);
    }
}

/* --- The frame. */

static void records_trim(struct records *records)
{
    while (records->used_bytes > records->cache_bytes && !list_is_empty(&records->clean)) {
        record_free(records, container_of(list_first(&records->clean), struct record, lru));
    }
}

void records_run(struct step *step)
{
    struct heap *timers = &step->records->timers;

    tasks_run(step);
    for (struct heap_node *first = heap_first(timers);
         first != NULL && first->key <= step->now_ms; first = heap_first(timers)) {
        struct timer *timer = container_of(first, struct timer, node);

        heap_remove(timers, first);
        timer->heap = NULL;
        timer->fire(timer, step);
        tasks_run(step);
    }
    batches_limit(step);
    records_trim(step->records);
}

int64_t records_next_wake(const struct records *records)
{
    struct heap_node *first = heap_first(&records->timers);

    return first == NULL ? INT64_MAX : first->key;
}

uint64_t records_uncommitted_bytes(const struct records *records)
{
    return records->bytes_under_way + (records->filling == NULL ? 0 : records->filling->bytes);
}

void records_set_space(struct records *records, uint64_t free_bytes, uint64_t watermark_bytes)
{
    records->free_bytes = free_bytes;
    records->watermark_bytes = watermark_bytes;
}

enum status step_may_grow(struct step *step, struct why *why)
{
    struct records *records = step->records;

    if (records->free_bytes >= records->watermark_bytes) {
        return STATUS_OK;
    }
    return fail(why, STATUS_FULL,
                "only %llu bytes are free for the data directory, below the watermark of %llu: "
                "new work is refused until there is room",
                (unsigned long long)records->free_bytes,
                (unsigned long long)records->watermark_bytes);
}

bool step_space_is_scarce(const struct step *step)
{
    const struct records *records = step->records;

    return records->free_bytes - records->free_bytes / 3 < records->watermark_bytes;
}
