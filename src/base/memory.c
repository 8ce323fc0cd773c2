/* Allocate or abort; the only caller of malloc. */
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Says so without allocating anything, then dumps core. */
static _Noreturn void memory_exhausted(void)
{
    static const char message[] = "error out_of_memory\n";
    ssize_t written = write(STDERR_FILENO, message, sizeof(message) - 1);

    (void)written; /* there is nobody left to tell */
    abort();
}

void *memory_take(size_t size)
{
    void *memory = malloc(size == 0 ? 1 : size);

    if (memory == NULL) {
        memory_exhausted();
    }
    return memory;
}

void *memory_zero(size_t size)
{
    return memory_array(1, size);
}

void *memory_array(size_t count, size_t size)
{
    bool empty = count == 0 || size == 0;
    void *memory = calloc(empty ? 1 : count, empty ? 1 : size);

    if (memory == NULL) {
        memory_exhausted();
    }
    return memory;
}

void *memory_resize(void *memory, size_t size)
{
    void *resized = realloc(memory, size == 0 ? 1 : size);

    if (resized == NULL) {
        memory_exhausted();
    }
    return resized;
}

char *memory_copy_text(struct text text)
{
    char *copy = memory_take(text.len + 1);

    if (text.len > 0) {
        memcpy(copy, text.at, text.len);
    }
    copy[text.len] = '\0';
    return copy;
}

void memory_free(void *memory)
{
    free(memory);
}
