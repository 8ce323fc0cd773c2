/* The linker's --wrap sends every malloc, calloc and realloc of the program here. */
#include "alloc_faults.h"

#include <stddef.h>

/* NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming): the linker's names
 */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);

static long countdown; /* 0: disarmed */
static bool stays;
static bool fired;

void alloc_faults_arm(long nth, bool from_then_on)
{
    countdown = nth;
    stays = from_then_on;
    fired = false;
}

bool alloc_faults_disarm(void)
{
    countdown = 0;
    return fired;
}

static bool fails_now(void)
{
    if (countdown > 1) {
        countdown--;
        return false;
    }
    fired = fired || countdown == 1;
    if (countdown == 1 && !stays) {
        countdown = 0;
        return true;
    }
    return countdown == 1;
}

void *__wrap_malloc(size_t size)
{
    return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    return fails_now() ? NULL : __real_realloc(memory, size);
}

/* NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming) */
