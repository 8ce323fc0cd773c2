/* The engine "lmdb": one durable write transaction per batch. */
#include "base/faults.h"
#include "base/memory.h"
#include "store/directory.h"
#include "store/engines.h"
#include "store/lmdb_map.h"
#include "store/ordered_ops.h"
#include "store/segment_log.h"

struct lmdb_engine {
    int lock;
    struct lmdb_map *map;
    struct ordered_ops ordered;
};

static void lmdb_close(void *self)
{
    struct lmdb_engine *engine = self;

    lmdb_map_close(engine->map);
    ordered_ops_free(&engine->ordered);
    directory_unlock(engine->lock);
    memory_free(engine);
}

static enum status lmdb_open(const char *location, uint64_t map_bytes, void **ret_self,
                             struct why *why)
{
    int lock = -1;
    struct lmdb_map *map = NULL;
    enum status status = directory_lock(location, &lock, why);

    if (status != STATUS_OK) {
        return status;
    }
    status = segment_log_refuse(location, why);
    if (status == STATUS_OK) {
        status = lmdb_map_open(location, map_bytes, &map, why);
    }
    if (status != STATUS_OK) {
        directory_unlock(lock);
        return status;
    }
    struct lmdb_engine *engine = memory_zero(sizeof *engine);

    engine->lock = lock;
    engine->map = map;
    *ret_self = engine;
    return STATUS_OK;
}

static enum status lmdb_commit(void *self, const struct batch *batch, bool *ret_fatal,
                               struct why *why)
{
    struct lmdb_engine *engine = self;

    ordered_ops_set(&engine->ordered, batch);
    enum status status = lmdb_map_admit(engine->map, &engine->ordered, 0, why);

    if (status != STATUS_OK) {
        return status;
    }
    lmdb_map_begin(engine->map);
    lmdb_map_apply(engine->map, &engine->ordered);
    (void)fault_point("store.commit.before_sync");
    status = lmdb_map_commit(engine->map, ret_fatal, why);
    (void)fault_point("store.commit.after_sync");
    return status;
}

static enum status lmdb_scan(void *self, struct text from, struct text to, bool reverse,
                             engine_visit *visit, void *context)
{
    struct lmdb_engine *engine = self;
    struct lmdb_view view;
    struct row_range range = {.from = from, .to = to, .reverse = reverse};

    if (lmdb_view_open(engine->map, range, &view) != STATUS_OK) {
        return STATUS_STORAGE;
    }
    struct rows *origins[] = {&view.rows};
    enum status status = rows_merge(origins, countof(origins), reverse, visit, context);

    lmdb_view_close(&view);
    return status;
}

static uint64_t lmdb_free_bytes(void *self)
{
    const struct lmdb_engine *engine = self;

    return lmdb_map_room(engine->map, LMDB_KEEP_ALL);
}

const struct engine engine_lmdb = {
    .name = "lmdb",
    .open = lmdb_open,
    .commit = lmdb_commit,
    .scan = lmdb_scan,
    .free_bytes = lmdb_free_bytes,
    .close = lmdb_close,
};
