/* Writing frozen layers to LMDB, in the background and in small durable transactions.
 *
 * A checkpoint that is cut short leaves LMDB with part of a layer: harmless, for the layer lies
 * over it while the process lives, and is replayed in full, to the same end, after a crash. */
#include "base/clock.h"
#include "base/mutants.h"
#include "store/log_engine.h"

#include <sys/resource.h>
#include <sys/syscall.h>

#include <errno.h>
#include <time.h>
#include <unistd.h>

/* Small enough for the commits beside it not to wait long for the disk. */
#define TRANSACTION_BYTES ((size_t)1 << 20)
#define TRANSACTION_ROWS  16384
#define RETRY_SECONDS     1
/* Deletions when there is hardly room: so small a transaction needs few new pages, and its list
 * of freed ones fits into one. */
#define TIGHT_ROWS 64
#define NICENESS   5

/* The engine's own row, see lmdb_map.h: the sequence, in the machine's byte order like all that
 * LMDB writes around it. */
static const struct text checkpoint_key = TEXT("\0checkpoint");

enum status checkpoint_load(struct log_engine *engine, uint64_t *ret_sequence, struct why *why)
{
    uint64_t sequence = 0;
    size_t len = 0;
    enum status status =
        lmdb_map_get(engine->map, checkpoint_key, &sequence, sizeof sequence, &len);

    if (status == STATUS_NOT_FOUND || (status == STATUS_OK && len == sizeof sequence)) {
        *ret_sequence = sequence;
        return STATUS_OK;
    }
    return fail(why, STATUS_STORAGE, "the database's checkpoint cannot be read");
}

void checkpoint_put(struct log_engine *engine, uint64_t sequence)
{
    lmdb_map_put(engine->map, checkpoint_key, text_make(&sequence, sizeof sequence));
}

/* Writes rows until the transaction is big enough; true when there are more. */
static bool write_some(struct log_engine *engine, struct rows *rows)
{
    size_t bytes = 0;

    for (size_t i = 0; i < TRANSACTION_ROWS && bytes < TRANSACTION_BYTES; i++) {
        if (!rows->advance(rows)) {
            return false;
        }
        if (rows->row.is_deleted && !mutant("store.checkpoint-keeps-deleted")) {
            lmdb_map_delete(engine->map, rows->row.key);
        } else {
            lmdb_map_put(engine->map, rows->row.key, rows->row.value);
        }
        bytes += rows->row.key.len + rows->row.value.len;
    }
    return true;
}

enum status checkpoint_write(struct log_engine *engine, const struct layer *layer,
                             uint64_t sequence, bool *ret_fatal, struct why *why)
{
    struct overlay_view view;
    enum status status = STATUS_OK;
    bool has_more = true;

    overlay_view_open(layer->overlay, sequence, (struct row_range){0}, &view);
    while (has_more && status == STATUS_OK) {
        if (clock_monotonic_us() >= atomic_load(&engine->give_up_us)) {
            return fail(why, STATUS_BUSY, "it is left to the next start");
        }
        lmdb_map_begin(engine->map);
        has_more = write_some(engine, &view.rows);
        if (!has_more || mutant("store.checkpoint-first")) {
            checkpoint_put(engine, sequence);
        }
        status = lmdb_map_commit(engine->map, ret_fatal, why);
    }
    return status;
}

/* --- No room: what was deleted goes first, whatever stands before it. */

struct thinning {
    struct log_engine *engine;
    size_t rows; /* in the transaction */
    size_t most; /* fewer when not even those find room */
    enum status status;
    bool *ret_fatal;
    struct why *why;
};

static void thinning_commit(struct thinning *thinning)
{
    thinning->status =
        lmdb_map_commit(thinning->engine->map, thinning->ret_fatal, thinning->why);
    thinning->rows = 0;
}

/* The newest that is known of a key: only if that is a deletion the row goes.  The layers lie
 * over LMDB, and are replayed in full after a crash, so it may go before its turn. */
static bool thin_row(void *context, const struct engine_row *row)
{
    struct thinning *thinning = context;

    if (!row->is_deleted) {
        return true;
    }
    if (thinning->rows == 0) {
        lmdb_map_begin(thinning->engine->map);
    }
    lmdb_map_delete(thinning->engine->map, row->key);
    if (++thinning->rows == thinning->most) {
        thinning_commit(thinning);
    }
    return thinning->status == STATUS_OK;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): thinning_commit writes through it */
static enum status thin_out(struct log_engine *engine, size_t most, bool *ret_fatal,
                            struct why *why)
{
    struct thinning thinning = {
        .engine = engine, .most = most, .ret_fatal = ret_fatal, .why = why};
    struct overlay_view views[2];
    struct rows *origins[2];
    size_t count = 0;

    (void)pthread_mutex_lock(&engine->lock);
    const struct layer *layers[] = {engine->active, engine->frozen};
    uint64_t visible = engine->visible;

    (void)pthread_mutex_unlock(&engine->lock);
    for (size_t i = 0; i < countof(layers); i++) {
        if (layers[i] != NULL) {
            overlay_view_open(layers[i]->overlay, visible, (struct row_range){0}, &views[i]);
            origins[count++] = &views[i].rows;
        }
    }
    (void)rows_merge(origins, count, false, thin_row, &thinning);
    if (thinning.rows > 0) {
        thinning_commit(&thinning);
    }
    return thinning.status;
}

/* A layer that does not fit must not stand before the deletions that would make room for it. */
static enum status checkpoint_or_thin(struct log_engine *engine, const struct layer *layer,
                                      uint64_t sequence, bool *ret_fatal, struct why *why)
{
    enum status status = checkpoint_write(engine, layer, sequence, ret_fatal, why);

    if (status != STATUS_FULL || mutant("store.no-thinning")) {
        return status;
    }
    status = STATUS_FULL;
    for (size_t most = TIGHT_ROWS; status == STATUS_FULL && most > 0; most /= 4) {
        status = thin_out(engine, most, ret_fatal, why);
    }
    return status == STATUS_OK ? checkpoint_write(engine, layer, sequence, ret_fatal, why)
                               : status;
}

/* Under the lock. */
static void wait_before_retry(struct log_engine *engine)
{
    struct timespec until;

    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += RETRY_SECONDS;
    (void)pthread_cond_timedwait(&engine->frozen_is_set, &engine->lock, &until);
}

/* Under the lock, which it gives up while it writes. */
static void checkpoint_frozen(struct log_engine *engine)
{
    struct layer *layer = engine->frozen;
    uint64_t sequence = engine->frozen_last;
    struct why why = {.text = ""};
    bool is_fatal = false;

    (void)pthread_mutex_unlock(&engine->lock);
    enum status status = checkpoint_or_thin(engine, layer, sequence, &is_fatal, &why);

    (void)pthread_mutex_lock(&engine->lock);
    engine->checkpoints++;
    engine->checkpoint = status;
    engine->is_fatal = is_fatal;
    engine->why = why;
    if (status == STATUS_OK) {
        engine->frozen = NULL;
    }
    (void)pthread_cond_broadcast(&engine->has_moved);
    if (status == STATUS_OK) {
        (void)pthread_mutex_unlock(&engine->lock);
        layer_release(engine, layer);
        (void)pthread_mutex_lock(&engine->lock);
    }
}

void *checkpointer_run(void *context)
{
    struct log_engine *engine = context;

    /* Commits first; failing that, both are equal. */
    (void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), NICENESS);
    (void)pthread_mutex_lock(&engine->lock);
    while (!engine->stopping && !engine->is_fatal) {
        if (engine->frozen == NULL) {
            (void)pthread_cond_wait(&engine->frozen_is_set, &engine->lock);
        } else if (engine->checkpoint == STATUS_OK) {
            checkpoint_frozen(engine);
        } else {
            wait_before_retry(engine);
            checkpoint_frozen(engine);
        }
    }
    (void)pthread_mutex_unlock(&engine->lock);
    return NULL;
}
