/* An idle store takes work again: what was written until room was short is deleted, nothing
 * else happens, and the room comes back by itself. */
#include "trial.h"

#include "store/keys.h"
#include "store/store.h"
#include "tests/support/temp_dir.h"

#include <string.h>
#include <time.h>

#define ROOM_FILLED  (SMALL_BYTES / 4)     /* written until less is left */
#define ROOM_WANTED  (SMALL_BYTES / 4 * 3) /* and then so much again */
#define ROWS_MAX     2000
#define VALUE_BYTES  20000
#define PATIENCE_MS  60000
#define DELETED_ONCE 100

struct desk {
    struct store *store;
    struct key keys[ROWS_MAX];
    uint32_t rows;
    bool is_told;
    enum status status;
};

static void on_committed(void *context, struct batch *take_batch, enum status status,
                         bool fatal, const struct why *why)
{
    struct desk *desk = context;

    (void)why;
    CHECK(!fatal);
    desk->is_told = true;
    desk->status = status;
    batch_free(take_batch);
}

static void on_read(void *context, struct read *take_read)
{
    (void)context;
    read_free(take_read);
}

static void wait_a_little(void)
{
    struct timespec pause = {.tv_sec = 0, .tv_nsec = 1000000};

    (void)nanosleep(&pause, NULL);
}

static enum status commit(struct desk *desk, struct batch *take_batch)
{
    const struct store_events events = {
        .committed = on_committed, .read = on_read, .context = desk};

    desk->is_told = false;
    store_commit(desk->store, take_batch);
    for (int waited = 0; !desk->is_told; waited++) {
        CHECK(waited < PATIENCE_MS);
        wait_a_little();
        store_poll(desk->store, &events);
    }
    return desk->status;
}

static void fill(struct desk *desk)
{
    while (store_free_bytes(desk->store) >= ROOM_FILLED) {
        struct batch *batch = batch_create(1);
        struct blob *value = blob_new(VALUE_BYTES);

        CHECK(desk->rows < ROWS_MAX);
        memset(value->at, 'x', VALUE_BYTES);
        desk->keys[desk->rows] = key_u32(TABLE_TOPIC, desk->rows);
        batch_add(batch, &desk->keys[desk->rows++], value, NULL);
        blob_unref(value);
        CHECK(commit(desk, batch) == STATUS_OK);
    }
}

static void consume(struct desk *desk)
{
    for (uint32_t row = 0; row < desk->rows;) {
        struct batch *batch = batch_create(1);

        for (int i = 0; i < DELETED_ONCE && row < desk->rows; i++) {
            batch_add(batch, &desk->keys[row++], NULL, NULL);
        }
        CHECK(commit(desk, batch) == STATUS_OK);
    }
}

static void try_engine(const char *name)
{
    static struct desk desk;
    struct temp_dir dir = temp_dir_make();
    struct why why = {.text = ""};
    struct store_options options = {.engine = name,
                                    .location = dir.path,
                                    .map_bytes = SMALL_BYTES,
                                    .room_wanted = ROOM_WANTED};

    desk = (struct desk){.rows = 0};
    CHECK(store_open(&options, &desk.store, &why) == STATUS_OK);
    for (int round = 0; round < 3; round++) {
        desk.rows = 0;
        fill(&desk);
        CHECK(desk.rows > 50);
        consume(&desk);
        for (int waited = 0; store_free_bytes(desk.store) < ROOM_WANTED; waited++) {
            CHECK(waited < PATIENCE_MS);
            wait_a_little();
        }
    }
    store_close(desk.store);
    temp_dir_remove(&dir);
}

int main(void)
{
    try_engine("log");
    try_engine("lmdb");
    return 0;
}
