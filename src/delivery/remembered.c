/* What the history gets to know of an attempt. */
#include "base/memory.h"
#include "delivery/internal.h"

#include <string.h>

/* A copy that lives until the outcome is written. */
struct heard {
    struct attempt_detail detail;
    char peer[64];
    char answer[ATTEMPT_ANSWER_MAX];
};

static struct text keep(char *to, size_t size, struct text text)
{
    size_t len = text.len < size ? text.len : size;

    if (len > 0) {
        memcpy(to, text.at, len);
    }
    return text_make(to, len);
}

void attempt_hear(struct step *step, struct attempt *attempt,
                  const struct attempt_outcome *outcome)
{
    bool is_success = outcome->verdict == ATTEMPT_DELIVERED;
    bool is_wanted = history_wants_attempt(step, is_success && attempt->made == 1);

    if (outcome->detail == NULL || attempt->heard != NULL || !is_wanted) {
        return;
    }
    /* Of a success nobody reads the answer. */
    size_t size = is_success ? offsetof(struct heard, answer) : sizeof(struct heard);
    struct heard *heard = memory_zero(size);

    heard->detail = *outcome->detail;
    heard->detail.peer = keep(heard->peer, sizeof heard->peer, outcome->detail->peer);
    heard->detail.answer =
        is_success ? (struct text){0}
                   : keep(heard->answer, sizeof heard->answer, outcome->detail->answer);
    attempt->heard = heard;
}

static bool is_worth_it(const struct step *step, const struct attempt *attempt)
{
    bool is_success = attempt->end == END_DELIVERED;
    bool was_made = attempt->end != END_PARK || (attempt->is_probe && attempt->heard != NULL);

    /* A queue of this daemon: that it was delivered says the queue itself. */
    return attempt->end != END_GONE && was_made && !(is_success && attempt->is_local)
           && history_wants_attempt(step, is_success && attempt->made <= 1);
}

static enum attempt_fate fate_of(const struct attempt *attempt)
{
    switch (attempt->end) {
    case END_RETRY: return FATE_RETRY;
    case END_PARK: return FATE_PARKED;
    case END_DEAD: return attempt->is_dead_lettered ? FATE_DEAD_LETTERED : FATE_LOST;
    case END_LOST: return FATE_LOST;
    case END_DELIVERED:
    case END_GONE: break;
    }
    return FATE_DELIVERED;
}

static int64_t next_of(const struct attempt *attempt)
{
    if (attempt->end == END_PARK) {
        return attempt->lane->breaker.probe_ms;
    }
    return attempt->end == END_RETRY ? attempt->due_ms : 0;
}

void attempt_remember(struct step *step, const struct attempt *attempt)
{
    bool is_success = attempt->end == END_DELIVERED;
    struct attempt_record record = {
        .message = attempt->message,
        .topic = attempt->lane->topic,
        .subscription = attempt->lane->subscription,
        .ended_ms = step->now_ms,
        .attempt = attempt->made + (attempt->end == END_PARK), /* a probe does not count */
        .fate = fate_of(attempt),
        .next_ms = next_of(attempt),
        .reason = is_success ? (struct text){0} : text_from(attempt->reason),
        .target = text_from(attempt->target),
    };

    if (!is_worth_it(step, attempt)) {
        return;
    }
    if (attempt->heard != NULL) {
        record.detail = attempt->heard->detail;
    }
    history_add_attempt(step, &record);
}
