/* A subscription's lane: which deliveries come next, and whose turn it is when there is room
 * for some only. */
#include "base/memory.h"
#include "delivery/internal.h"

static struct text lane_key(const uint32_t *subscription)
{
    return text_make(subscription, sizeof *subscription);
}

static void lane_on_pause(struct timer *timer, struct step *step)
{
    lane_start_more(step, container_of(timer, struct lane, pause));
}

static void lane_on_due(struct timer *timer, struct step *step)
{
    lane_start_more(step, container_of(timer, struct lane, timer));
}

struct lane *lane_find(const struct deliveries *deliveries, uint32_t subscription)
{
    struct map_node *node = map_find(&deliveries->lanes, lane_key(&subscription));

    return node == NULL ? NULL : container_of(node, struct lane, map);
}

static void lane_wake(struct lane *lane)
{
    if (list_contains(&lane->rest)) {
        list_remove(&lane->rest);
        lane->deliveries->resting_count--;
    }
}

struct lane *lane_open(struct step *step, uint32_t topic, uint32_t subscription)
{
    struct deliveries *deliveries = deliveries_of(step);
    struct lane *lane = lane_find(deliveries, subscription);

    if (lane != NULL) {
        lane_wake(lane);
        return lane;
    }
    lane = memory_zero(sizeof *lane);
    lane->deliveries = deliveries;
    lane->topic = topic;
    lane->subscription = subscription;
    lane->window = LANE_WINDOW_FIRST;
    lane->next_due = INT64_MAX;
    lane->due_since = INT64_MAX;
    lane->pending_due = INT64_MAX;
    lane->late_due = INT64_MAX;
    lane->breaker.min_before = deliveries->options.breaker_min;
    lane->timer.fire = lane_on_due;
    lane->pause.fire = lane_on_pause;
    list_init(&lane->waiting);
    list_init(&lane->flying);
    map_insert(&deliveries->lanes, &lane->map, lane_key(&lane->subscription));
    lane_learn(step, lane, (struct text){0});
    return lane;
}

/* --- Without work. */

void lane_free(struct lane *lane)
{
    struct deliveries *deliveries = lane->deliveries;

    lane_wake(lane);
    list_remove(&lane->global);
    deliveries->open_breakers -= breaker_is_open(&lane->breaker);
    map_remove(&deliveries->lanes, &lane->map);
    memory_free(lane);
}

/* Keeps those that rest within their bound; one that still has something to remember is passed
 * over. */
static void resting_trim(struct step *step, struct deliveries *deliveries)
{
    struct list_node *node = NULL;

    for (int tries = 0; tries < 4 && deliveries->resting_count > LANES_RESTING_MAX
                        && (node = list_first(&deliveries->resting)) != NULL;
         tries++) {
        struct lane *lane = container_of(node, struct lane, rest);

        if (lane_is_rested(lane, step->now_ms)) {
            lane_free(lane);
        } else {
            list_remove(node);
            list_push(&deliveries->resting, node);
        }
    }
}

void lane_close_if_idle(struct step *step, struct lane *lane)
{
    struct deliveries *deliveries = lane->deliveries;
    bool is_busy = lane->holds > 0 || lane->is_starting || lane->in_flight > 0
                   || lane->waiting_count > 0 || lane->is_hooked || lane->is_reading
                   || lane->next_due != INT64_MAX;

    if (is_busy) {
        return;
    }
    timer_cancel(step, &lane->timer);
    timer_cancel(step, &lane->pause);
    list_remove(&lane->global);
    lane_wake(lane);
    if (lane->is_gone) {
        lane_free(lane);
        return;
    }
    list_push(&deliveries->resting, &lane->rest);
    deliveries->resting_count++;
    resting_trim(step, deliveries);
}

/* --- Whose turn it is. */

static bool has_room(const struct deliveries *deliveries)
{
    return deliveries->in_flight + deliveries->reading < deliveries->options.in_flight_max;
}

static bool has_room_for_trials(const struct deliveries *deliveries)
{
    return has_room(deliveries)
           && deliveries->trials < (deliveries->options.in_flight_max + 1) / 2;
}

/* Whoever waits for the global limit comes before whoever comes now. */
static bool lane_may_go(struct lane *lane)
{
    struct deliveries *deliveries = lane->deliveries;
    bool may_go = lane->is_trusted ? has_room(deliveries) : has_room_for_trials(deliveries);
    struct list *others = lane->is_trusted ? &deliveries->starved : &deliveries->doubted;

    if (may_go && (lane->has_turn || list_is_empty(others))) {
        lane->has_turn = false;
        return true;
    }
    if (!list_contains(&lane->global)) {
        list_push(others, &lane->global);
    }
    return false;
}

/* Who is next: one that is trusted and one that is not, in turn. */
static struct list_node *starved_pop(struct deliveries *deliveries)
{
    struct list_node *node = NULL;
    bool may_try = has_room_for_trials(deliveries);

    deliveries->is_turn_of_doubted = !deliveries->is_turn_of_doubted;
    if (may_try && deliveries->is_turn_of_doubted) {
        node = list_pop(&deliveries->doubted);
    }
    if (node == NULL && has_room(deliveries)) {
        node = list_pop(&deliveries->starved);
    }
    return node == NULL && may_try ? list_pop(&deliveries->doubted) : node;
}

/* One from each in turn, while there is room. */
void lanes_share(struct step *step, struct deliveries *deliveries)
{
    struct list_node *node = NULL;

    if (deliveries->is_sharing) {
        return; /* the outer call goes on */
    }
    deliveries->is_sharing = true;
    while ((node = starved_pop(deliveries)) != NULL) {
        struct lane *lane = container_of(node, struct lane, global);

        lane->has_turn = true;
        lane->holds++;
        lane_start_more(step, lane);
        lane->holds--;
        lane->has_turn = false;
        lane_close_if_idle(step, lane);
    }
    deliveries->is_sharing = false;
}

/* --- Starting. */

static void lane_start(struct step *step, struct lane *lane, struct attempt *attempt)
{
    lane->in_flight++;
    lane->deliveries->in_flight++;
    attempt->is_trial = !lane->is_trusted;
    lane->deliveries->trials += attempt->is_trial;
    list_push(&lane->flying, &attempt->node);
    attempt_prepare(step, attempt);
}

static void pause_until(struct step *step, struct lane *lane, int64_t at_ms)
{
    if (at_ms != INT64_MAX) {
        timer_set(step, &lane->pause, at_ms);
    }
}

/* The next that waits, when the lane has room for it; NULL: none. */
static struct attempt *lane_take_waiting(struct step *step, struct lane *lane)
{
    struct list_node *node = list_first(&lane->waiting);

    if (node == NULL) {
        return NULL;
    }
    struct attempt *attempt = container_of(node, struct attempt, node);
    int64_t at_ms = attempt->is_expired ? 0 : lane_next_start(lane, step->now_ms);

    if (at_ms > step->now_ms) {
        pause_until(step, lane, at_ms);
        return NULL;
    }
    if (!lane_may_go(lane)) {
        return NULL;
    }
    list_remove(node);
    lane->waiting_count--;
    if (!attempt->is_expired) {
        attempt->is_probe = breaker_start(&lane->breaker);
        lane_pay(lane, step->now_ms);
    }
    return attempt;
}

static void rows_want(struct step *step, struct lane *lane)
{
    int64_t at_ms = lane_next_start(lane, step->now_ms);

    if (at_ms > step->now_ms) {
        pause_until(step, lane, at_ms);
    } else if (!lane->is_reading && lane_may_go(lane)) {
        lane_read_due(step, lane);
    }
}

/* Starts what waits while there is room; the lane may be gone afterwards. */
void lane_start_more(struct step *step, struct lane *lane)
{
    struct attempt *attempt = NULL;

    if (lane->is_starting) {
        return; /* the outer call goes on */
    }
    lane->is_starting = true;
    while ((attempt = lane_take_waiting(step, lane)) != NULL) {
        lane_start(step, lane, attempt);
    }
    lane->is_starting = false;
    if (lane->waiting_count == 0 && lane->next_due <= step->now_ms) {
        rows_want(step, lane);
    }
    lane_close_if_idle(step, lane);
}

void lane_push_waiting(struct lane *lane, struct attempt *attempt)
{
    list_push(&lane->waiting, &attempt->node);
    lane->waiting_count++;
}

/* Its rate or its breaker holds it back, or its endpoint just failed: nothing of it that has a
 * place on disk is kept in memory. */
static bool lane_is_held(const struct lane *lane, int64_t now_ms)
{
    return lane->failing > 0 || breaker_next_ms(&lane->breaker) > now_ms
           || (lane->limits.per_second > 0
               && rate_next_ms(&lane->rate, lane->limits.per_second, now_ms) > now_ms);
}

void lane_offer(struct step *step, struct lane *lane, struct attempt *attempt)
{
    bool may_start =
        lane->waiting_count == 0 && lane_next_start(lane, step->now_ms) <= step->now_ms;
    bool has_rows = lane_has_due_rows(lane, step->now_ms);
    bool is_late = !may_start
                   && (lane->waiting_count >= LANE_WAITING_MAX || has_rows
                       || lane_is_held(lane, step->now_ms));

    attempt->since_ms = step->now_ms;
    /* What came before is on disk: it goes first. */
    if (is_late || (has_rows && lane->limits.per_second > 0)) {
        attempt_finish(step, attempt, END_PARK);
        return;
    }
    lane_push_waiting(lane, attempt);
    lane_start_more(step, lane);
}
