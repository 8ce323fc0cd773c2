/* Layers of the engine "log": a segment and what its records say. */
#include "base/memory.h"
#include "store/log_engine.h"

struct layer *layer_create(struct segment *segment)
{
    struct layer *layer = memory_zero(sizeof *layer);

    layer->segment = segment;
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
    segment_recycle(layer->segment);
    overlay_free(layer->overlay);
    (void)pthread_mutex_lock(&engine->lock);
    change_log_give_back(&engine->log, layer->segment);
    (void)pthread_cond_broadcast(&engine->has_moved);
    (void)pthread_mutex_unlock(&engine->lock);
    memory_free(layer);
}

void layer_add(struct layer *layer, const struct record *record)
{
    const char *mapped = layer->segment->map + layer->segment->last;
    struct text changes = record->changes;
    struct overlay_change change;

    while (record_next_change(&changes, &change)) {
        change.value.at = mapped + (change.value.at - record->bytes.at);
        overlay_add(layer->overlay, record->sequence, &change);
    }
}
