/* At start: the tables that hold what queues know of themselves, read row by row. */
#include "queues/load.h"

#include "base/memory.h"
#include "base/mutants.h"
#include "queues/counts.h"
#include "queues/delayed.h"
#include "queues/fifo.h"
#include "queues/moves.h"
#include "queues/reclaimer.h"
#include "queues/scan.h"
#include "queues/state.h"
#include "queues/sweeper.h"

enum {
    LOAD_ROWS_MAX = 2048,
    LOAD_BYTES = 4 * 1024 * 1024
};

struct loaded_table {
    enum table table;
    bool (*load)(struct step *step, struct queues *queues, const struct key *key,
                 struct text row);
};

static const struct loaded_table loaded_tables[] = {
    {TABLE_COUNTS, counts_load},
    {TABLE_DEDUPLICATION, fifo_load},
    {TABLE_QUEUE_MOVE, move_load},
    {TABLE_QUEUE_GARBAGE, reclaimer_load},
};

struct loader {
    struct queues *queues;
    size_t table;
};

void load_free(struct queues *queues)
{
    memory_free(queues->loader);
    queues->loader = NULL;
}

/* Sends may come; what is in flight, delayed or too old is looked for meanwhile. */
void load_over(struct step *step, struct queues *queues)
{
    load_free(queues);
    queues->is_ready = true;
    for (size_t i = 0; i < queues->count; i++) {
        struct queue_state *state = queues->ordered[i]->state;

        if ((state->unloaded & LOAD_ROWS) == 0) {
            continue; /* made meanwhile */
        }
        state->unloaded &= (uint8_t)~LOAD_ROWS;
        state->delayed_horizon_ms = state->counts.delayed > 0 ? 0 : INT64_MAX;
        delayed_arm(step, state);
        oldest_reset(step, state);
        wake_all(step, &state->loaders);
        if (mutant("queues.leases-unread")) {
            state->counts.in_flight = 0;
        }
        if ((state->unloaded & LOAD_LEASES) != 0) {
            scan_leases(step, state);
        }
        moves_start(step, state);
    }
    sweeper_start(step, queues->sweeper);
    reclaimer_start(step, queues->reclaimer);
}

static void load_read(struct step *step, struct queues *queues, const struct key *from);

static void on_load_read(struct read *read, struct step *step)
{
    struct queues *queues = read->context;
    const struct loaded_table *table = &loaded_tables[queues->loader->table];

    for (uint32_t i = 0; i < read->row_count; i++) {
        const struct row *row = &read->rows[i];

        if (!table->load(step, queues, &row->key, blob_text(row->value))) {
            queues->has_failed = true;
        }
    }
    if (read->complete) {
        queues->loader->table++;
        load_read(step, queues, NULL);
    } else {
        struct key next = read_next_from(read);

        load_read(step, queues, &next);
    }
    read_free(read);
}

/* The current table, on at `from` (NULL: from its start). */
static void load_read(struct step *step, struct queues *queues, const struct key *from)
{
    if (queues->loader->table == countof(loaded_tables)) {
        recount_start(step, queues);
        return;
    }
    struct key prefix = key_table(loaded_tables[queues->loader->table].table);
    struct read *read = read_create(on_load_read, queues);

    read->from = from == NULL ? prefix : *from;
    read->to = key_after_prefix(&prefix);
    read->row_max = LOAD_ROWS_MAX;
    read->bytes_max = LOAD_BYTES;
    read->value_max = UINT32_MAX;
    step_read(step, read);
}

void load_start(struct step *step, struct queues *queues)
{
    queues->loader = memory_zero(sizeof *queues->loader);
    queues->loader->queues = queues;
    load_read(step, queues, NULL);
}
