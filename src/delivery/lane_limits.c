/* What a lane may start: its window, its subscription's limits, its breaker. */
#include "base/memory.h"
#include "base/mutants.h"
#include "delivery/internal.h"

#include <stdio.h>

/* Until the limits are known, one attempt: it brings them. */
static uint32_t window_of(const struct lane *lane)
{
    bool is_capped = lane->limits.concurrency > 0 && lane->limits.concurrency < lane->window;

    if (!lane->knows_limits) {
        return 1;
    }
    return is_capped ? lane->limits.concurrency : lane->window;
}

/* What is left of it ends without anybody being asked. */
static bool asks_nobody(const struct lane *lane)
{
    return lane->is_gone || lane->limits.is_disabled;
}

/* Its endpoint seems to hang: what else it is owed would only hang, too, and take the room of
 * others. */
static bool lane_is_stalled(const struct lane *lane, int64_t now_ms)
{
    struct list_node *node = list_first(&lane->flying);
    int64_t patience_ms = (int64_t)lane->usual_ms * LANE_STALL_TIMES;

    if (node == NULL) {
        return false;
    }
    const struct attempt *oldest = container_of(node, struct attempt, node);

    patience_ms = patience_ms > LANE_STALL_MS ? patience_ms : LANE_STALL_MS;
    return oldest->stage == ATTEMPT_FLYING && oldest->flying_ms + patience_ms <= now_ms;
}

/* When one more may start, the global limit aside: not after `now_ms` when it may, INT64_MAX
 * when something has to end first. */
int64_t lane_next_start(const struct lane *lane, int64_t now_ms)
{
    if (lane->in_flight >= window_of(lane) && !mutant("delivery.window-ignored")) {
        return INT64_MAX;
    }
    if (asks_nobody(lane)) {
        return 0;
    }
    if (lane_is_stalled(lane, now_ms)) {
        return INT64_MAX;
    }
    int64_t next_ms = breaker_next_ms(&lane->breaker);

    if (next_ms > now_ms || lane->limits.per_second == 0) {
        return next_ms;
    }
    return rate_next_ms(&lane->rate, lane->limits.per_second, now_ms);
}

/* How many may start now, the global limit aside. */
uint32_t lane_room(const struct lane *lane, int64_t now_ms)
{
    if (lane_next_start(lane, now_ms) > now_ms) {
        return 0;
    }
    uint32_t room = window_of(lane) - lane->in_flight;

    if (asks_nobody(lane)) {
        return room;
    }
    if (breaker_is_open(&lane->breaker)) {
        return 1;
    }
    if (lane->limits.per_second > 0) {
        uint32_t of_rate = rate_room(&lane->rate, lane->limits.per_second, now_ms);

        room = of_rate < room ? of_rate : room;
    }
    return room;
}

void lane_pay(struct lane *lane, int64_t now_ms)
{
    if (lane->limits.per_second > 0) {
        rate_take(&lane->rate, lane->limits.per_second, now_ms);
    }
}

void lane_learn(struct step *step, struct lane *lane, struct text subscription_record)
{
    struct lane_id id = {lane->topic, lane->subscription};
    struct lane_limits limits = {0};

    if (!lane->knows_limits
        && lane->deliveries->hooks.limits(step, id, subscription_record, &limits)) {
        lane->limits = limits;
        lane->knows_limits = true;
        if (lane->in_flight > 0) {
            lane_pay(lane, step->now_ms); /* the attempt that brought them */
        }
    }
}

void deliveries_changed(struct step *step, struct lane_id id)
{
    struct deliveries *deliveries = deliveries_of(step);
    struct lane *one = id.subscription == 0 ? NULL : lane_find(deliveries, id.subscription);

    if (one != NULL) {
        one->knows_limits = false;
    }
    if (id.subscription != 0) {
        return;
    }
    for (struct map_node *node = map_next(&deliveries->lanes, NULL); node != NULL;
         node = map_next(&deliveries->lanes, node)) {
        struct lane *lane = container_of(node, struct lane, map);

        lane->knows_limits = lane->knows_limits && lane->topic != id.topic;
    }
}

/* A fresh one would do no different. */
bool lane_is_rested(const struct lane *lane, int64_t now_ms)
{
    return breaker_is_rested(&lane->breaker, now_ms) && rate_is_rested(&lane->rate, now_ms);
}

/* --- What an outcome teaches. */

static void window_count(struct lane *lane, bool has_failed)
{
    if (has_failed) {
        lane->failing++;
        lane->is_trusted = false;
        lane->successes = 0;
        lane->window = lane->window > 1 ? lane->window / 2 : 1;
        return;
    }
    lane->failing = 0;
    lane->is_trusted = true;
    lane->successes++;
    /* Back up to the start one for each that worked, then one for each window's worth. */
    if ((lane->window < LANE_WINDOW_START || lane->successes >= lane->window)
        && lane->window < lane->deliveries->options.lane_window_max) {
        lane->window++;
        lane->successes = 0;
    }
}

static void usual_learn(struct lane *lane, int64_t took_ms)
{
    took_ms = took_ms < 0 ? 0 : took_ms; /* a clock that was set back */
    took_ms = took_ms < RETRY_AFTER_MAX_MS ? took_ms : RETRY_AFTER_MAX_MS;
    /* The first says all there is to know: what takes half a minute by its nature does not
     * hang. */
    lane->usual_ms = lane->usual_ms == 0 ? (uint32_t)took_ms
                                         : (uint32_t)((lane->usual_ms * 7LL + took_ms + 7) / 8);
}

static void breaker_log(const struct attempt *attempt, const char *event, struct text reason)
{
    const struct lane *lane = attempt->lane;
    const struct deliveries_options *options = &lane->deliveries->options;
    struct delivery_event entry = {
        .event = event,
        .lane = {.topic = lane->topic, .subscription = lane->subscription},
        .message = attempt->message,
        .attempt = lane->failing,
        .next_ms = breaker_is_open(&lane->breaker) ? lane->breaker.probe_ms : 0,
        .reason = reason,
        .subscription_record = blob_text(attempt->subscription_record),
    };

    if (options->log != NULL) {
        options->log(options->log_context, &entry);
    }
}

/* Nothing of a lane whose breaker is open stays in memory. */
static void waiting_park(struct step *step, struct lane *lane)
{
    struct list_node *node = NULL;

    while ((node = list_pop(&lane->waiting)) != NULL) {
        lane->waiting_count--;
        attempt_finish(step, container_of(node, struct attempt, node), END_PARK);
    }
}

static void on_opened(struct step *step, struct attempt *attempt)
{
    struct lane *lane = attempt->lane;
    char reason[WHY_MAX];
    uint32_t failures = 0;
    uint32_t attempts = 0;

    breaker_figures(&lane->breaker, &failures, &attempts);
    (void)snprintf(reason, sizeof reason,
                   "%u of the last %u attempts failed, the last one: %.120s", failures,
                   attempts, attempt->reason);
    lane->deliveries->open_breakers++;
    lane->rows.probed = (struct row_place){0, 0};
    breaker_log(attempt, "breaker_open", text_from(reason));
    waiting_park(step, lane);
}

static void on_closed(struct attempt *attempt)
{
    struct lane *lane = attempt->lane;

    lane->deliveries->open_breakers--;
    lane->window = 1;
    lane->successes = 0;
    breaker_log(attempt, "breaker_closed", T("a probe was answered"));
}

/* Whether an endpoint confirms says little of how it takes what it is owed. */
static bool attempt_is_control(const struct attempt *attempt)
{
    const struct delivery_hooks *hooks = &attempt->lane->deliveries->hooks;

    return hooks->traits(blob_text(attempt->message_record)).is_control
           && !mutant("delivery.control-feeds-the-breaker");
}

void lane_feedback(struct step *step, struct attempt *attempt,
                   const struct attempt_outcome *outcome)
{
    struct lane *lane = attempt->lane;
    struct breaker_outcome said = {
        .now_ms = step->now_ms,
        .message = attempt->message,
        .has_failed = outcome->verdict == ATTEMPT_RETRY,
        .was_probe = attempt->is_probe,
        .retry_after_ms = outcome->retry_after_ms < RETRY_AFTER_MAX_MS ? outcome->retry_after_ms
                                                                       : RETRY_AFTER_MAX_MS,
        .chance = random_u64(step->random),
    };

    window_count(lane, said.has_failed);
    if (!said.has_failed) {
        usual_learn(lane, step->now_ms - attempt->flying_ms);
    }
    bool is_of_interest = attempt->is_probe || !attempt_is_control(attempt);

    switch (is_of_interest ? breaker_count(&lane->breaker, &said) : BREAKER_STAYS) {
    case BREAKER_STAYS: break;
    case BREAKER_OPENED: on_opened(step, attempt); break;
    case BREAKER_CLOSED_AGAIN: on_closed(attempt); break;
    }
}
