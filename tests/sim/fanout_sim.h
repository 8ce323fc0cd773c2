/* The scene of the fan-out's simulation: its endpoints and queues, its inputs, its ledger. */
#ifndef SIM_FANOUT_SIM_H
#define SIM_FANOUT_SIM_H

#include "seeds.h"
#include "world.h"

#define ENDPOINTS     6
#define QUEUES        3
#define KINDS         4
#define PUBLISHES     120
#define BUSY_MS       60000
#define DAYS_MS       (3LL * 24 * 3600 * 1000)
#define HOUR_MS       (3600LL * 1000)
#define HARMS         6    /* rows that are damaged, at most */
#define STEADY_PARTS  20   /* by so much the cell's clock may be too fast or too slow: 1/20 */
#define RATE_OVER     10   /* seconds over which rates are checked */
#define DUPLICATES    8    /* deduplication ids of the FIFO topic */
#define PENDING       3    /* subscriptions with tokens */
#define PENDING_FIRST 1000 /* their places */
/* Consumers' numbers: queues, dead letters of endpoints, the FIFO topic's queue. */
#define CONSUMERS     (QUEUES + ENDPOINTS + 1)
#define CONSUMER_FIFO (QUEUES + ENDPOINTS)

enum mood { /* of an endpoint */
    MOOD_GOOD,
    MOOD_FLAKY,   /* fails half of the time */
    MOOD_HANGING, /* answers late, as a timeout does */
    MOOD_TWICE,   /* settles twice */
    MOOD_REFUSING,
    MOOD_GONE,    /* wants no more after a while */
    MOOD_HEALING, /* fails for some hours, then it is good */
    MOOD_DOWN     /* nothing but failures: everything must reach its dead-letter queue */
};

/* Something holds for a time, whatever happens to the wall clock. */
struct promise {
    uint64_t epoch; /* the world's: behind it nothing is promised */
    int64_t until_real_ms;
};

struct ledger {
    uint32_t kind;
    bool is_accepted;
    bool is_harmed; /* a row of it was damaged */
    uint64_t boot;  /* the process that accepted it */
    uint32_t delivered[ENDPOINTS];
    uint32_t dead[ENDPOINTS];
    uint32_t attempts[ENDPOINTS];
    uint32_t received[QUEUES];
    int64_t not_before_ms[ENDPOINTS]; /* its endpoint has asked for it */
    struct promise peace[ENDPOINTS];
};

/* What a FIFO topic said to a deduplication id. */
struct duplicate {
    char sequence[24];         /* of the one it accepted; empty: nothing yet */
    int64_t from_ms, until_ms; /* when that was; not known better after a crash */
    int64_t lost_ms;           /* the first try that may have been accepted since; 0: none */
    struct promise remembered;
    uint32_t received;
};

/* A subscription's latest token. */
struct pending {
    char token[96];
    int64_t token_ms; /* 0: none came */
};

/* What an endpoint's subscription says, and what is seen of it. */
struct limits {
    uint32_t concurrency; /* 0: none */
    uint32_t per_second;  /* 0: none */
    uint32_t under_way;
    int64_t period; /* the one that is counted */
    uint32_t in_period;
};

/* Entries of a queue whose deletion was acknowledged. */
struct deleted {
    uint64_t sequences[16 * PUBLISHES];
    size_t count;
};

/* Who has an entry of a queue, by its sequence. */
struct lent {
    uint64_t sequence;
    struct promise promise;
};

struct lease_book {
    struct lent lent[16 * PUBLISHES];
    size_t count;
};

/* A row that was damaged. */
struct harm {
    struct key key;
    uint32_t publish; /* that it was about */
    uint64_t message; /* its number */
    bool is_said;     /* something of that message was set aside */
};

struct scene {
    struct world *world;
    struct ledger ledger[PUBLISHES];
    struct deleted deleted[QUEUES];
    struct lease_book leases[QUEUES];
    uint32_t wants[ENDPOINTS + QUEUES]; /* bits of kinds */
    enum mood moods[ENDPOINTS];
    struct limits limits[ENDPOINTS];
    bool topic_rules; /* its delivery policy comes before its subscriptions' own */
    int64_t healed_ms;
    uint32_t subscription[ENDPOINTS + QUEUES]; /* numbers */
    struct duplicate duplicates[DUPLICATES];
    struct pending pending[PENDING];
    uint32_t retention_s[QUEUES]; /* 0: long */
    bool is_purged[QUEUES];       /* once, some time */
    bool has_tokens;
    bool has_leaps; /* of the wall clock */
    bool has_damage;
    struct harm harms[HARMS];
    size_t harm_count;
    uint32_t history_plans; /* how often what is kept was decided */
    uint8_t told[16];       /* the replay that is looked at */
    bool is_told;
    uint64_t told_sent;
    uint32_t replays;
    bool is_set_up;
    bool is_draining; /* no more misbehaviour: all is to come to its end */
    uint64_t failures;
};

struct scene *scene_of(const struct world *world);
void complain(struct scene *scene, const char *what, uint32_t publish, uint32_t place);
void run_for(struct world *world, int64_t duration_ms);

/* fanout_sim_set_up.c: the topic, its subscriptions and queues. */

/* "dead" or "queue", with a number. */
struct queue_name queue_name_of(struct arena *arena, const char *what, uint32_t i);
struct queue_name fifo_queue_name(void);
void set_up_start(struct scene *scene);
/* A queue with a subscription of the topic's to those kinds (bits); the number of that. */
enum status subscribed_queue_make(struct step *step, struct topic *topic, struct arena *arena,
                                  const struct queue_name *name,
                                  const struct queue_settings *settings, uint32_t kinds,
                                  uint32_t *ret_subscription);

/* fanout_sim_fifo.c: a FIFO topic and its deduplication. */

struct topic_name fifo_topic_name(void);
void fifo_schedule(struct scene *scene);
/* A crash took the call with it; false: it is none of these. */
bool fifo_call_lost(struct scene *scene, struct world_call *call);
void fifo_received(struct scene *scene, uint32_t number);
void fifo_check(struct scene *scene);

/* fanout_sim_tokens.c: what waits for a confirmation. */

void tokens_schedule(struct scene *scene);
/* A message for a place from PENDING_FIRST on, `number` behind it. */
void token_hear(struct scene *scene, uint32_t number, const struct message *message);
/* Lets two days pass. */
void tokens_check(struct scene *scene);

/* fanout_sim_inputs.c: what happens to the process while it is busy. */

void history_plan(struct world *world);
/* For an hour, whatever its size, from the beginning. */
bool history_keeps_all(const struct scene *scene);
void inputs_schedule(struct scene *scene);
/* The process dies, or is stopped, after so long. */
void crash_schedule(struct world *world, int64_t delay_ms);

/* fanout_sim_clock.c: the wall clock is wrong. */

void leaps_schedule(struct scene *scene);
/* From now on, for so long by a clock that may be a little too fast. */
struct promise promise_for(const struct world *world, int64_t duration_ms);
bool promise_holds(const struct world *world, const struct promise *promise);

/* fanout_sim_damage.c: rows on disk that are not what was written. */

void damage_schedule(struct scene *scene);
/* Reads what was set aside: of what was damaged, and counted. */
void damage_hear(struct scene *scene);
/* Whether it was said that something of this is lost. */
/* The row as it is on disk (a reference of the caller's), or NULL. */
struct blob *row_at(struct world *world, const struct key *key);
bool harm_is_said(const struct scene *scene, uint32_t publish);
/* At the end: nothing damaged is there any more of which nobody was told. */
void damage_check(struct scene *scene);
/* Rows of the table that may be left, for who needed them could not be read. */
uint64_t harms_left(struct scene *scene, enum table table);

/* fanout_sim_told.c: a replay that is looked at. */

/* Where the history keeps everything: tells one queue all of it, and checks the number. */
void told_again(struct scene *scene);

/* fanout_sim_endpoints.c: what attempts come to. */

/* The number that was published with this body. */
uint32_t message_number(struct text body);
void on_attempt(struct world *world, struct attempt_start *take_start);
/* A crash: no attempt is under way any more, rates are counted anew, and what an endpoint has
 * asked for may not have been noted. */
void endpoints_forget(struct scene *scene);

/* fanout_sim_consumers.c: receive, then delete (not always). */

/* The event's number: whose, see CONSUMERS. */
void on_receive(struct world *world, struct event *event);
void on_call_lost(struct world *world, struct call *call);

/* fanout_sim_checks.c: whether what happened may have. */

void limits_check(struct scene *scene, uint32_t publish, uint32_t place);
/* Rows on disk. */
uint64_t rows_of(struct world *world, enum table table);
/* All deliveries are over and all queues empty. */
void scene_check(struct scene *scene);
/* Runs the history out: nothing may be left on disk then. */
void leaks_check(struct scene *scene);

/* fanout_sim_edge.c: another scene, deletions while retention ends. */

struct seed_run edge_run(uint64_t seed);

#endif
