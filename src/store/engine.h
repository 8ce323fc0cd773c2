/* The plug-in door of the store: an ordered map of bytes that survives power loss.  No key is
 * empty or begins with byte 0: such keys are the engine's own. */
#ifndef STORE_ENGINE_H
#define STORE_ENGINE_H

#include "base/status.h"
#include "store/batch.h"

struct engine_row {
    struct text key;
    struct text value;
    bool is_deleted; /* the trace of a row that is gone: only work, for whoever counts it */
    bool is_damaged; /* there is a row, but not as it was written; `value` is empty */
};

/* Lends the bytes until it returns; false stops the scan. */
typedef bool engine_visit(void *context, const struct engine_row *row);

#define ENGINE_FILE_ROOM 32

/* What open found, for people. */
struct engine_opening {
    uint64_t replayed;      /* commits that the log had and the database had not */
    uint64_t dropped_bytes; /* behind them, of a commit cut short, which nobody was told of */
    char dropped_from[ENGINE_FILE_ROOM]; /* the name of that file; "": nothing was dropped */
};

struct engine {
    const char *name;
    /* `location`: a directory that exists; one process at a time may have it open (a second one
     * gets STATUS_BUSY).  `map_bytes`: the most it may ever hold, 0 for the engine's default.
     */
    enum status (*open)(const char *location, uint64_t map_bytes, void **ret_self,
                        struct why *why);
    /* Returns when the batch is durable, whole; or fails and nothing of it happened.  Blocks;
     * one thread at a time.  STATUS_FULL when there is no room, else STATUS_STORAGE.  When a
     * sync failed (what is on disk is unknown) *ret_fatal is set: the process must stop.
     * STATUS_FENCED, fatal too: somebody else writes this store now. */
    enum status (*commit)(void *self, const struct batch *batch, bool *ret_fatal,
                          struct why *why);
    /* Visits keys in byte order, from <= key < to (empty `to`: to the end), `reverse` from the
     * end backwards, traces of deleted rows among them where there are any.  Sees every commit
     * that returned before it was called, and one moment only.  Any number of threads, also
     * while a commit runs.  STATUS_STORAGE also when the order of the keys is not one. */
    enum status (*scan)(void *self, struct text from, struct text to, bool reverse,
                        engine_visit *visit, void *context);
    /* Bytes that may still be written before commit says STATUS_FULL (disk and map). */
    uint64_t (*free_bytes)(void *self);
    /* What open found; NULL for an engine that has nothing to tell. */
    void (*opening)(void *self, struct engine_opening *ret_opening);
    /* On the thread of commits, every few seconds while room is short: starts what gives back
     * the room of deleted rows, and does not wait for it.  NULL: commit does so by itself.
     * Statuses as commit's; all but fatal ones may be ignored. */
    enum status (*relieve)(void *self, bool *ret_fatal, struct why *why);
    void (*close)(void *self);
};

#define ENGINE_DEFAULT "log"

/* The engine of that name ("log", "lmdb", "memory"), or NULL; the default one for NULL. */
const struct engine *engine_find(const char *name);

#endif
