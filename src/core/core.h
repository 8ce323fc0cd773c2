/* The cell: all state behind one door.  Inputs go in with the time; effects are taken out
 * after. No I/O, no clock, no chance of its own: the daemon and the simulator drive it alike.
 */
#ifndef CORE_CORE_H
#define CORE_CORE_H

#include "delivery/delivery.h"
#include "history/history.h"
#include "keyring/keyring.h"
#include "queues/queues.h"
#include "router/router.h"
#include "step/step.h"
#include "story/replay.h"

struct cell;

struct cell_options {
    struct random *random; /* borrowed */
    uint64_t cache_bytes;
    uint64_t watermark_bytes; /* of free space, below which new work is refused */
    bool clock_may_go_back;   /* at the start, behind what the disk has seen; else never */
    struct router_limits limits;
    struct queues_limits queues;
    struct deliveries_options deliveries;
    struct history_options history;
    const struct masters *masters; /* borrowed, or NULL: there is no master key */
    enum seal_mode seal;
};

/* `options` is copied; what it points to outlives the cell. */
struct cell *cell_create(const struct cell_options *options);
/* Ends what was begun: calls (done() with STATUS_STORAGE, each once), tasks, timers, reads.  No
 * input may come afterwards.  Before store_close, which frees what reads hang on; once is
 * enough. */
void cell_end(struct cell *cell);
/* After store_close.  Without cell_end nobody hears anything, as when the process dies. NULL
 * is fine. */
void cell_free(struct cell *cell);

struct router *cell_router(struct cell *cell);
struct queues *cell_queues(struct cell *cell);
struct deliveries *cell_deliveries(struct cell *cell);

/* One request.  `run` may be run several times (see step.h); `done` exactly once: at once when
 * it only reads or failed, else when what it changed is durable.  done() must not enter the
 * cell. */
struct call {
    enum status (*run)(struct call *call, struct step *step);
    void (*done)(struct call *call, enum status status);
    /* Optional: inside the cell, once, when it is over or was cancelled: takes back what it has
     * in there (a timer, a place in a wait list). */
    void (*leave)(struct call *call, struct step *step);
    bool only_reads;       /* the answer need not wait for the disk */
    struct task task;      /* private */
    struct hook hook;      /* private */
    struct list_node node; /* private: in cell.calls */
    enum status status;    /* private */
    bool is_durable_wait;  /* private */
};

/* Inputs.  Each is one step at the time `now_ms`; never from inside another. */
void cell_start(struct cell *cell, int64_t now_ms); /* first: begins loading, by read effects */
void cell_call(struct cell *cell, int64_t now_ms, struct call *call);
/* The client has gone: true when the call is over without done(); false when it is past
 * stopping and done() will come. */
bool cell_cancel(struct cell *cell, struct call *call);
void cell_outcome(struct cell *cell, int64_t now_ms, uint64_t attempt_id,
                  const struct attempt_outcome *outcome);
void cell_read_done(struct cell *cell, int64_t now_ms, struct read *take_read);
void cell_committed(struct cell *cell, int64_t now_ms, struct batch *take_batch,
                    enum status status);
void cell_tick(struct cell *cell, int64_t now_ms);
void cell_set_space(struct cell *cell, uint64_t free_bytes);

/* Effects.  Take them until there are none. */
/* NULL while one is under way (the next fills) or there is nothing to commit. */
struct batch *cell_next_batch(struct cell *cell, int64_t now_ms);
struct read *cell_next_read(struct cell *cell);
bool cell_next_attempt(struct cell *cell, struct attempt_start *ret_start);
/* A record that was set aside and not told of yet, for the log; the caller memory_frees it.
 * NULL when none. */
struct damage *cell_next_damage(struct cell *cell);
/* Its time: of the latest input, or of the latest that the disk has seen, see base/steady.h. */
int64_t cell_now_ms(const struct cell *cell);
int64_t cell_next_wake(const struct cell *cell); /* INT64_MAX: nothing is due */

/* Topics and queues are loaded: requests may come. Subscriptions may still be loading. */
bool cell_is_ready(const struct cell *cell);
/* Loading failed: the store's content is not what this version reads. */
bool cell_has_failed(const struct cell *cell, struct why *ret_why);
uint64_t cell_uncommitted_bytes(const struct cell *cell);
/* Records set aside since the start: above 0, something in the data directory is wrong. */
uint64_t cell_damaged(const struct cell *cell);
/* And those that were mended without loss. */
uint64_t cell_mended(const struct cell *cell);
struct history_counters cell_history(const struct cell *cell);
struct seals_counters cell_seals(const struct cell *cell);

#endif
