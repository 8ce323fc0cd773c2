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
    if (layer == NULL || --layer->references > 0) {
        return;
    }
    change_log_give_back(&engine->log, layer->segment);
    overlay_free(layer->overlay);
    memory_free(layer);
    (void)pthread_cond_broadcast(&engine->has_moved);
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
