/* The settings' table, and how one value is read. */
#include "base/characters.h"
#include "base/must.h"
#include "base/units.h"
#include "settings/internal.h"

#define AT(member) .offset = offsetof(struct settings, member)
/* Name, default, help. */
#define TEXT_ROW(name_, default_, help_)                                                      \
    {                                                                                         \
        .name = #name_, .type = SETTING_TEXT, AT(name_), .value = (default_), .help = (help_) \
    }
#define LIST_ROW(name_, help_)                                                        \
    {                                                                                 \
        .name = #name_, .type = SETTING_LIST, AT(name_), .value = "", .help = (help_) \
    }
#define BOOLEAN_ROW(name_, default_, help_)                                      \
    {                                                                            \
        .name = #name_, .type = SETTING_BOOLEAN, AT(name_), .value = (default_), \
        .help = (help_)                                                          \
    }
/* Name, default, what may be chosen, help. */
#define CHOICE_ROW(name_, default_, choices_, help_)                          \
    {                                                                         \
        .name = #name_, .type = SETTING_TEXT, AT(name_), .value = (default_), \
        .choices = (choices_), .help = (help_)                                \
    }
/* Name, default, check and its words, help. */
#define CHECKED_ROW(name_, default_, is_valid_, form_, help_)                 \
    {                                                                         \
        .name = #name_, .type = SETTING_TEXT, AT(name_), .value = (default_), \
        .is_valid = (is_valid_), .form = (form_), .help = (help_)             \
    }
/* Name, default, least, most, help. */
#define RANGE_ROW(name_, type_, member, default_, least_, most_, help_)                      \
    {                                                                                        \
        .name = #name_, .type = (type_), AT(member), .value = (default_), .least = (least_), \
        .most = (most_), .help = (help_)                                                     \
    }
#define NUMBER_ROW(name_, default_, least_, most_, help_) \
    RANGE_ROW(name_, SETTING_NUMBER, name_, default_, least_, most_, help_)
#define SIZE_ROW(name_, default_, least_, most_, help_) \
    RANGE_ROW(name_, SETTING_SIZE, name_, default_, least_, most_, help_)
#define TIME_ROW(name_, default_, least_, most_, help_) \
    RANGE_ROW(name_, SETTING_DURATION, name_##_ms, default_, least_, most_, help_)

/* The limits are those that the rest can bear: counts that live in 32 bits, times that timers
 * can keep, at least what one request needs. */
#define COUNT_MOST "4294967295"
#define BYTES_MOST "1048576GiB"
#define AGE_MOST   "3650d"

const struct setting settings_table[] = {
    CHECKED_ROW(listen, "127.0.0.1:4566", text_is_listen, "ADDRESS:PORT, as in [::1]:4566",
                "address and port; port 0 lets the kernel choose"),
    TEXT_ROW(data, "", "data directory; empty: $STATE_DIRECTORY, else $XDG_STATE_HOME/fanfare"),
    CHECKED_ROW(
        public_url, "", text_is_public_url, "http://HOST[:PORT][/PATH] or https://...",
        "base of QueueUrl, SubscribeURL, UnsubscribeURL, SigningCertURL; empty: the request's Host"),
    LIST_ROW(
        allowed_hosts,
        "names that this server goes by beside localhost, addresses and public_url; *.DOMAIN, or *: any"),
    LIST_ROW(cors_allowed_origins,
             "web pages of these origins may call the API from a browser: https://HOST[:PORT]"),
    CHECKED_ROW(account, "000000000000", text_is_account, "12 digits",
                "account of callers whose access key is not 12 digits"),
    CHECKED_ROW(region, "us-east-1", text_is_region, "1 to 32 letters, digits and hyphens",
                "region of requests that name none"),
    BOOLEAN_ROW(allow_unauthenticated, "false",
                "listen on an address other than loopback although nobody has to sign in"),
    BOOLEAN_ROW(dev, "false", "deliver to private addresses too (compose files, test rigs)"),
    LIST_ROW(egress_allow,
             "networks and host names that deliveries may reach beside public addresses"),
    CHOICE_ROW(
        egress_loopback, "auto", "auto|yes|no",
        "deliveries may reach what listens on this machine; auto: while only loopback is listened on and public_url names no other host"),
    TEXT_ROW(
        dns_servers, "",
        "who is asked for endpoints' names, ADDRESS[:PORT],...; empty: the system's servers"),
    TEXT_ROW(plugins, "", "directory of deliverers to load as shared objects"),
    CHOICE_ROW(engine, "log", "log|lmdb",
               "store engine: log (a change log before LMDB) or lmdb"),
    CHOICE_ROW(log_level, "info", "error|warn|info|debug",
               "what is logged: that, and what is worse"),
    BOOLEAN_ROW(metrics_per_object, "true",
                "lines for each queue and each subscription at work in /metrics"),
    SIZE_ROW(header_max, "32KiB", "1KiB", "16MiB", "most bytes of a request's headers"),
    SIZE_ROW(body_max, "8MiB", "1KiB", "1GiB", "most bytes of a request's body"),
    NUMBER_ROW(
        connections_max, "20000", "1", "1000000",
        "connections open at a time; beyond, the one that is idle longest makes room, and 32 more are kept for this machine"),
    NUMBER_ROW(connections_per_address, "5000", "0", "1000000",
               "of them from one address (IPv6: /64) but loopback; 0: any"),
    SIZE_ROW(request_bytes_max, "128MiB", "0", BYTES_MOST,
             "bytes that bodies and answers under way may hold; beyond, bodies that come are "
             "refused (503); 0: any"),
    SIZE_ROW(request_bytes_per_address, "32MiB", "0", BYTES_MOST,
             "of them those of one address but loopback; 0: any"),
    NUMBER_ROW(pipeline_max, "64", "1", "10000",
               "requests of one connection under way at a time"),
    TIME_ROW(idle_timeout, "75s", "100ms", "7d",
             "a connection without a request is closed after"),
    TIME_ROW(slow_timeout, "30s", "100ms", "1d",
             "a request that is not complete is given up after"),
    TIME_ROW(stop_timeout, "10s", "0", "1d", "at SIGTERM answers under way may take"),
    SIZE_ROW(cache_bytes, "32MiB", "0", BYTES_MOST,
             "records and message bodies kept in memory"),
    SIZE_ROW(uncommitted_max, "64MiB", "64KiB", BYTES_MOST,
             "no more requests are read while so much is not durable"),
    SIZE_ROW(free_space_watermark, "256MiB", "0", BYTES_MOST,
             "new work is refused when less disk space is free"),
    BOOLEAN_ROW(
        clock_may_go_back, "false",
        "at this start the time may be behind what the data directory has seen: after a wrong clock"),
    TEXT_ROW(
        master_key, "",
        "key that encrypts what is stored: a file's path, exec:PROGRAM (that prints it), credential or credential:NAME; older ones behind it, separated by commas; empty: nothing is encrypted"),
    CHOICE_ROW(
        encrypt, "named", "none|named|all",
        "with a master_key, what is encrypted: topics and queues that ask for it (KmsMasterKeyId, SqsManagedSseEnabled), or all"),
    NUMBER_ROW(deliveries_in_flight_max, "1000", "1", "1000000",
               "deliveries under way at a time"),
    NUMBER_ROW(lane_window_max, "64", "1", "100000",
               "deliveries under way at a time to one subscription"),
    NUMBER_ROW(active_messages_max, "4096", "1", "10000000",
               "messages whose deliveries are worked on at a time"),
    NUMBER_ROW(
        breaker_attempts_min, "20", "0", COUNT_MOST,
        "attempts in five minutes, most of them failures of different messages, that open a subscription's breaker; 0: never"),
    TIME_ROW(park_max, "4d", "0", AGE_MOST,
             "a delivery parked by an open breaker is dead-lettered after; 0: never"),
    TIME_ROW(history_max_age, "24h", "0", AGE_MOST,
             "messages stay so long for replay and why; 0: they do not"),
    SIZE_ROW(history_max_bytes, "1GiB", "0", BYTES_MOST,
             "and so many bytes of them at most; 0: none"),
    CHOICE_ROW(attempts, "all", "all|failures",
               "attempts recorded for why: all, or failures (and what followed them)"),
    TIME_ROW(attempts_max_age, "72h", "0", AGE_MOST,
             "attempts stay recorded so long; 0: however old"),
    NUMBER_ROW(attempts_max_count, "1000000", "0", "1000000000000",
               "and so many of them at most; 0: none"),
    NUMBER_ROW(signing_threads, "1", "1", "16", "threads that sign notifications"),
    NUMBER_ROW(signatures_remembered, "4096", "0", "10000000",
               "signatures kept for repeated deliveries"),
    NUMBER_ROW(policies_per_topic, "0", "0", COUNT_MOST,
               "filter policies of one topic, 0: unlimited (AWS: 200)"),
    NUMBER_ROW(policies_per_account, "0", "0", COUNT_MOST,
               "filter policies of one account, 0: unlimited (AWS: 10000)"),
    NUMBER_ROW(subscriptions_per_topic, "0", "0", COUNT_MOST, "0: unlimited (AWS: 12500000)"),
    NUMBER_ROW(topics_per_account, "0", "0", COUNT_MOST, "0: unlimited (AWS: 100000)"),
    SIZE_ROW(
        message_size_max, "1MiB", "1KiB", "1MiB",
        "most bytes of a queue's message and of a batch, 1KiB to 1MiB (classic SQS: 256KiB)"),
    TIME_ROW(queue_name_pause, "0s", "0", "1d",
             "a deleted queue's name may be given again after (AWS: 60s; a restart ends it)"),
    {.name = NULL},
};

/* --- Reading one value. */

static const struct unit *units_of(const struct setting *setting)
{
    return setting->type == SETTING_SIZE       ? units_of_size
           : setting->type == SETTING_DURATION ? units_of_duration
                                               : units_of_nothing;
}

static bool is_one_of(struct text value, struct text choices)
{
    while (choices.len > 0) {
        if (text_equal(text_cut(&choices, '|'), value)) {
            return true;
        }
    }
    return false;
}

void setting_form(const struct setting *setting, struct buffer *to)
{
    const char *kind = setting->type == SETTING_SIZE       ? "a size (bytes, KiB, MiB, GiB)"
                       : setting->type == SETTING_DURATION ? "a time (ms, s, m, h, d)"
                                                           : "a whole number";

    if (setting->most != NULL) {
        buffer_printf(to, "%s from %s to %s", kind, setting->least, setting->most);
    } else if (setting->type == SETTING_BOOLEAN) {
        buffer_add_string(to, "true or false");
    } else if (setting->form != NULL) {
        buffer_add_string(to, setting->form);
    }
    for (struct text rest = text_from(setting->choices != NULL ? setting->choices : "");
         rest.len > 0;) {
        struct text choice = text_cut(&rest, '|');

        buffer_printf(to, "%.*s%s", TEXT_PRINTF(choice),
                      rest.len == 0                     ? ""
                      : text_find(rest, '|') < rest.len ? ", "
                                                        : " or ");
    }
}

static enum status refuse(const struct setting *setting, struct text value, struct why *why)
{
    struct buffer form;

    buffer_init(&form, 4096);
    setting_form(setting, &form);
    enum status status = fail(why, STATUS_INVALID, "\"%.*s\" is not %.*s", TEXT_PRINTF(value),
                              (int)form.len, form.at);

    buffer_free(&form);
    return status;
}

static bool read_number(const struct setting *setting, struct text value, int64_t *ret)
{
    const struct unit *units = units_of(setting);
    int64_t least = 0;
    int64_t most = 0;
    int64_t number = 0;

    must(units_read(text_from(setting->least), units, &least)
         && units_read(text_from(setting->most), units, &most));
    if (!units_read(value, units, &number) || number < least || number > most) {
        return false;
    }
    *ret = number;
    return true;
}

static bool read_boolean(struct text value, bool *ret)
{
    *ret = is_one_of(value, T("true|yes|1"));
    return *ret || is_one_of(value, T("false|no|0"));
}

static bool read_text(struct arena *arena, const struct setting *setting, struct text value,
                      struct text *ret)
{
    if ((setting->choices != NULL && !is_one_of(value, text_from(setting->choices)))
        || (setting->is_valid != NULL && !setting->is_valid(value))) {
        return false;
    }
    *ret = arena_copy(arena, value);
    return true;
}

static void read_list(struct arena *arena, struct text value, struct text_list *ret)
{
    struct text rest = value;

    *ret = (struct text_list){.items = arena_array(arena, value.len + 1, sizeof(struct text))};
    while (rest.len > 0) {
        struct text item = text_cut(&rest, ',');

        while (item.len > 0 && item.at[0] == ' ') {
            item = text_after(item, 1);
        }
        if (item.len > 0) {
            ret->items[ret->count++] = arena_copy(arena, item);
        }
    }
}

enum status setting_read(struct settings *settings, const struct setting *setting,
                         struct text value, struct why *why)
{
    void *member = (char *)settings + setting->offset;
    bool is_good = true;

    if (!text_is_utf8(value) || text_find(value, '\0') < value.len) {
        return fail(why, STATUS_INVALID, "the value is no text");
    }
    switch (setting->type) {
    case SETTING_TEXT: is_good = read_text(&settings->arena, setting, value, member); break;
    case SETTING_LIST: read_list(&settings->arena, value, member); break;
    case SETTING_BOOLEAN: is_good = read_boolean(value, member); break;
    case SETTING_NUMBER:
    case SETTING_SIZE:
    case SETTING_DURATION: is_good = read_number(setting, value, member); break;
    }
    return is_good ? STATUS_OK : refuse(setting, value, why);
}

const struct setting *setting_find(struct text name)
{
    for (const struct setting *row = settings_table; row->name != NULL; row++) {
        if (text_equal(text_from(row->name), name)) {
            return row;
        }
    }
    return NULL;
}
