/* Power cuts: what was acknowledged, or only shown by a read, is there whatever the disk has
 * got of what was not synced.
 *
 * A child lives, is killed, lives again; power_recorder writes down what it does to its files.
 * Then the directory is made as the disk may have it at many moments, opened, and compared with
 * what had been acknowledged until then.
 *
 * engine_power_cuts [CUTS [SEED]]: 1000 is a thorough run. */
/* NOLINTBEGIN(concurrency-mt-unsafe): one thread, and processes */
#include "numbered.h"

#include "base/memory.h"
#include "base/random.h"
#include "tests/support/power_cut.h"
#include "tests/support/temp_dir.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CUTS_DEFAULT 100
#define CUTS_MAX     20000
#define LIVES        16
#define LIFE_BATCHES 90
#define LIFE_EVENTS  400
#define LIFE_NOTES   24 /* writes to files that sync each of them: the database's meta pages */
#define EACH_OF_THEM 3  /* cuts at the moments that matter most */
#define KEPT         60
#define PATH_BYTES   (2 * TEMP_DIR_ROOM)
#define IS_PRELOADED "POWER_CUTS_PRELOADED"

struct run {
    struct trial trial;
    struct random *random;
    char program[PATH_BYTES];
    char journal[PATH_BYTES];
    char directory[PATH_BYTES];
    uint64_t starts[LIVES]; /* events before each life */
    uint64_t *cuts;
    size_t cut_count;
};

/* --- A life: argv is engine, directory, journal, what is known to be there. */

static int live(char **argv)
{
    struct trial trial = {
        .engine = engine_find(argv[0]), .location = argv[1], .map_bytes = SMALL_BYTES};
    uint64_t last = strtoull(argv[3], NULL, 10);

    trial_open(&trial);
    last = numbered_check(&trial, last, KEPT);
    power_mark(argv[2], last); /* who reads it may act on it */
    for (int i = 0; i < LIFE_BATCHES; i++) {
        numbered_commit(&trial, ++last, KEPT);
        power_mark(argv[2], last);
    }
    trial_close(&trial);
    return 0;
}

static void set_number(const char *variable, uint64_t number)
{
    char text[32];

    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    CHECK(setenv(variable, text, 1) == 0);
}

static _Noreturn void become_life(struct run *run, uint64_t marked, const char *killed_by,
                                  uint64_t killed_at)
{
    char known[32];
    char name[16];
    char role[] = "live";

    (void)snprintf(known, sizeof known, "%llu", (unsigned long long)marked);
    (void)snprintf(name, sizeof name, "%s", run->trial.engine->name);
    char *const arguments[] = {run->program, role,  name, run->directory,
                               run->journal, known, NULL};

    CHECK(setenv("POWER_DIRECTORY", run->directory, 1) == 0);
    CHECK(setenv("POWER_JOURNAL", run->journal, 1) == 0);
    if (killed_by != NULL) {
        set_number(killed_by, killed_at);
    }
    (void)execv(run->program, arguments);
    _exit(127);
}

/* What the journal has so far; nothing before the first life. */
static uint64_t marked_so_far(const struct run *run, uint64_t *ret_events)
{
    struct stat status;

    *ret_events = 0;
    if (stat(run->journal, &status) != 0) {
        return 0;
    }
    struct power_cut *cut = power_cut_open(run->journal);

    *ret_events = power_cut_events(cut);
    power_cut_advance(cut, *ret_events);
    uint64_t marked = power_cut_marked(cut);

    power_cut_close(cut);
    return marked;
}

/* Every third life ends orderly. */
static void live_all(struct run *run)
{
    static const char *const killers[] = {NULL, "POWER_KILL_SYNCED", "POWER_KILL_AT"};
    static const uint64_t most[] = {1, LIFE_NOTES, LIFE_EVENTS};

    for (int number = 0; number < LIVES; number++) {
        uint64_t marked = marked_so_far(run, &run->starts[number]);
        uint64_t at = 1 + random_below(run->random, most[number % 3]);
        int ended = 0;
        pid_t child = fork();

        CHECK(child >= 0);
        if (child == 0) {
            become_life(run, marked, killers[number % 3], at);
        }
        CHECK(waitpid(child, &ended, 0) == child);
        CHECK(WIFSIGNALED(ended) ? WTERMSIG(ended) == SIGKILL : WEXITSTATUS(ended) == 0);
    }
}

/* --- The moments. */

static void add_cut(struct run *run, uint64_t events)
{
    CHECK(run->cut_count < CUTS_MAX);
    run->cuts[run->cut_count++] = events;
}

/* Right behind the next acknowledgement. */
static uint64_t next_mark(const struct power_cut *cut, uint64_t at)
{
    while (at < power_cut_events(cut) && power_cut_event(cut, at)->kind != POWER_MARK) {
        at++;
    }
    return at < power_cut_events(cut) ? at + 1 : at;
}

/* A file of the log has a new header, durable, and the database has no note of it. */
static bool is_new_header(const struct power_cut *cut, uint64_t at)
{
    const struct power_event *event = power_cut_event(cut, at);

    if (at < 2 || event->kind != POWER_SYNC_END || strncmp(event->name, "changes.", 8) != 0) {
        return false;
    }
    const struct power_event *write = power_cut_event(cut, at - 2);

    return write->kind == POWER_WRITE && write->offset == 0
           && strcmp(write->name, event->name) == 0;
}

static int compare_cuts(const void *a, const void *b)
{
    const uint64_t *left = a;
    const uint64_t *right = b;

    return *left < *right ? -1 : *left > *right;
}

static void choose_cuts(struct run *run, const struct power_cut *cut, uint64_t count)
{
    uint64_t events = power_cut_events(cut);

    for (uint64_t i = 0; i < count; i++) {
        uint64_t at = random_below(run->random, events + 1);

        add_cut(run, i % 2 == 0 ? at : next_mark(cut, at));
    }
    for (int i = 0; i < LIVES * EACH_OF_THEM; i++) {
        add_cut(run, next_mark(cut, run->starts[i % LIVES]));
    }
    for (uint64_t at = 0; at < events; at++) {
        for (int i = 0; i < EACH_OF_THEM && is_new_header(cut, at); i++) {
            add_cut(run, at + 1);
        }
    }
    qsort(run->cuts, run->cut_count, sizeof *run->cuts, compare_cuts);
}

/* --- The cuts. */

static _Noreturn void look(struct run *run, struct power_cut *cut, const char *directory)
{
    power_cut_build(cut, run->random, directory);
    run->trial.location = directory;
    trial_open(&run->trial);
    uint64_t last = numbered_check(&run->trial, power_cut_marked(cut), KEPT);

    for (int i = 0; i < 3; i++) {
        numbered_commit(&run->trial, ++last, KEPT);
    }
    trial_close(&run->trial);
    trial_open(&run->trial);
    (void)numbered_check(&run->trial, last, KEPT);
    trial_close(&run->trial);
    _exit(0);
}

/* In a process of its own: it must neither find fault nor crash. */
static bool survives(struct run *run, struct power_cut *cut)
{
    struct temp_dir dir = temp_dir_make();
    uint64_t seed = random_u64(run->random);
    int ended = 0;
    pid_t child = fork();

    CHECK(child >= 0);
    if (child == 0) {
        run->random = random_seeded(seed);
        look(run, cut, dir.path);
    }
    CHECK(waitpid(child, &ended, 0) == child);
    temp_dir_remove(&dir);
    return WIFEXITED(ended) && WEXITSTATUS(ended) == 0;
}

/* The recorder saw everything: with all writes applied the files are as they are. */
static void check_recorder(struct run *run)
{
    struct power_cut *cut = power_cut_open(run->journal);
    struct temp_dir dir = temp_dir_make();
    char command[3 * PATH_BYTES];

    power_cut_advance(cut, power_cut_events(cut));
    power_cut_build(cut, NULL, dir.path);
    (void)snprintf(
        command, sizeof command,
        "cd '%s' && for f in data.mdb changes.*; do [ -e \"$f\" ] || continue; cmp \"$f\" '%s'/\"$f\" || exit 1; "
        "done",
        run->directory, dir.path);
    CHECK(system(command) == 0);
    temp_dir_remove(&dir);
    power_cut_close(cut);
}

static void try_engine(const char *program, const char *name, uint64_t cuts, uint64_t seed)
{
    struct temp_dir dir = temp_dir_make();
    struct temp_dir data = temp_dir_make();
    struct run run = {.trial = {.engine = engine_find(name), .map_bytes = SMALL_BYTES},
                      .random = random_seeded(seed),
                      .cuts = memory_take(CUTS_MAX * sizeof(uint64_t))};
    uint64_t failed = 0;

    (void)snprintf(run.program, sizeof run.program, "%s", program);
    (void)snprintf(run.journal, sizeof run.journal, "%s/journal", dir.path);
    (void)snprintf(run.directory, sizeof run.directory, "%s", data.path);
    live_all(&run);
    check_recorder(&run);
    struct power_cut *cut = power_cut_open(run.journal);

    choose_cuts(&run, cut, cuts);
    for (size_t i = 0; i < run.cut_count && failed == 0; i++) {
        power_cut_advance(cut, run.cuts[i]);
        failed = survives(&run, cut) ? 0 : run.cuts[i];
    }
    (void)printf("%s: %zu cuts in %llu events of %d lives, %llu batches, seed %llu\n", name,
                 run.cut_count, (unsigned long long)power_cut_events(cut), LIVES,
                 (unsigned long long)power_cut_marked(cut), (unsigned long long)seed);
    if (failed != 0) {
        (void)fprintf(stderr, "%s: lost at the cut behind event %llu, seed %llu\n", name,
                      (unsigned long long)failed, (unsigned long long)seed);
        exit(1);
    }
    power_cut_close(cut);
    memory_free(run.cuts);
    memory_free(run.random);
    temp_dir_remove(&data);
    temp_dir_remove(&dir);
}

int main(int argc, char **argv)
{
    if (argc == 6 && strcmp(argv[1], "live") == 0) {
        return live(argv + 2);
    }
    if (getenv(IS_PRELOADED) == NULL) { /* no test waits for a disk */
        CHECK(setenv(IS_PRELOADED, "1", 1) == 0
              && setenv("LD_PRELOAD", POWER_RECORDER, 1) == 0);
        (void)execv("/proc/self/exe", argv);
        (void)fprintf(stderr, "the program cannot be run again\n");
        return 1;
    }
    uint64_t cuts = argc > 1 ? strtoull(argv[1], NULL, 10) : CUTS_DEFAULT;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : (uint64_t)time(NULL);
    char program[PATH_BYTES] = "";

    CHECK(readlink("/proc/self/exe", program, sizeof program - 1) > 0);
    try_engine(program, "log", cuts, seed);
    try_engine(program, "lmdb", cuts, seed);
    return 0;
}

/* NOLINTEND(concurrency-mt-unsafe) */
