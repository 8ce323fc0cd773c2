/* The engine "log": a commit is one record in the change log; LMDB follows in the background.
 */
#include "base/clock.h"
#include "base/memory.h"
#include "base/mutants.h"
#include "store/directory.h"
#include "store/engines.h"
#include "store/log_engine.h"
#include "store/segment_log.h"

static void log_free(struct log_engine *engine)
{
    layer_release(engine, engine->frozen);
    layer_release(engine, engine->active);
    if (engine->log != NULL) {
        engine->log->calls->close(engine->log);
    }
    lmdb_map_close(engine->map);
    ordered_ops_free(&engine->ordered);
    (void)pthread_cond_destroy(&engine->has_moved);
    (void)pthread_cond_destroy(&engine->frozen_is_set);
    (void)pthread_mutex_destroy(&engine->lock);
    directory_unlock(engine->directory);
    memory_free(engine);
}

static void stop_checkpointer(struct log_engine *engine)
{
    if (!engine->has_checkpointer) {
        return;
    }
    (void)pthread_mutex_lock(&engine->lock);
    engine->stopping = true;
    (void)pthread_cond_broadcast(&engine->frozen_is_set);
    (void)pthread_mutex_unlock(&engine->lock);
    (void)pthread_join(engine->checkpointer, NULL);
}

/* Leaves nothing to replay, if there is time.  What cannot be written now stays in the log,
 * which has it all. */
static void checkpoint_all(struct log_engine *engine)
{
    enum status status = engine->is_fatal ? STATUS_STORAGE : STATUS_OK;
    bool is_fatal = false;

    if (status == STATUS_OK && engine->frozen != NULL) {
        status = checkpoint_write(engine, engine->frozen, engine->frozen_last, &is_fatal, NULL);
    }
    if (status == STATUS_OK && engine->active->records > 0) {
        status = checkpoint_write(engine, engine->active, engine->sequence, &is_fatal, NULL);
    }
    (void)status;
}

static void log_close(void *self)
{
    struct log_engine *engine = self;

    atomic_store(&engine->give_up_us, clock_monotonic_us() + engine->close_patience_us);
    stop_checkpointer(engine);
    checkpoint_all(engine);
    log_free(engine);
}

static struct log_engine *log_create(int directory)
{
    struct log_engine *engine = memory_zero(sizeof *engine);

    engine->directory = directory;
    engine->close_patience_us = CLOSE_PATIENCE_US;
    atomic_init(&engine->give_up_us, INT64_MAX);
    (void)pthread_mutex_init(&engine->lock, NULL);
    (void)pthread_cond_init(&engine->frozen_is_set, NULL);
    (void)pthread_cond_init(&engine->has_moved, NULL);
    return engine;
}

static enum status start_checkpointer(struct log_engine *engine, struct why *why)
{
    if (pthread_create(&engine->checkpointer, NULL, checkpointer_run, engine) != 0) {
        return fail(why, STATUS_STORAGE, "no thread for checkpoints");
    }
    engine->has_checkpointer = true;
    return STATUS_OK;
}

static enum status log_open(const char *location, uint64_t map_bytes, void **ret_self,
                            struct why *why)
{
    int directory = -1;
    enum status status = directory_lock(location, &directory, why);

    if (status != STATUS_OK) {
        return status;
    }
    struct log_engine *engine = log_create(directory);

    status = lmdb_map_open(location, map_bytes, &engine->map, why);
    if (status == STATUS_OK) {
        engine->log = segment_log_create(location, map_bytes, engine->map);
        status = log_engine_recover(engine, why);
    }
    if (status == STATUS_OK) {
        status = start_checkpointer(engine, why);
    }
    if (status != STATUS_OK) {
        log_free(engine);
        return status;
    }
    *ret_self = engine;
    return STATUS_OK;
}

/* Under the lock: waits until the frozen layer is in LMDB, or cannot get there. */
static enum status wait_for_checkpoint(struct log_engine *engine, bool *ret_fatal,
                                       struct why *why)
{
    /* One that did not fit is tried again with the deletions that have come since: also the one
     * under way may have begun before them. */
    uint64_t enough = engine->checkpoints + 2;

    while (engine->frozen != NULL
           && (engine->checkpoint == STATUS_OK
               || (engine->checkpoint == STATUS_FULL && engine->checkpoints < enough))) {
        (void)pthread_cond_signal(&engine->frozen_is_set);
        (void)pthread_cond_wait(&engine->has_moved, &engine->lock);
    }
    if (engine->frozen == NULL) {
        return STATUS_OK;
    }
    *ret_fatal = engine->is_fatal;
    return fail(why, engine->checkpoint, "%s", engine->why.text);
}

/* A layer for what comes next, if need be after a slow reader has let go of a stretch. */
static enum status wait_for_layer(struct log_engine *engine, struct layer **ret_layer,
                                  bool *ret_fatal, struct why *why)
{
    enum status status = STATUS_BUSY;

    while (status == STATUS_BUSY) {
        (void)pthread_mutex_lock(&engine->lock);
        uint64_t released = engine->released;

        (void)pthread_mutex_unlock(&engine->lock);
        status = log_engine_begin(engine, ret_layer, ret_fatal, why);
        (void)pthread_mutex_lock(&engine->lock);
        while (status == STATUS_BUSY && engine->released == released) {
            (void)pthread_cond_wait(&engine->has_moved, &engine->lock);
        }
        (void)pthread_mutex_unlock(&engine->lock);
    }
    return status;
}

/* The active layer, which has records, goes to the checkpointer; `next` takes its place. */
static void freeze(struct log_engine *engine, struct layer *next)
{
    (void)pthread_mutex_lock(&engine->lock);
    engine->frozen = engine->active;
    engine->frozen_last = engine->sequence;
    engine->active = next;
    (void)pthread_cond_signal(&engine->frozen_is_set);
    (void)pthread_mutex_unlock(&engine->lock);
}

/* Freezes the active layer and begins another one. */
static enum status rotate(struct log_engine *engine, bool *ret_fatal, struct why *why)
{
    struct layer *next = NULL;

    (void)pthread_mutex_lock(&engine->lock);
    enum status status = wait_for_checkpoint(engine, ret_fatal, why);

    (void)pthread_mutex_unlock(&engine->lock);
    if (status == STATUS_OK) {
        status = wait_for_layer(engine, &next, ret_fatal, why);
    }
    if (status == STATUS_OK) {
        freeze(engine, next);
    }
    return status;
}

static bool has_frozen(struct log_engine *engine)
{
    (void)pthread_mutex_lock(&engine->lock);
    bool has = engine->frozen != NULL;

    (void)pthread_mutex_unlock(&engine->lock);
    return has;
}

/* Only a checkpoint makes room of what was deleted, and without new work the layer would never
 * fill up and come to one. */
static enum status log_relieve(void *self, bool *ret_fatal, struct why *why)
{
    struct log_engine *engine = self;
    struct layer *next = NULL;

    if (mutant("store.no-relief") || engine->active->records == 0 || has_frozen(engine)) {
        return STATUS_OK;
    }
    enum status status = log_engine_begin(engine, &next, ret_fatal, why);

    if (status == STATUS_OK) {
        freeze(engine, next);
    }
    return status;
}

static void make_visible(struct log_engine *engine)
{
    (void)pthread_mutex_lock(&engine->lock);
    engine->sequence++;
    engine->visible = engine->sequence;
    (void)pthread_mutex_unlock(&engine->lock);
}

static enum status append(struct log_engine *engine, bool *ret_fatal, struct why *why)
{
    const struct change_log_calls *calls = engine->log->calls;
    struct log_record record;
    enum status status =
        calls->append(engine->log, engine->active->stretch, engine->sequence + 1,
                      &engine->ordered, &record, ret_fatal, why);

    if (status != STATUS_OK) {
        return status;
    }
    /* One at a time: the next batch is not taken before this one is durable. */
    status = calls->await(engine->log, record.sequence, ret_fatal, why);
    if (status != STATUS_OK) {
        *ret_fatal = true; /* it is in the log, and may yet become durable */
        return status;
    }
    layer_add(engine->active, &record);
    make_visible(engine);
    return STATUS_OK;
}

/* A batch that no stretch can take: everything before it goes to LMDB, and then it does. */
static enum status commit_directly(struct log_engine *engine, bool *ret_fatal, struct why *why)
{
    enum status status = STATUS_OK;

    if (engine->active->records > 0) {
        status = rotate(engine, ret_fatal, why);
    }
    if (status == STATUS_OK) {
        (void)pthread_mutex_lock(&engine->lock);
        status = wait_for_checkpoint(engine, ret_fatal, why);
        (void)pthread_mutex_unlock(&engine->lock);
    }
    if (status != STATUS_OK) {
        return status;
    }
    lmdb_map_begin(engine->map);
    lmdb_map_apply(engine->map, &engine->ordered);
    checkpoint_put(engine, engine->sequence + 1);
    status = lmdb_map_commit(engine->map, ret_fatal, why);
    if (status == STATUS_OK) {
        make_visible(engine);
    }
    return status;
}

/* A checkpoint whose sync failed stops everybody, like a commit whose sync failed. */
static enum status refuse_if_broken(struct log_engine *engine, bool *ret_fatal, struct why *why)
{
    enum status status = STATUS_OK;

    (void)pthread_mutex_lock(&engine->lock);
    if (engine->is_fatal) {
        *ret_fatal = true;
        status = fail(why, STATUS_STORAGE, "%s", engine->why.text);
    }
    (void)pthread_mutex_unlock(&engine->lock);
    return status;
}

/* What waits to be written to LMDB needs its room there too: the last version of each row. */
static uint64_t pending_room(struct log_engine *engine)
{
    (void)pthread_mutex_lock(&engine->lock);
    uint64_t pending = overlay_room(engine->active->overlay);

    pending += engine->frozen == NULL ? 0 : overlay_room(engine->frozen->overlay);
    (void)pthread_mutex_unlock(&engine->lock);
    return pending;
}

static enum status log_commit(void *self, const struct batch *batch, bool *ret_fatal,
                              struct why *why)
{
    struct log_engine *engine = self;

    ordered_ops_set(&engine->ordered, batch);
    size_t size = log_record_size(&engine->ordered);
    enum status status = refuse_if_broken(engine, ret_fatal, why);

    if (status == STATUS_OK) {
        status = lmdb_map_admit(engine->map, &engine->ordered, pending_room(engine), why);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (!engine->log->calls->fits(engine->log, NULL, size)) {
        return commit_directly(engine, ret_fatal, why);
    }
    if (!engine->log->calls->fits(engine->log, engine->active->stretch, size)) {
        status = rotate(engine, ret_fatal, why);
    }
    if (status == STATUS_OK) {
        status = append(engine, ret_fatal, why);
    }
    /* The disk is full for a longer stretch; one that was longer before has room yet, and
     * deletions are what makes more. */
    if (status == STATUS_FULL && engine->active->records > 0 && !has_frozen(engine)) {
        status = rotate(engine, ret_fatal, why);
        status = status != STATUS_OK ? status : append(engine, ret_fatal, why);
    }
    return status;
}

/* What one scan looks at: layers that cannot go away, and LMDB at the same moment. */
struct snapshot {
    struct layer *layers[2]; /* newest first, NULL for none */
    uint64_t sequence;
    struct lmdb_view below;
};

static enum status snapshot_open(struct log_engine *engine, struct row_range range,
                                 struct snapshot *ret_snapshot)
{
    (void)pthread_mutex_lock(&engine->lock);
    /* Inside the lock, so that a layer cannot be frozen, written and dropped in between. */
    enum status status = lmdb_view_open(engine->map, range, &ret_snapshot->below);

    if (status == STATUS_OK) {
        ret_snapshot->sequence = engine->visible;
        ret_snapshot->layers[0] = engine->active;
        ret_snapshot->layers[1] = engine->frozen;
        engine->active->references++;
        if (engine->frozen != NULL) {
            engine->frozen->references++;
        }
    }
    (void)pthread_mutex_unlock(&engine->lock);
    return status;
}

static void snapshot_close(struct log_engine *engine, struct snapshot *snapshot)
{
    lmdb_view_close(&snapshot->below);
    layer_release(engine, snapshot->layers[0]);
    layer_release(engine, snapshot->layers[1]);
}

static enum status log_scan(void *self, struct text from, struct text to, bool reverse,
                            engine_visit *visit, void *context)
{
    struct log_engine *engine = self;
    struct row_range range = {.from = from, .to = to, .reverse = reverse};
    struct snapshot snapshot = {.sequence = 0};
    struct overlay_view views[2];
    struct rows *origins[3];
    size_t count = 0;

    if (snapshot_open(engine, range, &snapshot) != STATUS_OK) {
        return STATUS_STORAGE;
    }
    for (size_t i = 0; i < countof(views); i++) {
        if (snapshot.layers[i] != NULL) {
            overlay_view_open(snapshot.layers[i]->overlay, snapshot.sequence, range, &views[i]);
            origins[count++] = &views[i].rows;
        }
    }
    origins[count++] = &snapshot.below.rows;
    enum status status = rows_merge(origins, count, reverse, visit, context);

    snapshot_close(engine, &snapshot);
    return status;
}

static uint64_t log_free_bytes(void *self)
{
    struct log_engine *engine = self;
    uint64_t pending = pending_room(engine);
    uint64_t room = lmdb_map_room(engine->map, LMDB_KEEP_ALL);

    return room > pending ? room - pending : 0;
}

static void log_opening(void *self, struct engine_opening *ret_opening)
{
    const struct log_engine *engine = self;

    *ret_opening = engine->opening;
}

const struct engine engine_log = {
    .name = "log",
    .open = log_open,
    .commit = log_commit,
    .scan = log_scan,
    .free_bytes = log_free_bytes,
    .opening = log_opening,
    .relieve = log_relieve,
    .close = log_close,
};
