/* Batches: what they hold, count and let go of. */
#include "store/batch.h"

#include <criterion/criterion.h>

Test(batch, shares_values_and_lets_go_of_them)
{
    struct blob *value = blob_copy(T("12345"));
    struct batch *batch = batch_create(7);
    struct key keys[40];

    for (size_t i = 0; i < countof(keys); i++) {
        keys[i] = (struct key){.len = 2, .at = {'k', (uint8_t)i}};
        cr_assert_eq(batch_add(batch, &keys[i], i % 2 == 0 ? value : NULL, &keys[i]), i);
    }
    cr_expect_eq(batch->number, 7);
    cr_expect_eq(batch->count, 40);
    cr_expect_eq(batch->bytes, 40 * 2 + 20 * 5);
    cr_expect_eq(value->references, 21);
    cr_expect_eq(batch->ops[3].owner, &keys[3]);
    batch_free(batch);
    cr_expect_eq(value->references, 1);
    blob_unref(value);
    batch_free(NULL);
}

Test(batch, replaces_a_value_by_another_or_by_a_deletion)
{
    struct blob *value = blob_copy(T("12345"));
    struct blob *longer = blob_copy(T("1234567"));
    struct batch *batch = batch_create(1);
    struct key key = {.len = 1, .at = {'k'}};
    size_t index = batch_add(batch, &key, value, NULL);

    batch_replace(batch, index, longer);
    cr_expect_eq(batch->bytes, 8);
    cr_expect_eq(value->references, 1);
    batch_replace(batch, index, longer); /* by itself */
    cr_expect_eq(longer->references, 2);
    batch_replace(batch, index, NULL);
    cr_expect_eq(batch->bytes, 1);
    cr_expect_eq(longer->references, 1);
    batch_free(batch);
    blob_unref(value);
    blob_unref(longer);
}
