/* Forms, as they come. */
#include "sample.h"

#include <criterion/criterion.h>

Test(params, finds_names_and_prefixes_after_sorting)
{
    struct arena arena = {0};
    struct params params = {0};
    const char *reason = NULL;

    cr_assert(params_parse(&arena, T("b=2&a.1=x&&=nameless&c&a.1.x=%2B+"), &params, &reason));
    cr_assert(params_parse(&arena, T("d=4"), &params, &reason));
    params_sort(&params);
    cr_expect_eq(params.count, 5);
    cr_expect(text_equal(params_find(&params, T("d")), T("4")));
    cr_expect(text_equal(params_find(&params, T("a.1.x")), T("+ ")));
    cr_expect_eq(params_find(&params, T("c")).len, 0);
    cr_expect_not_null(params_find(&params, T("c")).at, "it was named");
    cr_expect_null(params_find(&params, T("a")).at);
    cr_expect(params_have_prefix(&params, T("a.")));
    cr_expect_not(params_have_prefix(&params, T("a.2")));
    cr_expect_not(params_have_prefix(&params, T("e")));
    arena_free(&arena);
}

Test(params, refuses_a_form_of_very_many)
{
    struct arena arena = {0};
    struct params params = {0};
    struct buffer form;
    const char *reason = NULL;

    buffer_init(&form, 1 << 20);
    for (size_t i = 0; i < PARAMS_MAX; i++) {
        buffer_add_string(&form, "a&");
    }
    cr_expect_not(params_parse(&arena, buffer_text(&form), &params, &reason));
    cr_expect_str_eq(reason, "it has too many parameters");
    buffer_free(&form);
    arena_free(&arena);
}
