/* The store's format: written once, and refused when it is newer. */
#include "store/keys.h"
#include "store/upgrade.h"
#include "tests/support/need.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

static void *self;
static const struct engine *engine;

static void open_empty(void)
{
    engine = engine_find("memory");
    NEED(engine->open("", 0, &self, NULL) == STATUS_OK);
}

static void close_it(void)
{
    engine->close(self);
}

static void put_format(struct text value)
{
    struct key key = key_name(TABLE_META, T("format"));
    struct batch *batch = batch_create(1);
    struct blob *blob = blob_copy(value);
    bool is_fatal = false;

    batch_add(batch, &key, blob, NULL);
    NEED(engine->commit(self, batch, &is_fatal, NULL) == STATUS_OK);
    batch_free(batch);
    blob_unref(blob);
}

static bool is_first_format(void *context, const struct engine_row *row)
{
    bool *found = context;

    *found = text_equal(row->key, T("mformat")) && text_equal(row->value, T("\0\0\0\1"));
    return true;
}

TestSuite(upgrade, .init = open_empty, .fini = close_it);

Test(upgrade, writes_the_format_into_a_new_store)
{
    bool found = false;

    cr_assert_eq(upgrade_run(engine, self, NULL), STATUS_OK);
    cr_assert_eq(engine->scan(self, T(""), T(""), false, is_first_format, &found), STATUS_OK);
    cr_expect(found);
    cr_expect_eq(upgrade_run(engine, self, NULL), STATUS_OK, "and is content with it");
}

Test(upgrade, refuses_a_newer_store)
{
    struct why why = {.text = ""};

    put_format(T("\0\0\0\7"));
    cr_expect_eq(upgrade_run(engine, self, &why), STATUS_INVALID);
    cr_expect_not_null(strstr(why.text, "format 7, this version reads up to 1"));
}

Test(upgrade, refuses_what_is_no_format)
{
    struct why why = {.text = ""};

    put_format(T("one"));
    cr_expect_eq(upgrade_run(engine, self, &why), STATUS_INVALID);
    cr_expect_neq(why.text[0], '\0');
}
