/* Name to engine.  To add one: a file, a line in engines.h, a row here. */
#include "store/engines.h"

#include <string.h>

static const struct engine *const engines[] = {
    &engine_log,
    &engine_lmdb,
    &engine_memory,
};

const struct engine *engine_find(const char *name)
{
    if (name == NULL) {
        name = ENGINE_DEFAULT;
    }
    for (size_t i = 0; i < countof(engines); i++) {
        if (strcmp(engines[i]->name, name) == 0) {
            return engines[i];
        }
    }
    return NULL;
}
