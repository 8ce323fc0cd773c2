/* Inside daemon/: the only place that knows everything.  One loop thread; see src/README.md. */
#ifndef DAEMON_SERVER_H
#define DAEMON_SERVER_H

#include "api/api.h"
#include "base/steady.h"
#include "core/core.h"
#include "daemon/daemon.h"
#include "metrics/metrics.h"
#include "net/net.h"
#include "notification/notification.h"
#include "outbound/outbound.h"
#include "pages/pages.h"
#include "sealing/sealing.h"
#include "settings/settings.h"
#include "store/store.h"

#include <uv.h>

struct server {
    struct settings *settings;
    uv_loop_t loop;
    struct random *random;
    struct store *store;
    struct masters *masters; /* or NULL */
    uint64_t stale_keys;     /* when it was looked at last */
    struct cell *cell;
    struct api *api;
    struct pages *pages;
    struct signer *signer;
    struct text admin_secret; /* in the settings' arena */
    struct outbound *outbound;
    struct net_server *net;
    uv_async_t store_wake;
    uv_async_t signer_wake;
    uv_prepare_t pump;
    uv_idle_t more; /* runs while something is left over for the next turn: no sleep then */
    uv_timer_t tick;
    int64_t tick_at_ms;
    uv_signal_t signals[3];
    uv_timer_t declare_pause;
    bool is_paused;
    bool is_disk_low;
    bool signing_failed; /* no key: nothing that SNS signs can be delivered */
    bool is_stopping;
    bool is_reloading;
    bool is_pausing;       /* before it is loaded anew: the cell has ended */
    uint32_t full_commits; /* the last in a row that found no room */
    bool has_announced;
    int exit_code;
    int64_t started_us;
    struct turns turns;
    struct steady clock;
    int64_t clock_told_us; /* how far ahead the wall clock was when the log heard of it */
    struct declaration *declaration; /* resources being declared, or NULL */
    bool declares_again;             /* as soon as that is over */
};

/* The time that the cell goes by: see base/steady.h. */
int64_t server_now_ms(struct server *server);

/* pump.c */
MUST_CHECK enum status pump_open(struct server *server, struct why *why);
void pump_on_prepare(uv_prepare_t *handle);
void pump_close(struct server *server);

/* master_key.c: reads the master keys that the settings name, if they name any. */
MUST_CHECK enum status master_key_open(struct server *server, struct why *why);
enum seal_mode master_key_mode(const struct settings *settings);
/* Says once when no data key is wrapped by an older one any more. */
void master_key_tell(struct server *server);
/* admin_secret.c: reads the secret that makes an admin, or makes one: a file of the data
 * directory that only its owner can read. */
MUST_CHECK enum status admin_secret_open(struct server *server, struct why *why);
/* door.c: the request is a page's, the API's, or is refused. */
void door_request(struct server *server, struct http_request *request);
/* declare.c: starts making the configuration's resources; calls server_announce when done. */
void declare_start(struct server *server);
/* Goes on with it: at each turn of the loop. */
void declare_turn(struct server *server);
/* Reads the file once more and declares what it says, soon; a bad file is logged, and all stays
 * as it is. */
void declare_again(struct server *server);
void declare_free(struct server *server);

/* server.c: tells outbound where this server listens and which addresses the machine has. */
void server_know_itself(struct server *server);
/* Everything is there: prints the two lines. */
void server_announce(struct server *server);
/* Something is wrong that only a person can mend: says so and stops. */
PRINTF_LIKE(2, 3) void server_die(struct server *server, const char *format, ...);

#endif
