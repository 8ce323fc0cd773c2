/* The settings: one table says name, type, default and help; a file, the environment and the
 * command line fill them in, in that order. */
#ifndef SETTINGS_SETTINGS_H
#define SETTINGS_SETTINGS_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/status.h"

struct text_list {
    struct text *items;
    size_t count;
};

/* Everything lives in the arena. */
struct settings {
    struct arena arena;
    struct text listen; /* "127.0.0.1:4566" */
    struct text data;
    struct text engine;
    struct text public_url;
    struct text account;
    struct text region;
    struct text log_level;
    struct text plugins;
    struct text dns_servers;
    bool allow_unauthenticated;
    bool metrics_per_object;
    bool dev;
    struct text_list allowed_hosts;
    struct text_list cors_allowed_origins;
    struct text_list egress_allow;
    struct text egress_loopback; /* "auto", "yes" or "no" */
    int64_t header_max, body_max, connections_max, pipeline_max;
    int64_t connections_per_address, request_bytes_max, request_bytes_per_address;
    int64_t idle_timeout_ms, slow_timeout_ms, stop_timeout_ms;
    bool clock_may_go_back;
    struct text master_key, encrypt; /* places, separated by commas; "none", "named", "all" */
    int64_t cache_bytes, free_space_watermark, uncommitted_max;
    int64_t deliveries_in_flight_max, lane_window_max, active_messages_max;
    int64_t breaker_attempts_min, park_max_ms;
    int64_t history_max_age_ms, history_max_bytes;
    struct text attempts;
    int64_t attempts_max_age_ms, attempts_max_count;
    int64_t signing_threads, signatures_remembered;
    int64_t policies_per_topic, policies_per_account, subscriptions_per_topic;
    int64_t topics_per_account;
    int64_t message_size_max, queue_name_pause_ms;
    struct declared *declared;          /* resources of the file, or NULL */
    struct option_given *options_given; /* of transports (transport_options.c) */
    struct option_known *options;
    struct text file; /* that was read, or empty */
};

/* Reads defaults, then `file` (NULL: $FANFARE_CONFIG, else /etc/fanfare/fanfare.yaml if there),
 * then FANFARE_... variables.  Every mistake of the file is in `errors`, a line each,
 * "file:line: what"; STATUS_INVALID when there are any. */
MUST_CHECK enum status settings_load(struct settings *settings, const char *file,
                                     struct buffer *errors);
/* places.c: "127.0.0.1:4566", "[::1]:0" as address and port; false: it is none.  The address
 * points into `listen`, without its brackets. */
MUST_CHECK bool listen_split(struct text listen, struct text *ret_address, uint16_t *ret_port);
/* Whether nobody comes from another machine: only loopback is listened on, and public_url does
 * not say that a proxy stands in front. */
bool settings_are_private(const struct settings *settings);
/* Whether only loopback is listened on. */
bool settings_on_loopback(const struct settings *settings);
/* Whether callers on this machine may be believed to be its operator: not where a public URL
 * says that a proxy, which is on this machine too, brings strangers in. */
bool settings_trust_local(const struct settings *settings);
/* Whether deliveries may reach what listens on this machine. */
bool settings_egress_loopback(const struct settings *settings);

/* One setting by name, or a transport's option by "transport.name", from the command line. */
MUST_CHECK enum status settings_set(struct settings *settings, struct text name,
                                    struct text value, struct why *why);
/* After the last settings_set: what was said of the transports' options against what these
 * have, plug-ins included.  STATUS_INVALID: mistakes are in `errors`. */
MUST_CHECK enum status settings_finish(struct settings *settings, struct buffer *errors);
/* A transport's option, or NULL: it has no such. */
const char *settings_option(const struct settings *settings, const char *transport,
                            const char *name);
/* The whole configuration as YAML, defaults included, with its help as comments. */
void settings_print(const struct settings *settings, struct buffer *to);
/* The data directory by the rules of the README, when no setting names one. */
void settings_find_data(struct settings *settings);
void settings_free(struct settings *settings);

#endif
