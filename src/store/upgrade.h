/* The store's format: written into a new store, brought up to date in an old one. */
#ifndef STORE_UPGRADE_H
#define STORE_UPGRADE_H

#include "store/engine.h"

/* STATUS_INVALID, with the reason, when a newer version has written this store. */
MUST_CHECK enum status upgrade_run(const struct engine *engine, void *self, struct why *why);

#endif
