/* Commands of the operator's as endpoints (protocols "exec" and "lambda"): one run per
 * delivery, the message on its standard input. */
#include "exec.h"

#include "deliverers/common/options.h"

#include <sys/wait.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COMMANDS    "commands"
#define EXIT_RETRY  75 /* EX_TEMPFAIL of sysexits.h */
#define GRACE_MS    2000
#define WAIT_MS     10000 /* for a place among `concurrency` */
#define END_WAIT_MS 1000
#define HANDLES     3

struct exec {
    struct deliverer_host *host;
    struct commands commands;
    struct run *first; /* oldest first */
    struct run *last;
    char why[WHY_ROOM];
};

enum run_state {
    RUN_WAITING, /* for a place */
    RUN_GOING,
    RUN_STOPPING, /* it had its time, and was told */
    RUN_KILLED,
    RUN_ENDED
};

/* One delivery. */
struct run {
    struct exec *exec;
    struct run *next;
    struct run *previous;
    struct exec_command *command;
    const struct delivery *delivery; /* NULL: settled already */
    enum run_state state;
    bool had_its_time;
    bool wrote_too_much;
    uint64_t started_ns;
    struct child child;
    uv_timer_t timer;
    uv_poll_t exit;
    uv_poll_t output;
    bool has_output;
    int handles; /* not closed yet */
    uint64_t written;
    char answer[ANSWER_KEPT];
    size_t answer_size;
};

/* --- What came of it. */

__attribute__((format(printf, 4, 5))) static void
run_settle(struct run *run, enum verdict verdict, int status_code, const char *format, ...)
{
    char reason[WHY_ROOM + 64];
    va_list arguments;
    uint64_t took_us = (uv_hrtime() - run->started_ns) / 1000;

    if (run->delivery == NULL) {
        return;
    }
    va_start(arguments, format);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): it was started above */
    (void)vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    const struct outcome outcome = {
        .verdict = verdict,
        .status_code = status_code,
        .reason = reason,
        .peer = "",
        .answer = run->answer,
        .answer_size = run->answer_size,
        .total_us = took_us > INT32_MAX ? INT32_MAX : (int32_t)took_us,
    };
    struct deliverer_host *host = run->exec->host;
    uint64_t id = run->delivery->id;

    run->delivery = NULL;
    host->settle(host, id, &outcome);
}

static void settle_status(struct run *run, int status)
{
    const struct exec_command *command = run->command;
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;

    if (run->had_its_time) {
        run_settle(run, VERDICT_RETRY, code, "stopped: it was not done after %llu s",
                   (unsigned long long)command->timeout_s);
    } else if (!WIFEXITED(status)) {
        run_settle(run, VERDICT_RETRY, 0, "ended by SIG%s%s",
                   sigabbrev_np(WTERMSIG(status)) == NULL ? "?"
                                                          : sigabbrev_np(WTERMSIG(status)),
                   run->wrote_too_much ? ": it wrote more than output_max" : "");
    } else if (code == 0) {
        run_settle(run, VERDICT_DELIVERED, 0, "exit 0");
    } else if (code == EXIT_RETRY) {
        run_settle(run, VERDICT_RETRY, code, "exit 75: try again later");
    } else {
        run_settle(run, VERDICT_REFUSED, code, "exit %d", code);
    }
}

/* --- Its end. */

static void run_unlink(struct run *run)
{
    struct exec *exec = run->exec;
    struct run **to_next = run->previous == NULL ? &exec->first : &run->previous->next;
    struct run **to_previous = run->next == NULL ? &exec->last : &run->next->previous;

    *to_next = run->next;
    *to_previous = run->previous;
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct run *run = handle->data;

    if (--run->handles == 0) {
        free(run);
    }
}

static void output_close(struct run *run)
{
    if (run->has_output) {
        run->has_output = false;
        uv_close((uv_handle_t *)&run->output, on_handle_closed);
        (void)close(run->child.output);
    }
}

/* Everything of it goes but what libuv still holds. */
static void run_close(struct run *run)
{
    bool had_started = run->state != RUN_WAITING;

    run_unlink(run);
    output_close(run);
    if (had_started) {
        uv_close((uv_handle_t *)&run->exit, on_handle_closed);
        (void)close(run->child.exit_watch);
        run->command->running--;
    }
    run->state = RUN_ENDED;
    uv_close((uv_handle_t *)&run->timer, on_handle_closed);
}

/* --- While it runs. */

static void output_take(struct run *run)
{
    char bytes[16384];
    ssize_t size = 0;

    while (run->has_output && (size = read(run->child.output, bytes, sizeof bytes)) > 0) {
        size_t room = ANSWER_KEPT - run->answer_size;
        size_t kept = (size_t)size < room ? (size_t)size : room;

        memcpy(run->answer + run->answer_size, bytes, kept);
        run->answer_size += kept;
        run->written += (uint64_t)size;
        if (run->written > run->command->output_max) { /* its next write fails, or ends it */
            run->wrote_too_much = true;
            output_close(run);
        }
    }
    if (run->has_output && !(size < 0 && (errno == EAGAIN || errno == EINTR))) {
        output_close(run); /* it closed both */
    }
}

static void on_output(uv_poll_t *handle, int status, int events)
{
    (void)status;
    (void)events;
    output_take(handle->data);
}

static void start_next(struct exec *exec, const struct exec_command *command);

static void on_exit_watch(uv_poll_t *handle, int status, int events)
{
    struct run *run = handle->data;
    struct exec *exec = run->exec;
    const struct exec_command *command = run->command;
    int how = 0;

    (void)status;
    (void)events;
    if (!child_reap(&run->child, &how)) {
        return;
    }
    output_take(run); /* what it left in the pipe */
    settle_status(run, how);
    run_close(run);
    start_next(exec, command);
}

static void run_stop(struct run *run)
{
    run->state = RUN_STOPPING;
    child_signal(&run->child, SIGTERM);
    child_signal(&run->child, SIGCONT); /* it may have stopped itself */
}

static void on_timer(uv_timer_t *timer)
{
    struct run *run = timer->data;

    switch (run->state) {
    case RUN_WAITING:
        run_settle(run, VERDICT_RETRY, 0, "all %llu places of the command are taken",
                   (unsigned long long)run->command->concurrency);
        run_close(run);
        return;
    case RUN_GOING:
        run->had_its_time = true;
        run_stop(run);
        (void)uv_timer_start(timer, on_timer, GRACE_MS, 0);
        return;
    case RUN_STOPPING:
        run->state = RUN_KILLED;
        child_signal(&run->child, SIGKILL);
        return;
    case RUN_KILLED:
    case RUN_ENDED: return;
    }
}

/* --- Its beginning. */

static void run_watch(struct run *run)
{
    uv_loop_t *loop = run->exec->host->loop;

    (void)uv_poll_init(loop, &run->exit, run->child.exit_watch);
    (void)uv_poll_init(loop, &run->output, run->child.output);
    run->exit.data = run;
    run->output.data = run;
    run->has_output = true;
    run->handles = HANDLES;
    (void)uv_poll_start(&run->exit, UV_READABLE, on_exit_watch);
    (void)uv_poll_start(&run->output, UV_READABLE, on_output);
}

static uint64_t timeout_ms(const struct run *run)
{
    uint64_t own_ms = run->command->timeout_s * 1000;
    uint64_t given_ms = (uint64_t)run->delivery->timeout_ms;

    return own_ms < given_ms ? own_ms : given_ms;
}

static void run_begin(struct run *run)
{
    struct exec *exec = run->exec;
    uint64_t limit_ms = timeout_ms(run);
    char **environment = environment_make(run->command, run->delivery);
    bool runs =
        environment != NULL
        && child_start(run->command, environment, run->delivery, &run->child, exec->why);

    if (!runs) {
        run_settle(run, VERDICT_RETRY, 0, "it could not be run: %s",
                   environment == NULL ? "out of memory" : exec->why);
        environment_free(environment);
        run_close(run);
        return;
    }
    environment_free(environment);
    run->state = RUN_GOING;
    run->command->running++;
    run_watch(run);
    (void)uv_timer_start(&run->timer, on_timer, limit_ms, 0);
}

static struct run *waiting_find(const struct exec *exec, const struct exec_command *command)
{
    struct run *run = exec->first;

    while (run != NULL && (run->state != RUN_WAITING || run->command != command)) {
        run = run->next;
    }
    return run;
}

static void start_next(struct exec *exec, const struct exec_command *command)
{
    struct run *run = NULL;

    while (command->running < command->concurrency
           && (run = waiting_find(exec, command)) != NULL) {
        run_begin(run);
    }
}

static void run_create(struct exec *exec, struct exec_command *command,
                       const struct delivery *delivery)
{
    struct run *run = calloc(1, sizeof *run);
    const struct outcome no_memory = {
        .verdict = VERDICT_RETRY, .reason = "out of memory", .peer = "", .answer = ""};

    if (run == NULL) {
        exec->host->settle(exec->host, delivery->id, &no_memory);
        return;
    }
    *run = (struct run){.exec = exec,
                        .command = command,
                        .delivery = delivery,
                        .previous = exec->last,
                        .handles = 1,
                        .started_ns = uv_hrtime()};
    (void)uv_timer_init(exec->host->loop, &run->timer);
    run->timer.data = run;
    if (exec->last == NULL) {
        exec->first = run;
    } else {
        exec->last->next = run;
    }
    exec->last = run;
    (void)uv_timer_start(&run->timer, on_timer,
                         (uint64_t)delivery->timeout_ms - timeout_ms(run), 0);
}

/* --- The deliverer. */

static struct exec_command *endpoint_find(struct exec *exec, const char *protocol,
                                          const char *endpoint)
{
    struct exec_command *command = commands_find(&exec->commands, protocol, endpoint);

    if (command == NULL) {
        (void)snprintf(exec->why, sizeof exec->why,
                       "exec.commands of the configuration has no command for \"%.128s\"",
                       endpoint);
    }
    return command;
}

static void deliver_one(struct exec *exec, const struct delivery *delivery)
{
    struct exec_command *command = endpoint_find(exec, delivery->protocol, delivery->endpoint);
    const struct outcome unknown = {
        .verdict = VERDICT_RETRY, .reason = exec->why, .peer = "", .answer = ""};

    if (command == NULL) { /* it was there at Subscribe, and may come back */
        exec->host->settle(exec->host, delivery->id, &unknown);
        return;
    }
    run_create(exec, command, delivery);
    start_next(exec, command);
}

static void exec_deliver(void *self, const struct delivery *const *deliveries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        deliver_one(self, deliveries[i]);
    }
}

static bool exec_accepts(void *self, const char *protocol, const char *endpoint,
                         const char **ret_why)
{
    struct exec *exec = self;

    *ret_why = exec->why;
    return endpoint_find(exec, protocol, endpoint) != NULL;
}

static int64_t exec_limit_ms(void *self, const char *protocol, const char *endpoint)
{
    struct exec *exec = self;
    const struct exec_command *command = commands_find(&exec->commands, protocol, endpoint);

    return command == NULL ? 0 : (int64_t)command->timeout_s * 1000 + WAIT_MS;
}

static void exec_cancel(void *self, uint64_t delivery_id)
{
    struct exec *exec = self;
    struct run *run = exec->first;

    while (run != NULL && (run->delivery == NULL || run->delivery->id != delivery_id)) {
        run = run->next;
    }
    if (run == NULL) {
        return;
    }
    run_settle(run, VERDICT_RETRY, 0, "cancelled");
    if (run->state == RUN_WAITING) {
        run_close(run);
    } else if (run->state == RUN_GOING) {
        run_stop(run);
        (void)uv_timer_start(&run->timer, on_timer, GRACE_MS, 0);
    }
}

/* Killed, it goes at once; one that hangs in the kernel is left to init. */
static void run_end_now(struct run *run)
{
    struct pollfd ended = {.fd = run->child.exit_watch, .events = POLLIN};
    int status = 0;

    if (run->state != RUN_WAITING) {
        child_signal(&run->child, SIGKILL);
        (void)poll(&ended, 1, END_WAIT_MS);
        (void)child_reap(&run->child, &status);
    }
    run_close(run);
}

static void exec_close(void *self)
{
    struct exec *exec = self;

    while (exec->first != NULL) {
        run_end_now(exec->first);
    }
    commands_free(&exec->commands);
    free(exec);
}

static int exec_open(struct deliverer_host *host, void **ret_self)
{
    struct exec *exec = calloc(1, sizeof *exec);

    if (exec == NULL) {
        return -1;
    }
    exec->host = host;
    if (!commands_read(host->option(host, COMMANDS), &exec->commands, exec->why)
        || !commands_find_users(&exec->commands, exec->why)) {
        host->log(host, LEVEL_WARN, exec->why);
        commands_free(&exec->commands);
        free(exec);
        return -1;
    }
    *ret_self = exec;
    return 0;
}

static bool exec_check(const char *option, const char *value, const char **ret_why)
{
    static char why[WHY_ROOM];
    struct commands commands;

    (void)option; /* there is one */
    if (!commands_read(value, &commands, why)) {
        *ret_why = why;
        return false;
    }
    commands_free(&commands);
    return true;
}

static const char *const exec_protocols[] = {"exec", "lambda", NULL};
static const struct deliverer_option exec_options[] = {
    {COMMANDS, "{}",
     "what may be subscribed to, by name: {page: {command: [/usr/local/bin/page], timeout: 10}}; "
     "deliverers/README.md has all settings of a command",
     OPTION_JSON},
    {.name = NULL},
};

extern const struct deliverer deliverer_exec;

const struct deliverer deliverer_exec = {
    .abi = DELIVERER_ABI,
    .name = "exec",
    .protocols = exec_protocols,
    .options = exec_options,
    .max_batch = 1,
    .open = exec_open,
    .accepts = exec_accepts,
    .deliver = exec_deliver,
    .cancel = exec_cancel,
    .close = exec_close,
    .check = exec_check,
    .limit_ms = exec_limit_ms,
};
