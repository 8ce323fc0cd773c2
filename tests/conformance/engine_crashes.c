/* kill -9 at any moment: every acknowledged batch is there afterwards, whole, and no other
 * half.
 *
 * A child commits batches 1, 2, 3, ... and says each number once it is acknowledged; the parent
 * kills it, opens the store and looks.  Batch n writes rows (n, 0), (n, 1), ... and the row
 * "last", and deletes what batch n - KEPT wrote. */
#include "trial.h"

#include "base/memory.h"
#include "base/random.h"
#include "store/keys.h"
#include "tests/support/temp_dir.h"

#include <sys/wait.h>

#include <signal.h>
#include <string.h>
#include <time.h>

#define ROUNDS    20
#define KEPT      60
#define VALUE_MAX 3000

static struct filling filling;

static struct key row_key(uint64_t batch, uint32_t row)
{
    return key_u64_u32(TABLE_BODY, batch, row);
}

static uint32_t row_count(uint64_t batch)
{
    return 1 + (uint32_t)(batch * 7 % 23);
}

static struct text row_value(uint64_t batch, uint32_t row, char room[VALUE_MAX])
{
    size_t len = (size_t)(batch * 131 + (uint64_t)row * 977) % (VALUE_MAX - 8) + 8;

    memset(room, (int)('a' + (batch + row) % 26), len);
    memcpy(room, &batch, sizeof batch);
    return text_make(room, len);
}

static void commit_numbered(struct trial *trial, uint64_t batch)
{
    char room[VALUE_MAX];

    filling_begin(&filling);
    filling_put(&filling, T("last"), text_make(&batch, sizeof batch));
    for (uint32_t row = 0; row < row_count(batch); row++) {
        struct key key = row_key(batch, row);

        filling_put(&filling, key_text(&key), row_value(batch, row, room));
    }
    for (uint32_t row = 0; batch > KEPT && row < row_count(batch - KEPT); row++) {
        struct key key = row_key(batch - KEPT, row);

        filling_delete(&filling, key_text(&key));
    }
    filling_commit(&filling, trial);
}

/* The child's whole life. */
static _Noreturn void commit_until_killed(struct trial *trial, uint64_t last, int report)
{
    trial_open(trial);
    for (uint64_t batch = last + 1;; batch++) {
        commit_numbered(trial, batch);
        CHECK(write(report, &batch, sizeof batch) == (ssize_t)sizeof batch);
    }
}

/* Walks the rows that should be there. */
struct expected {
    uint64_t batch;
    uint32_t row;
};

static bool expect_row(void *context, struct text key, struct text value)
{
    struct expected *expected = context;
    struct key wanted = row_key(expected->batch, expected->row);
    char room[VALUE_MAX];

    CHECK(text_equal(key, key_text(&wanted)));
    CHECK(text_equal(value, row_value(expected->batch, expected->row, room)));
    if (++expected->row == row_count(expected->batch)) {
        expected->batch++;
        expected->row = 0;
    }
    return true;
}

/* Returns the last batch that is there. */
static uint64_t check_store(struct trial *trial, uint64_t acknowledged)
{
    struct text value;
    uint64_t last = 0;
    char room[sizeof last];
    struct key end = key_table(TABLE_BODY + 1);
    struct key start = key_table(TABLE_BODY);

    if (trial_get(trial, T("last"), &value, room, sizeof room)) {
        memcpy(&last, value.at, sizeof last);
    }
    CHECK(last >= acknowledged);
    struct expected expected = {.batch = last > KEPT ? last - KEPT + 1 : 1};

    CHECK(trial->engine->scan(trial->self, key_text(&start), key_text(&end), false, expect_row,
                              &expected)
          == STATUS_OK);
    CHECK(expected.batch == last + 1 && expected.row == 0);
    return last;
}

static void sleep_us(uint64_t us)
{
    struct timespec left = {.tv_sec = 0, .tv_nsec = (long)us * 1000};

    (void)nanosleep(&left, NULL);
}

static uint64_t read_acknowledged(int report, uint64_t last)
{
    uint64_t batch = 0;

    while (read(report, &batch, sizeof batch) == (ssize_t)sizeof batch) {
        CHECK(batch == last + 1);
        last = batch;
    }
    return last;
}

static uint64_t crash_once(struct trial *trial, uint64_t last, uint64_t life_us)
{
    int report[2];
    int ended = 0;

    CHECK(pipe(report) == 0);
    pid_t child = fork();

    CHECK(child >= 0);
    if (child == 0) {
        commit_until_killed(trial, last, report[1]);
    }
    close(report[1]);
    sleep_us(life_us);
    CHECK(kill(child, SIGKILL) == 0 && waitpid(child, &ended, 0) == child);
    CHECK(WIFSIGNALED(ended) && WTERMSIG(ended) == SIGKILL);
    uint64_t acknowledged = read_acknowledged(report[0], last);

    close(report[0]);
    trial_open(trial);
    last = check_store(trial, acknowledged);
    trial_close(trial);
    return last;
}

int main(void)
{
    static const char *const names[] = {"log", "lmdb"};
    struct random *random = random_system();

    for (size_t i = 0; i < countof(names); i++) {
        struct temp_dir dir = temp_dir_make();
        struct trial trial = {
            .engine = engine_find(names[i]), .location = dir.path, .map_bytes = SMALL_BYTES};
        uint64_t last = 0;

        for (int round = 0; round < ROUNDS; round++) {
            last = crash_once(&trial, last, 1000 + random_below(random, 150000));
        }
        printf("%s: %llu batches over %d crashes\n", names[i], (unsigned long long)last,
               ROUNDS);
        CHECK(last > ROUNDS);
        temp_dir_remove(&dir);
    }
    memory_free(random);
    return 0;
}
