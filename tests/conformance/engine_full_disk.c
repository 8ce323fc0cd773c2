/* A disk that fills up: commits are refused whole, what was there stays, and once there is room
 * again everything goes on.  The process's file-size limit stands in for the disk. */
#include "trial.h"

#include "tests/support/temp_dir.h"

#include <sys/resource.h>

#include <signal.h>
#include <string.h>
#include <time.h>

#define VALUE_BYTES  20000
#define COMMITS_MAX  1000
#define TRIES_MAX    100
#define TRY_PAUSE_NS 50000000

static struct filling filling;

static void set_file_limit(rlim_t bytes)
{
    struct rlimit limit;

    CHECK(getrlimit(RLIMIT_FSIZE, &limit) == 0);
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

static enum status try_commit(struct trial *trial, uint32_t number)
{
    static char value[VALUE_BYTES];
    char key[16];
    bool is_fatal = false;

    memset(value, (int)('a' + number % 26), sizeof value);
    filling_begin(&filling);
    for (int half = 0; half < 2; half++) {
        (void)snprintf(key, sizeof key, "k%05u.%d", number, half);
        filling_put(&filling, text_from(key), text_make(value, sizeof value));
    }
    enum status status = filling_try(&filling, trial, &is_fatal);

    CHECK(!is_fatal);
    return status;
}

static bool count_row(void *context, const struct engine_row *row)
{
    uint32_t *rows = context;
    char expected[16];

    (void)snprintf(expected, sizeof expected, "k%05u.%u", *rows / 2, *rows % 2);
    CHECK(text_equal(row->key, text_from(expected)));
    CHECK(row->value.len == VALUE_BYTES && row->value.at[0] == (char)('a' + *rows / 2 % 26));
    ++*rows;
    return true;
}

static void check_rows(struct trial *trial, uint32_t commits)
{
    uint32_t rows = 0;

    CHECK(trial->engine->scan(trial->self, T(""), T(""), false, count_row, &rows) == STATUS_OK);
    CHECK(rows == 2 * commits);
}

/* Once there is room: at once, or after the next background write. */
static void commit_patiently(struct trial *trial, uint32_t number)
{
    struct timespec pause = {.tv_sec = 0, .tv_nsec = TRY_PAUSE_NS};
    int tries = 0;

    while (try_commit(trial, number) != STATUS_OK) {
        CHECK(++tries < TRIES_MAX);
        (void)nanosleep(&pause, NULL);
    }
}

static void fill_up(const char *name, rlim_t limit)
{
    struct temp_dir dir = temp_dir_make();
    struct trial trial = {.engine = engine_find(name),
                          .location = dir.path,
                          .map_bytes = SMALL_BYTES,
                          .survives = true};
    uint32_t commits = 0;
    enum status status = STATUS_OK;

    trial_open(&trial);
    set_file_limit(limit);
    while (commits < COMMITS_MAX && status == STATUS_OK) {
        status = try_commit(&trial, commits);
        commits += status == STATUS_OK;
    }
    CHECK(status == STATUS_FULL);
    CHECK(try_commit(&trial, commits) == STATUS_FULL);
    check_rows(&trial, commits);
    trial_reopen(&trial); /* also on a full disk */
    check_rows(&trial, commits);
    set_file_limit(RLIM_INFINITY);
    for (uint32_t i = 0; i < 50; i++) {
        commit_patiently(&trial, commits++);
    }
    check_rows(&trial, commits);
    trial_reopen(&trial);
    check_rows(&trial, commits);
    trial_close(&trial);
    temp_dir_remove(&dir);
}

/* The map's own limit is a full disk, too. */
static void fill_map(const char *name)
{
    struct temp_dir dir = temp_dir_make();
    struct trial trial = {.engine = engine_find(name),
                          .location = dir.path,
                          .map_bytes = SMALL_BYTES,
                          .survives = true};
    uint32_t commits = 0;
    enum status status = STATUS_OK;

    trial_open(&trial);
    while (commits < COMMITS_MAX && status == STATUS_OK) {
        status = try_commit(&trial, commits);
        commits += status == STATUS_OK;
    }
    CHECK(status == STATUS_FULL && commits > 100);
    CHECK(trial.engine->free_bytes(trial.self) < SMALL_BYTES / 4);
    check_rows(&trial, commits);
    trial_close(&trial);
    temp_dir_remove(&dir);
}

int main(void)
{
    static const rlim_t limits[] = {200000, 1 << 20, 2 << 20, 3 << 20};

    CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    for (size_t i = 0; i < countof(limits); i++) {
        fill_up("log", limits[i]);
        fill_up("lmdb", limits[i]);
    }
    fill_map("log");
    fill_map("lmdb");
    return 0;
}
