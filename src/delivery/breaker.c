/* Counts over five minutes, in two halves, and the four states. */
#include "delivery/breaker.h"

#include "base/mutants.h"

#define HALF_MS       150000 /* timeouts of 15 s, one at a time, are to add up */
#define RATIO_NUM     7      /* of 10 */
#define PROBE_MIN_MS  5000
#define PROBE_MAX_MS  300000
#define DOUBLINGS_MAX 6
#define TRIAL_MIN     4  /* attempts after closing that may open it again */
#define TRIAL_OVER    20 /* attempts after which it is trusted */
#define DIFFERENT_MAX 32 /* of 64 bits: more say little */

static void roll(struct breaker *breaker, int64_t now_ms)
{
    if (now_ms - breaker->half_ms < HALF_MS) {
        return;
    }
    bool is_next = now_ms - breaker->half_ms < 2LL * HALF_MS;

    breaker->attempts[1] = is_next ? breaker->attempts[0] : 0;
    breaker->failures[1] = is_next ? breaker->failures[0] : 0;
    breaker->different[1] = is_next ? breaker->different[0] : 0;
    breaker->attempts[0] = 0;
    breaker->failures[0] = 0;
    breaker->different[0] = 0;
    breaker->half_ms = now_ms;
}

static void counts_clear(struct breaker *breaker)
{
    for (int half = 0; half < 2; half++) {
        breaker->attempts[half] = 0;
        breaker->failures[half] = 0;
        breaker->different[half] = 0;
    }
}

/* Successive numbers fall far from each other. */
static uint64_t message_bit(uint64_t message)
{
    return 1ULL << (message * 0x9e3779b97f4a7c15ULL >> 58);
}

static uint32_t bits_of(uint64_t word)
{
    return (uint32_t)__builtin_popcountll(word);
}

static bool is_too_much(const struct breaker *breaker)
{
    uint32_t attempts = breaker->attempts[0] + breaker->attempts[1];
    uint32_t failures = breaker->failures[0] + breaker->failures[1];
    uint32_t different = bits_of(breaker->different[0] | breaker->different[1]);
    bool is_trial = breaker->state == BREAKER_TRIAL;
    uint32_t min = is_trial ? TRIAL_MIN : breaker->min_before;
    uint32_t different_min = is_trial ? 1 : breaker->min_before - breaker->min_before / 5;

    different_min = different_min < DIFFERENT_MAX ? different_min : DIFFERENT_MAX;
    return breaker->min_before > 0 && attempts >= min && different >= different_min
           && !mutant("delivery.breaker-never-opens")
           && (uint64_t)failures * 10 >= (uint64_t)attempts * RATIO_NUM;
}

static int64_t probe_delay(const struct breaker *breaker, const struct breaker_outcome *outcome)
{
    uint32_t doublings = breaker->probes < DOUBLINGS_MAX ? breaker->probes : DOUBLINGS_MAX;
    int64_t delay_ms = (int64_t)PROBE_MIN_MS << doublings;

    delay_ms = delay_ms < PROBE_MAX_MS ? delay_ms : PROBE_MAX_MS;
    delay_ms =
        delay_ms - delay_ms / 4 + (int64_t)(outcome->chance % (uint64_t)(delay_ms / 2 + 1));
    return delay_ms > outcome->retry_after_ms ? delay_ms : outcome->retry_after_ms;
}

static void wait_for_probe(struct breaker *breaker, const struct breaker_outcome *outcome)
{
    breaker->state = BREAKER_OPEN;
    breaker->probe_ms = outcome->now_ms + probe_delay(breaker, outcome);
}

static enum breaker_change count_probe(struct breaker *breaker,
                                       const struct breaker_outcome *outcome)
{
    if (outcome->has_failed) {
        breaker->probes++;
        wait_for_probe(breaker, outcome);
        return BREAKER_STAYS;
    }
    counts_clear(breaker);
    breaker->half_ms = outcome->now_ms;
    breaker->state = BREAKER_TRIAL;
    return BREAKER_CLOSED_AGAIN;
}

enum breaker_change breaker_count(struct breaker *breaker,
                                  const struct breaker_outcome *outcome)
{
    if (breaker_is_open(breaker)) {
        /* What else ends now began before it opened, and says nothing new. */
        return outcome->was_probe ? count_probe(breaker, outcome) : BREAKER_STAYS;
    }
    roll(breaker, outcome->now_ms);
    breaker->attempts[0]++;
    if (outcome->has_failed) {
        breaker->failures[0]++;
        breaker->different[0] |= message_bit(outcome->message);
        if (is_too_much(breaker)) {
            breaker->opened_ms = outcome->now_ms;
            wait_for_probe(breaker, outcome);
            return BREAKER_OPENED;
        }
    }
    if (breaker->state == BREAKER_TRIAL
        && breaker->attempts[0] + breaker->attempts[1] >= TRIAL_OVER) {
        breaker->state = BREAKER_CLOSED;
        breaker->probes = 0;
    }
    return BREAKER_STAYS;
}

int64_t breaker_next_ms(const struct breaker *breaker)
{
    switch (breaker->state) {
    case BREAKER_CLOSED:
    case BREAKER_TRIAL: return 0;
    case BREAKER_OPEN: return breaker->probe_ms;
    case BREAKER_PROBING: break;
    }
    return INT64_MAX;
}

bool breaker_start(struct breaker *breaker)
{
    if (breaker->state == BREAKER_OPEN) {
        breaker->state = BREAKER_PROBING;
        return true;
    }
    return false;
}

void breaker_unasked(struct breaker *breaker)
{
    if (breaker->state == BREAKER_PROBING) {
        breaker->state = BREAKER_OPEN;
    }
}

bool breaker_is_open(const struct breaker *breaker)
{
    return breaker->state == BREAKER_OPEN || breaker->state == BREAKER_PROBING;
}

int64_t breaker_parked_ms(const struct breaker *breaker, int64_t due_ms, int64_t now_ms)
{
    if (!breaker_is_open(breaker)) {
        return 0;
    }
    int64_t since_ms = due_ms > breaker->opened_ms ? due_ms : breaker->opened_ms;

    return now_ms > since_ms ? now_ms - since_ms : 0;
}

bool breaker_is_rested(const struct breaker *breaker, int64_t now_ms)
{
    if (breaker_is_open(breaker)) {
        return breaker->state == BREAKER_OPEN && now_ms >= breaker->probe_ms;
    }
    return breaker->failures[0] + breaker->failures[1] == 0
           || now_ms - breaker->half_ms >= 2LL * HALF_MS;
}

void breaker_figures(const struct breaker *breaker, uint32_t *ret_failures,
                     uint32_t *ret_attempts)
{
    *ret_failures = breaker->failures[0] + breaker->failures[1];
    *ret_attempts = breaker->attempts[0] + breaker->attempts[1];
}
