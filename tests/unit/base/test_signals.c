/* Signals: deaf threads, limits that are errors, and last words about a file that was cut. */
#include "base/signals.h"
#include "tests/support/need.h"
#include "tests/support/temp_dir.h"

#include <criterion/criterion.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static void *mask_of_thread(void *context)
{
    NEED(pthread_sigmask(SIG_SETMASK, NULL, context) == 0);
    return NULL;
}

Test(signals, of_threads_born_while_blocked_are_their_own_faults_only)
{
    sigset_t before;
    sigset_t inside;
    sigset_t after;
    pthread_t thread;

    signals_block(&before);
    NEED(pthread_create(&thread, NULL, mask_of_thread, &inside) == 0);
    signals_restore(&before);
    NEED(pthread_join(thread, NULL) == 0);
    NEED(pthread_sigmask(SIG_SETMASK, NULL, &after) == 0);
    cr_expect_eq(sigismember(&inside, SIGTERM), 1);
    cr_expect_eq(sigismember(&inside, SIGCHLD), 1);
    cr_expect_eq(sigismember(&inside, SIGBUS), 0);
    cr_expect_eq(sigismember(&inside, SIGSEGV), 0);
    cr_expect_eq(sigismember(&after, SIGTERM), 0);
}

/* Runs `life` in a process of its own with its standard error in ret_said. */
static int run_apart(void (*life)(const char *path), const char *path, char *ret_said,
                     size_t room)
{
    int said[2];
    int ended = 0;

    NEED(pipe(said) == 0);
    pid_t child = fork();

    NEED(child >= 0);
    if (child == 0) {
        NEED(dup2(said[1], STDERR_FILENO) == STDERR_FILENO);
        life(path);
        _exit(0);
    }
    close(said[1]);
    size_t len = 0;

    for (ssize_t got = 1; got > 0; len += got > 0 ? (size_t)got : 0) {
        got = read(said[0], ret_said + len, room - 1 - len);
    }
    ret_said[len] = '\0';
    close(said[0]);
    NEED(waitpid(child, &ended, 0) == child);
    return ended;
}

static void read_what_was_cut(const char *path)
{
    static const char zeros[8192];
    struct rlimit no_core = {0};
    int fd = open(path, O_RDWR | O_CREAT, 0600);

    NEED(setrlimit(RLIMIT_CORE, &no_core) == 0);
    NEED(fd >= 0 && write(fd, zeros, sizeof zeros) == (ssize_t)sizeof zeros);
    const volatile char *map = mmap(NULL, sizeof zeros, PROT_READ, MAP_SHARED, fd, 0);

    NEED(map != MAP_FAILED && ftruncate(fd, 0) == 0);
    signals_explain_faults();
    (void)map[5000];
}

Test(signals, name_the_file_that_was_cut_under_a_map)
{
    struct temp_dir dir = temp_dir_make();
    char path[TEMP_DIR_ROOM + 16];
    char said[4096];

    (void)snprintf(path, sizeof path, "%s/rows", dir.path);
    int ended = run_apart(read_what_was_cut, path, said, sizeof said);

    cr_expect(WIFSIGNALED(ended) && WTERMSIG(ended) == SIGBUS);
    cr_expect_not_null(strstr(said, path), "%s", said);
    cr_expect_not_null(strstr(said, "cut short"), "%s", said);
    temp_dir_remove(&dir);
}

static void touch_what_is_not_there(const char *path)
{
    struct rlimit no_core = {0};
    char *gone = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)path;
    NEED(setrlimit(RLIMIT_CORE, &no_core) == 0 && gone != MAP_FAILED);
    NEED(signal(SIGSEGV, SIG_DFL) != SIG_ERR); /* whoever listened before this test */
    signals_explain_faults();
    *(volatile char *)gone = 1;
}

Test(signals, say_what_to_do_when_memory_is_not_there)
{
    char said[4096];
    int ended = run_apart(touch_what_is_not_there, "", said, sizeof said);

    cr_expect(WIFSIGNALED(ended) && WTERMSIG(ended) == SIGSEGV);
    cr_expect_not_null(strstr(said, "restore the data directory"), "%s", said);
}

static void write_beyond_the_limit(const char *path)
{
    struct rlimit limit = {.rlim_cur = 4096, .rlim_max = 4096};
    int fd = open(path, O_RDWR | O_CREAT, 0600);

    NEED(fd >= 0 && setrlimit(RLIMIT_FSIZE, &limit) == 0);
    signals_ignore_limits();
    NEED(pwrite(fd, "x", 1, 4096) == -1 && errno == EFBIG);
}

Test(signals, of_the_file_size_limit_are_errors_of_the_write)
{
    struct temp_dir dir = temp_dir_make();
    char path[TEMP_DIR_ROOM + 16];
    char said[4096];

    (void)snprintf(path, sizeof path, "%s/rows", dir.path);
    int ended = run_apart(write_beyond_the_limit, path, said, sizeof said);

    cr_expect(WIFEXITED(ended) && WEXITSTATUS(ended) == 0, "%s", said);
    temp_dir_remove(&dir);
}
