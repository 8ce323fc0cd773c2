/* Allocate or abort. */
#include "base/memory.h"

#include <criterion/criterion.h>

#include <signal.h>
#include <string.h>

Test(memory, zeroed_memory_is_zero)
{
    static const char zeros[64];
    char *one = memory_zero(sizeof(zeros));
    char *many = memory_array(8, 8);

    cr_expect_eq(memcmp(one, zeros, sizeof(zeros)), 0);
    cr_expect_eq(memcmp(many, zeros, sizeof(zeros)), 0);
    memory_free(one);
    memory_free(many);
}

Test(memory, nothing_is_a_valid_size)
{
    void *taken = memory_take(0);
    void *array = memory_array(0, 8);
    void *resized = memory_resize(NULL, 0);

    cr_expect(taken != NULL && array != NULL && resized != NULL);
    memory_free(taken);
    memory_free(array);
    memory_free(resized);
    memory_free(NULL);
}

Test(memory, resizing_keeps_the_bytes)
{
    char *at = memory_resize(NULL, 4);

    memcpy(at, "abc", 4);
    at = memory_resize(at, 4000);
    cr_expect_str_eq(at, "abc");
    memory_free(at);
}

Test(memory, a_copied_text_ends_with_nul)
{
    char *copy = memory_copy_text(text_make("hello", 4));
    char *empty = memory_copy_text((struct text){0});

    cr_expect_str_eq(copy, "hell");
    cr_expect_str_eq(empty, "");
    memory_free(copy);
    memory_free(empty);
}

#ifndef __SANITIZE_ADDRESS__
#    if !defined(__has_feature)
#        define ALLOCATOR_IS_PLAIN 1
#    elif !__has_feature(address_sanitizer)
#        define ALLOCATOR_IS_PLAIN 1
#    endif
#endif

#ifdef ALLOCATOR_IS_PLAIN /* a sanitizer has its own way to refuse */
Test(memory, too_much_aborts, .signal = SIGABRT)
{
    volatile size_t count = SIZE_MAX / 4;

    memory_free(memory_array(count, 8));
}
#endif
