/* A subscription's lane: how many deliveries may be under way for it, and which come next. */
#include "base/memory.h"
#include "delivery/internal.h"

static struct text lane_key(const uint32_t *subscription)
{
    return text_make(subscription, sizeof *subscription);
}

struct lane *lane_find(const struct deliveries *deliveries, uint32_t subscription)
{
    struct map_node *node = map_find(&deliveries->lanes, lane_key(&subscription));

    return node == NULL ? NULL : container_of(node, struct lane, map);
}

struct lane *lane_open(struct step *step, uint32_t topic, uint32_t subscription)
{
    struct deliveries *deliveries = deliveries_of(step);
    struct lane *lane = lane_find(deliveries, subscription);

    if (lane != NULL) {
        return lane;
    }
    lane = memory_zero(sizeof *lane);
    lane->deliveries = deliveries;
    lane->topic = topic;
    lane->subscription = subscription;
    lane->window = LANE_WINDOW_START;
    lane->next_due = INT64_MAX;
    lane->due_since = INT64_MAX;
    lane->pending_due = INT64_MAX;
    lane->timer.fire = lane_on_timer;
    list_init(&lane->waiting);
    list_init(&lane->flying);
    map_insert(&deliveries->lanes, &lane->map, lane_key(&lane->subscription));
    return lane;
}

void lane_close_if_idle(struct step *step, struct lane *lane)
{
    bool is_busy = lane->holds > 0 || lane->is_starting || lane->in_flight > 0
                   || lane->waiting_count > 0 || lane->is_hooked || lane->is_reading
                   || lane->next_due != INT64_MAX;

    if (is_busy) {
        return;
    }
    timer_cancel(step, &lane->timer);
    list_remove(&lane->global);
    map_remove(&lane->deliveries->lanes, &lane->map);
    memory_free(lane);
}

void lane_feedback(struct lane *lane, enum attempt_verdict verdict)
{
    if (verdict == ATTEMPT_RETRY) {
        lane->failing++;
        lane->successes = 0;
        lane->window = lane->window > 1 ? lane->window / 2 : 1;
        return;
    }
    lane->failing = 0;
    lane->successes++;
    if (lane->successes >= lane->window
        && lane->window < lane->deliveries->options.lane_window_max) {
        lane->window++;
        lane->successes = 0;
    }
}

static void lane_start(struct step *step, struct lane *lane, struct attempt *attempt)
{
    lane->in_flight++;
    lane->deliveries->in_flight++;
    list_push(&lane->flying, &attempt->node);
    attempt_prepare(step, attempt);
}

/* The next that waits, when the lane has room for it; NULL: none. */
static struct attempt *lane_take_waiting(struct lane *lane)
{
    struct deliveries *deliveries = lane->deliveries;

    if (lane->in_flight >= lane->window) {
        return NULL;
    }
    if (lane->waiting_count > 0 && deliveries->in_flight >= deliveries->options.in_flight_max) {
        if (!list_contains(&lane->global)) {
            list_push(&deliveries->starved, &lane->global);
        }
        return NULL;
    }
    struct list_node *node = list_pop(&lane->waiting);

    if (node == NULL) {
        return NULL;
    }
    lane->waiting_count--;
    return container_of(node, struct attempt, node);
}

/* Starts what waits while there is room; the lane may be gone afterwards. */
void lane_start_more(struct step *step, struct lane *lane)
{
    struct attempt *attempt = NULL;

    if (lane->is_starting) {
        return; /* the outer call goes on */
    }
    lane->is_starting = true;
    while ((attempt = lane_take_waiting(lane)) != NULL) {
        lane_start(step, lane, attempt);
    }
    lane->is_starting = false;
    if (lane->waiting_count == 0 && lane->in_flight < lane->window
        && lane->next_due <= step->now_ms) {
        lane_read_due(step, lane);
    }
    lane_close_if_idle(step, lane);
}

void lane_offer(struct step *step, struct lane *lane, struct attempt *attempt)
{
    if (lane->waiting_count >= LANE_WAITING_MAX) {
        attempt_finish(step, attempt, END_PARK);
        return;
    }
    list_push(&lane->waiting, &attempt->node);
    lane->waiting_count++;
    lane_start_more(step, lane);
}
