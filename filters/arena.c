/* A list of chunks; a reset walks them again from the first. */
#include "arena.h"

#define ARENA_CHUNK 2048
#define ARENA_ALIGN 8

struct arena_chunk {
    struct arena_chunk *next;
    size_t size;
    _Alignas(ARENA_ALIGN) char bytes[];
};

void arena_init(struct arena *arena, struct account *account)
{
    *arena = (struct arena){.account = account};
}

void arena_free(struct arena *arena)
{
    struct arena_chunk *next;

    for (struct arena_chunk *chunk = arena->first; chunk != NULL; chunk = next) {
        next = chunk->next;
        account_free(arena->account, chunk, sizeof *chunk + chunk->size);
    }
    arena_init(arena, arena->account);
}

void arena_reset(struct arena *arena)
{
    arena->current = arena->first;
    arena->used = 0;
}

static struct arena_chunk *chunk_create(struct arena *arena, size_t size)
{
    size_t wanted = arena->current == NULL ? ARENA_CHUNK : arena->current->size * 2;
    struct arena_chunk *chunk;

    if (wanted < size) {
        wanted = size;
    }
    chunk = account_take(arena->account, sizeof *chunk + wanted);
    if (chunk != NULL) {
        chunk->next = NULL;
        chunk->size = wanted;
    }
    return chunk;
}

/* Moves to the next chunk with room, dropping kept ones that are too small for `size`. */
static bool arena_advance(struct arena *arena, size_t size)
{
    struct arena_chunk **link = arena->current == NULL ? &arena->first : &arena->current->next;

    while (*link != NULL && (*link)->size < size) {
        struct arena_chunk *small = *link;

        *link = small->next;
        account_free(arena->account, small, sizeof *small + small->size);
    }
    if (*link == NULL) {
        *link = chunk_create(arena, size);
    }
    if (*link == NULL) {
        return false;
    }
    arena->current = *link;
    arena->used = 0;
    return true;
}

void *arena_take(struct arena *arena, size_t size)
{
    size_t rounded = (size + (ARENA_ALIGN - 1)) & ~(size_t)(ARENA_ALIGN - 1);
    void *memory;

    if (rounded < size) {
        return NULL;
    }
    if ((arena->current == NULL || arena->current->size - arena->used < rounded)
        && !arena_advance(arena, rounded)) {
        return NULL;
    }
    memory = arena->current->bytes + arena->used;
    arena->used += rounded;
    return memory;
}

void arena_trim(struct arena *arena, const void *newest, size_t used)
{
    size_t from = (size_t)((const char *)newest - arena->current->bytes);

    arena->used = from + ((used + (ARENA_ALIGN - 1)) & ~(size_t)(ARENA_ALIGN - 1));
}

struct arena_mark arena_mark(const struct arena *arena)
{
    return (struct arena_mark){arena->current, arena->used};
}

void arena_rewind(struct arena *arena, struct arena_mark mark)
{
    arena->current = mark.current == NULL ? arena->first : mark.current;
    arena->used = mark.used;
}

char *arena_copy(struct arena *arena, struct slice bytes)
{
    char *copy = arena_take(arena, bytes.len == 0 ? 1 : bytes.len);

    if (copy != NULL && bytes.len > 0) {
        memcpy(copy, bytes.at, bytes.len);
    }
    return copy;
}
