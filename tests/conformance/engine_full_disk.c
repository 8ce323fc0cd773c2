/* A disk that fills up: commits are refused whole, what was there stays, and once there is room
 * again everything goes on.  The process's file-size limit stands in for the disk. */
#include "trial.h"

#include "base/memory.h"
#include "base/random.h"
#include "tests/support/temp_dir.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <signal.h>
#include <string.h>
#include <time.h>

#define VALUE_BYTES  20000
#define LARGE_BYTES  (UINT64_C(64) << 20)
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

/* --- A store full of small holes: rows of all sizes come and go, and what is deleted makes
 * room again, whatever stands before it. */

#define MIXED_ROWS  6000
#define MIXED_BATCH 32
#define LONG_BYTES  ((size_t)300 * 1024)
#define MIXED_TURNS 120

/* What is there: 0 for nothing, else how long the value is. */
static size_t mixed[MIXED_ROWS];
static char mixed_value[LONG_BYTES];

static struct text mixed_key(uint32_t number, char room[16])
{
    int len = snprintf(room, 16, "m%05u", number);

    CHECK(len == 6);
    return text_make(room, (size_t)len);
}

static struct text mixed_text(uint32_t number, size_t len)
{
    memset(mixed_value, (int)('A' + number % 26), len);
    return text_make(mixed_value, len);
}

/* `count` rows of a batch, every `step`th: of `len` bytes, or gone when that is 0. */
static enum status mixed_try(struct trial *trial, uint32_t number, uint32_t count,
                             uint32_t step, size_t len)
{
    char room[16];
    bool is_fatal = false;

    filling_begin(&filling);
    for (uint32_t i = 0; i < count; i++) {
        struct text key = mixed_key(number + i * step, room);

        if (len > 0) {
            filling_put(&filling, key, mixed_text(number + i * step, len));
        } else {
            filling_delete(&filling, key);
        }
    }
    enum status status = filling_try(&filling, trial, &is_fatal);

    CHECK(!is_fatal);
    for (uint32_t i = 0; i < count && status == STATUS_OK; i++) {
        mixed[number + i * step] = len;
    }
    return status;
}

static bool mixed_row(void *context, const struct engine_row *row)
{
    uint32_t *number = context;
    char room[16];

    if (row->is_deleted) {
        return true;
    }
    while (*number < MIXED_ROWS && mixed[*number] == 0) {
        ++*number;
    }
    CHECK(*number < MIXED_ROWS && !row->is_damaged);
    CHECK(text_equal(row->key, mixed_key(*number, room)));
    CHECK(text_equal(row->value, mixed_text(*number, mixed[*number])));
    ++*number;
    return true;
}

static void mixed_check(struct trial *trial)
{
    uint32_t number = 0;

    CHECK(trial->engine->scan(trial->self, T("m"), T("n"), false, mixed_row, &number)
          == STATUS_OK);
    while (number < MIXED_ROWS && mixed[number] == 0) {
        number++;
    }
    CHECK(number == MIXED_ROWS);
}

/* Rows of `len` bytes from `number` on, until there is no room; returns the first that is not
 * there. */
static uint32_t mixed_fill(struct trial *trial, uint32_t number, uint32_t batch, size_t len)
{
    while (number + batch <= MIXED_ROWS
           && mixed_try(trial, number, batch, 1, len) == STATUS_OK) {
        number += batch;
    }
    return number;
}

/* Every deletion is taken. */
static void mixed_drain(struct trial *trial, uint32_t from, uint32_t to, uint32_t step)
{
    while (from < to) {
        uint32_t left = (to - from + step - 1) / step;
        uint32_t count = left < MIXED_BATCH ? left : MIXED_BATCH;

        CHECK(mixed_try(trial, from, count, step, 0) == STATUS_OK);
        from += count * step;
    }
}

/* Large rows into what the deletions have made free, at the latest when the store was asked for
 * it, and on until there is no room; returns the first that is not there. */
static uint32_t mixed_fill_holes(struct trial *trial, uint32_t from)
{
    struct timespec pause = {.tv_sec = 0, .tv_nsec = TRY_PAUSE_NS};
    struct why why = {.text = ""};
    uint32_t number = mixed_fill(trial, from, 1, LONG_BYTES);
    bool is_fatal = false;

    for (int tries = 0; number < from + 4; tries++) {
        CHECK(tries < TRIES_MAX);
        if (trial->engine->relieve != NULL) {
            CHECK(trial->engine->relieve(trial->self, &is_fatal, &why) == STATUS_OK);
        }
        (void)nanosleep(&pause, NULL);
        number = mixed_fill(trial, number, 1, LONG_BYTES);
    }
    return number;
}

static void fragment(const char *name, bool reopens)
{
    struct temp_dir dir = temp_dir_make();
    struct trial trial = {.engine = engine_find(name),
                          .location = dir.path,
                          .map_bytes = SMALL_BYTES,
                          .survives = true};

    memset(mixed, 0, sizeof mixed);
    trial_open(&trial);
    uint32_t small = mixed_fill(&trial, 0, MIXED_BATCH, 3000);

    CHECK(small > 1000 && small < MIXED_ROWS - 200);
    mixed_drain(&trial, 0, small, 2);
    uint32_t large = mixed_fill_holes(&trial, small);

    if (reopens) {
        trial_reopen(&trial);
    }
    mixed_check(&trial);
    mixed_drain(&trial, 1, small, 2);
    mixed_drain(&trial, small, large, 2);
    mixed_check(&trial);
    trial_reopen(&trial);
    mixed_check(&trial);
    (void)mixed_fill_holes(&trial, large); /* and is open for business again */
    mixed_drain(&trial, 0, MIXED_ROWS, 1);
    mixed_check(&trial);
    trial_close(&trial);
    temp_dir_remove(&dir);
}

#define OLD_ROWS   40
#define NEW_ROWS   20
#define LEFT_BYTES ((rlim_t)512 * 1024) /* a deletion writes pages, too */

static rlim_t database_bytes(const char *location)
{
    char path[512];
    struct stat found;

    (void)snprintf(path, sizeof path, "%s/data.mdb", location);
    CHECK(stat(path, &found) == 0);
    return (rlim_t)found.st_size;
}

/* There was room when rows were accepted, and others have taken it before they were written
 * where they belong: the deletions that came after them make room all the same. */
static void others_take_the_room(const char *name)
{
    struct temp_dir dir = temp_dir_make();
    struct trial trial = {.engine = engine_find(name),
                          .location = dir.path,
                          .map_bytes = LARGE_BYTES,
                          .survives = true};

    memset(mixed, 0, sizeof mixed);
    trial_open(&trial);
    for (uint32_t i = 0; i < OLD_ROWS; i++) {
        CHECK(mixed_try(&trial, i, 1, 1, LONG_BYTES) == STATUS_OK);
    }
    trial_reopen(&trial); /* now they are where they belong */
    for (uint32_t i = OLD_ROWS; i < OLD_ROWS + NEW_ROWS; i++) {
        CHECK(mixed_try(&trial, i, 1, 1, LONG_BYTES) == STATUS_OK);
    }
    set_file_limit(database_bytes(dir.path) + LEFT_BYTES);
    mixed_drain(&trial, 0, OLD_ROWS, 1);
    (void)mixed_fill_holes(&trial, OLD_ROWS + NEW_ROWS);
    mixed_check(&trial);
    set_file_limit(RLIM_INFINITY);
    trial_reopen(&trial);
    mixed_check(&trial);
    trial_close(&trial);
    temp_dir_remove(&dir);
}

/* Sizes and deletions by chance at the edge: a refusal is whole, and a deletion is never
 * refused.
 */
static void come_and_go(const char *name, uint64_t seed)
{
    static const size_t sizes[] = {1, 100, 2000, 3000, 4072, 9000, 70000, LONG_BYTES};
    struct temp_dir dir = temp_dir_make();
    struct random *random = random_seeded(seed);
    struct trial trial = {.engine = engine_find(name),
                          .location = dir.path,
                          .map_bytes = SMALL_BYTES,
                          .survives = true};

    memset(mixed, 0, sizeof mixed);
    trial_open(&trial);
    for (int turn = 0; turn < MIXED_TURNS; turn++) {
        uint32_t number = (uint32_t)random_below(random, MIXED_ROWS / 2);
        size_t len = sizes[random_below(random, countof(sizes))];

        (void)mixed_try(&trial, number, len > 9000 ? 2 : MIXED_BATCH, 1, len);
        number = (uint32_t)random_below(random, MIXED_ROWS / 2);
        mixed_drain(&trial, number, number + 300, 1 + (uint32_t)random_below(random, 3));
        if (turn % 64 == 63) {
            trial_reopen(&trial);
        }
    }
    mixed_check(&trial);
    trial_close(&trial);
    temp_dir_remove(&dir);
    memory_free(random);
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
    fragment("log", false);
    fragment("log", true);
    fragment("lmdb", false);
    others_take_the_room("log");
    come_and_go("log", 1);
    come_and_go("lmdb", 2);
    return 0;
}
