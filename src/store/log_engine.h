/* Inside the engine "log": its state, shared by commits, scans, the checkpointer and recovery.
 *
 * A layer is a stretch of the change log and the overlay of what its records say.  Commits go
 * to the active layer; when its stretch is full it is frozen, and the checkpointer writes it to
 * LMDB in small durable transactions, the last of which says up to where LMDB has come.  Scans
 * see the active layer over the frozen one over LMDB. */
#ifndef STORE_LOG_ENGINE_H
#define STORE_LOG_ENGINE_H

#include "store/change_log.h"
#include "store/lmdb_map.h"

#include <pthread.h>
#include <stdatomic.h>

/* How long closing goes on writing to LMDB what the log has anyway. */
#define CLOSE_PATIENCE_US (INT64_C(5) * 1000 * 1000)

struct layer {
    struct overlay *overlay;
    struct stretch *stretch;
    uint64_t records;    /* that the stretch has; the commit thread's */
    unsigned references; /* under the engine's lock: the engine's own, and scans' */
};

struct log_engine {
    int directory;
    struct lmdb_map *map;
    pthread_t checkpointer;
    bool has_checkpointer;
    int64_t close_patience_us;
    _Atomic(int64_t) give_up_us; /* when checkpoints end unfinished (monotonic) */

    /* The commit thread's. */
    struct ordered_ops ordered;
    uint64_t sequence; /* of the last commit */
    struct change_log *log;
    struct engine_opening opening;

    /* Under the lock. */
    pthread_mutex_t lock;
    pthread_cond_t frozen_is_set; /* or stopping */
    pthread_cond_t has_moved;     /* a checkpoint ended, or a stretch was released */
    uint64_t released;            /* stretches so far */
    struct layer *active;         /* only the commit thread changes which one it is */
    struct layer *frozen;         /* NULL when it is in LMDB */
    uint64_t frozen_last;         /* the sequence of its last record */
    uint64_t visible;       /* what scans may see: the last commit that is in the overlay */
    enum status checkpoint; /* how the last one ended */
    uint64_t checkpoints;   /* that ended */
    bool is_fatal;
    struct why why; /* of the last checkpoint that failed */
    bool stopping;
};

/* Takes over the stretch; one reference. */
struct layer *layer_create(struct stretch *stretch);
/* Not under the lock; NULL is fine.  At the last reference the stretch is released. */
void layer_release(struct log_engine *engine, struct layer *layer);
/* Adds what the record says, whose bytes are kept by the log. */
void layer_add(struct layer *layer, const struct log_record *record);

/* Up to which sequence LMDB has everything. */
MUST_CHECK enum status checkpoint_load(struct log_engine *engine, uint64_t *ret_sequence,
                                       struct why *why);
/* Puts that into the LMDB transaction that is being written. */
void checkpoint_put(struct log_engine *engine, uint64_t sequence);
/* Writes the layer, all of whose records are at most `sequence`, to LMDB.  Statuses as
 * engine.commit's, and STATUS_BUSY: its time was over, the next start replays the layer. */
MUST_CHECK enum status checkpoint_write(struct log_engine *engine, const struct layer *layer,
                                        uint64_t sequence, bool *ret_fatal, struct why *why);
/* The checkpointer thread: writes what is frozen until it is told to stop. */
void *checkpointer_run(void *context); /* the engine */

/* Fills active, frozen, the sequences and the report from the log. */
MUST_CHECK enum status log_engine_recover(struct log_engine *engine, struct why *why);
/* Begins a stretch for what comes next and makes a layer of it; STATUS_BUSY as begin's. */
MUST_CHECK enum status log_engine_begin(struct log_engine *engine, struct layer **ret_layer,
                                        bool *ret_fatal, struct why *why);

#endif
