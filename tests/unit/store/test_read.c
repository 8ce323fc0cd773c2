/* Ranged reads: their limits, and who owns the rows. */
#include "store/keys.h"
#include "store/store.h"
#include "tests/support/need.h"
#include "tests/support/temp_dir.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

static void *self;
static const struct engine *engine;

static void fill(void)
{
    struct batch *batch = batch_create(1);
    struct key keys[10];
    bool is_fatal = false;

    engine = engine_find("memory");
    NEED(engine->open("", 0, &self, NULL) == STATUS_OK);
    for (uint32_t i = 0; i < countof(keys); i++) {
        struct blob *value = blob_new(100);

        memset(value->at, (int)('0' + i), 100);
        keys[i] = key_u32(TABLE_TOPIC, i);
        batch_add(batch, &keys[i], value, NULL);
        blob_unref(value);
    }
    NEED(engine->commit(self, batch, &is_fatal, NULL) == STATUS_OK);
    batch_free(batch);
}

static void empty(void)
{
    engine->close(self);
}

static struct read *read_topics(void)
{
    struct read *read = read_create(NULL, NULL);

    read->from = key_table(TABLE_TOPIC);
    read->to = key_table(TABLE_TOPIC + 1);
    read->row_max = 100;
    return read;
}

TestSuite(read, .init = fill, .fini = empty);

Test(read, brings_the_whole_range_and_says_so)
{
    struct read *read = read_topics();

    read_execute(read, engine, self);
    cr_expect_eq(read->status, STATUS_OK);
    cr_expect_eq(read->row_count, 10);
    cr_expect(read->complete);
    cr_expect_eq(key_get_u32(&read->rows[9].key, 1), 9);
    cr_expect_eq(read->rows[9].full_len, 100);
    cr_expect_eq(read->rows[9].value->at[99], '9');
    read_free(read);
}

Test(read, stops_at_its_rows)
{
    struct read *read = read_topics();

    read->row_max = 9;
    read->reverse = true;
    read_execute(read, engine, self);
    cr_expect_eq(read->row_count, 9);
    cr_expect_not(read->complete);
    cr_expect_eq(key_get_u32(&read->rows[0].key, 1), 9);
    read->row_max = 10; /* exactly as many as there are; again with the same read */
    read_execute(read, engine, self);
    cr_expect_eq(read->row_count, 10);
    cr_expect(read->complete);
    read_free(read);
}

Test(read, stops_at_its_bytes_but_takes_one_row)
{
    struct read *read = read_topics();

    read->bytes_max = 250;
    read_execute(read, engine, self);
    cr_expect_eq(read->row_count, 3);
    cr_expect_not(read->complete);
    read->bytes_max = 0;
    read_execute(read, engine, self);
    cr_expect_eq(read->row_count, 1);
    read_free(read);
}

Test(read, cuts_values_and_tells_their_length)
{
    struct read *read = read_topics();

    read->value_max = 10;
    read->bytes_max = 30;
    read_execute(read, engine, self);
    cr_expect_eq(read->row_count, 3, "cut bytes count");
    cr_expect_eq(read->rows[0].value->len, 10);
    cr_expect_eq(read->rows[0].full_len, 100);
    read_free(read);
}

Test(read, gives_a_value_away)
{
    struct read *read = read_topics();

    read_execute(read, engine, self);
    struct blob *value = read_take_value(read, 4);

    cr_expect_null(read->rows[4].value);
    read_free(read);
    cr_expect_eq(value->references, 1);
    cr_expect_eq(value->at[0], '4');
    blob_unref(value);
    read_free(NULL);
}

static enum status broken_scan(void *context, struct text from, struct text to, bool reverse,
                               engine_visit *visit, void *visit_context)
{
    (void)context;
    (void)from;
    (void)to;
    (void)reverse;
    visit(visit_context, &(struct engine_row){.key = T("key"), .value = T("value")});
    return STATUS_STORAGE;
}

Test(read, of_a_broken_store_has_no_rows)
{
    struct engine broken = {.scan = broken_scan};
    struct read *read = read_topics();

    read_execute(read, &broken, NULL);
    cr_expect_eq(read->status, STATUS_STORAGE);
    cr_expect_eq(read->row_count, 0);
    cr_expect_not(read->complete);
    read_free(read);
}

/* Twenty rows, of which an engine with a change log still shows the traces of the first
 * eighteen. */
static void *open_with_traces(const char *location)
{
    const struct engine *log = engine_find("log");
    struct key keys[20];
    void *log_self = NULL;
    bool is_fatal = false;

    NEED(log->open(location, (uint64_t)64 << 20, &log_self, NULL) == STATUS_OK);
    for (int round = 0; round < 2; round++) {
        struct batch *batch = batch_create((uint64_t)round + 1);

        for (uint32_t i = 0; i < countof(keys); i++) {
            struct blob *value = blob_new(1);

            keys[i] = key_u32(TABLE_TOPIC, i);
            if (round == 0 || i < 18) {
                batch_add(batch, &keys[i], round == 0 ? value : NULL, NULL);
            }
            blob_unref(value);
        }
        NEED(log->commit(log_self, batch, &is_fatal, NULL) == STATUS_OK);
        batch_free(batch);
    }
    return log_self;
}

/* How many reads it takes to see the two rows that are left. */
static uint32_t reads_until_over(void *log_self, uint32_t visit_max, bool reverse)
{
    const struct engine *log = engine_find("log");
    struct read *read = read_topics();
    uint32_t seen = 0;
    uint32_t reads = 0;

    read->reverse = reverse;
    read->visit_max = visit_max;
    do {
        if (reads > 0 && reverse) {
            read->to = read_next_from(read);
        } else if (reads > 0) {
            read->from = read_next_from(read);
        }
        read_execute(read, log, log_self);
        NEED(read->status == STATUS_OK && read->row_count <= visit_max);
        for (uint32_t i = 0; i < read->row_count; i++) {
            uint32_t number = key_get_u32(&read->rows[i].key, 1);

            cr_expect_eq(number, reverse ? 19 - seen : 18 + seen);
            seen++;
        }
        NEED(++reads < 100);
    } while (!read->complete);
    cr_expect_eq(seen, 2);
    read_free(read);
    return reads;
}

Test(read, is_bounded_by_what_it_looks_at_deleted_rows_included)
{
    struct temp_dir dir = temp_dir_make();
    void *log_self = open_with_traces(dir.path);

    cr_expect_eq(reads_until_over(log_self, 20, false), 1);
    cr_expect_eq(reads_until_over(log_self, 20, true), 1);
    cr_expect_eq(reads_until_over(log_self, 6, false), 4);
    cr_expect_eq(reads_until_over(log_self, 6, true), 4);
    cr_expect_eq(reads_until_over(log_self, 1, false), 20);
    cr_expect_eq(reads_until_over(log_self, 1, true), 20);
    engine_find("log")->close(log_self);
    temp_dir_remove(&dir);
}

static enum status damaged_scan(void *context, struct text from, struct text to, bool reverse,
                                engine_visit *visit, void *visit_context)
{
    (void)context;
    (void)from;
    (void)to;
    (void)reverse;
    visit(visit_context, &(struct engine_row){.key = T("a"), .value = T("1")});
    visit(visit_context, &(struct engine_row){.key = T("b"), .is_damaged = true});
    visit(visit_context, &(struct engine_row){.key = T("c"), .value = T("3")});
    return STATUS_OK;
}

Test(read, goes_on_behind_a_damaged_row_and_tells_of_it)
{
    struct engine damaged = {.scan = damaged_scan};
    struct read *read = read_topics();

    read_execute(read, &damaged, NULL);
    cr_expect_eq(read->status, STATUS_OK);
    cr_assert_eq(read->row_count, 3);
    cr_expect_eq(read->damaged_count, 1);
    cr_expect_not(read->rows[0].is_damaged);
    cr_expect(read->rows[1].is_damaged);
    cr_expect_null(read->rows[1].value);
    cr_expect_eq(read->rows[1].key.at[0], 'b');
    cr_expect_eq(read->rows[2].value->at[0], '3');
    read_free(read);
}
