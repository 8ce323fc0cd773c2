/* Replays: messages out of the history delivered once more to one subscription, as durable
 * background tasks that go on after a restart. */
#ifndef STORY_REPLAY_H
#define STORY_REPLAY_H

#include "router/router.h"

struct replays;

/* Which messages, and their words. */
#define REPLAY_PICKS(P)                                                              \
    P(ALL, "all")       /* all that its filter policy lets through today */          \
    P(FAILED, "failed") /* those whose deliveries were given up, dead letters too */ \
    P(DEAD, "dead")     /* those that went to a dead-letter queue */                 \
    P(LOST, "lost")     /* those given up without one */

#define REPLAY_PICK_ENUM(name, word) REPLAY_##name,

enum replay_pick {
    REPLAY_PICKS(REPLAY_PICK_ENUM) REPLAY_PICK_COUNT
};

MUST_CHECK bool replay_pick_parse(struct text word, enum replay_pick *ret_pick);
const char *replay_pick_word(enum replay_pick pick);

enum replay_state { /* stored: only append */
    REPLAY_RUNNING,
    REPLAY_COMPLETED,
    REPLAY_CANCELLED,
    REPLAY_GONE /* its subscription was deleted */
};

const char *replay_state_word(enum replay_state state);

/* What is wanted. */
struct replay_wish {
    uint8_t subscription[16];
    int64_t from_ms, until_ms; /* published at or after, and before */
    enum replay_pick pick;
    uint32_t rate;   /* messages a second, 0: as fast as they go */
    bool is_dry_run; /* only counts */
};

/* How it stands. */
struct replay {
    uint8_t id[16];
    struct replay_wish wish;
    enum replay_state state;
    int64_t started_ms, ended_ms; /* ended: 0 while it runs */
    uint64_t looked_at;           /* messages of that time, or failures */
    uint64_t sent;                /* or would have been */
    uint64_t filtered_out;        /* by the policy of today */
    uint64_t not_kept;            /* failures whose message the history has no more */
};

#define REPLAYS_RUNNING_MAX 8
#define REPLAYS_KEPT_MAX    32 /* ended ones included */

/* Starts one, durable with the current batch.  NOT_FOUND: no such subscription; INVALID, BUSY,
 * with the reason.  May STATUS_WAIT. */
MUST_CHECK enum status replay_start(struct step *step, const struct replay_wish *wish,
                                    uint8_t ret_id[16], struct why *why);
MUST_CHECK enum status replay_cancel(struct step *step, const uint8_t id[16]);
/* Newest first; at most `max`; how many. */
size_t replay_list(const struct step *step, struct replay *ret_replays, size_t max);

/* --- For core/ only. */
struct replays *replays_create(void);
void replays_free(struct replays *replays);
/* Finds those that a restart interrupted, by a read. */
void replays_start(struct step *step);

#endif
