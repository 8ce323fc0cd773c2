#include "base/memory.h"
#include "step/step.h"

#include <criterion/criterion.h>

#include <stdio.h>

/* A step over the memory engine; reads and commits happen when the test says so. */
static struct step step;
static const struct engine *engine;
static void *disk;

static void open_records(void)
{
    struct why why;

    engine = engine_find("memory");
    cr_assert_eq(engine->open("", 0, &disk, &why), STATUS_OK);
    step = (struct step){.now_ms = 1000, .random = random_seeded(1)};
    step.records = records_create(4096);
}

static void close_records(void)
{
    records_free(step.records);
    memory_free(step.random);
    engine->close(disk);
}

static struct read *next_read(void)
{
    struct read *read = records_next_read(step.records);

    if (read != NULL) {
        read_execute(read, engine, disk);
    }
    return read;
}

static void answer_reads(void)
{
    struct read *read = NULL;

    while ((read = next_read()) != NULL) {
        records_read_done(&step, read);
        records_run(&step);
    }
}

static struct batch *take_to_disk(void)
{
    struct batch *batch = records_take_batch(&step);
    struct why why;
    bool fatal = false;

    if (batch != NULL) {
        cr_assert_eq(engine->commit(disk, batch, &fatal, &why), STATUS_OK);
    }
    return batch;
}

static void commit(void)
{
    struct batch *batch = take_to_disk();

    if (batch != NULL) {
        records_committed(&step, batch, STATUS_OK);
        records_run(&step);
    }
}

static void put(const char *name, const char *value)
{
    struct key key = key_name(TABLE_META, text_from(name));

    record_put(&step, &key, blob_copy(text_from(value)));
}

static enum status get(const char *name, struct text *ret)
{
    struct key key = key_name(TABLE_META, text_from(name));
    struct blob *value = NULL;
    enum status status = record_get(&step, &key, &value);

    *ret = blob_text(value);
    return status;
}

TestSuite(records, .init = open_records, .fini = close_records);

Test(records, what_was_written_is_known_before_it_is_durable)
{
    struct text value;

    put("a", "one");
    cr_expect_eq(get("a", &value), STATUS_OK);
    cr_expect(text_equal(value, T("one")));
    put("a", "two");
    cr_expect_eq(get("a", &value), STATUS_OK);
    cr_expect(text_equal(value, T("two")));
}

Test(records, one_key_written_twice_is_one_change_of_the_batch)
{
    put("a", "one");
    put("a", "two");
    struct batch *batch = take_to_disk();

    cr_assert_not_null(batch);
    cr_expect_eq(batch->count, 1U);
    records_committed(&step, batch, STATUS_OK);
}

/* --- Waiting. */

struct reader {
    struct task task;
    const char *name;
    uint32_t runs;
    enum status status;
    char value[16];
};

static enum status reader_run(struct task *task, struct step *in)
{
    struct reader *reader = container_of(task, struct reader, task);
    struct text value;

    (void)in;
    reader->runs++;
    enum status status = get(reader->name, &value);

    if (status == STATUS_OK) {
        (void)snprintf(reader->value, sizeof reader->value, "%.*s", TEXT_PRINTF(value));
    }
    return status;
}

static void reader_done(struct task *task, struct step *in, enum status status)
{
    (void)in;
    container_of(task, struct reader, task)->status = status;
}

static struct reader reader_of(const char *name)
{
    return (struct reader){
        .task = {.run = reader_run, .done = reader_done}, .name = name, .status = STATUS_WAIT};
}

Test(records, a_task_waits_for_a_read_and_starts_over)
{
    struct reader reader = reader_of("a");

    put("a", "one");
    commit();
    records_free(step.records);
    step.records = records_create(4096); /* nothing is known any more */
    task_start(&reader.task, &step);
    cr_expect_eq(reader.status, STATUS_WAIT);
    answer_reads();
    cr_expect_eq(reader.status, STATUS_OK);
    cr_expect_eq(reader.runs, 2U);
    cr_expect_str_eq(reader.value, "one");
}

Test(records, what_is_absent_is_remembered)
{
    struct reader first = reader_of("nothing");
    struct reader second = reader_of("nothing");

    task_start(&first.task, &step);
    answer_reads();
    cr_expect_eq(first.status, STATUS_NOT_FOUND);
    task_start(&second.task, &step);
    cr_expect_eq(second.status, STATUS_NOT_FOUND);
    cr_expect_eq(second.runs, 1U);
}

Test(records, a_write_while_a_read_is_under_way_wins)
{
    struct reader reader = reader_of("a");

    task_start(&reader.task, &step);
    struct read *read = next_read(); /* sees nothing */

    cr_assert_not_null(read);
    put("a", "newer");
    records_run(&step);
    cr_expect_str_eq(reader.value, "newer");
    records_read_done(&step, read);
    struct text value;

    cr_expect_eq(get("a", &value), STATUS_OK);
    cr_expect(text_equal(value, T("newer")));
}

/* --- Ranged reads against what was deleted meanwhile. */

static uint32_t seen;

static void count_rows(struct read *read, struct step *in)
{
    for (uint32_t i = 0; i < read->row_count; i++) {
        seen += record_overlay(in, &read->rows[i]) != NULL;
    }
    read_free(read);
}

static struct read *ask_for_all(void)
{
    struct read *read = read_create(count_rows, NULL);

    read->from = key_table(TABLE_META);
    read->to = key_after_prefix(&read->from);
    read->row_max = 100;
    read->bytes_max = UINT32_MAX;
    read->value_max = UINT32_MAX;
    step_read(&step, read);
    return next_read(); /* executed: its rows are from now */
}

Test(records, a_row_deleted_after_the_read_was_made_stays_deleted)
{
    struct key key = key_name(TABLE_META, T("a"));

    put("a", "one");
    put("b", "one");
    commit();
    struct read *read = ask_for_all();

    record_delete(&step, &key);
    commit(); /* durable before the rows are looked at */
    seen = 0;
    records_read_done(&step, read);
    cr_expect_eq(seen, 1U);
}

/* --- Hooks, timers, counters. */

static uint32_t hooks_run_count;

static void on_durable(struct hook *hook, struct step *in, enum status status)
{
    (void)hook;
    (void)in;
    hooks_run_count += status == STATUS_OK;
}

Test(records, a_hook_runs_when_its_batch_is_durable_and_not_before)
{
    struct hook hook = {.run = on_durable};

    hooks_run_count = 0;
    put("a", "one");
    step_when_durable(&step, &hook);
    struct batch *batch = take_to_disk();

    cr_expect_eq(hooks_run_count, 0U);
    records_committed(&step, batch, STATUS_OK);
    cr_expect_eq(hooks_run_count, 1U);
}

Test(records, a_hook_without_changes_runs_at_once)
{
    struct hook hook = {.run = on_durable};

    hooks_run_count = 0;
    step_when_durable(&step, &hook);
    cr_expect(records_has_batch(step.records));
    cr_expect_null(records_take_batch(&step));
    cr_expect_eq(hooks_run_count, 1U);
}

static uint32_t fired;

static void on_timer(struct timer *timer, struct step *in)
{
    (void)timer;
    (void)in;
    fired++;
}

Test(records, a_timer_fires_once_when_it_is_due)
{
    struct timer timer = {.fire = on_timer};

    fired = 0;
    timer_set(&step, &timer, 2000);
    cr_expect_eq(records_next_wake(step.records), 2000);
    step.now_ms = 1999;
    records_run(&step);
    cr_expect_eq(fired, 0U);
    step.now_ms = 2000;
    records_run(&step);
    records_run(&step);
    cr_expect_eq(fired, 1U);
    cr_expect_eq(records_next_wake(step.records), INT64_MAX);
}

Test(records, counters_go_on_after_a_restart)
{
    cr_expect_eq(step_number(&step, COUNTER_MESSAGE), 1U);
    cr_expect_eq(step_number(&step, COUNTER_MESSAGE), 2U);
    cr_expect_eq(step_number(&step, COUNTER_QUEUE), 1U);
    commit();
    records_free(step.records);
    step.records = records_create(4096);
    struct reader reader = reader_of("counters");
    struct key key = key_name(TABLE_META, T("counters"));
    struct blob *value = NULL;

    task_start(&reader.task, &step);
    answer_reads();
    cr_assert_eq(record_get(&step, &key, &value), STATUS_OK);
    records_load_counters(step.records, blob_text(value));
    cr_expect_eq(step_number(&step, COUNTER_MESSAGE), 3U);
    cr_expect_eq(step_number(&step, COUNTER_QUEUE), 2U);
}

Test(records, the_cache_stays_within_its_bytes_and_forgets_nothing_that_is_not_durable)
{
    struct text value;

    for (uint32_t i = 0; i < 1000; i++) {
        char name[16];

        (void)snprintf(name, sizeof name, "n%u", i);
        put(name, "0123456789");
    }
    records_run(&step);
    cr_expect_eq(get("n0", &value), STATUS_OK); /* not durable: all are known */
    commit();
    records_run(&step);
    cr_expect_eq(get("n0", &value), STATUS_WAIT); /* durable: the oldest were let go */
    cr_expect_eq(get("n999", &value), STATUS_OK);
    answer_reads();
}

Test(records, new_work_is_refused_when_space_is_short)
{
    struct why why;

    records_set_space(step.records, 1000, 2000);
    cr_expect_eq(step_may_grow(&step, &why), STATUS_FULL);
    cr_expect(text_from(why.text).len > 0);
    records_set_space(step.records, 3000, 2000);
    cr_expect_eq(step_may_grow(&step, &why), STATUS_OK);
}

/* --- Reads that are held while the world goes on. */

static struct read *came_back;

static void hold_read(struct read *read, struct step *the_step)
{
    (void)the_step;
    came_back = read;
}

static struct read *read_all(bool reverse)
{
    struct key from = key_table(TABLE_META);
    struct read *read = read_create(hold_read, NULL);

    read->from = from;
    read->to = key_after_prefix(&from);
    read->reverse = reverse;
    read->row_max = 100;
    step_read(&step, read);
    answer_reads();
    cr_assert_eq(came_back, read);
    return read;
}

static struct text held_value(const struct read *read, const char *name)
{
    struct key key = key_name(TABLE_META, text_from(name));

    for (uint32_t i = 0; i < read->row_count; i++) {
        if (text_equal(key_text(&read->rows[i].key), key_text(&key))) {
            return blob_text(record_overlay(&step, &read->rows[i]));
        }
    }
    cr_assert_fail("the read has no row %s", name);
    return (struct text){0};
}

static void held_rows_stay_current(bool reverse)
{
    struct key b = key_name(TABLE_META, T("b"));

    put("a", "one");
    put("b", "two");
    put("c", "three");
    commit();
    struct read *read = read_all(reverse);

    record_delete(&step, &b);
    put("c", "four");
    commit();                       /* and retired: no older read is out */
    for (int i = 0; i < 200; i++) { /* more than the cache keeps */
        char name[16];

        (void)snprintf(name, sizeof name, "filler%d", i);
        put(name, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
    }
    commit();
    cr_expect(text_equal(held_value(read, "a"), T("one")));
    cr_expect_eq(held_value(read, "b").len, 0U, "what was deleted since must not come back");
    cr_expect(text_equal(held_value(read, "c"), T("four")));
    read_free(read);
}

Test(records, rows_of_a_read_that_is_held_are_current)
{
    held_rows_stay_current(false);
}

Test(records, rows_of_a_read_from_the_end_that_is_held_are_current)
{
    held_rows_stay_current(true);
}
