/* Ordering a batch: by key, the last change of each. */
#include "store/ordered_ops.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

static void add(struct batch *batch, struct key *key, const char *name, struct blob *value)
{
    key->len = (uint8_t)strlen(name);
    memcpy(key->at, name, key->len);
    batch_add(batch, key, value, NULL);
}

Test(ordered_ops, sort_by_key_and_keep_the_last_per_key)
{
    static const char *const names[] = {"b", "a", "bb", "b", "a", "c"};
    static const size_t expected[] = {4, 3, 2, 5};
    struct batch *batch = batch_create(1);
    struct blob *value = blob_copy(T("xyz"));
    struct key keys[countof(names)];
    struct ordered_ops ordered = {0};

    for (size_t i = 0; i < countof(names); i++) {
        add(batch, &keys[i], names[i], i == 4 ? NULL : value);
    }
    ordered_ops_set(&ordered, batch);
    cr_assert_eq(ordered.count, countof(expected));
    for (size_t i = 0; i < countof(expected); i++) {
        cr_expect_eq(ordered.ops[i], &batch->ops[expected[i]], "place %zu", i);
    }
    cr_expect_eq(ordered.bytes, 5 + 3 * 3);
    batch_free(batch);
    batch = batch_create(2); /* used again, smaller and in order already */
    add(batch, &keys[0], "a", value);
    add(batch, &keys[1], "b", value);
    ordered_ops_set(&ordered, batch);
    cr_expect_eq(ordered.count, 2);
    cr_expect_eq(ordered.bytes, 8);
    batch_free(batch);
    batch = batch_create(3);
    ordered_ops_set(&ordered, batch);
    cr_expect_eq(ordered.count, 0);
    batch_free(batch);
    blob_unref(value);
    ordered_ops_free(&ordered);
}
