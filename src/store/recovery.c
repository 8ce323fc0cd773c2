/* Opening the engine "log": what the change log has and LMDB has not becomes layers again. */
#include "base/mutants.h"
#include "store/log_engine.h"

/* Adds the segment's whole records to the layer; engine->sequence becomes the last one's. */
static enum status replay(struct log_engine *engine, struct layer *layer, struct why *why)
{
    struct segment *segment = layer->segment;
    struct record record;

    while (segment_replay(segment, engine->sequence + 1, &record)) {
        layer_add(layer, &record);
        engine->sequence = record.sequence;
    }
    if (segment_is_damaged(segment)) {
        return fail(
            why, STATUS_STORAGE,
            "the change log %s is damaged behind commit %llu: later commits in it cannot "
            "be applied, restore the directory from a copy",
            segment->path, (unsigned long long)engine->sequence);
    }
    return STATUS_OK;
}

/* The next segment in sequence becomes the active layer, the one before it the frozen one. */
static enum status recover_segment(struct log_engine *engine, struct segment *segment,
                                   struct why *why)
{
    if (engine->frozen != NULL) {
        return fail(why, STATUS_STORAGE, "the change log %s is one too many", segment->path);
    }
    engine->frozen = engine->active;
    engine->frozen_last = engine->sequence;
    engine->frozen_bytes = engine->pending;
    engine->active = layer_create(segment);
    enum status status = replay(engine, engine->active, why);

    engine->pending += segment->end;
    if (mutant("store.checkpoint-claims-active")) {
        engine->frozen_last = engine->sequence;
    }
    return status;
}

static enum status recover_segments(struct log_engine *engine, const char *location,
                                    struct why *why)
{
    size_t found = 0;
    enum status status = STATUS_OK;

    for (;;) {
        struct segment *segment = change_log_find(&engine->log, engine->sequence + 1);

        if (segment == NULL || (engine->active != NULL && engine->active->segment == segment)) {
            break;
        }
        found++;
        status = recover_segment(engine, segment, why);
        if (status != STATUS_OK) {
            return status;
        }
    }
    if (found != change_log_used(&engine->log)) {
        return fail(
            why, STATUS_STORAGE,
            "the change log in %s does not continue behind commit %llu: a file of it is "
            "missing, or the database is older than the log",
            location, (unsigned long long)engine->sequence);
    }
    return STATUS_OK;
}

static enum status start_log(struct log_engine *engine, struct why *why)
{
    struct segment *segment = NULL;
    enum status status = change_log_take(&engine->log, &segment, why);

    if (status == STATUS_OK) {
        engine->active = layer_create(segment);
    }
    return status;
}

enum status log_engine_recover(struct log_engine *engine, const char *location,
                               uint64_t map_bytes, struct why *why)
{
    enum status status = checkpoint_load(engine, &engine->sequence, why);

    if (status == STATUS_OK) {
        status = change_log_open(&engine->log, location, map_bytes, engine->sequence, why);
    }
    if (status == STATUS_OK) {
        status = recover_segments(engine, location, why);
    }
    if (status == STATUS_OK) {
        status = engine->active == NULL ? start_log(engine, why)
                                        : segment_settle(engine->active->segment, why);
    }
    engine->visible = engine->sequence;
    return status;
}
