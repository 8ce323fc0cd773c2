/* Planted bugs, to see whether the tests find them; nothing at all without ENABLE_MUTANTS.
 * FANFARE_MUTANT=<name> in the environment turns one on; the list is in tests/mutants.  The
 * same as base/mutants.h, which a deliverer does not include. */
#ifndef DELIVERERS_COMMON_MUTANTS_H
#define DELIVERERS_COMMON_MUTANTS_H

#include <stdbool.h>

#ifdef ENABLE_MUTANTS

#    include <stdlib.h>
#    include <string.h>

static inline bool mutant(const char *name)
{
    /* Nobody sets the environment after the start. */
    const char *chosen = getenv("FANFARE_MUTANT"); /* NOLINT(concurrency-mt-unsafe) */

    return chosen != NULL && strcmp(chosen, name) == 0;
}

#else
#    define mutant(name) false
#endif

#endif
