/* Signal masks of threads, and the handler for SIGBUS, which may call next to nothing. */
#include "base/signals.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define LINE_ROOM  4352 /* a path and what stands before it in /proc/self/maps */
#define BLOCK_ROOM 1024

void signals_block(sigset_t *ret_before)
{
    static const int own[] = {SIGBUS, SIGSEGV, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
    sigset_t all;

    (void)sigfillset(&all);
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        (void)sigdelset(&all, own[i]);
    }
    (void)pthread_sigmask(SIG_SETMASK, &all, ret_before);
}

void signals_restore(const sigset_t *before)
{
    (void)pthread_sigmask(SIG_SETMASK, before, NULL);
}

void signals_ignore_limits(void)
{
    (void)signal(SIGXFSZ, SIG_IGN);
    (void)signal(SIGPIPE, SIG_IGN);
}

/* --- In the handler: no memory, no stdio, no locks. */

static void say(const char *text, size_t len)
{
    ssize_t written = write(STDERR_FILENO, text, len);

    (void)written; /* there is nobody else to tell */
}

static void say_string(const char *text)
{
    say(text, strlen(text));
}

/* Hexadecimal digits at *at, moved behind them. */
static uintptr_t take_hex(const char **at)
{
    uintptr_t value = 0;

    for (;; ++*at) {
        char c = **at;

        if (c >= '0' && c <= '9') {
            value = value << 4 | (uintptr_t)(c - '0');
        } else if (c >= 'a' && c <= 'f') {
            value = value << 4 | (uintptr_t)(c - 'a' + 10);
        } else {
            return value;
        }
    }
}

/* A line of /proc/self/maps: its file, if it is the mapping that `fault` lies in; else NULL. */
static const char *file_of_line(const char *line, uintptr_t fault)
{
    const char *at = line;
    uintptr_t start = take_hex(&at);

    at += *at == '-';
    uintptr_t end = take_hex(&at);

    return fault >= start && fault < end ? strchr(at, '/') : NULL;
}

/* False at the end of the file. */
static bool next_byte(int maps, char block[BLOCK_ROOM], size_t *used, size_t *len, char *ret)
{
    if (*used == *len) {
        ssize_t got = read(maps, block, BLOCK_ROOM);

        *used = 0;
        *len = got > 0 ? (size_t)got : 0;
    }
    if (*len == 0) {
        return false;
    }
    *ret = block[(*used)++];
    return true;
}

/* Reads a line without its end; false at the end of the file. */
static bool next_line(int maps, char block[BLOCK_ROOM], size_t *used, size_t *len,
                      char line[LINE_ROOM])
{
    size_t filled = 0;
    char c = '\0';

    while (next_byte(maps, block, used, len, &c)) {
        if (c == '\n') {
            line[filled] = '\0';
            return true;
        }
        if (filled < LINE_ROOM - 1) {
            line[filled++] = c;
        }
    }
    return false;
}

static void say_file_at(uintptr_t fault)
{
    static char line[LINE_ROOM]; /* one thread gets here: the others meet the same end */
    char block[BLOCK_ROOM];
    size_t used = 0;
    size_t len = 0;
    const char *file = NULL;
    int maps = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);

    while (maps >= 0 && file == NULL && next_line(maps, block, &used, &len, line)) {
        file = file_of_line(line, fault);
    }
    say_string(file == NULL ? "(a file that is not mapped any more)" : file);
}

static void on_bus_error(int number, siginfo_t *info, void *context)
{
    (void)context;
    say_string("fanfare: a page of ");
    say_file_at((uintptr_t)info->si_addr);
    say_string(" cannot be read: the file was cut short from outside, or the disk fails. "
               "Check the disk, then start again; if the start is refused, restore the data "
               "directory from a copy.\n");
    (void)signal(number, SIG_DFL); /* the instruction is tried again, and ends the process */
}

static void on_segment_fault(int number, siginfo_t *info, void *context)
{
    (void)info;
    (void)context;
    say_string("fanfare: memory that is not there was touched: a fault of this program, or the "
               "data directory is damaged. What was accepted is on disk: start again; if it "
               "ends this way each time, restore the data directory from a copy.\n");
    (void)signal(number, SIG_DFL); /* the instruction is tried again, and ends the process */
}

static void explain(int number, void (*handler)(int number, siginfo_t *info, void *context))
{
    struct sigaction action = {.sa_flags = SA_SIGINFO};

    action.sa_sigaction = handler;
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(number, &action, NULL);
}

void signals_explain_faults(void)
{
    struct sigaction present;

    explain(SIGBUS, on_bus_error);
    /* Unless somebody listens already: a sanitizer says more. */
    if (sigaction(SIGSEGV, NULL, &present) == 0 && present.sa_handler == SIG_DFL) {
        explain(SIGSEGV, on_segment_fault);
    }
}
