/* Which planted bug this process has. */
#include "base/mutants.h"

#ifdef ENABLE_MUTANTS

#    include <stdlib.h>
#    include <string.h>

bool mutant(const char *name)
{
    /* Nobody sets the environment after the start. */
    const char *chosen = getenv("FANFARE_MUTANT"); /* NOLINT(concurrency-mt-unsafe) */

    return chosen != NULL && strcmp(chosen, name) == 0;
}

#else

typedef int mutants_are_not_compiled_in; /* a source must not be empty */

#endif
