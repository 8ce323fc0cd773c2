/* Memory that is freed all at once. */
#include "base/arena.h"

#include <criterion/criterion.h>

#include <stdalign.h>
#include <string.h>

static bool is_zero(const char *at, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (at[i] != 0) {
            return false;
        }
    }
    return true;
}

Test(arena, gives_aligned_zeroed_memory_of_any_size)
{
    static const size_t sizes[] = {1, 7, 0, 100, 8000, 20000, 16, 300000, 3};
    struct arena arena = {0};

    for (size_t round = 0; round < 3; round++) {
        for (size_t i = 0; i < countof(sizes) * 20; i++) {
            size_t size = sizes[i % countof(sizes)];
            char *at = arena_take(&arena, size);

            cr_assert_not_null(at);
            cr_assert_eq((uintptr_t)at % alignof(max_align_t), 0);
            cr_assert(is_zero(at, size));
            memset(at, 0x5a, size);
        }
        arena_reset(&arena);
        cr_expect_eq(arena.used, 0);
    }
    arena_free(&arena);
}

Test(arena, a_big_request_leaves_the_open_chunk_in_use)
{
    struct arena arena = {0};
    char *first = arena_take(&arena, 16);
    char *second;

    (void)arena_take(&arena, 1000000);
    second = arena_take(&arena, 16);
    cr_expect_eq(second, first + 16);
    arena_free(&arena);
}

Test(arena, keeps_little_after_a_reset)
{
    struct arena arena = {0};

    (void)arena_take(&arena, 5000000); /* a first chunk of that size is not kept */
    arena_reset(&arena);
    cr_expect_null(arena.chunks);
    for (size_t i = 0; i < 100000; i++) {
        (void)arena_take(&arena, 16);
    }
    cr_expect_eq(arena.used, 1600000);
    arena_reset(&arena);
    cr_expect_lt(arena.left, 16384);
    cr_expect_gt(arena.left, 0);
    arena_free(&arena);
    cr_expect_null(arena.chunks);
    arena_free(&arena);
}

Test(arena, copies_end_with_nul)
{
    struct arena arena = {0};
    struct text copy = arena_copy(&arena, text_make("hello", 4));

    cr_expect_eq(copy.len, 4);
    cr_expect_str_eq(copy.at, "hell");
    cr_expect_str_eq(arena_copy(&arena, (struct text){0}).at, "");
    arena_free(&arena);
}

Test(arena, prints_short_and_long)
{
    struct arena arena = {0};
    struct text small = arena_printf(&arena, "%s=%d", "answer", 42);
    struct text large = arena_printf(&arena, "<%05000d>", 1);

    cr_expect_str_eq(small.at, "answer=42");
    cr_expect_eq(small.len, 9);
    cr_expect_eq(large.len, 5002);
    cr_expect_eq(strlen(large.at), 5002);
    cr_expect_eq(large.at[5001], '>');
    arena_free(&arena);
}

Test(arena, arrays_are_zeroed)
{
    struct arena arena = {0};
    int64_t *array = arena_array(&arena, 1000, sizeof(int64_t));

    cr_expect(is_zero((const char *)array, 1000 * sizeof(int64_t)));
    arena_free(&arena);
}
