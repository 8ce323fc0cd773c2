#include "base/memory.h"
#include "step/step.h"

#include <criterion/criterion.h>

/* Over the memory engine; reads and commits happen when the test says so. */
static struct step step;
static const struct engine *engine;
static void *disk;
static uint32_t seen[4096];
static size_t seen_count;
static unsigned overs;

static void open_records(void)
{
    struct why why;

    engine = engine_find("memory");
    cr_assert_eq(engine->open("", 0, &disk, &why), STATUS_OK);
    step = (struct step){.now_ms = 1000};
    step.records = records_create(1024);
    seen_count = 0;
    overs = 0;
}

static void close_records(void)
{
    records_free(step.records);
    engine->close(disk);
}

static bool read_once(void)
{
    struct read *read = records_next_read(step.records);

    if (read == NULL) {
        return false;
    }
    read_execute(read, engine, disk);
    records_read_done(&step, read);
    records_run(&step);
    return true;
}

static size_t commit(void)
{
    struct batch *batch = records_take_batch(&step);
    struct why why;
    bool fatal = false;

    if (batch == NULL) {
        return 0;
    }
    size_t count = batch->count;

    cr_assert_eq(engine->commit(disk, batch, &fatal, &why), STATUS_OK);
    records_committed(&step, batch, STATUS_OK);
    records_run(&step);
    return count;
}

static void fill(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct key key = key_u32_u32(TABLE_TOPIC, i / 10, i);

        record_put(&step, &key, blob_copy(T("row")));
    }
    (void)commit();
}

static void see(struct table_walk *walk, struct step *the_step, const struct key *key,
                struct blob *value)
{
    (void)the_step;
    (void)walk;
    cr_assert(text_equal(blob_text(value), T("row")));
    seen[seen_count++] = key_get_u32(key, 5);
}

static void on_over(struct table_walk *walk, struct step *the_step)
{
    (void)walk;
    (void)the_step;
    overs++;
}

static struct table_walk all(void (*visit)(struct table_walk *walk, struct step *the_step,
                                           const struct key *key, struct blob *value))
{
    return (struct table_walk){
        .from = key_table(TABLE_TOPIC), .row_max = 7, .visit = visit, .over = on_over};
}

TestSuite(table_walk, .init = open_records, .fini = close_records);

Test(table_walk, every_row_is_visited_once_in_order_and_then_it_is_over)
{
    struct table_walk walk = all(see);

    fill(100);
    table_walk(&step, &walk);
    while (read_once()) {
    }
    cr_expect_eq(overs, 1U);
    cr_assert_eq(seen_count, 100U);
    for (uint32_t i = 0; i < 100; i++) {
        cr_expect_eq(seen[i], i);
    }
}

Test(table_walk, an_empty_table_is_over_at_once)
{
    struct table_walk walk = all(see);

    table_walk(&step, &walk);
    while (read_once()) {
    }
    cr_expect_eq(overs, 1U);
    cr_expect_eq(seen_count, 0U);
}

static void erase(struct table_walk *walk, struct step *the_step, const struct key *key,
                  struct blob *value)
{
    see(walk, the_step, key, value);
    record_delete(the_step, key);
}

Test(table_walk, what_a_page_wrote_is_durable_before_the_next_is_read)
{
    struct table_walk walk = all(erase);
    size_t batches = 0;

    fill(100);
    table_walk(&step, &walk);
    while (overs == 0) {
        cr_assert(read_once());
        cr_expect_not(read_once(), "the next page came before the disk had the last one");
        size_t changes = commit();

        cr_expect_leq(changes, 7U);
        batches += changes > 0;
    }
    cr_expect_eq(seen_count, 100U);
    cr_expect_eq(batches, 15U);
}

static void skip_topic(struct table_walk *walk, struct step *the_step, const struct key *key,
                       struct blob *value)
{
    struct key topic = key_u32(TABLE_TOPIC, key_get_u32(key, 1));

    see(walk, the_step, key, value);
    table_walk_skip(walk, key_after_prefix(&topic));
}

Test(table_walk, a_visit_may_skip_what_it_does_not_want)
{
    struct table_walk walk = all(skip_topic);

    fill(100);
    table_walk(&step, &walk);
    while (read_once()) {
    }
    cr_assert_eq(seen_count, 10U);
    for (uint32_t i = 0; i < 10; i++) {
        cr_expect_eq(seen[i], i * 10);
    }
}

static void stop_at_three(struct table_walk *walk, struct step *the_step, const struct key *key,
                          struct blob *value)
{
    see(walk, the_step, key, value);
    if (seen_count == 3) {
        table_walk_end(walk);
    }
}

Test(table_walk, a_visit_may_stop)
{
    struct table_walk walk = all(stop_at_three);

    fill(100);
    table_walk(&step, &walk);
    while (read_once()) {
    }
    cr_expect_eq(seen_count, 3U);
    cr_expect_eq(overs, 1U);
}

Test(table_walk, one_that_is_under_way_ends_with_the_records)
{
    struct table_walk walk = all(see);

    fill(100);
    table_walk(&step, &walk);
    cr_assert(read_once());
    struct read *read = records_next_read(step.records); /* the store has it */

    cr_assert_not_null(read);
    records_free(step.records);
    read_free(read);
    step.records = records_create(1024);
    cr_expect_eq(overs, 0U);
}
