/* Inside exec/: commands that may be run, and runs of them. */
#ifndef DELIVERERS_EXEC_EXEC_H
#define DELIVERERS_EXEC_EXEC_H

#include "deliverers/common/named.h"
#include "deliverers/deliverer.h"

#include <sys/types.h>
#include <uv.h>

#define ANSWER_KEPT 1024
#define GROUPS_MAX  64

/* A command of the configuration.  Limits of 0 are those of the daemon itself. */
struct exec_command {
    char *name;
    char **arguments;   /* NULL-terminated; the first is an absolute path */
    char **environment; /* "NAME=value", NULL-terminated; besides what every run has */
    char *directory;
    char *user; /* NULL: the daemon's */
    uint64_t timeout_s;
    uint64_t concurrency;
    uint64_t output_max; /* bytes */
    uint64_t memory_max; /* bytes of address space */
    uint64_t cpu_max;    /* seconds */
    uint64_t files_max;
    uint64_t processes_max; /* of its user, all together */
    bool new_privileges;    /* by setuid programs that it runs */
    /* Of its user, once users_find has run. */
    uid_t uid;
    gid_t gid;
    gid_t groups[GROUPS_MAX];
    int group_count;
    char *home;
    /* Runs under way. */
    uint64_t running;
};

struct commands {
    struct exec_command *items;
    size_t count;
};

/* commands.c: out of the option's JSON.  false: nothing is to be freed, and why. */
bool commands_read(const char *json, struct commands *ret, char ret_why[WHY_ROOM]);
/* Looks up the users they run as.  false: one of them cannot be, and why. */
bool commands_find_users(struct commands *commands, char ret_why[WHY_ROOM]);
/* The command that an endpoint means, a name or a function's ARN; NULL: none. */
struct exec_command *commands_find(const struct commands *commands, const char *protocol,
                                   const char *endpoint);
void commands_free(struct commands *commands);

/* environment.c: of one run, to be freed by environment_free; NULL: out of memory. */
char **environment_make(const struct exec_command *command, const struct delivery *delivery);
void environment_free(char **environment);

/* child.c */
struct child {
    pid_t pid;
    int exit_watch; /* a pidfd, readable when it has ended */
    int output;     /* what it writes, both stdout and stderr; not blocking */
};

/* Starts the command with `input` to read.  false: it does not run, and why. */
bool child_start(const struct exec_command *command, char *const *environment,
                 const struct delivery *delivery, struct child *ret, char ret_why[WHY_ROOM]);
/* To it and whatever it started that stayed in its process group. */
void child_signal(const struct child *child, int signal_number);
/* Ends what is left of its group and takes its exit status (of waitpid); false: it runs on. */
bool child_reap(const struct child *child, int *ret_status);

#endif
