/* The last words of a process that has found itself wrong. */
#include "base/must.h"

#include <execinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    FRAMES_MAX = 48
};

static _Thread_local const char *doing;

void must_doing(const char *what)
{
    doing = what;
}

_Noreturn void must_failed(const char *condition, const char *file, int line,
                           const char *function)
{
    char words[512];
    void *frames[FRAMES_MAX];
    /* By write(2): the logger or the allocator may be what is wrong. */
    int len = snprintf(words, sizeof words,
                       "error must_failed condition=\"%s\" at=%s:%d function=%s doing=%s "
                       "remedy=\"a bug: what was answered is on disk, start again and report "
                       "this\"\n",
                       condition, file, line, function, doing == NULL ? "-" : doing);
    size_t size = len < 0 ? 0 : (size_t)len;
    ssize_t written =
        write(STDERR_FILENO, words, size < sizeof words ? size : sizeof words - 1);

    (void)written; /* there is nobody left to tell */
    backtrace_symbols_fd(frames, backtrace(frames, FRAMES_MAX), STDERR_FILENO);
    abort();
}
