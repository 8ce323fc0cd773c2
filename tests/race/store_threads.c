/* The store's threads against each other: commits, reads and scans at once, for
 * ThreadSanitizer. */
/* link: store base */
#include "base/memory.h"
#include "store/keys.h"
#include "store/store.h"
#include "tests/support/temp_dir.h"

#include <sys/eventfd.h>

#include <poll.h>

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
        while (desk.committed + 4 < i || desk.answered + 8 < i) {
            wait_for_news(&desk, &events);
        }
        require(store_free_bytes(desk.store) > 0, "free space");
    }
    while (desk.committed < COMMITS || desk.answered < COMMITS) {
        wait_for_news(&desk, &events);
    }
    require(desk.rows_seen > 0, "the reads saw something");
    store_close(desk.store);
    close(desk.wake);
    temp_dir_remove(&dir);
}

int main(void)
{
    run("log");
    run("lmdb");
    run("memory");
    return 0;
}
