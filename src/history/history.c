/* The history of a cell: made, started, asked about, freed. */
#include "base/memory.h"
#include "history/internal.h"

#include <string.h>

struct history *history_create(const struct history_options *options)
{
    struct history *history = memory_zero(sizeof *history);

    history->options = *options;
    history->sweep.is_on = options->max_age_ms > 0 && options->max_bytes > 0;
    journal_create(&history->journal);
    return history;
}

void history_free(struct history *history)
{
    if (history == NULL) {
        return;
    }
    sweep_free(&history->sweep);
    journal_free(&history->journal);
    memory_free(history);
}

struct key history_key(void)
{
    return key_name(TABLE_META, T("history"));
}

void history_start(struct step *step, struct text row, const uint8_t secret[16])
{
    struct history *history = history_of(step);

    memcpy(history->secret, secret, sizeof history->secret);
    sweep_load(step, history, row);
    journal_start(step, history);
}

void history_shrink(struct step *step)
{
    sweep_wake(step, history_of(step));
}

const struct history_options *history_options(const struct history *history)
{
    return &history->options;
}

struct history_counters history_counters(const struct step *step)
{
    const struct history *history = history_of(step);
    uint64_t bytes = step_counter(step, COUNTER_HISTORY_BYTES);
    uint64_t attempts = step_counter(step, COUNTER_ATTEMPT);
    uint64_t oldest = history->journal.oldest;

    return (struct history_counters){
        .bytes = bytes > history->sweep.swept ? bytes - history->sweep.swept : 0,
        .attempts = oldest > 0 && attempts >= oldest ? attempts - oldest + 1 : 0,
        .horizon = history->sweep.horizon > history->sweep.start ? history->sweep.horizon
                                                                 : history->sweep.start,
    };
}
