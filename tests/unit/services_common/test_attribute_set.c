/* Attributes and tags while a call changes them. */
#include "services/common/attribute_set.h"

#include <criterion/criterion.h>

Test(attribute_set, stays_sorted_whatever_the_order)
{
    static const struct text names[] = {TEXT("m"), TEXT("a"), TEXT("z"), TEXT("b"), TEXT("m")};
    struct arena arena = {0};
    struct attribute_set set;

    attribute_set_init(&set, &arena, NULL, 0);
    for (size_t i = 0; i < countof(names); i++) {
        attribute_set_put(&set, names[i], arena_printf(&arena, "%zu", i));
    }
    cr_assert_eq(set.count, 4);
    for (size_t i = 1; i < set.count; i++) {
        cr_expect(text_compare(set.items[i - 1].name, set.items[i].name) < 0);
    }
    cr_expect(text_equal(attribute_set_get(&set, T("m")), T("4")));
    attribute_set_remove(&set, T("a"));
    attribute_set_remove(&set, T("never"));
    cr_expect_not(attribute_set_has(&set, T("a")));
    cr_expect_eq(set.count, 3);
    arena_free(&arena);
}

Test(attribute_set, grows)
{
    struct arena arena = {0};
    struct attribute_set set;

    attribute_set_init(&set, &arena, NULL, 0);
    for (size_t i = 0; i < 100; i++) {
        attribute_set_put(&set, arena_printf(&arena, "%03zu", 99 - i), T("x"));
    }
    cr_assert_eq(set.count, 100);
    cr_expect(text_equal(set.items[0].name, T("000")));
    cr_expect(text_equal(set.items[99].name, T("099")));
    arena_free(&arena);
}

Test(attribute_set, keeps_tags_apart_from_attributes)
{
    struct arena arena = {0};
    struct attribute_set set;
    size_t count = 0;

    attribute_set_init(&set, &arena, NULL, 0);
    attribute_set_put(&set, T("DisplayName"), T("x"));
    tag_put(&set, T("team"), T("blue"));
    tag_put(&set, T("DisplayName"), T("a tag"));
    cr_expect_eq(tag_count(&set), 2);
    tag_remove(&set, T("DisplayName"));
    cr_expect(text_equal(attribute_set_get(&set, T("DisplayName")), T("x")));
    const struct string_pair *tags = tags_list(&set, &count);

    cr_assert_eq(count, 1);
    cr_expect(text_equal(tags[0].name, T("team")));
    cr_expect(text_equal(tags[0].value, T("blue")));
    arena_free(&arena);
}

Test(attribute_set, takes_tags_that_aws_takes)
{
    cr_expect(tag_is_valid(T("k"), T("")));
    cr_expect_not(tag_is_valid(T(""), T("v")));
    cr_expect_not(tag_is_valid(T("aws:mine"), T("v")));
}
