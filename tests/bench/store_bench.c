/* What a durable commit costs per publish, engine by engine and batch size by batch size.
 *
 * One publish is a body of 1.1 KiB and an owed list of 60 bytes; a batch has three small
 * counter rows besides.  `keep`: everything stays.  `settle`: what was published 2000 publishes
 * ago is deleted again in the same batch, as deliveries do. */
/* link: store base */
#include "base/clock.h"
#include "base/memory.h"
#include "store/engine.h"
#include "store/keys.h"
#include "tests/support/temp_dir.h"

#include <sys/resource.h>

#define BODY_BYTES    1100
#define OWED_BYTES    60
#define COUNTER_BYTES 40
#define COUNTERS      3
#define BEHIND        2000
#define COMMITS_MAX   100000
#define OPS_PER       4

static void require(bool holds, const char *what)
{
    if (!holds) {
        (void)fprintf(stderr, "store_bench: %s\n", what);
        abort();
    }
}

struct run {
    const struct engine *engine;
    void *self;
    uint32_t batch_size;
    bool settles;
    uint64_t next;
    struct key *keys;
    struct blob *body;
    struct blob *owed;
    struct blob *counters;
    int64_t *times;
    uint32_t commits;
};

static void add(struct batch *batch, struct key *key, struct key value, struct blob *blob)
{
    *key = value;
    batch_add(batch, key, blob, NULL);
}

static struct batch *fill(struct run *run)
{
    struct batch *batch = batch_create(run->commits);
    struct key *key = run->keys;

    for (uint32_t i = 0; i < run->batch_size; i++) {
        uint64_t message = ++run->next;

        add(batch, key++, key_u64(TABLE_BODY, message), run->body);
        add(batch, key++, key_u64_u32(TABLE_OWED, message, 0), run->owed);
        if (run->settles && message > BEHIND) {
            add(batch, key++, key_u64(TABLE_BODY, message - BEHIND), NULL);
            add(batch, key++, key_u64_u32(TABLE_OWED, message - BEHIND, 0), NULL);
        }
    }
    for (uint32_t i = 0; i < COUNTERS; i++) {
        add(batch, key++, key_u32(TABLE_COUNTS, i), run->counters);
    }
    return batch;
}

static int64_t cpu_us(int who)
{
    struct rusage usage;

    require(getrusage(who, &usage) == 0, "getrusage");
    return (int64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000
           + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

static void commit_once(struct run *run)
{
    struct batch *batch = fill(run);
    struct why why = {.text = ""};
    bool is_fatal = false;
    int64_t start = clock_monotonic_us();

    require(run->engine->commit(run->self, batch, &is_fatal, &why) == STATUS_OK, why.text);
    run->times[run->commits++] = clock_monotonic_us() - start;
    batch_free(batch);
}

static int compare_times(const void *a, const void *b)
{
    int64_t first = *(const int64_t *)a;
    int64_t second = *(const int64_t *)b;

    return (first > second) - (first < second);
}

static void report(struct run *run, int64_t wall_us, int64_t process_us, int64_t thread_us)
{
    double publishes = (double)run->commits * run->batch_size;

    qsort(run->times, run->commits, sizeof *run->times, compare_times);
    printf(
        "%-5s %-6s B=%-4u %9.0f publishes/s  commit p50=%5lld p99=%6lld us  cpu/publish=%6.2f"
        " us (commit thread %6.2f)\n",
        run->engine->name, run->settles ? "settle" : "keep", run->batch_size,
        publishes * 1e6 / (double)wall_us, (long long)run->times[run->commits / 2],
        (long long)run->times[(size_t)run->commits * 99 / 100], (double)process_us / publishes,
        (double)thread_us / publishes);
}

static void measure(struct run *run, int64_t duration_us)
{
    int64_t start = clock_monotonic_us();
    int64_t process = cpu_us(RUSAGE_SELF);
    int64_t thread = cpu_us(RUSAGE_THREAD);

    while (clock_monotonic_us() - start < duration_us && run->commits < COMMITS_MAX) {
        commit_once(run);
    }
    report(run, clock_monotonic_us() - start, cpu_us(RUSAGE_SELF) - process,
           cpu_us(RUSAGE_THREAD) - thread);
}

static void bench(const char *name, uint32_t batch_size, bool settles, int64_t duration_us)
{
    struct temp_dir dir = temp_dir_make();
    struct why why = {.text = ""};
    struct run run = {
        .engine = engine_find(name), .batch_size = batch_size, .settles = settles};

    require(run.engine != NULL, "no such engine");
    require(run.engine->open(dir.path, 0, &run.self, &why) == STATUS_OK, why.text);
    run.keys = memory_array((size_t)batch_size * OPS_PER + COUNTERS, sizeof *run.keys);
    run.body = blob_new(BODY_BYTES);
    run.owed = blob_new(OWED_BYTES);
    run.counters = blob_new(COUNTER_BYTES);
    run.times = memory_array(COMMITS_MAX, sizeof *run.times);
    memset(run.body->at, 'b', BODY_BYTES);
    memset(run.owed->at, 'o', OWED_BYTES);
    memset(run.counters->at, 'c', COUNTER_BYTES);
    measure(&run, duration_us);
    run.engine->close(run.self);
    blob_unref(run.body);
    blob_unref(run.owed);
    blob_unref(run.counters);
    memory_free(run.times);
    memory_free(run.keys);
    temp_dir_remove(&dir);
}

/* store_bench [milliseconds per row [engine [batch size]]] */
int main(int argc, char **argv)
{
    static const char *const names[] = {"lmdb", "log"};
    static const uint32_t sizes[] = {1, 16, 64, 256};
    int64_t duration_ms = 200;
    int64_t only_size = 0;

    require(argc < 2 || text_to_int64(text_from(argv[1]), &duration_ms), "bad milliseconds");
    require(argc < 4 || text_to_int64(text_from(argv[3]), &only_size), "bad batch size");
    for (size_t i = 0; i < countof(sizes) * countof(names) * 2; i++) {
        const char *name = names[i / 2 % countof(names)];
        uint32_t size = sizes[i / 2 / countof(names)];

        if ((argc < 3 || strcmp(argv[2], name) == 0) && (only_size == 0 || only_size == size)) {
            bench(name, size, i % 2 == 1, duration_ms * 1000);
        }
    }
    return 0;
}
