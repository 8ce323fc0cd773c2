/* The daemon's own pages: health, metrics, the signing certificate. */
#include "base/clock.h"
#include "daemon/pages.h"

#define PAGE_MAX ((size_t)64 * 1024 * 1024)

/* --- Health. */

static const char *health_status(const struct server *server, bool is_tight)
{
    bool is_degraded = server->signing_failed || is_tight || cell_damaged(server->cell) > 0;

    return server->is_stopping ? "stopping" : is_degraded ? "degraded" : "ok";
}

static void page_health(struct server *server, struct http_request *request)
{
    struct router_progress progress = router_progress(cell_router(server->cell));
    bool is_tight =
        store_free_bytes(server->store) < (uint64_t)server->settings->free_space_watermark;
    struct buffer body;

    buffer_init(&body, 4096);
    buffer_printf(
        &body,
        "{\"status\":\"%s\",\"version\":\"" FANFARE_VERSION
        "\",\"services\":{\"sns\":\"running\",\"sqs\":\"running\",\"sts\":\"running\"},"
        "\"subscriptions_loaded\":%llu,\"indexes_complete\":%s,\"disk\":\"%s\","
        "\"damaged_records\":%llu,\"signing\":\"%s\"}\n",
        health_status(server, is_tight), (unsigned long long)progress.subscriptions_loaded,
        progress.done ? "true" : "false", is_tight ? "low" : "ok",
        (unsigned long long)cell_damaged(server->cell),
        server->signing_failed                            ? "failed"
        : signer_certificate_name(server->signer).len > 0 ? "ok"
                                                          : "starting");
    page_answer(request, server->is_stopping ? 503 : 200, T("application/json"),
                buffer_text(&body));
    buffer_free(&body);
}

/* --- Metrics, in Prometheus' text form. */

/* A label's value: quotes, backslashes and line ends are escaped. */
static void add_label(struct buffer *to, const char *name, struct text value)
{
    buffer_printf(to, "%s=\"", name);
    for (size_t i = 0; i < value.len; i++) {
        char byte = value.at[i];

        if (byte == '"' || byte == '\\') {
            buffer_add_byte(to, '\\');
        }
        if (byte == '\n') {
            buffer_add_string(to, "\\n");
        } else {
            buffer_add_byte(to, byte);
        }
    }
    buffer_add_byte(to, '"');
}

static void add_family(struct buffer *to, const char *name, const char *type, const char *help)
{
    buffer_printf(to, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void add_value(struct buffer *to, const char *name, const char *type, uint64_t value,
                      const char *help)
{
    add_family(to, name, type, help);
    buffer_printf(to, "%s %llu\n", name, (unsigned long long)value);
}

static double age_s(int64_t now_ms, int64_t since_ms)
{
    return since_ms == 0 ? 0.0 : (double)(now_ms - since_ms) / 1000.0;
}

enum queue_figure {
    FIGURE_VISIBLE,
    FIGURE_IN_FLIGHT,
    FIGURE_DELAYED,
    FIGURE_OLDEST
};

static double queue_figure(const struct queue *queue, int64_t now_ms, enum queue_figure figure)
{
    struct queue_counts counts = queue_counts(queue);

    switch (figure) {
    case FIGURE_VISIBLE: return (double)counts.visible;
    case FIGURE_IN_FLIGHT: return (double)counts.in_flight;
    case FIGURE_DELAYED: return (double)counts.delayed;
    case FIGURE_OLDEST: break;
    }
    return age_s(now_ms, queue_oldest_ms(queue));
}

static void add_queues(struct buffer *to, struct cell *cell, const char *name,
                       enum queue_figure figure, const char *help)
{
    struct queues *queues = cell_queues(cell);

    add_family(to, name, "gauge", help);
    for (struct queue *queue = queue_next(queues, NULL); queue != NULL;
         queue = queue_next(queues, queue)) {
        buffer_printf(to, "%s{", name);
        add_label(to, "queue", queue->name);
        buffer_add_byte(to, ',');
        add_label(to, "region", queue->region);
        buffer_add_byte(to, ',');
        add_label(to, "account", queue->account);
        buffer_printf(to, "} %.17g\n", queue_figure(queue, cell_now_ms(cell), figure));
    }
}

enum lane_figure {
    LANE_WAITING,
    LANE_FAILING,
    LANE_OPEN,
    LANE_PARKED
};

static uint64_t lane_figure(const struct lane_status *status, enum lane_figure figure)
{
    switch (figure) {
    case LANE_WAITING: return status->waiting;
    case LANE_FAILING: return status->failing;
    case LANE_OPEN: return status->is_open;
    case LANE_PARKED: break;
    }
    return status->is_open ? status->waiting : 0;
}

static void add_lanes(struct buffer *to, struct server *server, const char *name,
                      enum lane_figure figure, const char *help)
{
    struct deliveries *deliveries = cell_deliveries(server->cell);
    struct lane_id lane = {0};

    add_family(to, name, "gauge", help);
    while (lane_next(deliveries, &lane)) {
        struct topic *topic = topic_find_number(cell_router(server->cell), lane.topic);
        struct lane_status status = lane_status(deliveries, lane);
        uint8_t id[16];
        char uuid[UUID_SIZE];

        if (topic == NULL
            || !subscription_id_of(cell_router(server->cell), lane.subscription, id)) {
            continue;
        }
        uuid_format(id, uuid);
        buffer_printf(to, "%s{", name);
        add_label(to, "topic", topic->name);
        buffer_printf(to, ",subscription=\"%s\"} %llu\n", uuid,
                      (unsigned long long)lane_figure(&status, figure));
    }
}

static void add_deliveries(struct buffer *to, struct server *server)
{
    struct deliveries *deliveries = cell_deliveries(server->cell);
    struct delivery_counters counters = delivery_counters(deliveries);

    add_value(to, "fanfare_deliveries_delivered_total", "counter", counters.delivered,
              "Deliveries that endpoints took.");
    add_value(to, "fanfare_delivery_attempts_total", "counter", counters.attempts,
              "Attempts made.");
    add_value(to, "fanfare_deliveries_retried_total", "counter", counters.retried,
              "Attempts that failed and will be repeated.");
    add_value(to, "fanfare_deliveries_dead_lettered_total", "counter", counters.dead_lettered,
              "Deliveries that ended in a dead-letter queue.");
    add_value(to, "fanfare_deliveries_lost_total", "counter", counters.lost,
              "Deliveries given up for which no dead-letter queue was there.");
    add_value(to, "fanfare_deliveries_in_flight", "gauge", counters.in_flight,
              "Attempts under way.");
    add_family(to, "fanfare_oldest_undelivered_seconds", "gauge",
               "Age of the oldest message with a delivery outstanding.");
    buffer_printf(to, "fanfare_oldest_undelivered_seconds %.3f\n",
                  age_s(cell_now_ms(server->cell), deliveries_oldest_ms(deliveries)));
    add_value(to, "fanfare_breakers_open", "gauge", counters.open_breakers,
              "Subscriptions whose endpoint fails so much that deliveries are parked.");
    add_lanes(to, server, "fanfare_subscription_waiting", LANE_WAITING,
              "Deliveries waiting for their subscription's endpoint.");
    add_lanes(to, server, "fanfare_subscription_failing", LANE_FAILING,
              "Attempts in a row that failed.");
    add_lanes(
        to, server, "fanfare_subscription_breaker_open", LANE_OPEN,
        "1 while deliveries are parked and single ones ask whether the endpoint is back.");
    add_lanes(
        to, server, "fanfare_subscription_parked", LANE_PARKED,
        "Deliveries that wait for an open breaker, as far as they were met since the start.");
}

static void add_turns(struct buffer *to, struct turns *turns)
{
    add_value(to, "fanfare_loop_turns_total", "counter", turns->count,
              "Turns of the loop that does everything but the disk.");
    add_family(to, "fanfare_loop_busy_seconds_total", "counter",
               "Time that these turns took, without the sleep between them.");
    buffer_printf(to, "fanfare_loop_busy_seconds_total %.6f\n", (double)turns->busy_ns / 1e9);
    add_family(to, "fanfare_loop_turn_seconds_max", "gauge",
               "The longest of them since this page was read last.");
    buffer_printf(to, "fanfare_loop_turn_seconds_max %.6f\n", (double)turns->longest_ns / 1e9);
    turns->was_read = true;
}

static void add_server(struct buffer *to, struct server *server)
{
    struct router_counters router = router_counters(cell_router(server->cell));
    struct net_counters net = net_server_counters(server->net);
    struct api_counters api = api_counters(server->api);

    add_value(to, "fanfare_http_requests_total", "counter", net.requests_total,
              "HTTP requests received.");
    add_value(to, "fanfare_http_connections", "gauge", net.connections_open,
              "Connections open.");
    add_value(to, "fanfare_api_requests_total", "counter", api.requests, "AWS requests.");
    add_value(to, "fanfare_api_client_errors_total", "counter", api.errors_client,
              "AWS requests answered with a client's error.");
    add_value(to, "fanfare_api_server_errors_total", "counter", api.errors_server,
              "AWS requests answered with an error of this server.");
    add_value(to, "fanfare_topics", "gauge", router_topic_count(cell_router(server->cell)),
              "Topics.");
    add_value(to, "fanfare_queues", "gauge", queues_count(cell_queues(server->cell)),
              "Queues.");
    add_value(to, "fanfare_messages_published_total", "counter", router.published,
              "Messages accepted by Publish and PublishBatch.");
    add_value(to, "fanfare_messages_matched_total", "counter", router.matched,
              "Subscriptions that messages matched.");
    add_value(to, "fanfare_messages_filtered_out_total", "counter", router.filtered_out,
              "Subscriptions whose filter policy excluded a message.");
    add_value(to, "fanfare_uncommitted_bytes", "gauge", cell_uncommitted_bytes(server->cell),
              "Bytes on their way to disk.");
    add_value(to, "fanfare_history_bytes", "gauge", cell_history(server->cell).bytes,
              "Bytes of messages since the oldest that the history keeps.");
    add_value(to, "fanfare_attempts_recorded", "gauge", cell_history(server->cell).attempts,
              "Attempts that are recorded.");
    add_family(to, "fanfare_clock_ahead_seconds", "gauge",
               "How far the wall clock is ahead of the time that leases and retries go by.");
    buffer_printf(to, "fanfare_clock_ahead_seconds %.3f\n",
                  (double)server->clock.ahead_us / 1e6);
    add_value(to, "fanfare_damaged_records", "gauge", cell_damaged(server->cell),
              "Records found missing or damaged since the start: the log names each.");
    add_value(to, "fanfare_signing_failed", "gauge", server->signing_failed,
              "1: there is no key to sign with, and what needs a signature is not delivered.");
    add_value(to, "fanfare_disk_free_bytes", "gauge", store_free_bytes(server->store),
              "Bytes that the data directory may still take.");
}

static void page_metrics(struct server *server, struct http_request *request)
{
    struct buffer body;

    buffer_init(&body, PAGE_MAX);
    add_server(&body, server);
    add_turns(&body, &server->turns);
    add_deliveries(&body, server);
    add_queues(&body, server->cell, "fanfare_queue_visible", FIGURE_VISIBLE,
               "Messages that may be received.");
    add_queues(&body, server->cell, "fanfare_queue_in_flight", FIGURE_IN_FLIGHT,
               "Messages received and not deleted yet.");
    add_queues(&body, server->cell, "fanfare_queue_delayed", FIGURE_DELAYED,
               "Messages that are delayed.");
    add_queues(&body, server->cell, "fanfare_queue_oldest_seconds", FIGURE_OLDEST,
               "Age of the oldest message.");
    page_answer(request, 200, T("text/plain; version=0.0.4; charset=utf-8"),
                buffer_text(&body));
    buffer_free(&body);
}

/* --- The certificate that notifications are signed with. */

static void page_certificate(struct server *server, struct http_request *request)
{
    struct text name = signer_certificate_name(server->signer);

    if (name.len == 0 || !text_equal(text_after(request->path, 1), name)) {
        page_answer(request, 404, T("text/plain"), T("no such certificate\n"));
        return;
    }
    page_answer(request, 200, T("application/x-pem-file"), signer_certificate(server->signer));
}

/* --- All pages. */

static const struct page {
    struct text path;
    bool is_prefix;
    bool is_open; /* for browsers that come from anywhere: a link in a mail, a probe */
    struct text method;
    void (*show)(struct server *server, struct http_request *request);
} pages[] = {
    {TEXT("/_fanfare/health"), false, true, TEXT("GET"), page_health},
    {TEXT("/_fanfare/sms/inbound"), false, false, TEXT("GET"), page_sms_inbound},
    {TEXT("/_fanfare/sms/inbound"), false, false, TEXT("POST"), page_sms_inbound},
    {TEXT("/_fanfare/confirm"), false, true, TEXT("GET"), page_confirm},
    {TEXT("/_fanfare/confirm"), false, true, TEXT("POST"), page_confirm},
    {TEXT("/_fanfare/unsubscribe"), false, true, TEXT("GET"), page_unsubscribe},
    {TEXT("/_fanfare/unsubscribe"), false, true, TEXT("POST"), page_unsubscribe},
    {TEXT("/_localstack/health"), false, true, TEXT("GET"), page_health},
    {TEXT("/metrics"), false, false, TEXT("GET"), page_metrics},
    {TEXT("/SimpleNotificationService-"), true, true, TEXT("GET"), page_certificate},
    {TEXT("/_fanfare/messages/"), true, false, TEXT("GET"), page_story},
    {TEXT("/_fanfare/replay"), false, false, TEXT("GET"), page_replay_list},
    {TEXT("/_fanfare/replay"), false, false, TEXT("POST"), page_replay_start},
    {TEXT("/_fanfare/replay/cancel"), false, false, TEXT("POST"), page_replay_cancel},
    {TEXT("/_fanfare/dlq"), false, false, TEXT("GET"), page_dlq_list},
    {TEXT("/_fanfare/dlq/messages"), false, false, TEXT("GET"), page_dlq_messages},
    {TEXT("/_fanfare/dlq/redrive"), false, false, TEXT("GET"), page_dlq_redrives},
    {TEXT("/_fanfare/dlq/redrive"), false, false, TEXT("POST"), page_dlq_redrive},
    {TEXT("/_fanfare/dlq/drop"), false, false, TEXT("POST"), page_dlq_drop},
    {TEXT("/_fanfare/subscriptions/rotate-secret"), false, false, TEXT("POST"),
     page_rotate_secret},
};

static bool page_is(const struct page *page, const struct http_request *request)
{
    return page->is_prefix ? text_starts_with(request->path, page->path)
                           : text_equal(request->path, page->path);
}

static bool page_takes(const struct page *page, struct text method)
{
    return text_equal(method, page->method)
           || (text_equal(method, T("HEAD")) && text_equal(page->method, T("GET")));
}

/* Folders of pages: nothing else is below them. */
static bool is_in_folder(struct text path)
{
    static const struct text folders[] = {TEXT("/_fanfare"), TEXT("/_localstack")};

    for (size_t i = 0; i < countof(folders); i++) {
        struct text rest = text_after(path, folders[i].len);

        if (text_starts_with(path, folders[i]) && (rest.len == 0 || rest.at[0] == '/')) {
            return true;
        }
    }
    return false;
}

bool admin_owns(const struct http_request *request)
{
    for (size_t i = 0; i < countof(pages); i++) {
        if (page_is(&pages[i], request)) {
            return true;
        }
    }
    return is_in_folder(request->path);
}

bool admin_is_open(const struct http_request *request)
{
    for (size_t i = 0; i < countof(pages); i++) {
        if (page_is(&pages[i], request)) {
            return pages[i].is_open;
        }
    }
    return false;
}

void admin_request(struct server *server, struct http_request *request)
{
    struct text allowed = {0};

    for (size_t i = 0; i < countof(pages); i++) {
        if (!page_is(&pages[i], request)) {
            continue;
        }
        allowed = pages[i].method;
        if (page_takes(&pages[i], request->method)) {
            pages[i].show(server, request);
            return;
        }
    }
    if (allowed.len > 0) {
        page_fail(request, 405, "only %.*s", TEXT_PRINTF(allowed));
    } else {
        page_fail(request, 404, "there is no such page");
    }
}
