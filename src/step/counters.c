/* The counters that number things: one row, written with the batch that used them. */
#include "base/buffer.h"
#include "base/mutants.h"
#include "step/records.h"

enum {
    CLOCK_EVERY_MS = 1000
};

static struct key counters_key(void)
{
    return key_name(TABLE_META, T("counters"));
}

uint64_t step_number(struct step *step, enum counter counter)
{
    step->records->counters_changed = true;
    return mutant("step.number-twice") ? step->records->counters[counter]++
                                       : ++step->records->counters[counter];
}

uint64_t step_counter(const struct step *step, enum counter counter)
{
    return step->records->counters[counter];
}

void step_count(struct step *step, enum counter counter, uint64_t more)
{
    step->records->counters_changed = true;
    step->records->counters[counter] += more;
}

void records_load_counters(struct records *records, struct text value)
{
    struct cursor cursor = cursor_over(value);

    /* A shorter row was written before the later counters existed: they start at zero. */
    for (size_t i = 0; i < COUNTER_COUNT && cursor.at < cursor.end; i++) {
        records->counters[i] = cursor_u64(&cursor);
    }
}

/* So that the time does not go back over a restart either. */
static void clock_count(struct step *step)
{
    struct records *records = step->records;
    uint64_t now_ms = (uint64_t)step->now_ms;

    if (records->counters_changed
        || (records->filling != NULL && records->filling->count > 0
            && now_ms > records->counters[COUNTER_CLOCK_MS] + CLOCK_EVERY_MS)) {
        records->counters[COUNTER_CLOCK_MS] = now_ms;
        records->counters_changed = true;
    }
}

void counters_seal(struct step *step)
{
    struct records *records = step->records;

    clock_count(step);
    if (!records->counters_changed) {
        return;
    }
    struct blob *row = blob_new(COUNTER_COUNT * sizeof(uint64_t));

    for (size_t i = 0; i < COUNTER_COUNT; i++) {
        for (size_t byte = 0; byte < 8; byte++) {
            row->at[i * 8 + byte] = (char)(records->counters[i] >> (56 - 8 * byte));
        }
    }
    struct key key = counters_key();

    record_put(step, &key, row);
    records->counters_changed = false;
}
