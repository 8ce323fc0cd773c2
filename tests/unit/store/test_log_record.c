/* Records: back as they went in, or not at all. */
#include "store/log_record.h"
#include "tests/support/need.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#define SECRET 0x1234567890abcdefU

static struct key keys[3] = {
    {.len = 1, .at = {'a'}}, {.len = 2, .at = {'b', 0}}, {.len = 1, .at = {'c'}}};

/* a = "first", b\0 deleted, c = "". */
static void write_example(struct buffer *buffer, struct log_record *ret_record)
{
    struct batch *batch = batch_create(1);
    struct ordered_ops ordered = {0};
    struct blob *first = blob_copy(T("first"));
    struct blob *nothing = blob_copy(T(""));

    batch_add(batch, &keys[0], first, NULL);
    batch_add(batch, &keys[1], NULL, NULL);
    batch_add(batch, &keys[2], nothing, NULL);
    ordered_ops_set(&ordered, batch);
    buffer_init(buffer, 1 << 20);
    *ret_record = log_record_write(buffer, &ordered, 42, SECRET);
    NEED(ret_record->bytes.len == log_record_size(&ordered));
    ordered_ops_free(&ordered);
    batch_free(batch);
    blob_unref(first);
    blob_unref(nothing);
}

static void expect_change(struct text *changes, struct text key, struct text value,
                          bool deleted)
{
    struct overlay_change change;

    NEED(log_record_next_change(changes, &change));
    NEED(text_equal(change.key, key));
    NEED(text_equal(change.value, value));
    NEED(change.is_deleted == deleted);
}

Test(record, comes_back_as_it_went_in)
{
    struct buffer buffer;
    struct log_record written;
    struct log_record record;
    struct overlay_change change;

    write_example(&buffer, &written);
    cr_expect_eq(buffer.len, RECORD_PAGE);
    cr_assert(log_record_read(buffer_text(&buffer), SECRET, &record));
    cr_expect_eq(record.sequence, 42);
    cr_expect_eq(record.count, 3);
    cr_expect_eq(record.bytes.len, written.bytes.len);
    expect_change(&record.changes, T("a"), T("first"), false);
    expect_change(&record.changes, T("b\0"), T(""), true);
    expect_change(&record.changes, T("c"), T(""), false);
    cr_expect_not(log_record_next_change(&record.changes, &change));
    buffer_free(&buffer);
}

Test(record, with_any_bit_flipped_is_none)
{
    struct buffer buffer;
    struct log_record record;

    write_example(&buffer, &record);
    for (size_t bit = 0; bit < record.bytes.len * 8; bit++) {
        struct log_record read;

        buffer.at[bit / 8] = (char)((unsigned char)buffer.at[bit / 8] ^ 1U << bit % 8);
        cr_expect_not(log_record_read(buffer_text(&buffer), SECRET, &read), "bit %zu", bit);
        buffer.at[bit / 8] = (char)((unsigned char)buffer.at[bit / 8] ^ 1U << bit % 8);
    }
    buffer_free(&buffer);
}

Test(record, cut_short_anywhere_is_none)
{
    struct buffer buffer;
    struct log_record record;

    write_example(&buffer, &record);
    for (size_t len = 0; len < record.bytes.len; len++) {
        struct log_record read;

        cr_expect_not(log_record_read(text_make(buffer.at, len), SECRET, &read), "%zu bytes",
                      len);
    }
    buffer_free(&buffer);
}

Test(record, of_another_secret_is_none)
{
    struct buffer buffer;
    struct log_record record;
    struct log_record read;

    write_example(&buffer, &record);
    cr_expect_not(log_record_read(buffer_text(&buffer), SECRET + 1, &read));
    buffer_free(&buffer);
}
