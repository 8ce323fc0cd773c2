/* kill -9 at any moment: every acknowledged batch is there afterwards, whole, and no other
 * half.
 *
 * A child commits batches 1, 2, 3, ... and says each number once it is acknowledged; the parent
 * kills it after some of them, whatever it is at then.  Batch n writes rows (n, 0), (n, 1), ...
 * and the row "last", and deletes what batch n - kept wrote.  In one series the parent opens
 * the store, looks and closes it; in the other nobody ever closes it: the next child looks, and
 * crash comes upon crash, with layers that need several checkpoint transactions. */
#include "trial.h"

#include "base/memory.h"
#include "base/random.h"
#include "store/keys.h"
#include "tests/support/temp_dir.h"

#include <sys/wait.h>

#include <signal.h>
#include <string.h>
#include <time.h>

#define VALUE_MAX 3000

struct series {
    struct trial trial;
    uint32_t rows; /* of a batch: times 1 to 23 */
    uint64_t kept; /* batches whose rows are there */
    int rounds;    /* crashes */
    uint64_t life; /* batches until one, at most */
    bool closes;   /* between two crashes */
};

static struct filling filling;

static struct key row_key(uint64_t batch, uint32_t row)
{
    return key_u64_u32(TABLE_BODY, batch, row);
}

static uint32_t row_count(const struct series *series, uint64_t batch)
{
    return series->rows + (uint32_t)(batch * 7 % (23ULL * series->rows));
}

static struct text row_value(uint64_t batch, uint32_t row, char room[VALUE_MAX])
{
    size_t len = (size_t)(batch * 131 + (uint64_t)row * 977) % (VALUE_MAX - 8) + 8;

    memset(room, (int)('a' + (batch + row) % 26), len);
    memcpy(room, &batch, sizeof batch);
    return text_make(room, len);
}

static void commit_numbered(struct series *series, uint64_t batch)
{
    char room[VALUE_MAX];

    filling_begin(&filling);
    filling_put(&filling, T("last"), text_make(&batch, sizeof batch));
    for (uint32_t row = 0; row < row_count(series, batch); row++) {
        struct key key = row_key(batch, row);

        filling_put(&filling, key_text(&key), row_value(batch, row, room));
    }
    for (uint32_t row = 0;
         batch > series->kept && row < row_count(series, batch - series->kept); row++) {
        struct key key = row_key(batch - series->kept, row);

        filling_delete(&filling, key_text(&key));
    }
    filling_commit(&filling, &series->trial);
}

/* Walks the rows that should be there. */
struct expected {
    const struct series *series;
    uint64_t batch;
    uint32_t row;
};

static bool expect_row(void *context, const struct engine_row *row)
{
    struct expected *expected = context;

    if (row->is_deleted) {
        return true;
    }
    struct key wanted = row_key(expected->batch, expected->row);
    char room[VALUE_MAX];

    CHECK(text_equal(row->key, key_text(&wanted)));
    CHECK(text_equal(row->value, row_value(expected->batch, expected->row, room)));
    if (++expected->row == row_count(expected->series, expected->batch)) {
        expected->batch++;
        expected->row = 0;
    }
    return true;
}

/* Returns the last batch that is there. */
static uint64_t check_store(struct series *series, uint64_t acknowledged)
{
    struct trial *trial = &series->trial;
    struct text value;
    uint64_t last = 0;
    char room[sizeof last];
    struct key end = key_table(TABLE_BODY + 1);
    struct key start = key_table(TABLE_BODY);

    if (trial_get(trial, T("last"), &value, room, sizeof room)) {
        memcpy(&last, value.at, sizeof last);
    }
    CHECK(last >= acknowledged);
    struct expected expected = {.series = series,
                                .batch = last > series->kept ? last - series->kept + 1 : 1};

    CHECK(trial->engine->scan(trial->self, key_text(&start), key_text(&end), false, expect_row,
                              &expected)
          == STATUS_OK);
    CHECK(expected.batch == last + 1 && expected.row == 0);
    return last;
}

/* The child's whole life. */
static _Noreturn void commit_until_killed(struct series *series, uint64_t last, int report)
{
    trial_open(&series->trial);
    last = check_store(series, last);
    CHECK(write(report, &last, sizeof last) == (ssize_t)sizeof last);
    for (uint64_t batch = last + 1;; batch++) {
        commit_numbered(series, batch);
        CHECK(write(report, &batch, sizeof batch) == (ssize_t)sizeof batch);
    }
}

static void sleep_us(uint64_t us)
{
    struct timespec left = {.tv_sec = 0, .tv_nsec = (long)us * 1000};

    (void)nanosleep(&left, NULL);
}

/* Until so many are acknowledged (0: until there are no more); returns the last.  A life begins
 * with what was there, which may be one more than was acknowledged before. */
static uint64_t acknowledged_read(int report, uint64_t last, uint64_t count)
{
    uint64_t batch = 0;

    for (uint64_t i = 0; i < count || count == 0; i++) {
        ssize_t size = read(report, &batch, sizeof batch);

        if (size != (ssize_t)sizeof batch) {
            CHECK(size == 0 && count == 0); /* else the child ended by itself */
            return last;
        }
        CHECK(batch >= last);
        last = batch;
    }
    return last;
}

static uint64_t crash_once(struct series *series, struct random *random, uint64_t last)
{
    int report[2];
    int ended = 0;

    CHECK(pipe(report) == 0);
    pid_t child = fork();

    CHECK(child >= 0);
    if (child == 0) {
        close(report[0]);
        commit_until_killed(series, last, report[1]);
    }
    close(report[1]);
    last = acknowledged_read(report[0], last, 1 + random_below(random, series->life));
    sleep_us(random_below(random, 3000));
    CHECK(kill(child, SIGKILL) == 0 && waitpid(child, &ended, 0) == child);
    CHECK(WIFSIGNALED(ended) && WTERMSIG(ended) == SIGKILL);
    last = acknowledged_read(report[0], last, 0);
    close(report[0]);
    if (series->closes) {
        trial_open(&series->trial);
        last = check_store(series, last);
        trial_close(&series->trial);
    }
    return last;
}

static void series_run(struct series *series, const char *engine, struct random *random)
{
    struct temp_dir dir = temp_dir_make();
    uint64_t last = 0;

    series->trial.engine = engine_find(engine);
    series->trial.location = dir.path;
    for (int round = 0; round < series->rounds; round++) {
        last = crash_once(series, random, last);
    }
    trial_open(&series->trial);
    last = check_store(series, last);
    trial_close(&series->trial);
    (void)printf("%s: %llu batches over %d crashes\n", engine, (unsigned long long)last,
                 series->rounds);
    temp_dir_remove(&dir);
}

int main(void)
{
    static const char *const engines[] = {"log", "lmdb"};
    struct random *random = random_system();

    for (size_t i = 0; i < countof(engines); i++) {
        struct series checked = {.trial = {.map_bytes = SMALL_BYTES},
                                 .rows = 1,
                                 .kept = 60,
                                 .rounds = 20,
                                 .life = 60,
                                 .closes = true};
        struct series again = {.trial = {.map_bytes = 4 * SMALL_BYTES},
                               .rows = 4,
                               .kept = 225,
                               .rounds = 40,
                               .life = 50};

        series_run(&checked, engines[i], random);
        series_run(&again, engines[i], random);
    }
    memory_free(random);
    return 0;
}
