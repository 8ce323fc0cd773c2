/* The store's two threads: what they tell the loop, and what they ask the engine for. */
#include "store/keys.h"
#include "store/store.h"
#include "tests/support/faulty_engine.h"
#include "tests/support/need.h"

#include <criterion/criterion.h>

#include <time.h>

#define PATIENCE_MS 20000

struct told {
    bool is_told;
    enum status status;
    bool is_fatal;
};

static void on_committed(void *context, struct batch *take_batch, enum status status,
                         bool fatal, const struct why *why)
{
    struct told *told = context;

    (void)why;
    *told = (struct told){.is_told = true, .status = status, .is_fatal = fatal};
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

static struct told commit_one(struct store *store)
{
    static struct key key;
    struct told told = {.is_told = false};
    struct batch *batch = batch_create(1);
    struct blob *value = blob_copy(T("value"));
    const struct store_events events = {
        .committed = on_committed, .read = on_read, .context = &told};

    key = key_u32(TABLE_TOPIC, 1);
    batch_add(batch, &key, value, NULL);
    blob_unref(value);
    store_commit(store, batch);
    for (int waited = 0; !told.is_told && waited < PATIENCE_MS; waited++) {
        wait_a_little();
        store_poll(store, &events);
    }
    NEED(told.is_told);
    return told;
}

static struct store *open_store(struct faulty_plan *plan, uint64_t room_wanted)
{
    struct store *store = NULL;
    struct store_options options = {
        .location = "", .room_wanted = room_wanted, .with_engine = faulty_engine(plan)};

    NEED(store_open(&options, &store, NULL) == STATUS_OK);
    return store;
}

Test(store, stops_for_good_once_somebody_else_owns_it)
{
    struct faulty_plan plan = {
        .inner = engine_find("memory"), .fail_at = 2, .status = STATUS_FENCED};
    struct store *store = open_store(&plan, 0);
    struct told told = commit_one(store); /* the first was the format's */

    cr_expect_eq(told.status, STATUS_FENCED);
    cr_expect(told.is_fatal);
    told = commit_one(store);
    cr_expect_eq(told.status, STATUS_FENCED, "and nothing is tried any more");
    cr_expect_eq(plan.commits, 2);
    store_close(store);
}

Test(store, asks_for_relief_while_room_is_short_also_when_idle)
{
    struct faulty_plan plan = {.inner = engine_find("memory")};
    struct store *store = open_store(&plan, UINT64_MAX);

    for (int waited = 0; plan.reliefs < 2 && waited < PATIENCE_MS; waited++) {
        wait_a_little();
    }
    cr_expect_geq(plan.reliefs, 2);
    store_close(store);
}

Test(store, asks_for_no_relief_while_there_is_room)
{
    struct faulty_plan plan = {.inner = engine_find("memory")};
    struct store *store = open_store(&plan, 1);

    cr_expect_eq(commit_one(store).status, STATUS_OK);
    store_close(store);
    cr_expect_eq(plan.reliefs, 0);
}
