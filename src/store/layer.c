/* Layers of the engine "log": a stretch of the log and what its records say. */
#include "base/memory.h"
#include "store/log_engine.h"

struct layer *layer_create(struct stretch *stretch)
{
    struct layer *layer = memory_zero(sizeof *layer);

    layer->stretch = stretch;
    layer->overlay = overlay_create();
    layer->references = 1;
    return layer;
}

void layer_release(struct log_engine *engine, struct layer *layer)
{
    if (layer == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&engine->lock);
    bool is_last = --layer->references == 0;

    (void)pthread_mutex_unlock(&engine->lock);
    if (!is_last) {
        return;
    }
    /* Milliseconds of work, for which no commit should wait. */
    engine->log->calls->release(engine->log, layer->stretch);
    overlay_free(layer->overlay);
    (void)pthread_mutex_lock(&engine->lock);
    engine->released++;
    (void)pthread_cond_broadcast(&engine->has_moved);
    (void)pthread_mutex_unlock(&engine->lock);
    memory_free(layer);
}

void layer_add(struct layer *layer, const struct log_record *record)
{
    struct text changes = record->changes;
    struct overlay_change change;

    while (log_record_next_change(&changes, &change)) {
        change.value.at = record->kept + (change.value.at - record->bytes.at);
        overlay_add(layer->overlay, record->sequence, &change);
    }
    layer->records++;
}
