/* Memory that is freed all at once: a chain of chunks that grow to a limit. */
#include "base/arena.h"

#include "base/memory.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CHUNK_FIRST = 8 * 1024 - 64, /* the chunk header and malloc's fit into a round size */
    CHUNK_MAX = 64 * 1024 - 64,
    CHUNK_OWN = CHUNK_MAX / 4 /* from here on a request gets a chunk of its own size */
};

struct arena_chunk {
    struct arena_chunk *next;
    size_t size;
    alignas(max_align_t) char at[];
};

static struct arena_chunk *chunk_create(size_t size)
{
    struct arena_chunk *chunk = memory_take(sizeof(*chunk) + size);

    chunk->next = NULL;
    chunk->size = size;
    return chunk;
}

/* Makes `chunk` the one that is handed out from. */
static void arena_open(struct arena *arena, struct arena_chunk *chunk)
{
    arena->chunks = chunk;
    arena->next = chunk->at;
    arena->left = chunk->size;
}

/* A chunk of the request's own size goes behind the newest, whose free bytes stay in use. */
static void *arena_take_own(struct arena *arena, size_t size)
{
    struct arena_chunk *chunk = chunk_create(size);

    chunk->next = arena->chunks->next;
    arena->chunks->next = chunk;
    return chunk->at;
}

static void arena_grow(struct arena *arena, size_t size)
{
    size_t room = arena->chunks == NULL ? CHUNK_FIRST : arena->chunks->size * 2;
    struct arena_chunk *chunk;

    room = room > CHUNK_MAX ? CHUNK_MAX : room;
    chunk = chunk_create(room < size ? size : room);
    chunk->next = arena->chunks;
    arena_open(arena, chunk);
}

/* Aligned bytes with anything in them. */
static void *arena_bytes(struct arena *arena, size_t size)
{
    const size_t step = alignof(max_align_t);
    char *at;

    if (size > SIZE_MAX / 2) {
        abort(); /* a length that wrapped around, never a request */
    }
    size = size == 0 ? step : (size + step - 1) & ~(step - 1);
    arena->used += size;
    if (size > arena->left) {
        if (size >= CHUNK_OWN && arena->chunks != NULL) {
            return arena_take_own(arena, size);
        }
        arena_grow(arena, size);
    }
    at = arena->next;
    arena->next += size;
    arena->left -= size;
    return at;
}

void arena_free(struct arena *arena)
{
    struct arena_chunk *chunk = arena->chunks;

    while (chunk != NULL) {
        struct arena_chunk *next = chunk->next;

        memory_free(chunk);
        chunk = next;
    }
    *arena = (struct arena){0};
}

void arena_reset(struct arena *arena)
{
    struct arena_chunk *first = NULL;

    while (arena->chunks != NULL) {
        struct arena_chunk *chunk = arena->chunks;

        arena->chunks = chunk->next;
        if (chunk->size == CHUNK_FIRST) {
            first = chunk; /* there is only one of that size */
        } else {
            memory_free(chunk);
        }
    }
    *arena = (struct arena){0};
    if (first != NULL) {
        first->next = NULL;
        arena_open(arena, first);
    }
}

void *arena_take(struct arena *arena, size_t size)
{
    return memset(arena_bytes(arena, size), 0, size);
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
    size_t total;

    if (__builtin_mul_overflow(count, size, &total)) {
        abort();
    }
    return arena_take(arena, total);
}

struct text arena_copy(struct arena *arena, struct text text)
{
    char *at = arena_bytes(arena, text.len + 1);

    if (text.len > 0) {
        memcpy(at, text.at, text.len);
    }
    at[text.len] = '\0';
    return text_make(at, text.len);
}

struct text arena_printf(struct arena *arena, const char *format, ...)
{
    va_list arguments;
    struct text text;

    va_start(arguments, format);
    text = arena_vprintf(arena, format, arguments);
    va_end(arguments);
    return text;
}

struct text arena_vprintf(struct arena *arena, const char *format, va_list arguments)
{
    char small[512];
    va_list again;
    char *at;
    int len;

    va_copy(again, arguments);
    len = vsnprintf(small, sizeof(small), format, arguments);
    if (len < 0) {
        abort(); /* a broken format is a bug */
    }
    if ((size_t)len < sizeof(small)) {
        va_end(again);
        return arena_copy(arena, text_make(small, (size_t)len));
    }
    at = arena_bytes(arena, (size_t)len + 1);
    len = vsnprintf(at, (size_t)len + 1, format, again);
    va_end(again);
    return text_make(at, len < 0 ? 0 : (size_t)len);
}
