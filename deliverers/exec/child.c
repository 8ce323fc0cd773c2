/* A process: a session and process group of its own, nothing inherited but what it reads and
 * where it writes, its limits and its user set before it begins.
 * It is made by clone() with the memory shared until it executes (as posix_spawn does): fork()
 * would copy the page tables of a daemon that may be large, and stop the loop for that long. */
#include "exec.h"

#include <linux/close_range.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STACK_SIZE    ((size_t)256 * 1024)
#define FIRST_FREE_FD 3

/* What the child needs, and what it says when it fails: the memory is shared. */
struct plan {
    const struct exec_command *command;
    char *const *environment;
    int input;
    int output;
    sigset_t signals; /* to be let through */
    int error;        /* errno; 0: it runs */
    const char *step; /* that failed */
};

static bool fail_why(char why[WHY_ROOM], const char *what, int error)
{
    (void)snprintf(why, WHY_ROOM, "%s: %s", what, strerrordesc_np(error));
    return false;
}

/* --- In the child: nothing but system calls, on the parent's memory. */

static int limit(int resource, uint64_t most)
{
    const struct rlimit limits = {.rlim_cur = (rlim_t)most, .rlim_max = (rlim_t)most};

    return most == 0 ? 0 : setrlimit((__rlimit_resource_t)resource, &limits);
}

static int limits_take(const struct exec_command *command)
{
    const struct rlimit no_core = {.rlim_cur = 0, .rlim_max = 0};

    return setrlimit(RLIMIT_CORE, &no_core) != 0 || limit(RLIMIT_AS, command->memory_max) != 0
                   || limit(RLIMIT_CPU, command->cpu_max) != 0
                   || limit(RLIMIT_NOFILE, command->files_max) != 0
                   || limit(RLIMIT_NPROC, command->processes_max) != 0
               ? -1
               : 0;
}

/* The wrappers of the C library would change the daemon's other threads, too. */
static int user_take(const struct exec_command *command)
{
    if (command->user == NULL || geteuid() == command->uid) {
        return 0;
    }
    return syscall(SYS_setgroups, (size_t)command->group_count, command->groups) != 0
                   || syscall(SYS_setresgid, command->gid, command->gid, command->gid) != 0
                   || syscall(SYS_setresuid, command->uid, command->uid, command->uid) != 0
               ? -1
               : 0;
}

/* Handlers of the daemon, and what it ignores, are not for the child. */
static void signals_reset(void)
{
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_handler = SIG_DFL;
    for (int number = 1; number < NSIG; number++) {
        (void)sigaction(number, &action, NULL);
    }
}

static int files_take(const struct plan *plan)
{
    if (dup2(plan->input, STDIN_FILENO) < 0 || dup2(plan->output, STDOUT_FILENO) < 0
        || dup2(plan->output, STDERR_FILENO) < 0) {
        return -1;
    }
    /* All are close-on-exec already; this is for those of libraries that are not. */
    (void)syscall(SYS_close_range, FIRST_FREE_FD, ~0U, CLOSE_RANGE_CLOEXEC);
    return 0;
}

static const char *child_prepare(const struct plan *plan)
{
    const struct exec_command *command = plan->command;

    signals_reset();
    if (setsid() < 0) {
        return "a session of its own";
    }
    if (files_take(plan) != 0) {
        return "its files";
    }
    if (chdir(command->directory == NULL ? "/" : command->directory) != 0) {
        return "its directory";
    }
    (void)umask(S_IWGRP | S_IWOTH);
    if (limits_take(command) != 0) {
        return "its limits";
    }
    if (user_take(command) != 0) {
        return "its user";
    }
    /* Whatever happens to the daemon, what is run again later does not run twice at a time. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0
        || (!command->new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)) {
        return "its ties";
    }
    return NULL;
}

static int child_main(void *context)
{
    struct plan *plan = context;

    plan->step = child_prepare(plan);
    if (plan->step == NULL) {
        (void)pthread_sigmask(SIG_SETMASK, &plan->signals, NULL);
        (void)execve(plan->command->arguments[0], plan->command->arguments, plan->environment);
        plan->step = plan->command->arguments[0];
    }
    plan->error = errno == 0 ? EINVAL : errno;
    _exit(127);
}

/* --- In the daemon. */

/* What is to be read, as a file in memory: nobody has to feed it, and whoever does not read it
 * hurts nobody. */
static int input_make(const struct delivery *delivery)
{
    int file = memfd_create("fanfare-delivery", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    size_t written = 0;

    while (file >= 0 && written < delivery->payload_size) {
        ssize_t size = pwrite(file, delivery->payload + written,
                              delivery->payload_size - written, (off_t)written);

        if (size <= 0) {
            (void)close(file);
            return -1;
        }
        written += (size_t)size;
    }
    if (file >= 0) {
        (void)fcntl(file, F_ADD_SEALS,
                    F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
    }
    return file;
}

/* Where the daemon's own first three are closed, the child's would be in the way. */
static int above_standard(int file)
{
    if (file < 0 || file >= FIRST_FREE_FD) {
        return file;
    }
    int moved = fcntl(file, F_DUPFD_CLOEXEC, FIRST_FREE_FD);

    (void)close(file);
    return moved;
}

/* No signal may be handled while two processes share the memory. */
static pid_t child_clone(struct plan *plan, int *ret_exit_watch)
{
    static _Alignas(64) char stack[STACK_SIZE]; /* of one at a time: the parent waits */
    sigset_t all;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &plan->signals);
    pid_t pid = clone(child_main, stack + sizeof stack,
                      CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, plan, ret_exit_watch);
    int error = errno;

    (void)pthread_sigmask(SIG_SETMASK, &plan->signals, NULL);
    errno = error;
    return pid;
}

static bool plan_run(struct plan *plan, struct child *child, char why[WHY_ROOM])
{
    child->pid = child_clone(plan, &child->exit_watch);
    if (child->pid < 0) {
        return fail_why(why, "no process", errno);
    }
    if (plan->error == 0) {
        return true;
    }
    (void)waitpid(child->pid, NULL, 0);
    (void)close(child->exit_watch);
    return fail_why(why, plan->step, plan->error);
}

bool child_start(const struct exec_command *command, char *const *environment,
                 const struct delivery *delivery, struct child *ret, char ret_why[WHY_ROOM])
{
    struct plan plan = {.command = command, .environment = environment};
    int ends[2] = {-1, -1};

    plan.input = above_standard(input_make(delivery));
    if (plan.input < 0) {
        return fail_why(ret_why, "its input", errno);
    }
    if (pipe2(ends, O_CLOEXEC) != 0) {
        (void)close(plan.input);
        return fail_why(ret_why, "its output", errno);
    }
    plan.output = above_standard(ends[1]);
    ret->output = above_standard(ends[0]);
    bool runs = plan.output >= 0 && ret->output >= 0
                && fcntl(ret->output, F_SETFL, O_NONBLOCK) == 0
                && plan_run(&plan, ret, ret_why);

    (void)close(plan.input);
    (void)close(plan.output);
    if (!runs) {
        (void)close(ret->output);
    }
    return runs;
}

void child_signal(const struct child *child, int signal_number)
{
    (void)kill(-child->pid, signal_number);
}

bool child_reap(const struct child *child, int *ret_status)
{
    siginfo_t info = {0};

    /* While it is not taken, its number is nobody else's: what it left behind can be ended. */
    if (waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0
        && info.si_pid == 0) {
        return false;
    }
    child_signal(child, SIGKILL);
    if (waitpid(child->pid, ret_status, 0) != child->pid) {
        *ret_status = SIGKILL; /* somebody else took it: as if it had been killed */
    }
    return true;
}
