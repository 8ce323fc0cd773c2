/* Between the cell and the world: its effects become I/O, the world's answers its inputs. */
#include "base/clock.h"
#include "base/encoding.h"
#include "base/faults.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/url.h"
#include "daemon/server.h"

#include <stdio.h>

#define STARTS_PER_TURN 64

static void on_delivery_event(void *context, const struct delivery_event *event)
{
    struct arena arena = {0};
    struct subscription subscription = {0};
    struct message message = {0};
    char id[UUID_SIZE] = "-";
    char message_id[UUID_SIZE] = "-";

    (void)context;
    if (subscription_decode(event->subscription_record, &arena, &subscription)) {
        uuid_format(subscription.id, id);
    }
    if (message_decode(event->message_record, &arena, &message)) {
        uuid_format(message.id, message_id);
    }
    log_line(event->next_ms > 0 ? LOG_INFO : LOG_WARN, event->event,
             "message=%s subscription=%s topic=%.*s endpoint=\"%.*s\" attempts=%u "
             "next_ms=%lld reason=\"%.*s\"",
             message_id, id, TEXT_PRINTF(message.topic_arn),
             TEXT_PRINTF(url_without_secrets(&arena, subscription.endpoint)), event->attempt,
             (long long)event->next_ms, TEXT_PRINTF(event->reason));
    arena_free(&arena);
}

static struct cell *cell_of_settings(struct server *server)
{
    const struct settings *settings = server->settings;
    struct cell_options options = {
        .random = server->random,
        .cache_bytes = (uint64_t)settings->cache_bytes,
        .watermark_bytes = (uint64_t)settings->free_space_watermark,
        .clock_may_go_back = settings->clock_may_go_back,
        .limits = {.policies_per_topic = (uint32_t)settings->policies_per_topic,
                   .policies_per_account = (uint32_t)settings->policies_per_account,
                   .subscriptions_per_topic = (uint32_t)settings->subscriptions_per_topic,
                   .topics_per_account = (uint32_t)settings->topics_per_account},
        .queues = {.message_size_max = (uint32_t)settings->message_size_max,
                   .name_pause_ms = settings->queue_name_pause_ms},
        .deliveries = {.in_flight_max = (uint32_t)settings->deliveries_in_flight_max,
                       .lane_window_max = (uint32_t)settings->lane_window_max,
                       .active_message_max = (uint32_t)settings->active_messages_max,
                       .breaker_min = (uint32_t)settings->breaker_attempts_min,
                       .park_max_ms = settings->park_max_ms,
                       .log = on_delivery_event},
        .history = {.max_age_ms = settings->history_max_age_ms,
                    .max_bytes = (uint64_t)settings->history_max_bytes,
                    .attempts_max_age_ms = settings->attempts_max_age_ms,
                    .attempts_max_count = (uint64_t)settings->attempts_max_count,
                    .attempts_all = text_equal(settings->attempts, T("all"))},
        .masters = server->masters,
        .seal = master_key_mode(settings),
    };

    return cell_create(&options);
}

static void on_store_wake(void *context)
{
    struct server *server = context;

    (void)uv_async_send(&server->store_wake);
}

static void log_opening(const struct server *server)
{
    struct engine_opening opening = store_opening(server->store);

    log_info("store_open", "replayed=%llu dropped_bytes=%llu",
             (unsigned long long)opening.replayed, (unsigned long long)opening.dropped_bytes);
    if (opening.dropped_bytes > 0) {
        log_line(LOG_WARN, "log_tail_dropped",
                 "file=%s bytes=%llu reason=\"they are no whole commit: it was cut short, and "
                 "nobody was told that it was stored\"",
                 opening.dropped_from, (unsigned long long)opening.dropped_bytes);
    }
}

enum status pump_open(struct server *server, struct why *why)
{
    const struct settings *settings = server->settings;
    struct store_options options = {
        .engine = settings->engine.at,
        .location = settings->data.at,
        .room_wanted = (uint64_t)settings->free_space_watermark / 2 * 3,
        .wake = on_store_wake,
        .wake_context = server,
    };
    enum status status = store_open(&options, &server->store, why);

    if (status != STATUS_OK) {
        return status;
    }
    log_opening(server);
    server->cell = cell_of_settings(server);
    cell_set_space(server->cell, store_free_bytes(server->store));
    cell_start(server->cell, server_now_ms(server));
    return STATUS_OK;
}

void pump_close(struct server *server)
{
    /* What waits in the cell hangs on reads of the store's; the commit thread may still look at
     * keys that live in the cell. */
    if (server->cell != NULL) {
        cell_end(server->cell);
    }
    store_close(server->store);
    cell_free(server->cell);
    server->cell = NULL;
    server->store = NULL;
}

enum {
    RELOAD_PAUSE_MS = 200
};

/* --- What the store reports. */

static void on_committed(void *context, struct batch *take_batch, enum status status,
                         bool fatal, const struct why *why)
{
    struct server *server = context;

    if (status != STATUS_OK) {
        log_error("commit_failed", "status=%s fatal=%d reason=\"%s\"", status_name(status),
                  fatal, why->text);
    }
    if (status == STATUS_FENCED) {
        server_die(server,
                   "another server has taken over this store (%s): this one stops, for what it "
                   "would answer is not true any more; do not start both",
                   why->text);
    }
    server->full_commits = status == STATUS_FULL ? server->full_commits + 1 : 0;
    if (fatal) {
        server_die(server,
                   "a sync to disk failed (%s): what is stored is unknown, so nothing more is "
                   "accepted; check the disk, then start again",
                   why->text);
    }
    cell_committed(server->cell, server_now_ms(server), take_batch, status);
}

static void on_read(void *context, struct read *take_read)
{
    struct server *server = context;

    cell_read_done(server->cell, server_now_ms(server), take_read);
}

/* A commit failed: memory says more than the disk.  The cell goes, calls under way fail; its
 * figures can still be read. */
static void cell_retire(struct server *server)
{
    struct why why = {""};

    (void)cell_has_failed(server->cell, &why);
    log_error("cell_reload", "reason=\"%s\"", why.text);
    server->is_reloading = true; /* the API gets the new cell once it is loaded */
    pages_set_cell(server->pages, NULL);
    cell_end(server->cell); /* calls under way hear of it while the API can still answer */
    api_set_cell(server->api, NULL);
    outbound_forget(server->outbound);
}

/* Store and cell are opened anew. */
static void cell_renew(struct server *server)
{
    struct why why = {""};

    pump_close(server);
    if (pump_open(server, &why) != STATUS_OK) {
        server_die(server, "%s", why.text);
        return;
    }
    pages_set_cell(server->pages, server->cell);
}

static void on_pause_over(uv_timer_t *timer)
{
    struct server *server = timer->data;

    server->is_pausing = false;
    server->tick_at_ms = INT64_MAX;
    cell_renew(server);
}

/* A cell that failed is loaded anew: at once, or, when the one before failed as well because
 * there was no room, after a pause, since room may come; whoever asks is answered meanwhile.
 * False: there is none to go on with. */
static bool mend_cell(struct server *server)
{
    struct why why;

    if (server->is_pausing) {
        return false;
    }
    if (!cell_has_failed(server->cell, &why)) {
        return true;
    }
    if (server->api == NULL || (server->is_reloading && server->full_commits == 0)) {
        server_die(server, "%s", why.text);
        return false;
    }
    cell_retire(server);
    if (server->full_commits > 1) {
        server->is_pausing = true;
        (void)uv_timer_start(&server->tick, on_pause_over, RELOAD_PAUSE_MS, 0);
        return false;
    }
    cell_renew(server);
    return true;
}

/* --- Time. */

int64_t server_now_ms(struct server *server)
{
    return steady_now_ms(&server->clock, clock_boot_us(), clock_wall_us());
}

/* Also over restarts: the cell has read how late it was. */
static void look_at_clock(struct server *server)
{
    enum {
        TOLD_US = 2000000
    };

    steady_raise(&server->clock, cell_now_ms(server->cell) * 1000);
    int64_t ahead_us = server->clock.ahead_us;
    int64_t change_us = ahead_us - server->clock_told_us;

    if (change_us < TOLD_US && change_us > -TOLD_US) {
        return;
    }
    if (ahead_us >= TOLD_US || ahead_us <= -TOLD_US) {
        log_warn(
            "clock_differs",
            "wall_clock_ahead_ms=%lld remedy=\"the wall clock was set, or was wrong at the "
            "start: leases, retries and retention follow it slowly; a restart takes over a "
            "clock that is ahead\"",
            (long long)ahead_us / 1000);
    }
    server->clock_told_us = ahead_us;
}

/* --- Each turn of the loop. */

static void look_at_space(struct server *server)
{
    uint64_t free_bytes = store_free_bytes(server->store);
    bool is_low = free_bytes < (uint64_t)server->settings->free_space_watermark;

    cell_set_space(server->cell, free_bytes);
    if (is_low == server->is_disk_low) {
        return;
    }
    server->is_disk_low = is_low;
    log_line(is_low ? LOG_ERROR : LOG_INFO, is_low ? "disk_low" : "disk_has_room",
             "free_bytes=%llu watermark_bytes=%lld%s", (unsigned long long)free_bytes,
             (long long)server->settings->free_space_watermark,
             is_low ? " remedy=\"new work is refused until there is room\"" : "");
}

/* Nothing is dropped in silence: see record_set_aside. */
static void tell_damages(struct server *server)
{
    struct damage *damage = NULL;

    while ((damage = cell_next_damage(server->cell)) != NULL) {
        char key[2 * KEY_MAX + 1] = "";

        for (size_t i = 1; i < damage->key.len; i++) {
            (void)snprintf(key + 2 * (i - 1), 3, "%02x", damage->key.at[i]);
        }
        if (damage->is_mended) {
            log_warn("record_mended", "table=%c key=%s what=\"%s\"", damage->key.at[0], key,
                     damage->what);
        } else {
            log_error("record_damaged",
                      "table=%c key=%s kept_bytes=%llu what=\"%s\" remedy=\"the data directory "
                      "or its disk is damaged: see fanfare_damaged_records, restore from a "
                      "copy\"",
                      damage->key.at[0], key, (unsigned long long)damage->len, damage->what);
        }
        memory_free(damage);
    }
}

static void on_more(uv_idle_t *handle)
{
    (void)handle; /* that it runs keeps the loop awake */
}

/* An attempt costs what a connection costs, and comes back as an event or two: a publish to
 * thousands of endpoints shares the loop with everybody else. */
static void start_attempts(struct server *server)
{
    struct attempt_start start;
    int started = 0;

    while (!server->is_stopping && started < STARTS_PER_TURN
           && cell_next_attempt(server->cell, &start)) {
        outbound_start(server->outbound, &start);
        started++;
    }
    if (started == STARTS_PER_TURN) {
        (void)uv_idle_start(&server->more, on_more);
    } else {
        (void)uv_idle_stop(&server->more);
    }
}

static void take_effects(struct server *server)
{
    struct read *read = NULL;
    struct batch *batch = cell_next_batch(server->cell, server_now_ms(server));

    if (batch != NULL) {
        (void)fault_point("pump.before_commit");
        store_commit(server->store, batch);
    }
    while ((read = cell_next_read(server->cell)) != NULL) {
        store_read(server->store, read);
    }
    start_attempts(server);
}

static void on_tick(uv_timer_t *timer)
{
    struct server *server = timer->data;

    server->tick_at_ms = INT64_MAX;
    cell_tick(server->cell, server_now_ms(server));
}

static void set_tick(struct server *server)
{
    int64_t wake_ms = cell_next_wake(server->cell);

    if (wake_ms == server->tick_at_ms) {
        return;
    }
    server->tick_at_ms = wake_ms;
    if (wake_ms == INT64_MAX) {
        (void)uv_timer_stop(&server->tick);
        return;
    }
    int64_t delay_ms = wake_ms - server_now_ms(server);

    /* The loop's own clock may be a little behind: one millisecond more spares an early
     * wake-up. A jump of the wall clock is met within a minute. */
    delay_ms = delay_ms < 0 ? 0 : delay_ms + 1;
    if (delay_ms > 60000) {
        delay_ms = 60000;
        server->tick_at_ms = 0;
    }
    (void)uv_timer_start(&server->tick, on_tick, (uint64_t)delay_ms, 0);
}

static void set_pressure(struct server *server)
{
    bool is_full =
        cell_uncommitted_bytes(server->cell) > (uint64_t)server->settings->uncommitted_max;

    if (is_full != server->is_paused && server->net != NULL) {
        server->is_paused = is_full;
        net_server_pause(server->net, is_full);
    }
}

/* Everything of a turn lies between two calls of this, and the loop's sleep, too. */
static void note_turn(struct server *server)
{
    struct turns *turns = &server->turns;
    uint64_t now_ns = uv_hrtime();
    uint64_t idle_ns = uv_metrics_idle_time(&server->loop);

    if (turns->ended_ns > 0) {
        uint64_t passed_ns = now_ns - turns->ended_ns;
        uint64_t slept_ns = idle_ns - turns->idle_ns;
        uint64_t busy_ns = slept_ns < passed_ns ? passed_ns - slept_ns : 0;

        turns->count++;
        turns->busy_ns += busy_ns;
        turns->longest_ns = busy_ns > turns->longest_ns ? busy_ns : turns->longest_ns;
        turns->longest_ns = turns->was_read ? 0 : turns->longest_ns;
        turns->was_read = false;
    }
    turns->ended_ns = now_ns;
    turns->idle_ns = idle_ns;
}

/* Between the cell and the rest, in both directions. */
static void cell_turn(struct server *server)
{
    look_at_space(server);
    master_key_tell(server);
    look_at_clock(server);
    if (server->is_reloading && cell_is_ready(server->cell)) {
        server->is_reloading = false;
        api_set_cell(server->api, server->cell);
    }
    declare_turn(server);
    take_effects(server);
    tell_damages(server);
    set_tick(server);
    set_pressure(server);
    if (server->api == NULL && cell_is_ready(server->cell)) {
        uv_stop(&server->loop); /* server_start waits for this: the loop must not sleep on it */
    }
}

void pump_on_prepare(uv_prepare_t *handle)
{
    struct server *server = handle->data;
    const struct store_events events = {
        .committed = on_committed, .read = on_read, .context = server};

    if (!server->is_pausing) {
        store_poll(server->store, &events);
    }
    if (mend_cell(server)) {
        cell_turn(server);
    }
    if (server->net != NULL) {
        pages_turn(server->pages);
        net_server_flush(server->net); /* which makes room */
        if (pages_are_busy(server->pages)) {
            (void)uv_async_send(&server->store_wake); /* the next turn comes at once */
        }
    }
    note_turn(server);
}
