/* The change log: committed batches, in order and durable, until the database has them too.
 *
 * An interface.  `segment_log` keeps it in files on this machine's disk; one that keeps it on
 * other machines can stand here instead, for the engine knows only these calls.
 *
 * Records have sequences 1, 2, 3, ... without a gap, and lie in stretches: runs of records that
 * are released together.  A layer of the engine is the overlay of one stretch.  The overlay
 * does not copy values: what replay and append lend (`changes`) stays where it is, readable by
 * any thread, until the stretch is released.  A log on files lends its mapped pages; one that
 * has no memory of its own keeps a copy per stretch.
 *
 * begin, append and await are called on one thread, the one of commits; release on any. */
#ifndef STORE_CHANGE_LOG_H
#define STORE_CHANGE_LOG_H

#include "store/log_record.h"

struct stretch {
    uint64_t first; /* the sequence of its first record */
};

/* What replay finds, in order. */
struct change_log_visitor {
    /* The records behind it are in this stretch; anything but STATUS_OK ends the replay. */
    enum status (*stretch)(void *context, struct stretch *stretch, struct why *why);
    void (*record)(void *context, const struct log_record *record);
    void *context;
};

struct change_log; /* what an implementation's own struct begins with */

struct change_log_calls {
    /* Once, after opening and before all else: visits every record behind `checkpointed`, and
     * the stretches they are in (at most two; the last one is begun and may be appended to).
     * What it visits is durable when it returns, whatever it was before.  Refuses, with what to
     * do in `why`, when something that was acknowledged cannot be there: STATUS_STORAGE. */
    enum status (*replay)(struct change_log *log, uint64_t checkpointed,
                          const struct change_log_visitor *visitor,
                          struct engine_opening *ret_opening, struct why *why);
    /* Whether a record of `size` bytes can go into `stretch` behind what it has; into an empty
     * one when that is NULL. */
    bool (*fits)(struct change_log *log, struct stretch *stretch, size_t size);
    /* A stretch for `first` and what follows it.  STATUS_BUSY when all are in use: again after
     * a release.  Other statuses as engine.commit's. */
    enum status (*begin)(struct change_log *log, uint64_t first, struct stretch **ret_stretch,
                         bool *ret_fatal, struct why *why);
    /* Hands in the next record, which fits; it is lent in *ret_record.  It need not be durable
     * yet: several may be on their way.  When it fails without *ret_fatal nothing of it
     * happened and its sequence is free again.  Statuses as engine.commit's: STATUS_FENCED when
     * another owner has taken over, which is for good. */
    enum status (*append)(struct change_log *log, struct stretch *stretch, uint64_t sequence,
                          const struct ordered_ops *ordered, struct log_record *ret_record,
                          bool *ret_fatal, struct why *why);
    /* Returns when every record up to `sequence` is durable.  A failure is final for those that
     * are not. */
    enum status (*await)(struct change_log *log, uint64_t sequence, bool *ret_fatal,
                         struct why *why);
    /* The database has all of it and nobody reads it any more: the log may forget it. */
    void (*release)(struct change_log *log, struct stretch *stretch);
    void (*close)(struct change_log *log);
};

struct change_log {
    const struct change_log_calls *calls;
};

#endif
