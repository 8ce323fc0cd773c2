/* The settings' table, and how one value is read. */
#include "base/units.h"
#include "settings/internal.h"

#define ROW(name, type, def, help)                                        \
    {                                                                     \
#        name, SETTING_##type, offsetof(struct settings, name), def, help \
    }
#define ROW_MS(name, def, help)                                                  \
    {                                                                            \
#        name, SETTING_DURATION, offsetof(struct settings, name##_ms), def, help \
    }

const struct setting settings_table[] = {
    ROW(listen, TEXT, "127.0.0.1:4566", "address and port; port 0 lets the kernel choose"),
    ROW(data, TEXT, "",
        "data directory; empty: $STATE_DIRECTORY, else $XDG_STATE_HOME/fanfare"),
    ROW(public_url, TEXT, "",
        "base of QueueUrl, SubscribeURL, UnsubscribeURL, SigningCertURL; empty: the request's Host"),
    ROW(allowed_hosts, LIST, "",
        "names that this server goes by beside localhost, addresses and public_url; *.DOMAIN, or *: any"),
    ROW(account, TEXT, "000000000000", "account of callers whose access key is not 12 digits"),
    ROW(region, TEXT, "us-east-1", "region of requests that name none"),
    ROW(allow_unauthenticated, BOOLEAN, "false",
        "listen on an address other than loopback although nobody has to sign in"),
    ROW(dev, BOOLEAN, "false", "deliver to private addresses too (compose files, test rigs)"),
    ROW(egress_allow, LIST, "",
        "networks and host names that deliveries may reach beside public addresses"),
    ROW(dns_servers, TEXT, "",
        "who is asked for endpoints' names, ADDRESS[:PORT],...; empty: the system's servers"),
    ROW(plugins, TEXT, "", "directory of deliverers to load as shared objects"),
    ROW(engine, TEXT, "log", "store engine: log (a change log before LMDB) or lmdb"),
    ROW(log_level, TEXT, "info", "error, warn, info or debug"),
    ROW(header_max, SIZE, "32KiB", "most bytes of a request's headers"),
    ROW(body_max, SIZE, "8MiB", "most bytes of a request's body"),
    ROW(connections_max, NUMBER, "20000", "connections open at a time"),
    ROW(pipeline_max, NUMBER, "64", "requests of one connection under way at a time"),
    ROW_MS(idle_timeout, "75s", "a connection without a request is closed after"),
    ROW_MS(slow_timeout, "30s", "a request that is not complete is given up after"),
    ROW_MS(stop_timeout, "10s", "at SIGTERM answers under way may take"),
    ROW(cache_bytes, SIZE, "32MiB", "records and message bodies kept in memory"),
    ROW(uncommitted_max, SIZE, "64MiB",
        "no more requests are read while so much is not durable"),
    ROW(free_space_watermark, SIZE, "256MiB",
        "new work is refused when less disk space is free"),
    ROW(clock_may_go_back, BOOLEAN, "false",
        "at this start the time may be behind what the data directory has seen: after a wrong clock"),
    ROW(deliveries_in_flight_max, NUMBER, "1000", "deliveries under way at a time"),
    ROW(lane_window_max, NUMBER, "64", "deliveries under way at a time to one subscription"),
    ROW(active_messages_max, NUMBER, "4096",
        "messages whose deliveries are worked on at a time"),
    ROW(breaker_attempts_min, NUMBER, "20",
        "attempts in five minutes, most of them failures of different messages, that open a subscription's breaker; 0: never"),
    ROW_MS(park_max, "4d",
           "a delivery parked by an open breaker is dead-lettered after; 0: never"),
    ROW_MS(history_max_age, "24h", "messages stay so long for replay and why; 0: they do not"),
    ROW(history_max_bytes, SIZE, "1GiB", "and so many bytes of them at most; 0: none"),
    ROW(attempts, TEXT, "all",
        "attempts recorded for why: all, or failures (and what followed them)"),
    ROW_MS(attempts_max_age, "72h", "attempts stay recorded so long; 0: however old"),
    ROW(attempts_max_count, NUMBER, "1000000", "and so many of them at most; 0: none"),
    ROW(signing_threads, NUMBER, "1", "threads that sign notifications"),
    ROW(signatures_remembered, NUMBER, "4096", "signatures kept for repeated deliveries"),
    ROW(policies_per_topic, NUMBER, "0",
        "filter policies of one topic, 0: unlimited (AWS: 200)"),
    ROW(policies_per_account, NUMBER, "0",
        "filter policies of one account, 0: unlimited (AWS: 10000)"),
    ROW(subscriptions_per_topic, NUMBER, "0", "0: unlimited (AWS: 12500000)"),
    ROW(topics_per_account, NUMBER, "0", "0: unlimited (AWS: 100000)"),
    ROW(message_size_max, SIZE, "1MiB",
        "most bytes of a queue's message and of a batch, 1KiB to 1MiB (classic SQS: 256KiB)"),
    ROW_MS(queue_name_pause, "0s",
           "a deleted queue's name may be given again after (AWS: 60s; a restart ends it)"),
    {.name = NULL},
};

static enum status read_number(struct text value, const struct unit *units, int64_t *ret,
                               struct why *why)
{
    return units_read(value, units, ret)
               ? STATUS_OK
               : fail(why, STATUS_INVALID,
                      "\"%.*s\" is not a number in the form this setting takes",
                      TEXT_PRINTF(value));
}

static enum status read_boolean(struct text value, bool *ret, struct why *why)
{
    bool yes = text_equal(value, T("true")) || text_equal(value, T("yes"))
               || text_equal(value, T("1"));
    bool no = text_equal(value, T("false")) || text_equal(value, T("no"))
              || text_equal(value, T("0"));

    if (!yes && !no) {
        return fail(why, STATUS_INVALID, "\"%.*s\" is neither true nor false",
                    TEXT_PRINTF(value));
    }
    *ret = yes;
    return STATUS_OK;
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

    switch (setting->type) {
    case SETTING_TEXT: *(struct text *)member = arena_copy(&settings->arena, value); break;
    case SETTING_LIST: read_list(&settings->arena, value, member); break;
    case SETTING_BOOLEAN: return read_boolean(value, member, why);
    case SETTING_NUMBER: return read_number(value, units_of_nothing, member, why);
    case SETTING_SIZE: return read_number(value, units_of_size, member, why);
    case SETTING_DURATION: return read_number(value, units_of_duration, member, why);
    }
    return STATUS_OK;
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
