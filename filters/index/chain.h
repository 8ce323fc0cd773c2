/* Lists of numbers in a pool.  A list is two units inside some record: its first number, and a
 * block with the others; most lists have one number and no block.  Where a number stands (its
 * place, a unit of the pool) is told to whoever must find it again. */
#ifndef FILTERS_INDEX_CHAIN_H
#define FILTERS_INDEX_CHAIN_H

#include "index/pool.h"

/* A number moved; called whenever adding or removing another moves it. */
typedef void chain_mover(void *context, uint32_t value, uint32_t from, uint32_t to);

/* A block: count << 16 | room, the next block, the unit of the list, the numbers. */
enum chain_block {
    BLOCK_COUNT,
    BLOCK_NEXT,
    BLOCK_OWNER,
    BLOCK_VALUES
};

struct chain_owner {
    struct pool *pool;
    chain_mover *moved; /* NULL: nobody keeps places */
    void *context;
};

/* `list` is the unit of the list; `value` is not 0.  Returns the value's place; 0 when out of
 * memory. */
uint32_t chain_add(const struct chain_owner *owner, uint32_t list, uint32_t value);
void chain_remove(const struct chain_owner *owner, uint32_t list, uint32_t place);
/* The place of a value that is there; by search. */
uint32_t chain_find(const struct pool *pool, uint32_t list, uint32_t value);
/* The list that a place other than the list's own unit belongs to. */
uint32_t chain_owner_of(const struct pool *pool, uint32_t place);

static inline bool chain_is_empty(const struct pool *pool, uint32_t list)
{
    return pool_at(pool, list)[0] == 0;
}

/* Walking: for (walk = chain_walk(pool, list); chain_step(&walk, &value);) */
struct chain_walk {
    const struct pool *pool;
    const uint32_t *at;
    uint32_t left; /* numbers at `at` */
    uint32_t next; /* block to come */
};

static inline struct chain_walk chain_walk(const struct pool *pool, uint32_t list)
{
    const uint32_t *units = pool_at(pool, list);

    return (struct chain_walk){pool, units, units[0] != 0, units[1]};
}

static inline bool chain_step(struct chain_walk *walk, uint32_t *ret_value)
{
    if (walk->left == 0) {
        const uint32_t *block;

        if (walk->next == 0) {
            return false;
        }
        block = pool_at(walk->pool, walk->next);
        walk->at = block + BLOCK_VALUES;
        walk->left = block[BLOCK_COUNT] >> 16;
        walk->next = block[BLOCK_NEXT];
    }
    *ret_value = *walk->at++;
    walk->left--;
    return true;
}

#endif
