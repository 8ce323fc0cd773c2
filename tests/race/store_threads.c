/* The store's threads against each other: commits, reads and scans at once, for
 * ThreadSanitizer. */
/* link: store base */
#include "base/memory.h"
#include "store/keys.h"
#include "store/store.h"
#include "tests/support/temp_dir.h"

#include <sys/eventfd.h>

#include <poll.h>
#include <pthread.h>

#define COMMITS   300
#define ROWS      20
#define MAP_BYTES ((uint64_t)64 << 20)

static void require(bool holds, const char *what)
{
    if (!holds) {
        (void)fprintf(stderr, "store_threads: %s\n", what);
        abort();
    }
}

struct desk {
    struct store *store;
    int wake;
    uint64_t committed;
    uint64_t answered;
    uint64_t points;
    uint32_t rows_seen;
};

static void on_wake(void *context)
{
    const struct desk *desk = context;

    require(eventfd_write(desk->wake, 1) == 0, "wake");
}

static void on_committed(void *context, struct batch *take_batch, enum status status,
                         bool fatal, const struct why *why)
{
    struct desk *desk = context;

    require(status == STATUS_OK && !fatal, why->text);
    require(take_batch->number == desk->committed + 1, "commits are reported in order");
    desk->committed++;
    struct key *keys = take_batch->ops[0].owner;

    batch_free(take_batch);
    memory_free(keys);
}

static void on_read(void *context, struct read *take_read)
{
    struct desk *desk = context;

    require(take_read->status == STATUS_OK, "read");
    if (take_read->done != NULL) {
        take_read->done(take_read, NULL);
        desk->points++;
        read_free(take_read);
        return;
    }
    require(take_read->row_count >= desk->rows_seen, "what was there stays there");
    desk->rows_seen = take_read->row_count;
    desk->answered++;
    read_free(take_read);
}

static void hand_in_commit(struct desk *desk, uint64_t number)
{
    struct key *keys = memory_array(ROWS, sizeof *keys);
    struct batch *batch = batch_create(number);

    for (uint32_t i = 0; i < ROWS; i++) {
        struct blob *value = blob_new(4000);

        for (size_t at = 0; at < value->len; at++) {
            value->at[at] = (char)number;
        }
        keys[i] = i % 2 == 0 ? key_u64_u32(TABLE_BODY, number, i) : key_u32(TABLE_COUNTS, i);
        batch_add(batch, &keys[i], value, i == 0 ? keys : NULL);
        blob_unref(value);
    }
    store_commit(desk->store, batch);
}

static void hand_in_read(struct desk *desk, bool reverse)
{
    struct read *read = read_create(NULL, NULL);

    read->from = key_table(TABLE_BODY);
    read->to = key_table(TABLE_BODY + 1);
    read->reverse = reverse;
    read->row_max = COMMITS * ROWS;
    read->value_max = 16;
    store_read(desk->store, read);
}

static void wait_for_news(struct desk *desk, const struct store_events *events)
{
    struct pollfd waiting = {.fd = desk->wake, .events = POLLIN};
    eventfd_t count = 0;

    require(poll(&waiting, 1, 20000) == 1, "nothing finished for 20 s");
    require(eventfd_read(desk->wake, &count) == 0, "eventfd");
    store_poll(desk->store, events);
}

/* Reads of one key, on the other thread. */
static void on_point(struct read *read, struct step *step)
{
    (void)step;
    require(read->row_count == 0 || read->rows[0].value->len == 4000, "one row");
}

static void hand_in_point(struct desk *desk, uint64_t number)
{
    struct read *read = read_create(on_point, NULL);

    read->from = key_u64_u32(TABLE_BODY, number, 0);
    read->to = key_next(&read->from);
    store_read(desk->store, read);
}

static void run(const char *engine)
{
    struct temp_dir dir = temp_dir_make();
    struct why why = {.text = ""};
    struct desk desk = {.wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
    struct store_events events = {.committed = on_committed, .read = on_read, .context = &desk};
    struct store_options options = {.engine = engine,
                                    .location = dir.path,
                                    .map_bytes = MAP_BYTES,
                                    .wake = on_wake,
                                    .wake_context = &desk};

    require(store_open(&options, &desk.store, &why) == STATUS_OK, why.text);
    for (uint64_t i = 1; i <= COMMITS; i++) {
        hand_in_commit(&desk, i);
        hand_in_read(&desk, i % 2 == 0);
        hand_in_point(&desk, i);
        while (desk.committed + 4 < i || desk.answered + 8 < i) {
            wait_for_news(&desk, &events);
        }
        require(store_free_bytes(desk.store) > 0, "free space");
    }
    while (desk.committed < COMMITS || desk.answered < COMMITS || desk.points < COMMITS) {
        wait_for_news(&desk, &events);
    }
    require(desk.rows_seen > 0, "the reads saw something");
    store_close(desk.store);
    close(desk.wake);
    temp_dir_remove(&dir);
}

/* --- A read of one key does not wait behind a scan: an engine whose scans wait for it. */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t has_changed;
    bool is_scanning;
    bool has_point;
} gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .has_changed = PTHREAD_COND_INITIALIZER};

static enum status gated_open(const char *location, uint64_t map_bytes, void **ret_self,
                              struct why *why)
{
    return engine_find("memory")->open(location, map_bytes, ret_self, why);
}

static enum status gated_scan(void *self, struct text from, struct text to, bool reverse,
                              engine_visit *visit, void *context)
{
    if (from.at[0] == TABLE_BODY) {
        bool is_point = to.len == from.len + 1;
        bool *mine = is_point ? &gate.has_point : &gate.is_scanning;
        const bool *other = is_point ? &gate.is_scanning : &gate.has_point;

        (void)pthread_mutex_lock(&gate.lock);
        *mine = true;
        (void)pthread_cond_broadcast(&gate.has_changed);
        while (!*other) {
            (void)pthread_cond_wait(&gate.has_changed, &gate.lock);
        }
        (void)pthread_mutex_unlock(&gate.lock);
    }
    return engine_find("memory")->scan(self, from, to, reverse, visit, context);
}

static void points_overtake_scans(void)
{
    const struct engine *memory = engine_find("memory");
    struct engine gated = {.name = "gated",
                           .open = gated_open,
                           .commit = memory->commit,
                           .scan = gated_scan,
                           .free_bytes = memory->free_bytes,
                           .close = memory->close};
    struct why why = {.text = ""};
    struct desk desk = {.wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
    struct store_events events = {.committed = on_committed, .read = on_read, .context = &desk};
    struct store_options options = {
        .with_engine = &gated, .location = "", .wake = on_wake, .wake_context = &desk};

    require(store_open(&options, &desk.store, &why) == STATUS_OK, why.text);
    hand_in_read(&desk, false);
    hand_in_point(&desk, 1);
    while (desk.answered < 1 || desk.points < 1) {
        wait_for_news(&desk, &events);
    }
    store_close(desk.store);
    close(desk.wake);
}

int main(void)
{
    points_overtake_scans();
    run("log");
    run("lmdb");
    run("memory");
    return 0;
}
