/* Names and values of forms. */
#include "base/form.h"

#include <criterion/criterion.h>

static bool is(struct text text, const char *wanted)
{
    return text_equal(text, text_from(wanted));
}

Test(form, gives_its_pairs_in_order)
{
    struct arena arena = {0};
    struct text form = T("a=1&&=nameless&b&%63+c=%2B+&a=2");
    static const char *const pairs[][2] = {{"a", "1"}, {"b", ""}, {"c c", "+ "}, {"a", "2"}};
    const char *reason = NULL;
    struct text name;
    struct text value;

    for (size_t i = 0; i < countof(pairs); i++) {
        cr_assert(form_next(&arena, &form, &name, &value, &reason));
        cr_expect(is(name, pairs[i][0]) && is(value, pairs[i][1]), "pair %zu", i);
        cr_expect_not_null(value.at, "it was named");
    }
    cr_expect_not(form_next(&arena, &form, &name, &value, &reason));
    cr_expect_null(reason);
    arena_free(&arena);
}

Test(form, says_what_is_wrong_with_a_pair)
{
    static const struct {
        const char *form, *reason;
    } rows[] = {
        {"a=%zz", "a percent escape is broken"},
        {"%4=x", "a percent escape is broken"},
        {"a=%ff", "a parameter is not valid UTF-8"},
        {"a\xc0=x", "a parameter is not valid UTF-8"},
    };

    for (size_t i = 0; i < countof(rows); i++) {
        struct arena arena = {0};
        struct text form = text_from(rows[i].form);
        const char *reason = NULL;
        struct text name;
        struct text value;

        cr_expect_not(form_next(&arena, &form, &name, &value, &reason));
        cr_expect_str_eq(reason, rows[i].reason);
        arena_free(&arena);
    }
}

Test(form, finds_the_first_of_a_name_whatever_else_is_there)
{
    struct arena arena = {0};
    struct text form = T("bad=%ff&%zz=1&to=a%20b&to=c&empty=&word");
    const char *reason = NULL;

    cr_expect(is(form_find(&arena, form, T("to"), &reason), "a b"));
    cr_expect_not_null(form_find(&arena, form, T("empty"), &reason).at);
    cr_expect_not_null(form_find(&arena, form, T("word"), &reason).at);
    cr_expect_null(form_find(&arena, form, T("none"), &reason).at);
    cr_expect_null(reason);
    cr_expect_null(form_find(&arena, form, T("bad"), &reason).at);
    cr_expect_str_eq(reason, "a parameter is not valid UTF-8");
    arena_free(&arena);
}
