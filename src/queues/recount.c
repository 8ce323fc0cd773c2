/* Counters that cannot be true (a wrapped total, no row at all) are counted again at start,
 * from the rows themselves, and that is said.  A total of zero is looked at, too: below it the
 * process would have stopped, and so it is what is left of a total that was too low. */
#include "base/memory.h"
#include "queues/counts.h"
#include "queues/load.h"
#include "queues/rows.h"
#include "queues/state.h"

enum {
    RECOUNT_ROWS = 2048
};

struct recount {
    struct queues *queues;
    uint32_t *suspects; /* queues' numbers */
    size_t count, at;
    uint32_t store; /* of the one that is counted */
    struct counts counts;
    int64_t soonest_ms; /* of what is delayed */
};

static bool is_suspect(const struct queue_state *state)
{
    const struct counts *counts = &state->counts;

    return (state->unloaded & LOAD_ROWS) != 0
           && (!state->has_counts || counts->is_wrong || counts->total == 0
               || counts->total > counts->last_sequence || counts->delayed > counts->total
               || counts->in_flight > counts->total);
}

static void recount_next(struct step *step, struct recount *recount);

/* The queue that is being counted; NULL: it is gone, or purged. */
static struct queue_state *recount_state(const struct recount *recount)
{
    struct queue *queue = queue_find_number(recount->queues, recount->suspects[recount->at]);

    return queue == NULL || queue->store != recount->store ? NULL : queue->state;
}

static void counts_mend(struct step *step, struct queue_state *state,
                        const struct recount *recount)
{
    const struct counts *found = &recount->counts;
    struct counts *counts = &state->counts;
    struct key key = key_u32(TABLE_COUNTS, state->queue->store);

    if (state->has_counts && !counts->is_wrong && counts->total == found->total
        && counts->delayed == found->delayed && counts->in_flight <= found->total) {
        return; /* it is as empty as it says */
    }
    record_mended(step, &key, "a queue's counters cannot be true: counted again");
    counts->is_wrong = false;
    counts->total = found->total;
    counts->delayed = found->delayed;
    counts->in_flight = found->in_flight;
    counts->as_of_ms = step->now_ms;
    if (counts->last_sequence < found->last_sequence) {
        counts->last_sequence = found->last_sequence;
    }
    if (!state->has_counts || counts->woken_ms >= recount->soonest_ms) {
        counts->woken_ms =
            recount->soonest_ms == INT64_MAX ? step->now_ms : recount->soonest_ms - 1;
    }
    if (counts->newest_visible_ms < found->newest_visible_ms) {
        counts->newest_visible_ms = found->newest_visible_ms;
    }
    state->window.cursor = 1;
    state->window.last_durable = counts->last_sequence;
    counts_changed(step, state);
}

/* --- Two walks: the messages, then what of them is delayed. */

static void recount_end(struct step *step, struct recount *recount)
{
    struct queue_state *state = recount_state(recount);

    if (state != NULL) {
        counts_mend(step, state, recount);
    }
    recount->at++;
    recount_next(step, recount);
}

static void table_recount(struct step *step, struct recount *recount,
                          const struct table_walk *what, enum table table)
{
    struct key prefix = key_u32(table, recount->store);
    struct table_walk walk = *what;

    walk.from = prefix;
    walk.to = key_after_prefix(&prefix);
    walk.row_max = RECOUNT_ROWS;
    walk.value_max = REDUCED_ROW;
    walk.context = recount;
    table_walk(step, &walk);
}

static void delayed_visit(struct table_walk *walk, struct step *step, const struct key *key,
                          struct blob *value)
{
    struct recount *recount = walk->context;
    int64_t visible_ms = (int64_t)key_get_u64(key, DELAYED_VISIBLE_AT);

    (void)step;
    (void)value;
    recount->counts.delayed++;
    recount->counts.newest_visible_ms = visible_ms;
    recount->soonest_ms = visible_ms < recount->soonest_ms ? visible_ms : recount->soonest_ms;
}

static void delayed_over(struct table_walk *walk, struct step *step)
{
    recount_end(step, walk->context);
}

static void ready_visit(struct table_walk *walk, struct step *step, const struct key *key,
                        struct blob *value)
{
    struct recount *recount = walk->context;
    struct lease lease;

    if (key->at[READY_PART_AT] == 0) {
        recount->counts.total++;
        recount->counts.last_sequence = key_get_u64(key, READY_SEQUENCE_AT);
    } else if (lease_decode(blob_text(value), &lease) && lease.visible_ms > step->now_ms) {
        recount->counts.in_flight++;
    }
}

static void ready_over(struct table_walk *walk, struct step *step)
{
    static const struct table_walk delayed = {.visit = delayed_visit, .over = delayed_over};
    struct recount *recount = walk->context;

    if (recount->counts.total > 0) {
        table_recount(step, recount, &delayed, TABLE_DELAYED);
    } else {
        recount_end(step, recount);
    }
}

static void recount_next(struct step *step, struct recount *recount)
{
    static const struct table_walk ready = {.visit = ready_visit, .over = ready_over};
    struct queues *queues = recount->queues;

    while (recount->at < recount->count) {
        struct queue *queue = queue_find_number(queues, recount->suspects[recount->at]);

        if (queue != NULL) {
            recount->store = queue->store;
            recount->counts = (struct counts){0};
            recount->soonest_ms = INT64_MAX;
            table_recount(step, recount, &ready, TABLE_READY);
            return;
        }
        recount->at++;
    }
    recount_free(queues);
    load_over(step, queues);
}

void recount_free(struct queues *queues)
{
    if (queues->recount != NULL) {
        memory_free(queues->recount->suspects);
        memory_free(queues->recount);
        queues->recount = NULL;
    }
}

void recount_start(struct step *step, struct queues *queues)
{
    struct recount *recount = memory_zero(sizeof *recount);

    queues->recount = recount;
    recount->queues = queues;
    recount->suspects = memory_array(queues->count, sizeof *recount->suspects);
    for (size_t i = 0; i < queues->count; i++) {
        if (is_suspect(queues->ordered[i]->state)) {
            recount->suspects[recount->count++] = queues->ordered[i]->number;
        }
    }
    recount_next(step, recount);
}
