/* Memory for one piece of work: taken in order, given back all at once, addresses stable. */
#ifndef FILTERS_ARENA_H
#define FILTERS_ARENA_H

#include "account.h"

struct arena_chunk;

struct arena {
    struct account *account;
    struct arena_chunk *first;
    struct arena_chunk *current;
    size_t used; /* of the current chunk */
};

void arena_init(struct arena *arena, struct account *account);
void arena_free(struct arena *arena);
/* Everything taken so far becomes invalid; the memory is kept for reuse. */
void arena_reset(struct arena *arena);
/* Aligned for any small type; NULL when out of memory. */
void *arena_take(struct arena *arena, size_t size);
/* Gives back the end of the newest take, of which `used` bytes are needed. */
void arena_trim(struct arena *arena, const void *newest, size_t used);

/* Everything taken since the mark becomes invalid. */
struct arena_mark {
    struct arena_chunk *current;
    size_t used;
};

struct arena_mark arena_mark(const struct arena *arena);
void arena_rewind(struct arena *arena, struct arena_mark mark);
/* A copy of the bytes; NULL when out of memory. */
char *arena_copy(struct arena *arena, struct slice bytes);

#endif
