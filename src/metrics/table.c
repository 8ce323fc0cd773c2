/* The families of metrics: a row each. */
#include "metrics/internal.h"

static double age_s(int64_t now_ms, int64_t since_ms)
{
    return since_ms == 0 ? 0.0 : (double)(now_ms - since_ms) / 1000.0;
}

/* --- Of the daemon. */

#define READ(function, figure)                                    \
    static double function(const struct metrics_sources *sources) \
    {                                                             \
        return (double)(figure);                                  \
    }

READ(http_requests, net_server_counters(sources->net).requests_total)
READ(http_connections, net_server_counters(sources->net).connections_open)
READ(http_refused, net_server_counters(sources->net).refused_total)
READ(http_evicted, net_server_counters(sources->net).evicted_total)
READ(http_held, net_server_counters(sources->net).held_bytes)
READ(api_requests, api_counters(sources->api).requests)
READ(api_client_errors, api_counters(sources->api).errors_client)
READ(api_server_errors, api_counters(sources->api).errors_server)
READ(topics, router_topic_count(cell_router(sources->cell)))
READ(queues, queues_count(cell_queues(sources->cell)))
READ(published, router_counters(cell_router(sources->cell)).published)
READ(matched, router_counters(cell_router(sources->cell)).matched)
READ(regex_over, router_counters(cell_router(sources->cell)).regex_over)
READ(filtered_out, router_counters(cell_router(sources->cell)).filtered_out)
READ(uncommitted, cell_uncommitted_bytes(sources->cell))
READ(history_bytes, cell_history(sources->cell).bytes)
READ(attempts_recorded, cell_history(sources->cell).attempts)
READ(data_keys, cell_seals(sources->cell).data_keys)
READ(stale_data_keys, cell_seals(sources->cell).stale)
READ(rows_sealed, cell_seals(sources->cell).rows_sealed)
READ(rows_opened, cell_seals(sources->cell).rows_opened)
READ(clock_ahead_s, (double)sources->clock_ahead_us / 1e6)
READ(damaged, cell_damaged(sources->cell))
READ(mended, cell_mended(sources->cell))
READ(signing_failed, sources->signing_failed)
READ(disk_free, store_free_bytes(sources->store))
READ(turn_count, sources->turns->count)
READ(turns_busy_s, (double)sources->turns->busy_ns / 1e9)
READ(delivered, delivery_counters(cell_deliveries(sources->cell)).delivered)
READ(attempts, delivery_counters(cell_deliveries(sources->cell)).attempts)
READ(retried, delivery_counters(cell_deliveries(sources->cell)).retried)
READ(dead_lettered, delivery_counters(cell_deliveries(sources->cell)).dead_lettered)
READ(lost, delivery_counters(cell_deliveries(sources->cell)).lost)
READ(in_flight, delivery_counters(cell_deliveries(sources->cell)).in_flight)
READ(open_breakers, delivery_counters(cell_deliveries(sources->cell)).open_breakers)
READ(undelivered_s,
     age_s(cell_now_ms(sources->cell), deliveries_oldest_ms(cell_deliveries(sources->cell))))

static double turn_longest_s(const struct metrics_sources *sources)
{
    sources->turns->was_read = true;
    return (double)sources->turns->longest_ns / 1e9;
}

/* --- Of a queue. */

static double queue_visible(const struct queue *queue, int64_t now_ms)
{
    (void)now_ms;
    return (double)queue_counts(queue).visible;
}

static double queue_in_flight(const struct queue *queue, int64_t now_ms)
{
    (void)now_ms;
    return (double)queue_counts(queue).in_flight;
}

static double queue_delayed(const struct queue *queue, int64_t now_ms)
{
    (void)now_ms;
    return (double)queue_counts(queue).delayed;
}

static double queue_oldest_s(const struct queue *queue, int64_t now_ms)
{
    return age_s(now_ms, queue_oldest_ms(queue));
}

/* --- Of a subscription. */

static double lane_waiting(const struct lane_status *lane)
{
    return (double)lane->waiting;
}

static double lane_failing(const struct lane_status *lane)
{
    return (double)lane->failing;
}

static double lane_open(const struct lane_status *lane)
{
    return (double)lane->is_open;
}

static double lane_parked(const struct lane_status *lane)
{
    return lane->is_open ? (double)lane->waiting : 0.0;
}

#define COUNTER(name, function, help)           \
    {                                           \
        name, "counter", help, .read = function \
    }
#define GAUGE(name, function, help)           \
    {                                         \
        name, "gauge", help, .read = function \
    }
#define QUEUES(name, function, help)              \
    {                                             \
        name, "gauge", help, .of_queue = function \
    }
#define LANES(name, function, help)              \
    {                                            \
        name, "gauge", help, .of_lane = function \
    }

const struct metric metrics_table[] = {
    COUNTER("fanfare_http_requests_total", http_requests, "HTTP requests received."),
    GAUGE("fanfare_http_connections", http_connections, "Connections open."),
    COUNTER("fanfare_http_refused_total", http_refused,
            "Requests and connections refused before they meant anything."),
    COUNTER("fanfare_http_connections_evicted_total", http_evicted,
            "Idle connections closed to make room for others."),
    GAUGE("fanfare_http_held_bytes", http_held,
          "Bytes that request bodies and answers under way hold."),
    COUNTER("fanfare_api_requests_total", api_requests, "AWS requests."),
    COUNTER("fanfare_api_client_errors_total", api_client_errors,
            "AWS requests answered with a client's error."),
    COUNTER("fanfare_api_server_errors_total", api_server_errors,
            "AWS requests answered with an error of this server."),
    GAUGE("fanfare_topics", topics, "Topics."),
    GAUGE("fanfare_queues", queues, "Queues."),
    COUNTER("fanfare_messages_published_total", published,
            "Messages accepted by Publish and PublishBatch."),
    COUNTER("fanfare_messages_matched_total", matched, "Subscriptions that messages matched."),
    COUNTER("fanfare_messages_filtered_out_total", filtered_out,
            "Subscriptions whose filter policy excluded a message."),
    COUNTER("fanfare_filter_regex_limit_total", regex_over,
            "Matches of regular expressions in filter policies that were given up at a limit, "
            "which counts as no match: fanfare why tells of each."),
    GAUGE("fanfare_uncommitted_bytes", uncommitted, "Bytes on their way to disk."),
    GAUGE("fanfare_history_bytes", history_bytes,
          "Bytes of messages since the oldest that the history keeps."),
    GAUGE("fanfare_attempts_recorded", attempts_recorded, "Attempts that are recorded."),
    GAUGE("fanfare_data_keys", data_keys, "Data keys that messages on disk may need."),
    GAUGE("fanfare_stale_data_keys", stale_data_keys,
          "Data keys that an older master key wrapped: above 0, it is still needed."),
    COUNTER("fanfare_rows_sealed_total", rows_sealed, "Rows encrypted on their way to disk."),
    COUNTER("fanfare_rows_opened_total", rows_opened, "Rows of the disk that were decrypted."),
    GAUGE("fanfare_clock_ahead_seconds", clock_ahead_s,
          "How far the wall clock is ahead of the time that leases and retries go by."),
    GAUGE("fanfare_damaged_records", damaged,
          "Records found missing or damaged since the start: the log names each."),
    GAUGE("fanfare_mended_records", mended,
          "Records found wrong since the start and made right without loss: counters that were "
          "counted again."),
    GAUGE("fanfare_signing_failed", signing_failed,
          "1: there is no key to sign with, and what needs a signature is not delivered."),
    GAUGE("fanfare_disk_free_bytes", disk_free,
          "Bytes that the data directory may still take."),
    COUNTER("fanfare_loop_turns_total", turn_count,
            "Turns of the loop that does everything but the disk."),
    COUNTER("fanfare_loop_busy_seconds_total", turns_busy_s,
            "Time that these turns took, without the sleep between them."),
    GAUGE("fanfare_loop_turn_seconds_max", turn_longest_s,
          "The longest of them since this page was read last."),
    COUNTER("fanfare_deliveries_delivered_total", delivered, "Deliveries that endpoints took."),
    COUNTER("fanfare_delivery_attempts_total", attempts, "Attempts made."),
    COUNTER("fanfare_deliveries_retried_total", retried,
            "Attempts that failed and will be repeated."),
    COUNTER("fanfare_deliveries_dead_lettered_total", dead_lettered,
            "Deliveries that ended in a dead-letter queue."),
    COUNTER("fanfare_deliveries_lost_total", lost,
            "Deliveries given up for which no dead-letter queue was there."),
    GAUGE("fanfare_deliveries_in_flight", in_flight, "Attempts under way."),
    GAUGE("fanfare_oldest_undelivered_seconds", undelivered_s,
          "Age of the oldest message with a delivery outstanding."),
    GAUGE("fanfare_breakers_open", open_breakers,
          "Subscriptions whose endpoint fails so much that deliveries are parked."),
    LANES("fanfare_subscription_waiting", lane_waiting,
          "Deliveries waiting for their subscription's endpoint."),
    LANES("fanfare_subscription_failing", lane_failing, "Attempts in a row that failed."),
    LANES("fanfare_subscription_breaker_open", lane_open,
          "1 while deliveries are parked and single ones ask whether the endpoint is back."),
    LANES("fanfare_subscription_parked", lane_parked,
          "Deliveries that wait for an open breaker, as far as they were met since the start."),
    QUEUES("fanfare_queue_visible", queue_visible, "Messages that may be received."),
    QUEUES("fanfare_queue_in_flight", queue_in_flight,
           "Messages received and not deleted yet."),
    QUEUES("fanfare_queue_delayed", queue_delayed, "Messages that are delayed."),
    QUEUES("fanfare_queue_oldest_seconds", queue_oldest_s, "Age of the oldest message."),
    {.name = NULL},
};
