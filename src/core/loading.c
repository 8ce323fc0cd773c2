/* At start: the counters and the secret, then the parts' tables one after the other, then the
 * parts begin; what they have to read beyond that they read beside the traffic. */
#include "base/mutants.h"
#include "core/internal.h"

#include <string.h>

static void part_load(struct cell *cell, size_t index);

static void row_fails(struct cell *cell, const struct part *part, const struct key *key)
{
    if (cell->has_failed) {
        return; /* the part has said it better */
    }
    cell->has_failed = true;
    (void)fail(&cell->why, STATUS_STORAGE,
               "a %s record (number %u) in the data directory is not one that this version "
               "reads: restore it from a backup, or start with an empty directory",
               part->noun, key->len >= 5 ? key_get_u32(key, 1) : 0);
}

static void on_row(struct table_walk *walk, struct step *step, const struct key *key,
                   struct blob *value)
{
    struct cell *cell = cell_of(step);
    const struct part *part = &cell_parts[walk->number];

    if (part->load(cell, key, blob_text(value)) != STATUS_OK) {
        row_fails(cell, part, key);
        table_walk_end(walk);
    }
}

static void on_table(struct table_walk *walk, struct step *step)
{
    struct cell *cell = cell_of(step);

    if (!cell->has_failed) {
        part_load(cell, (size_t)walk->number + 1);
    }
}

static void parts_start(struct cell *cell)
{
    for (size_t i = 0; i < cell_part_count; i++) {
        cell_parts[i].start(cell);
    }
    cell->is_ready = true;
}

/* The table of the first part from `index` on that has one. */
static void part_load(struct cell *cell, size_t index)
{
    while (index < cell_part_count && cell_parts[index].load == NULL) {
        index++;
    }
    if (index == cell_part_count) {
        parts_start(cell);
        return;
    }
    struct table_walk walk = {
        .from = key_table(cell_parts[index].table),
        .row_max = 512,
        .bytes_max = 4 * 1024 * 1024,
        .visit = on_row,
        .over = on_table,
        .number = index,
    };

    table_walk(&cell->step, &walk);
}

/* What happened before this start has happened: the time goes on from there. */
static void clock_continue(struct cell *cell)
{
    int64_t before_ms = (int64_t)step_counter(&cell->step, COUNTER_CLOCK_MS);

    if (before_ms > cell->step.now_ms && !cell->options.clock_may_go_back
        && !mutant("core.clock-forgets")) {
        cell->step.now_ms = before_ms;
    }
}

static enum status opening_run(struct task *task, struct step *step)
{
    struct cell *cell = container_of(task, struct cell, opening);
    struct key counters = key_name(TABLE_META, T("counters"));
    struct key secret = key_name(TABLE_META, T("secret"));
    struct key history = history_key();
    struct blob *value = NULL;
    enum status status = record_get(step, &history, &value);

    if (status == STATUS_WAIT) {
        return status;
    }
    blob_unref(cell->history_row);
    cell->history_row = status == STATUS_OK ? blob_ref(value) : NULL;
    status = record_get(step, &secret, &value);

    if (status == STATUS_OK && value->len == CELL_SECRET_SIZE) {
        memcpy(cell->secret, value->at, CELL_SECRET_SIZE);
    }
    bool is_new = status == STATUS_NOT_FOUND;

    status = status == STATUS_WAIT ? status : record_get(step, &counters, &value);
    if (status == STATUS_WAIT) {
        return status;
    }
    records_load_counters(step->records,
                          status == STATUS_OK ? blob_text(value) : (struct text){0});
    clock_continue(cell);
    if (is_new) {
        step->random->fill(step->random, cell->secret, CELL_SECRET_SIZE);
        record_put(step, &secret, blob_copy(text_make(cell->secret, CELL_SECRET_SIZE)));
    }
    return STATUS_OK;
}

static void opening_done(struct task *task, struct step *step, enum status status)
{
    (void)task;
    (void)status;
    part_load(cell_of(step), 0);
}

void cell_load(struct cell *cell)
{
    cell->opening = (struct task){.run = opening_run, .done = opening_done};
    task_start(&cell->opening, &cell->step);
}
