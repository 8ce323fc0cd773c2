/* Memory that is freed all at once: what one request decodes and answers. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/text.h"

#include <stdarg.h>

struct arena_chunk;

struct arena {
    struct arena_chunk *chunks; /* newest first */
    char *next;                 /* free bytes of the newest chunk */
    size_t left;
    size_t used; /* bytes handed out since the last reset */
};

/* A zeroed struct is a valid empty arena. */
void arena_free(struct arena *arena); /* gives everything back; the arena is empty and usable */
void arena_reset(struct arena *arena); /* keeps 8 KiB for the next round */
/* Aligned for any type, zeroed. */
void *arena_take(struct arena *arena, size_t size);
void *arena_array(struct arena *arena, size_t count, size_t size);
/* A copy with a NUL behind it (not counted in len). */
struct text arena_copy(struct arena *arena, struct text text);
PRINTF_LIKE(2, 3) struct text arena_printf(struct arena *arena, const char *format, ...);
PRINTF_LIKE(2, 0)
struct text arena_vprintf(struct arena *arena, const char *format, va_list arguments);

#endif
