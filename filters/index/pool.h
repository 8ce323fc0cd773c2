/* Small records by 32-bit number instead of by pointer.  A record is some units of four bytes
 * in a page of one size; pages lie in chunks that double, so that records never move and a
 * number becomes an address with one table look-up. */
#ifndef FILTERS_INDEX_POOL_H
#define FILTERS_INDEX_POOL_H

#include "account.h"

#define POOL_PAGE_UNITS 256u
#define POOL_UNITS_MAX  252u /* of one record */
#define POOL_CHUNK_LOW  10u  /* the first chunk has 2^10 units */
#define POOL_CHUNK_HIGH 30u
#define POOL_CLASSES    30u

struct pool_chunk {
    uint32_t *memory; /* NULL: not there */
    uint32_t used;    /* pages handed out at least once */
    uint32_t live;    /* pages with records */
    uint32_t free;    /* first page given back, or 0 */
};

/* What is too large for a page; a free entry holds the number of the next. */
union pool_large {
    void *memory;
    uint32_t next;
};

struct pool {
    struct account *account;
    struct pool_chunk chunks[POOL_CHUNK_HIGH + 1];
    uint32_t partial[POOL_CLASSES]; /* per size: first page with room, or 0 */
    union pool_large *large;
    uint32_t large_count;
    uint32_t large_room;
    uint32_t large_free; /* number + 1 of the first free entry, or 0 */
};

void pool_init(struct pool *pool, struct account *account);
void pool_free(struct pool *pool);
/* A record of `units`, uninitialised; 0 when out of memory. */
uint32_t pool_take(struct pool *pool, uint32_t units);
void pool_give(struct pool *pool, uint32_t record);
/* The record that a unit inside it belongs to. */
uint32_t pool_base(const struct pool *pool, uint32_t unit);
/* Bytes of the chunks that were never touched; the account counts chunks whole. */
size_t pool_untouched(const struct pool *pool);

static inline uint32_t *pool_at(const struct pool *pool, uint32_t unit)
{
    uint32_t chunk = 31u - (uint32_t)__builtin_clz(unit);

    return pool->chunks[chunk].memory + (unit ^ (1u << chunk));
}

static inline void pool_prefetch(const struct pool *pool, uint32_t unit)
{
    __builtin_prefetch(pool_at(pool, unit));
}

/* Memory of any size by number, for what does not fit in a record; 0 when out of memory. */
uint32_t pool_large_take(struct pool *pool, size_t size);
void pool_large_give(struct pool *pool, uint32_t number, size_t size);
void *pool_large_at(const struct pool *pool, uint32_t number);

#endif
