/* Owed lists that are on disk only: brought into memory, oldest first, as room comes.  No
 * table_walk: it stops in the middle of a page, and where it goes on depends on what ended. */
#include "base/buffer.h"
#include "base/memory.h"
#include "base/mutants.h"
#include "delivery/internal.h"

#define BACKLOG_ROWS     128
#define BACKLOG_BYTES    (1024 * 1024)
#define BACKLOG_AGAIN_MS 10

/* Where the list's cursor stood, then on with it. */
static enum status resume_run(struct task *task, struct step *step)
{
    struct owed *owed = container_of(task, struct owed, task);
    struct key key = key_u64(TABLE_CURSOR, owed->message);
    struct blob *value = NULL;
    enum status status = record_get(step, &key, &value);

    if (status != STATUS_OK) {
        return status;
    }
    struct cursor cursor = cursor_over(blob_text(value));
    uint32_t chunk = cursor_u32(&cursor);
    uint32_t base = cursor_u32(&cursor);

    owed->has_cursor = true;
    if (chunk == owed->chunk && base <= owed->count) {
        owed->base = base;
        owed->next = base;
    }
    return STATUS_OK;
}

static void resume_done(struct task *task, struct step *step, enum status status)
{
    struct owed *owed = container_of(task, struct owed, task);

    (void)status; /* not found: nothing of it was settled */
    owed_want(step, owed);
}

static void backlog_take(struct step *step, struct deliveries *deliveries,
                         const struct row *row)
{
    struct blob *value = record_overlay(step, row);
    uint64_t message = key_get_u64(&row->key, 1);

    if ((value == NULL && !row_is_lost(step, row)) || message <= deliveries->last_active) {
        return; /* settled meanwhile, or a later chunk of a list that is in memory */
    }
    struct owed *owed = owed_open(deliveries, message);

    owed->chunk = key_get_u32(&row->key, 9);
    owed->is_resumed = true;
    deliveries->last_active = message;
    list_push(&deliveries->active, &owed->node);
    owed_take_chunk(owed, blob_text(value));
    owed->task = (struct task){.run = resume_run, .done = resume_done};
    task_start(&owed->task, step);
}

static void on_backlog(struct read *read, struct step *step)
{
    struct deliveries *deliveries = deliveries_of(step);
    uint32_t taken = 0;

    deliveries->is_reading_backlog = false;
    while (taken < read->row_count
           && deliveries->active_count < deliveries->options.active_message_max) {
        backlog_take(step, deliveries, &read->rows[taken++]);
    }
    bool saw_all = read->complete && taken == read->row_count;

    /* Past those that are gone; rows that found no room are read again. */
    deliveries->backlog_next = (struct key){.len = 0};
    if (!read->complete && read->row_count == 0) {
        deliveries->backlog_next = read_next_from(read);
    }
    read_free(read);
    if (saw_all && deliveries->last_active >= deliveries->backlog_until) {
        deliveries->has_backlog = false;
    } else if (saw_all) {
        /* The rest was not durable yet when this was read. */
        timer_set(step, &deliveries->backlog_timer, step->now_ms + BACKLOG_AGAIN_MS);
    } else if (deliveries->active_count <= deliveries->options.active_message_max / 2) {
        backlog_read(step, deliveries);
    }
}

void backlog_read(struct step *step, struct deliveries *deliveries)
{
    if (deliveries->is_reading_backlog) {
        return;
    }
    struct key table = key_table(TABLE_OWED);
    struct read *read = read_create(on_backlog, NULL);

    deliveries->is_reading_backlog = true;
    read->from = key_u64_u32(TABLE_OWED,
                             deliveries->last_active + 1 + mutant("delivery.backlog-skips"), 0);
    if (text_compare(key_text(&deliveries->backlog_next), key_text(&read->from)) > 0) {
        read->from = deliveries->backlog_next;
    }
    read->to = key_after_prefix(&table);
    read->row_max = BACKLOG_ROWS;
    read->bytes_max = BACKLOG_BYTES;
    read->value_max = UINT32_MAX;
    step_read(step, read);
}

void backlog_on_timer(struct timer *timer, struct step *step)
{
    backlog_read(step, container_of(timer, struct deliveries, backlog_timer));
}
