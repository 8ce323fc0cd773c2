/* Named fault points for the crash tests; nothing at all without ENABLE_FAULTS.
 * FAULTS="store.commit.before_sync:3:kill" kills the process the third time that point is
 * passed; actions: kill (SIGKILL), fail (fault_point returns true), delay (10 ms), hold (1 s).
 * 0 instead of 3 means each time; several are separated by commas; a value that cannot be read
 * aborts. */
#ifndef BASE_FAULTS_H
#define BASE_FAULTS_H

#include "base/text.h"

#ifdef ENABLE_FAULTS
bool fault_point(const char *name);
#else
static inline bool fault_point(const char *name)
{
    (void)name;
    return false;
}
#endif

#endif
