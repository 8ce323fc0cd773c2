/* What the store tells its caller when an engine fails: in order, no later batch on top of a
 * lost one, and usable again afterwards. */
#include "trial.h"

#include "base/memory.h"
#include "store/store.h"
#include "tests/support/faulty_engine.h"

#include <sys/eventfd.h>

#include <poll.h>
#include <string.h>
#include <unistd.h>

#define BATCHES_MAX 64

struct result {
    uint64_t number;
    enum status status;
    bool is_fatal;
};

struct desk {
    struct store *store;
    int wake;
    uint32_t wakes;
    struct result results[BATCHES_MAX];
    size_t count;
    struct key keys[BATCHES_MAX];
    size_t key_count;
    size_t hand_in_again; /* from inside the report of this many results, once */
};

static void on_wake(void *context)
{
    struct desk *desk = context;

    CHECK(eventfd_write(desk->wake, 1) == 0);
}

static void hand_in(struct desk *desk, uint64_t number)
{
    struct batch *batch = batch_create(number);
    struct key *key = &desk->keys[desk->key_count++];
    struct blob *value = blob_copy(T("value"));

    key->len = 2;
    key->at[0] = 'k';
    key->at[1] = (uint8_t)number;
    batch_add(batch, key, value, NULL);
    blob_unref(value);
    store_commit(desk->store, batch);
}

static void on_committed(void *context, struct batch *take_batch, enum status status,
                         bool fatal, const struct why *why)
{
    struct desk *desk = context;

    CHECK(status == STATUS_OK || why->text[0] != '\0');
    desk->results[desk->count++] =
        (struct result){.number = take_batch->number, .status = status, .is_fatal = fatal};
    batch_free(take_batch);
    if (desk->count == desk->hand_in_again) {
        hand_in(desk, BATCHES_MAX);
    }
}

static void on_read(void *context, struct read *take_read)
{
    (void)context;
    read_free(take_read);
}

static void wait_for(struct desk *desk, size_t count)
{
    struct store_events events = {.committed = on_committed, .read = on_read, .context = desk};
    struct pollfd waiting = {.fd = desk->wake, .events = POLLIN};
    eventfd_t wakes = 0;

    while (desk->count < count) {
        CHECK(poll(&waiting, 1, 20000) == 1);
        CHECK(eventfd_read(desk->wake, &wakes) == 0);
        desk->wakes += (uint32_t)wakes;
        store_poll(desk->store, &events);
    }
}

static void open_desk(struct desk *desk, struct faulty_plan *plan)
{
    struct why why = {.text = ""};
    struct store_options options = {
        .with_engine = faulty_engine(plan), .wake = on_wake, .wake_context = desk};

    desk->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    CHECK(store_open(&options, &desk->store, &why) == STATUS_OK);
}

static void close_desk(struct desk *desk)
{
    store_close(desk->store);
    close(desk->wake);
}

/* Commit 1 is the store's own (its format), so batch n is commit n + 1. */
static void a_failure_takes_the_later_ones_with_it(void)
{
    struct faulty_plan plan = {
        .inner = engine_find("memory"), .fail_at = 4, .status = STATUS_STORAGE, .delay_ms = 2};
    struct desk desk = {.hand_in_again = 2};

    open_desk(&desk, &plan);
    for (uint64_t number = 1; number <= 6; number++) {
        hand_in(&desk, number);
    }
    wait_for(&desk, 7);
    for (size_t i = 0; i < 7; i++) { /* 64 was handed in before the failure was reported */
        CHECK(desk.results[i].number == (i < 6 ? i + 1 : BATCHES_MAX));
        CHECK(desk.results[i].status == (i < 2 ? STATUS_OK : STATUS_STORAGE));
        CHECK(!desk.results[i].is_fatal);
    }
    CHECK(plan.commits == 4); /* the engine never saw those behind it */
    hand_in(&desk, 7);
    wait_for(&desk, 8);
    CHECK(desk.results[7].number == 7 && desk.results[7].status == STATUS_OK);
    CHECK(desk.wakes <= 8);
    close_desk(&desk);
}

static void what_is_handed_in_at_the_report_is_committed(void)
{
    struct faulty_plan plan = {
        .inner = engine_find("memory"), .fail_at = 2, .status = STATUS_STORAGE};
    struct desk desk = {.hand_in_again = 1};

    open_desk(&desk, &plan);
    hand_in(&desk, 1);
    wait_for(&desk, 2);
    CHECK(desk.results[0].status == STATUS_STORAGE);
    CHECK(desk.results[1].number == BATCHES_MAX && desk.results[1].status == STATUS_OK);
    close_desk(&desk);
}

static void after_a_failed_sync_nothing_is_committed_any_more(void)
{
    struct faulty_plan plan = {.inner = engine_find("memory"), .fatal_at = 2};
    struct desk desk = {.count = 0};

    open_desk(&desk, &plan);
    hand_in(&desk, 1);
    wait_for(&desk, 1);
    hand_in(&desk, 2);
    wait_for(&desk, 2);
    CHECK(desk.results[0].is_fatal && desk.results[0].status == STATUS_STORAGE);
    CHECK(desk.results[1].is_fatal && desk.results[1].status == STATUS_STORAGE);
    CHECK(plan.commits == 2);
    close_desk(&desk);
}

static void a_full_disk_is_left_behind(void)
{
    struct faulty_plan plan = {.inner = engine_find("memory"), .full_from = 3};
    struct desk desk = {.count = 0};

    open_desk(&desk, &plan);
    hand_in(&desk, 1);
    wait_for(&desk, 1);
    CHECK(store_free_bytes(desk.store) == 0);
    hand_in(&desk, 2);
    wait_for(&desk, 2);
    CHECK(desk.results[0].status == STATUS_OK && desk.results[1].status == STATUS_FULL);
    CHECK(!desk.results[1].is_fatal);
    plan.full_from = 0; /* no commit is under way */
    hand_in(&desk, 3);
    wait_for(&desk, 3);
    CHECK(desk.results[2].status == STATUS_OK);
    CHECK(store_free_bytes(desk.store) > 0);
    close_desk(&desk);
}

static void closing_finishes_what_was_handed_in(void)
{
    struct faulty_plan plan = {.inner = engine_find("memory"), .delay_ms = 1};
    struct desk desk = {.count = 0};

    open_desk(&desk, &plan);
    for (uint64_t number = 1; number <= 20; number++) {
        struct read *read = read_create(NULL, NULL);

        read->row_max = 10;
        hand_in(&desk, number);
        store_read(desk.store, read);
    }
    close_desk(&desk);
    CHECK(plan.commits == 21 && desk.count == 0);
}

int main(void)
{
    a_failure_takes_the_later_ones_with_it();
    what_is_handed_in_at_the_report_is_committed();
    after_a_failed_sync_nothing_is_committed_any_more();
    a_full_disk_is_left_behind();
    closing_finishes_what_was_handed_in();
    return 0;
}
