/* The engines, one file each; found by name through engine_find. */
#ifndef STORE_ENGINES_H
#define STORE_ENGINES_H

#include "store/engine.h"

extern const struct engine engine_lmdb;
extern const struct engine engine_log;
extern const struct engine engine_memory;

#endif
