/* Shared immutable bytes. */
#include "base/blob.h"

#include <criterion/criterion.h>

#include <string.h>

Test(blob, lives_as_long_as_somebody_refers_to_it)
{
    struct blob *blob = blob_copy(T("shared"));
    struct blob *same = blob_ref(blob);

    cr_expect_eq(same, blob);
    cr_expect_eq(blob->references, 2);
    blob_unref(blob);
    cr_expect(text_equal(blob_text(same), T("shared")));
    blob_unref(same);
}

Test(blob, is_filled_by_its_maker)
{
    struct blob *blob = blob_new(3);

    memcpy(blob->at, "abc", 3);
    cr_expect(text_equal(blob_text(blob), T("abc")));
    blob_unref(blob);
}

Test(blob, none_is_empty_text)
{
    struct blob *empty = blob_copy((struct text){0});

    cr_expect_null(blob_ref(NULL));
    blob_unref(NULL);
    cr_expect(text_equal(blob_text(NULL), T("")));
    cr_expect_eq(blob_text(empty).len, 0);
    blob_unref(empty);
}
