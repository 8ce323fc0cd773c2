/* Start, run, stop: what comes after what. */
#include "daemon/server.h"

#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/must.h"
#include "base/signals.h"
#include "services/services.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOCAL_RESERVE 32 /* connections for whoever looks after it */

#ifdef HAVE_SYSTEMD
#    include <systemd/sd-daemon.h>
#endif

void server_die(struct server *server, const char *format, ...)
{
    va_list arguments;
    char text[2 * WHY_MAX];

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    (void)fprintf(stderr, "fanfare: %s\n", text);
    (void)server;
    /* Nothing may run on: what was answered is on disk, what was not is the clients' to repeat.
     */
    _Exit(1);
}

/* --- Before the loop. */

/* What others may write, they may replace: rows, the key that signs, files that are appended
 * to.  Some platforms' volumes are so, hence no refusal. */
static void check_directory(const char *path)
{
    struct stat info;

    if (stat(path, &info) == 0 && (info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        log_warn("data_directory_open",
                 "path=%s mode=%04o remedy=\"others may put files there: chmod go-w %s\"", path,
                 (unsigned)(info.st_mode & 07777), path);
    }
}

/* mkdir -p, the last folder for its owner only. */
static enum status make_directory(const char *path, struct why *why)
{
    char *copy = memory_copy_text(text_from(path));
    enum status status = STATUS_OK;

    for (char *at = copy + 1; *at != '\0'; at++) {
        if (*at == '/') {
            *at = '\0';
            (void)mkdir(copy, 0755);
            *at = '/';
        }
    }
    if (mkdir(copy, 0700) != 0 && errno != EEXIST) {
        status = fail(why, STATUS_STORAGE,
                      "cannot make the data directory %s: %s; choose another with --data", path,
                      strerror(errno)); /* NOLINT(concurrency-mt-unsafe): before any thread */
    } else {
        check_directory(copy);
    }
    memory_free(copy);
    return status;
}

static void raise_file_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* --- Requests. */

static void on_request(void *context, struct http_request *request)
{
    door_request(context, request);
}

static void on_gone(void *context, struct http_request *request)
{
    struct server *server = context;

    api_gone(server->api, request);
}

void server_know_itself(struct server *server)
{
    char address[64];
    struct text listens_on = {0};
    uint16_t port = 0;

    must(listen_split(server->settings->listen, &listens_on, &port));
    (void)snprintf(address, sizeof address, "%.*s", TEXT_PRINTF(listens_on));
    outbound_know_self(server->outbound, address, net_server_port(server->net));
}

static enum status listen_start(struct server *server, struct why *why)
{
    const struct settings *settings = server->settings;
    const struct net_handler handler = {
        .request = on_request, .gone = on_gone, .context = server};
    struct text listens_on = {0};
    uint16_t port = 0;

    must(listen_split(settings->listen, &listens_on,
                      &port)); /* the settings' table checked it */
    if (!settings_on_loopback(settings) && !settings->allow_unauthenticated) {
        return fail(
            why, STATUS_DENIED,
            "refusing to listen on %.*s: nobody has to sign in yet, so whoever reaches that "
            "address could publish and read everything; listen on 127.0.0.1, or say "
            "--allow-unauthenticated",
            TEXT_PRINTF(listens_on));
    }
    const char *address = arena_copy(&server->settings->arena, listens_on).at;
    struct net_options options = {
        .address = address,
        .port = port,
        .header_max = (size_t)settings->header_max,
        .body_max = (size_t)settings->body_max,
        .connection_max = (uint32_t)settings->connections_max,
        .local_reserve = LOCAL_RESERVE,
        .connections_per_source = (uint32_t)settings->connections_per_address,
        .held_max = (size_t)settings->request_bytes_max,
        .held_per_source = (size_t)settings->request_bytes_per_address,
        .pipeline_max = (uint32_t)settings->pipeline_max,
        .idle_ms = settings->idle_timeout_ms,
        .slow_ms = settings->slow_timeout_ms,
    };

    enum status status = net_server_start(&server->loop, &options, &handler, &server->net, why);

    if (status == STATUS_OK) {
        server_know_itself(server);
    }
    return status;
}

/* --- Ready. */

void server_announce(struct server *server)
{
    const struct settings *settings = server->settings;
    size_t colon = settings->listen.len;

    while (colon > 0 && settings->listen.at[colon - 1] != ':') {
        colon--;
    }
    (void)printf(
        "fanfare " FANFARE_VERSION " listens on http://%.*s:%u, data in %.*s, account %.*s\n",
        colon == 0 ? 0 : (int)colon - 1, settings->listen.at, net_server_port(server->net),
        TEXT_PRINTF(settings->data), TEXT_PRINTF(settings->account));
    (void)printf("Ready.\n");
    (void)fflush(stdout);
    log_info("ready", "after_ms=%lld",
             (long long)(clock_monotonic_us() - server->started_us) / 1000);
#ifdef HAVE_SYSTEMD
    (void)sd_notify(0, "READY=1");
#endif
}

/* --- The end. */

static void close_handle(uv_handle_t *handle, void *context)
{
    (void)context;
    if (!uv_is_closing(handle)) {
        uv_close(handle, NULL);
    }
}

static void on_stopped(void *context)
{
    struct server *server = context;

    server->net = NULL;
    outbound_stop(server->outbound);
    server->outbound = NULL;
    uv_stop(&server->loop);
}

static void on_signal(uv_signal_t *signal, int number)
{
    struct server *server = signal->data;

    if (server->is_stopping) {
        return;
    }
    log_info("stopping", "signal=%d", number);
#ifdef HAVE_SYSTEMD
    (void)sd_notify(0, "STOPPING=1");
#endif
    server->is_stopping = true;
    api_stop(server->api);
    pages_stop(server->pages);
    net_server_stop(server->net, server->settings->stop_timeout_ms, on_stopped, server);
}

/* --- The parts, in order. */

static void on_attempt_outcome(void *context, uint64_t attempt_id,
                               const struct attempt_outcome *outcome)
{
    struct server *server = context;

    cell_outcome(server->cell, server_now_ms(server), attempt_id, outcome);
}

static void on_signer_wake(void *context)
{
    struct server *server = context;

    (void)uv_async_send(&server->signer_wake);
}

static void signer_news_log(struct server *server)
{
    struct text name = signer_certificate_name(server->signer);
    struct why text = {""};

    switch (signer_next_news(server->signer, &text)) {
    case SIGNER_SILENT: break;
    case SIGNER_MADE:
        log_info("signing_made", "what=\"%s\" certificate=%.*s", text.text, TEXT_PRINTF(name));
        break;
    case SIGNER_READY: log_info("signing_ready", "certificate=%.*s", TEXT_PRINTF(name)); break;
    case SIGNER_OPEN:
        log_warn("signing_key_open",
                 "certificate=%.*s remedy=\"others than its owner can read the key: "
                 "chmod 600 %s\"",
                 TEXT_PRINTF(name), text.text);
        break;
    case SIGNER_WAITS:
        log_error("signing_failed", "reason=\"%s\" remedy=\"mend it: it is tried again\"",
                  text.text);
        break;
    case SIGNER_FAILED:
        log_error("signing_failed", "reason=\"%s\" remedy=\"mend it and restart\"", text.text);
        break;
    }
}

static void on_signer_ready(uv_async_t *handle)
{
    struct server *server = handle->data;
    struct why why = {""};

    signer_poll(server->signer);
    signer_news_log(server);
    server->signing_failed = signer_has_failed(server->signer, &why);
}

static void on_store_ready(uv_async_t *handle)
{
    (void)handle; /* the pump looks at the store at each turn: waking the loop was all */
}

static void on_hangup(uv_signal_t *signal, int number)
{
    struct server *server = signal->data;

    (void)number;
    if (server->net != NULL) {
        server_know_itself(server);
    }
    declare_again(server);
}

static void handles_start(struct server *server)
{
    static const struct {
        int number;
        uv_signal_cb run;
    } signals[] = {{SIGTERM, on_signal}, {SIGINT, on_signal}, {SIGHUP, on_hangup}};

    _Static_assert(countof(signals) == countof(server->signals), "each has a handle");
    (void)uv_async_init(&server->loop, &server->store_wake, on_store_ready);
    (void)uv_async_init(&server->loop, &server->signer_wake, on_signer_ready);
    (void)uv_timer_init(&server->loop, &server->tick);
    (void)uv_prepare_init(&server->loop, &server->pump);
    (void)uv_idle_init(&server->loop, &server->more);
    server->signer_wake.data = server;
    server->tick.data = server;
    server->pump.data = server;
    (void)uv_timer_init(&server->loop, &server->declare_pause);
    server->declare_pause.data = server;
    for (size_t i = 0; i < countof(signals); i++) {
        (void)uv_signal_init(&server->loop, &server->signals[i]);
        server->signals[i].data = server;
        (void)uv_signal_start(&server->signals[i], signals[i].run, signals[i].number);
    }
}

static enum status parts_open(struct server *server, struct why *why)
{
    const struct settings *settings = server->settings;
    struct signer_options signing = {
        .directory = settings->data.at,
        .threads = (uint32_t)settings->signing_threads,
        .remembered = (size_t)settings->signatures_remembered,
        .wake = on_signer_wake,
        .wake_context = server,
    };
    enum status status = make_directory(settings->data.at, why);

    status = status != STATUS_OK ? status : master_key_open(server, why);
    status = status != STATUS_OK ? status : pump_open(server, why);
    status = status != STATUS_OK ? status : admin_secret_open(server, why);
    return status != STATUS_OK ? status : signer_open(&signing, &server->signer, why);
}

static const char *on_option(void *context, const char *transport, const char *name)
{
    struct server *server = context;
    const char *value = settings_option(server->settings, transport, name);
    struct text place = T("{data}");

    if (value == NULL || !text_starts_with(text_from(value), place)) {
        return value;
    }
    return arena_printf(&server->settings->arena, "%.*s%s", TEXT_PRINTF(server->settings->data),
                        value + place.len)
        .at;
}

static struct text on_topic_attribute(void *context, uint32_t number, struct text name)
{
    struct server *server = context;
    struct topic *topic =
        server->cell == NULL ? NULL : topic_find_number(cell_router(server->cell), number);

    if (topic != NULL && text_starts_with(name, T("SMS."))) {
        topic =
            sms_topic(cell_router(server->cell), topic->account, topic->region, sms_topic_name);
        name = text_after(name, 4);
    }
    return topic == NULL ? (struct text){0} : topic_attribute(topic, name);
}

static enum status outbound_open(struct server *server, struct why *why)
{
    const struct settings *settings = server->settings;
    struct outbound_options options = {
        .loop = &server->loop,
        .signer = server->signer,
        .plugin_directory = settings->plugins.len > 0 ? settings->plugins.at : NULL,
        .public_url = settings->public_url,
        .egress = {.loopback = settings_egress_loopback(settings),
                   .private_ranges = settings->dev,
                   .allow = settings->egress_allow.items,
                   .allow_count = settings->egress_allow.count},
        .dns_servers = settings->dns_servers.len > 0 ? settings->dns_servers.at : NULL,
        .option = on_option,
        .topic_attribute = on_topic_attribute,
        .outcome = on_attempt_outcome,
        .context = server,
    };

    return outbound_create(&options, &server->outbound, why);
}

static bool on_delivers(void *context, struct text protocol)
{
    struct server *server = context;

    return outbound_delivers(server->outbound, protocol);
}

static bool on_accepts(void *context, struct text protocol, struct text endpoint,
                       struct why *why)
{
    struct server *server = context;

    return outbound_accepts(server->outbound, protocol, endpoint, why);
}

static bool on_accepts_setting(void *context, struct text protocol, struct text name,
                               struct text value, struct why *why)
{
    struct server *server = context;

    return outbound_accepts_setting(server->outbound, protocol, name, value, why);
}

static int64_t on_now_ms(void *context)
{
    return server_now_ms(context);
}

static void api_open(struct server *server)
{
    const struct settings *settings = server->settings;
    struct api_options options = {
        .cell = server->cell,
        .now_ms = on_now_ms,
        .random = server->random,
        .services = services_builtin,
        .default_account = settings->account,
        .default_region = settings->region,
        .public_url = settings->public_url,
        .signer = server->signer,
        .delivers = on_delivers,
        .accepts = on_accepts,
        .accepts_setting = on_accepts_setting,
        .accepts_context = server,
    };

    server->api = api_create(&options);
}

static void on_sources(void *context, struct metrics_sources *ret_sources)
{
    struct server *server = context;

    *ret_sources = (struct metrics_sources){
        .cell = server->cell,
        .store = server->store,
        .api = server->api,
        .net = server->net,
        .turns = &server->turns,
        .clock_ahead_us = server->clock.ahead_us,
        .signing_failed = server->signing_failed,
    };
}

static void pages_open(struct server *server)
{
    struct pages_options options = {
        .settings = server->settings,
        .version = FANFARE_VERSION,
        .services = services_builtin,
        .cell = server->cell,
        .api = server->api,
        .signer = server->signer,
        .now_ms = on_now_ms,
        .sources = on_sources,
        .context = server,
    };

    server->pages = pages_create(&options);
}

/* Loads what is stored, then opens the doors. */
static enum status server_start(struct server *server, struct why *why)
{
    handles_start(server);
    enum status status = parts_open(server, why);

    status = status != STATUS_OK ? status : outbound_open(server, why);
    if (status != STATUS_OK) {
        return status;
    }
    (void)uv_prepare_start(&server->pump, pump_on_prepare);
    while (!cell_is_ready(server->cell)) {
        (void)uv_run(&server->loop, UV_RUN_ONCE);
    }
    api_open(server);
    pages_open(server);
    status = listen_start(server, why);
    if (status == STATUS_OK) {
        api_set_port(server->api, net_server_port(server->net));
        declare_start(server);
    }
    return status;
}

static void server_close(struct server *server)
{
    if (server->outbound != NULL) {
        outbound_stop(server->outbound);
    }
    (void)uv_prepare_stop(&server->pump);
    (void)uv_idle_stop(&server->more);
    for (int i = 0; i < 4; i++) { /* what outbound closed goes in the loop's next turns */
        (void)uv_run(&server->loop, UV_RUN_NOWAIT);
    }
    /* Its threads wake the loop: they end before it does. */
    pump_close(server);
    masters_free(server->masters);
    declare_free(server);
    pages_free(server->pages);
    api_free(server->api);
    signer_close(server->signer);
    uv_walk(&server->loop, close_handle, NULL);
    (void)uv_run(&server->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&server->loop);
    memory_free(server->random);
}

static void log_level_set(struct text name)
{
    static const struct text names[] = {TEXT("error"), TEXT("warn"), TEXT("info"),
                                        TEXT("debug")};

    for (size_t i = 0; i < countof(names); i++) {
        if (text_equal(name, names[i])) {
            log_set_level((enum log_level)i);
        }
    }
}

int server_run(struct settings *settings)
{
    struct server server = {
        .settings = settings,
        .tick_at_ms = INT64_MAX,
        .started_us = clock_monotonic_us(),
        .random = random_system(),
    };
    struct why why = {""};
    uint8_t secret[DIGEST_SECRET_SIZE];

    server.random->fill(server.random, secret, sizeof secret);
    digest_set_secret(secret);
    steady_start(&server.clock, clock_boot_us(), clock_wall_us());
    log_level_set(settings->log_level);
    signals_ignore_limits();
    signals_explain_faults();
    raise_file_limit();
    (void)uv_loop_init(&server.loop);
    (void)uv_loop_configure(&server.loop, UV_METRICS_IDLE_TIME);
    if (server_start(&server, &why) != STATUS_OK) {
        (void)fprintf(stderr, "fanfare: %s\n", why.text);
        server_close(&server);
        return 1;
    }
    (void)uv_run(&server.loop, UV_RUN_DEFAULT);
    server_close(&server);
    log_info("stopped", "exit=%d", server.exit_code);
    return server.exit_code;
}
