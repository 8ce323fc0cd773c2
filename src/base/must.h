/* What must be true, in every build.  A process that finds itself wrong stops: whatever was
 * answered is on disk already, and what would be committed next might not be true. */
#ifndef BASE_MUST_H
#define BASE_MUST_H

#define must(condition) \
    ((condition) ? (void)0 : must_failed(#condition, __FILE__, __LINE__, __func__))

/* What this thread is about, for the last words; borrowed until it is set again, NULL: nothing.
 */
void must_doing(const char *what);

/* Says on standard error what was wrong, where, and in the middle of what, with the callers'
 * addresses; then dumps core. */
_Noreturn void must_failed(const char *condition, const char *file, int line,
                           const char *function);

#endif
