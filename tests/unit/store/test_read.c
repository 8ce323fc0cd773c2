/* Ranged reads: their limits, and who owns the rows. */
#include "store/keys.h"
#include "store/store.h"
#include "tests/support/need.h"

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
    visit(visit_context, T("key"), T("value"));
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
