/* Opening the engine "log": what the change log has and LMDB has not becomes layers again. */
#include "base/mutants.h"
#include "store/log_engine.h"

/* The next stretch becomes the active layer, the one before it the frozen one. */
static enum status on_stretch(void *context, struct stretch *stretch, struct why *why)
{
    struct log_engine *engine = context;

    if (engine->frozen != NULL) {
        return fail(why, STATUS_STORAGE,
                    "the change log has a stretch too many, behind commit %llu: restore the "
                    "data directory from a copy",
                    (unsigned long long)engine->sequence);
    }
    engine->frozen = engine->active;
    engine->frozen_last = engine->sequence;
    engine->active = layer_create(stretch);
    return STATUS_OK;
}

static void on_record(void *context, const struct log_record *record)
{
    struct log_engine *engine = context;

    layer_add(engine->active, record);
    engine->sequence = record->sequence;
}

enum status log_engine_begin(struct log_engine *engine, struct layer **ret_layer,
                             bool *ret_fatal, struct why *why)
{
    struct stretch *stretch = NULL;
    enum status status =
        engine->log->calls->begin(engine->log, engine->sequence + 1, &stretch, ret_fatal, why);

    if (status == STATUS_OK) {
        *ret_layer = layer_create(stretch);
    }
    return status;
}

enum status log_engine_recover(struct log_engine *engine, struct why *why)
{
    const struct change_log_visitor visitor = {
        .stretch = on_stretch, .record = on_record, .context = engine};
    bool is_fatal = false;
    enum status status = checkpoint_load(engine, &engine->sequence, why);

    if (status == STATUS_OK) {
        status = engine->log->calls->replay(engine->log, engine->sequence, &visitor,
                                            &engine->opening, why);
    }
    if (status == STATUS_OK && engine->active == NULL) {
        status = log_engine_begin(engine, &engine->active, &is_fatal, why);
    }
    if (mutant("store.checkpoint-claims-active")) {
        engine->frozen_last = engine->sequence;
    }
    engine->visible = engine->sequence;
    return status;
}
