/* Lists of numbers in a pool.  A list is a few units inside some record: its first entry, and a
 * block with the others; most lists have one entry and no block.  An entry is a number, or a
 * number and a note.  Where an entry stands (its place, a unit of the pool) is told to whoever
 * must find it again. */
#ifndef FILTERS_INDEX_CHAIN_H
#define FILTERS_INDEX_CHAIN_H

#include "index/pool.h"

/* An entry moved; called whenever adding or removing another moves it. */
typedef void chain_mover(void *context, uint32_t value, uint32_t from, uint32_t to);

/* A block: count << 16 | room, the next block, the unit of the list, the entries. */
enum chain_block {
    BLOCK_COUNT,
    BLOCK_NEXT,
    BLOCK_OWNER,
    BLOCK_ENTRIES
};

/* How a kind of lists is kept. */
struct chain {
    struct pool *pool;
    chain_mover *moved; /* NULL: nobody keeps places */
    void *context;
    uint32_t width; /* units of an entry: 1, or 2 with notes */
};

/* Units that a list takes in its record. */
#define CHAIN_UNITS(width) ((width) + 1)

/* `list` is the unit of the list; `value` is not 0; the note is ignored where entries have
 * none. Returns the entry's place; 0 when out of memory. */
uint32_t chain_add(const struct chain *chain, uint32_t list, uint32_t value, uint32_t note);
void chain_remove(const struct chain *chain, uint32_t list, uint32_t place);
/* The place of a value that is there; by search. */
uint32_t chain_find(const struct chain *chain, uint32_t list, uint32_t value);
/* The list that a place other than the list's own unit belongs to. */
uint32_t chain_owner_of(const struct pool *pool, uint32_t place);

static inline bool chain_is_empty(const struct pool *pool, uint32_t list)
{
    return pool_at(pool, list)[0] == 0;
}

/* Walking: for (walk = chain_walk(pool, list, width); chain_step(&walk, &value);) */
struct chain_walk {
    const struct pool *pool;
    const uint32_t *at;
    uint32_t left; /* entries at `at` */
    uint32_t next; /* block to come */
    uint32_t width;
};

static inline struct chain_walk chain_walk(const struct pool *pool, uint32_t list,
                                           uint32_t width)
{
    const uint32_t *units = pool_at(pool, list);

    return (struct chain_walk){pool, units, units[0] != 0, units[width], width};
}

static inline bool chain_step(struct chain_walk *walk, uint32_t *ret_value)
{
    if (walk->left == 0) {
        const uint32_t *block;

        if (walk->next == 0) {
            return false;
        }
        block = pool_at(walk->pool, walk->next);
        walk->at = block + BLOCK_ENTRIES;
        walk->left = block[BLOCK_COUNT] >> 16;
        walk->next = block[BLOCK_NEXT];
    }
    *ret_value = *walk->at;
    walk->at += walk->width;
    walk->left--;
    return true;
}

/* The note of the entry that the last step gave. */
static inline uint32_t chain_note(const struct chain_walk *walk)
{
    return walk->at[-1];
}

/* Announces the first block of a list to the memory; the larger ones have several lines. */
static inline void chain_prefetch(const struct pool *pool, uint32_t list, uint32_t width)
{
    uint32_t block = pool_at(pool, list)[width];

    if (block != 0) {
        const uint32_t *units = pool_at(pool, block);

        __builtin_prefetch(units);
        __builtin_prefetch(units + 16);
        __builtin_prefetch(units + 32);
    }
}

#endif
