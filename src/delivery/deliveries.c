/* All deliveries of a cell: made, started, asked about, freed. */
#include "base/memory.h"
#include "delivery/internal.h"

struct deliveries *deliveries_create(const struct deliveries_options *options,
                                     const struct delivery_hooks *hooks)
{
    struct deliveries *deliveries = memory_zero(sizeof *deliveries);

    deliveries->options = *options;
    deliveries->hooks = *hooks;
    deliveries->backlog_timer.fire = backlog_on_timer;
    list_init(&deliveries->lost_rows);
    list_init(&deliveries->active);
    list_init(&deliveries->starts);
    list_init(&deliveries->late_starts);
    list_init(&deliveries->starved);
    list_init(&deliveries->doubted);
    list_init(&deliveries->resting);
    list_init(&deliveries->working);
    list_init(&deliveries->dispatching);
    deliveries->turn.fire = deliveries_turn;
    deliveries->relief.fire = relief_on_timer;
    deliveries->late.fire = attempts_on_late;
    return deliveries;
}

static void attempts_free(struct list *list)
{
    struct list_node *node = NULL;

    while ((node = list_pop(list)) != NULL) {
        attempt_free(container_of(node, struct attempt, node));
    }
}

void deliveries_free(struct deliveries *deliveries)
{
    struct map_node *node = NULL;

    if (deliveries == NULL) {
        return;
    }
    lost_rows_free(deliveries);
    while ((node = map_any(&deliveries->lanes)) != NULL) {
        struct lane *lane = container_of(node, struct lane, map);

        attempts_free(&lane->waiting);
        attempts_free(&lane->flying);
        lane_free(lane);
    }
    while ((node = map_pop(&deliveries->owed)) != NULL) {
        owed_free(container_of(node, struct owed, map));
    }
    map_free(&deliveries->lanes);
    map_free(&deliveries->attempts);
    map_free(&deliveries->owed);
    heap_free(&deliveries->oldest);
    memory_free(deliveries);
}

void deliveries_start(struct step *step, struct deliveries *deliveries)
{
    /* Not the numbers of an earlier life: an answer that is still on its way must not fit. */
    deliveries->next_id = (uint64_t)step->now_ms << 20;
    deliveries->has_backlog = true; /* until the first look says otherwise */
    backlog_read(step, deliveries);
    lanes_find(step);
}

void deliveries_drop(struct step *step, struct lane_id id)
{
    struct lane *lane = lane_find(deliveries_of(step), id.subscription);

    if (lane != NULL) {
        lane->is_gone = true;
        if (lane->rows.next_due != INT64_MAX) {
            lane_schedule(step, lane, step->now_ms);
        }
        lane_want(step, lane); /* which ends what is left of it */
    }
}

struct delivery_counters delivery_counters(const struct deliveries *deliveries)
{
    struct delivery_counters counters = deliveries->counters;

    counters.in_flight = deliveries->in_flight;
    counters.lanes = deliveries->lanes.count - deliveries->resting_count;
    counters.open_breakers = deliveries->open_breakers;
    counters.active_messages = deliveries->active_count;
    return counters;
}

int64_t deliveries_oldest_ms(const struct deliveries *deliveries)
{
    struct list_node *active = list_first(&deliveries->active);
    const struct heap_node *lane = heap_first(&deliveries->oldest);
    int64_t list_ms =
        active == NULL ? INT64_MAX : container_of(active, struct owed, node)->accepted_ms;
    int64_t lane_ms = lane == NULL ? INT64_MAX : lane->key;
    int64_t oldest_ms = list_ms < lane_ms ? list_ms : lane_ms;

    return oldest_ms == INT64_MAX ? 0 : oldest_ms;
}

struct lane_status lane_status(const struct deliveries *deliveries, struct lane_id id)
{
    const struct lane *lane = lane_find(deliveries, id.subscription);

    if (lane == NULL) {
        return (struct lane_status){0};
    }
    bool is_open = breaker_is_open(&lane->breaker);

    return (struct lane_status){
        .waiting = lane->rows.count + lane->waiting_count,
        .failing = lane->failing,
        .in_flight = lane->in_flight,
        .window = lane->window,
        .is_open = is_open,
        .opened_ms = is_open ? lane->breaker.opened_ms : 0,
        .probe_ms = lane->breaker.state == BREAKER_OPEN ? lane->breaker.probe_ms : 0,
    };
}

bool lane_next(const struct deliveries *deliveries, struct lane_id *io_lane)
{
    const struct lane *lane =
        io_lane->subscription == 0 ? NULL : lane_find(deliveries, io_lane->subscription);
    struct map_node *node = map_next(&deliveries->lanes, lane == NULL ? NULL : &lane->map);

    for (; node != NULL; node = map_next(&deliveries->lanes, node)) {
        lane = container_of(node, struct lane, map);
        if (lane->failing > 0 || !list_contains(&lane->rest)) {
            *io_lane =
                (struct lane_id){.topic = lane->topic, .subscription = lane->subscription};
            return true;
        }
    }
    return false;
}
