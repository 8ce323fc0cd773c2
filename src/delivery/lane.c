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
    lane_want(step, container_of(timer, struct lane, pause));
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
    lane->breaker.min_before = deliveries->options.breaker_min;
    lane->is_ordered =
        deliveries->hooks.is_ordered(step, (struct lane_id){topic, subscription});
    lane_rows_init(lane);
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
    list_remove(&lane->work);
    deliveries->open_breakers -= breaker_is_open(&lane->breaker);
    heap_remove(&deliveries->oldest, &lane->rows.oldest);
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

static bool is_busy(const struct lane *lane)
{
    return list_contains(&lane->work) || !list_is_empty(&lane->flying)
           || lane->waiting_count > 0 || lane->rows.is_hooked || lane->rows.is_reading
           || lane->rows.next_due != INT64_MAX;
}

static void lane_close_if_idle(struct step *step, struct lane *lane)
{
    struct deliveries *deliveries = lane->deliveries;

    if (is_busy(lane)) {
        return;
    }
    timer_cancel(step, &lane->rows.timer);
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

/* Whoever waits for the global limit comes before whoever comes now; being chosen counts once.
 */
static bool lane_may_go(struct lane *lane, bool *io_is_chosen)
{
    struct deliveries *deliveries = lane->deliveries;
    bool may_go = lane->is_trusted ? has_room(deliveries) : has_room_for_trials(deliveries);
    struct list *others = lane->is_trusted ? &deliveries->starved : &deliveries->doubted;

    if (may_go && (*io_is_chosen || list_is_empty(others))) {
        *io_is_chosen = false;
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

struct lane *lane_next_starved(struct deliveries *deliveries)
{
    struct list_node *node = starved_pop(deliveries);

    return node == NULL ? NULL : container_of(node, struct lane, global);
}

/* --- Starting. */

static void lane_start(struct step *step, struct lane *lane, struct attempt *attempt)
{
    turn_count(lane->deliveries);
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

/* The one whose turn it is among those that wait; NULL: none can go now. */
static struct attempt *lane_first_waiting(struct step *step, struct lane *lane)
{
    struct list_node *node = list_first(&lane->waiting);
    int64_t wake_ms = INT64_MAX;

    if (node == NULL || !lane->is_ordered) {
        return node == NULL ? NULL : container_of(node, struct attempt, node);
    }
    struct attempt *attempt = lane_first_in_order(step, lane, &wake_ms);

    pause_until(step, lane, wake_ms);
    return attempt;
}

/* The next that waits, when the lane has room for it; NULL: none. */
static struct attempt *lane_take_waiting(struct step *step, struct lane *lane,
                                         bool *io_is_chosen)
{
    struct attempt *attempt = lane_first_waiting(step, lane);

    if (attempt == NULL) {
        return NULL;
    }
    int64_t at_ms = attempt->is_expired ? 0 : lane_next_start(lane, step->now_ms);

    if (at_ms > step->now_ms) {
        pause_until(step, lane, at_ms);
        return NULL;
    }
    if (!lane_may_go(lane, io_is_chosen)) {
        return NULL;
    }
    list_remove(&attempt->node);
    lane->waiting_count--;
    if (!attempt->is_expired) {
        attempt->is_probe = breaker_start(&lane->breaker);
        lane_pay(lane, step->now_ms);
    }
    return attempt;
}

/* Where an order is kept the rows in front of what waits come into memory however much that is.
 */
static bool has_enough(const struct lane *lane)
{
    struct list_node *first = list_first(&lane->waiting);

    if (first == NULL || !lane->is_ordered) {
        return first != NULL;
    }
    return lane->waiting_count >= LANE_WAITING_MAX
           && lane_is_clear_for(lane, container_of(first, struct attempt, node));
}

static bool wants_rows(const struct lane *lane, int64_t now_ms)
{
    return lane->rows.next_due <= now_ms && !lane->rows.is_reading && !has_enough(lane);
}

static void rows_want(struct step *step, struct lane *lane, bool *io_is_chosen)
{
    int64_t at_ms = lane_next_start(lane, step->now_ms);

    if (at_ms > step->now_ms) {
        pause_until(step, lane, at_ms);
    } else if (lane_may_go(lane, io_is_chosen)) {
        lane_read_due(step, lane);
    }
}

void lane_work(struct step *step, struct lane *lane, bool is_chosen)
{
    const struct deliveries *deliveries = lane->deliveries;
    struct attempt *attempt = NULL;
    bool has_more = true;

    while (has_more && deliveries->turn_left > 0) {
        attempt = lane_take_waiting(step, lane, &is_chosen);
        has_more = attempt != NULL;
        if (has_more) {
            lane_start(step, lane, attempt);
        }
    }
    if (has_more) {
        lane_want(step, lane);
    } else if (wants_rows(lane, step->now_ms)) {
        rows_want(step, lane, &is_chosen);
    }
    lane_close_if_idle(step, lane);
}

void lane_push_waiting(struct lane *lane, struct attempt *attempt)
{
    if (lane->is_ordered) {
        lane_push_in_order(lane, attempt);
    } else {
        list_push(&lane->waiting, &attempt->node);
    }
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

/* Of a lane that keeps an order what is on disk is read in front of what waits: it needs room.
 */
static uint32_t waiting_max(const struct lane *lane)
{
    return lane->is_ordered && lane_has_unread_rows(lane) ? LANE_WAITING_MAX / 2
                                                          : LANE_WAITING_MAX;
}

void lane_offer(struct step *step, struct lane *lane, struct attempt *attempt)
{
    bool may_start =
        lane->waiting_count == 0 && lane_next_start(lane, step->now_ms) <= step->now_ms;
    bool has_rows = !lane->is_ordered && lane_has_due_rows(lane, step->now_ms);
    bool is_late = !may_start
                   && (lane->waiting_count >= waiting_max(lane) || has_rows
                       || lane_is_held(lane, step->now_ms));

    attempt->since_ms = step->now_ms;
    /* What came before is on disk: it goes first. */
    if (is_late || (has_rows && lane->limits.per_second > 0)) {
        attempt_finish(step, attempt, END_PARK);
        return;
    }
    lane_push_waiting(lane, attempt);
    lane_work(step, lane, false);
}
