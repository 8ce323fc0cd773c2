/* Key servers and tokens have programs of their own (vault, bao, aws, pkcs11-tool): what one of
 * them prints is the key.  Only at the start: it blocks. */
#include "sealing/program.h"

#include "base/clock.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <unistd.h>

#define TIME_US 30000000

/* Whoever can write to it can have the key. */
static enum status program_check(const char *path, struct why *why)
{
    struct stat about;

    if (stat(path, &about) != 0 || !S_ISREG(about.st_mode) || access(path, X_OK) != 0) {
        return fail(why, STATUS_INVALID, "%s is not a program that can be run", path);
    }
    if ((about.st_mode & (S_IWGRP | S_IWOTH)) != 0
        || (about.st_uid != 0 && about.st_uid != geteuid())) {
        return fail(why, STATUS_INVALID,
                    "%s brings the master key, and others than its owner can write to it: it "
                    "must be root's or the server's own, mode 0755 or less",
                    path);
    }
    return STATUS_OK;
}

static int program_start(const char *path, const int ends[2], pid_t *ret_child)
{
    char name[] = "fanfare-master"; /* what it sees as its own */
    char *arguments[] = {name, NULL};
    posix_spawn_file_actions_t actions;
    int error = posix_spawn_file_actions_init(&actions);

    if (error != 0) {
        return error;
    }
    error = posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    error = error != 0 ? error
                       : posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null",
                                                          O_RDONLY, 0);
    error =
        error != 0 ? error : posix_spawn(ret_child, path, &actions, NULL, arguments, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    return error;
}

/* Until it closes its end, the room is full, or its time is over. */
static void output_read(int from, int64_t until_us, char *ret_at, size_t room, size_t *ret_len)
{
    ssize_t got = 1;

    *ret_len = 0;
    while (got != 0 && *ret_len < room) {
        int64_t left_us = until_us - clock_boot_us();
        struct pollfd poller = {.fd = from, .events = POLLIN};

        if (left_us <= 0 || poll(&poller, 1, (int)(left_us / 1000) + 1) == 0) {
            return;
        }
        got = read(from, ret_at + *ret_len, room - *ret_len);
        if (got < 0 && errno != EINTR) {
            return;
        }
        *ret_len += got > 0 ? (size_t)got : 0;
    }
}

/* Whoever does not end by itself is ended. */
static enum status child_await(const char *path, pid_t child, int64_t until_us, struct why *why)
{
    int result = 0;
    pid_t ended = 0;

    while (ended == 0 && clock_boot_us() < until_us) {
        ended = waitpid(child, &result, WNOHANG);
        if (ended == 0) {
            (void)poll(NULL, 0, 5);
        }
    }
    if (ended == 0) {
        (void)kill(child, SIGKILL);
        (void)waitpid(child, &result, 0);
        return fail(why, STATUS_INVALID, "%s did not bring a master key and end in %d seconds",
                    path, TIME_US / 1000000);
    }
    return ended == child && WIFEXITED(result) && WEXITSTATUS(result) == 0
               ? STATUS_OK
               : fail(why, STATUS_INVALID, "%s brought no master key: it failed", path);
}

enum status program_read(const char *path, char *ret_at, size_t room, size_t *ret_len,
                         struct why *why)
{
    int ends[2];
    pid_t child = 0;
    enum status status = program_check(path, why);

    if (status != STATUS_OK) {
        return status;
    }
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return fail(why, STATUS_INVALID, "no pipe to %s: %s", path, strerrordesc_np(errno));
    }
    int64_t until_us = clock_boot_us() + TIME_US;
    int error = program_start(path, ends, &child);

    (void)close(ends[1]);
    if (error == 0) {
        output_read(ends[0], until_us, ret_at, room, ret_len);
    }
    (void)close(ends[0]); /* before it is awaited: it may still want to write */
    return error == 0 ? child_await(path, child, until_us, why)
                      : fail(why, STATUS_INVALID, "%s cannot be run: %s", path,
                             strerrordesc_np(error));
}
