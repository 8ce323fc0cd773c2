#include "base/memory.h"
#include "step/step.h"

#include <criterion/criterion.h>

#define MIB ((size_t)1 << 20)

static struct step step;
static const struct engine *engine;
static void *disk;

static void open_records(void)
{
    struct why why;

    engine = engine_find("memory");
    cr_assert_eq(engine->open("", 0, &disk, &why), STATUS_OK);
    step = (struct step){.now_ms = 1000};
    step.records = records_create(4096);
}

static void close_records(void)
{
    records_free(step.records);
    engine->close(disk);
}

static void put(uint32_t number, size_t size)
{
    struct key key = key_u32(TABLE_TOPIC, number);
    struct blob *value = blob_new(size);

    for (size_t i = 0; i < size; i++) {
        value->at[i] = (char)number;
    }
    record_put(&step, &key, value);
}

static size_t commit_next(void)
{
    struct batch *batch = records_take_batch(&step);
    struct why why;
    bool fatal = false;

    cr_assert_not_null(batch);
    size_t bytes = batch->bytes;

    cr_assert_eq(engine->commit(disk, batch, &fatal, &why), STATUS_OK);
    records_committed(&step, batch, STATUS_OK);
    return bytes;
}

TestSuite(batches, .init = open_records, .fini = close_records);

Test(batches, a_batch_that_has_become_large_is_closed_between_steps)
{
    size_t all = 0;
    size_t count = 0;

    for (uint32_t i = 0; i < 40; i++) {
        put(i, MIB);
        records_run(&step); /* the end of a step; the disk is slow */
    }
    cr_expect_gt(records_uncommitted_bytes(step.records), 40 * MIB);
    while (records_has_batch(step.records)) {
        size_t bytes = commit_next();

        cr_expect_leq(bytes, 5 * MIB + 4096);
        all += bytes;
        count++;
    }
    cr_expect_gt(all, 40 * MIB);
    cr_expect_eq(count, 10U);
    cr_expect_eq(records_uncommitted_bytes(step.records), 0U);
}

Test(batches, what_is_written_again_behind_a_closed_batch_wins)
{
    struct key key = key_u32(TABLE_TOPIC, 1);
    struct blob *value = NULL;

    put(1, 5 * MIB);
    records_run(&step);
    put(1, 3);
    records_run(&step);
    cr_expect_gt(commit_next(), 5 * MIB);
    cr_expect_lt(commit_next(), 100U);
    cr_assert_eq(record_get(&step, &key, &value), STATUS_OK);
    cr_expect_eq(value->len, 3U);
}

static unsigned order;
static unsigned at[2];

static void first_durable(struct hook *hook, struct step *the_step, enum status status)
{
    (void)hook;
    (void)the_step;
    cr_expect_eq(status, STATUS_OK);
    at[0] = ++order;
}

static void second_durable(struct hook *hook, struct step *the_step, enum status status)
{
    (void)hook;
    (void)the_step;
    cr_expect_eq(status, STATUS_OK);
    at[1] = ++order;
}

Test(batches, hooks_run_with_the_batch_that_they_were_registered_in)
{
    struct hook hooks[2] = {{.run = first_durable}, {.run = second_durable}};

    order = 0;
    put(1, 5 * MIB);
    step_when_durable(&step, &hooks[0]);
    records_run(&step);
    put(2, 1);
    step_when_durable(&step, &hooks[1]);
    records_run(&step);
    (void)commit_next();
    cr_expect_eq(order, 1U);
    cr_expect_eq(at[0], 1U);
    (void)commit_next();
    cr_expect_eq(at[1], 2U);
}
