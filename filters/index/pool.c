/* Pages of equal records, and chunks of pages. */
#include "index/pool.h"

/* Chunks from here on ask for large pages; smaller ones would waste what they round up to. */
#define CHUNK_LARGE ((size_t)8 << 20)

/* A page begins with these units. */
enum page_unit {
    PAGE_COUNT, /* size class << 16 | live records */
    PAGE_ROOM,  /* first free record << 16 | first untouched unit; offsets in the page */
    PAGE_NEXT,  /* page of the same class with room, or 0 */
    PAGE_PREVIOUS,
    PAGE_HEADER
};

/* Sizes of which a page holds as many as it can: 252 / n. */
static const uint8_t class_units[POOL_CLASSES] = {1,  2,  3,  4,  5,  6,  7,  8,  9,   10,
                                                  11, 12, 13, 14, 15, 16, 18, 19, 21,  22,
                                                  25, 28, 31, 36, 42, 50, 63, 84, 126, 252};

static uint32_t class_of(uint32_t units)
{
    uint32_t size_class = units <= 16 ? units - 1 : 16;

    while (class_units[size_class] < units) {
        size_class++;
    }
    return size_class;
}

static uint32_t chunk_pages(uint32_t chunk)
{
    return (1u << chunk) / POOL_PAGE_UNITS;
}

static size_t chunk_bytes(uint32_t chunk)
{
    return sizeof(uint32_t) << chunk;
}

void pool_init(struct pool *pool, struct account *account)
{
    *pool = (struct pool){.account = account};
}

void pool_free(struct pool *pool)
{
    for (uint32_t i = POOL_CHUNK_LOW; i <= POOL_CHUNK_HIGH; i++) {
        account_free(pool->account, pool->chunks[i].memory, chunk_bytes(i));
    }
    account_free(pool->account, pool->large, pool->large_room * sizeof *pool->large);
    pool_init(pool, pool->account);
}

size_t pool_untouched(const struct pool *pool)
{
    size_t bytes = 0;

    for (uint32_t i = POOL_CHUNK_LOW; i <= POOL_CHUNK_HIGH; i++) {
        if (pool->chunks[i].memory != NULL) {
            bytes += (size_t)(chunk_pages(i) - pool->chunks[i].used) * POOL_PAGE_UNITS
                     * sizeof(uint32_t);
        }
    }
    return bytes;
}

/* The lowest chunk with a page to give; missing ones are made only when no other has room. */
static uint32_t chunk_with_room(struct pool *pool)
{
    uint32_t missing = 0;

    for (uint32_t i = POOL_CHUNK_LOW; i <= POOL_CHUNK_HIGH; i++) {
        const struct pool_chunk *chunk = &pool->chunks[i];

        if (chunk->memory == NULL) {
            missing = missing == 0 ? i : missing;
        } else if (chunk->free != 0 || chunk->used < chunk_pages(i)) {
            return i;
        }
    }
    if (missing == 0) {
        return 0;
    }
    pool->chunks[missing] =
        (struct pool_chunk){.memory = account_take(pool->account, chunk_bytes(missing))};
    if (pool->chunks[missing].memory == NULL) {
        return 0;
    }
    if (chunk_bytes(missing) >= CHUNK_LARGE) {
        account_advise(pool->chunks[missing].memory, chunk_bytes(missing));
    }
    return missing;
}

static void page_link(struct pool *pool, uint32_t page)
{
    uint32_t *units = pool_at(pool, page);
    uint32_t *first = &pool->partial[units[PAGE_COUNT] >> 16];

    units[PAGE_PREVIOUS] = 0;
    units[PAGE_NEXT] = *first;
    if (*first != 0) {
        pool_at(pool, *first)[PAGE_PREVIOUS] = page;
    }
    *first = page;
}

static void page_unlink(struct pool *pool, uint32_t page)
{
    const uint32_t *units = pool_at(pool, page);

    if (units[PAGE_PREVIOUS] != 0) {
        pool_at(pool, units[PAGE_PREVIOUS])[PAGE_NEXT] = units[PAGE_NEXT];
    } else {
        pool->partial[units[PAGE_COUNT] >> 16] = units[PAGE_NEXT];
    }
    if (units[PAGE_NEXT] != 0) {
        pool_at(pool, units[PAGE_NEXT])[PAGE_PREVIOUS] = units[PAGE_PREVIOUS];
    }
}

static uint32_t page_take(struct pool *pool, uint32_t size_class)
{
    uint32_t number = chunk_with_room(pool);
    struct pool_chunk *chunk = &pool->chunks[number];
    uint32_t page;
    uint32_t *units;

    if (number == 0) {
        return 0;
    }
    page = chunk->free;
    if (page != 0) {
        chunk->free = pool_at(pool, page)[PAGE_NEXT];
    } else {
        page = (1u << number) + chunk->used * POOL_PAGE_UNITS;
        chunk->used++;
    }
    chunk->live++;
    units = pool_at(pool, page);
    units[PAGE_COUNT] = size_class << 16;
    units[PAGE_ROOM] = PAGE_HEADER;
    page_link(pool, page);
    return page;
}

static void page_give(struct pool *pool, uint32_t page)
{
    uint32_t number = 31u - (uint32_t)__builtin_clz(page);
    struct pool_chunk *chunk = &pool->chunks[number];

    page_unlink(pool, page);
    if (--chunk->live == 0) {
        account_free(pool->account, chunk->memory, chunk_bytes(number));
        *chunk = (struct pool_chunk){.memory = NULL};
        return;
    }
    pool_at(pool, page)[PAGE_NEXT] = chunk->free;
    chunk->free = page;
}

static bool page_is_full(const uint32_t *units)
{
    return units[PAGE_ROOM] >> 16 == 0
           && (units[PAGE_ROOM] & 0xffff) + class_units[units[PAGE_COUNT] >> 16]
                  > POOL_PAGE_UNITS;
}

uint32_t pool_take(struct pool *pool, uint32_t units)
{
    uint32_t size_class = class_of(units);
    uint32_t page = pool->partial[size_class];
    uint32_t offset;
    uint32_t *at;

    if (page == 0) {
        page = page_take(pool, size_class);
    }
    if (page == 0) {
        return 0;
    }
    at = pool_at(pool, page);
    offset = at[PAGE_ROOM] >> 16;
    if (offset != 0) {
        at[PAGE_ROOM] = at[offset] << 16 | (at[PAGE_ROOM] & 0xffff);
    } else {
        offset = at[PAGE_ROOM] & 0xffff;
        at[PAGE_ROOM] += class_units[size_class];
    }
    at[PAGE_COUNT]++;
    if (page_is_full(at)) {
        page_unlink(pool, page);
    }
    return page + offset;
}

void pool_give(struct pool *pool, uint32_t record)
{
    uint32_t page = record & ~(POOL_PAGE_UNITS - 1);
    uint32_t *at = pool_at(pool, page);
    bool was_full = page_is_full(at);

    at[record - page] = at[PAGE_ROOM] >> 16;
    at[PAGE_ROOM] = (record - page) << 16 | (at[PAGE_ROOM] & 0xffff);
    at[PAGE_COUNT]--;
    if (was_full) {
        page_link(pool, page);
    }
    if ((at[PAGE_COUNT] & 0xffff) == 0) {
        page_give(pool, page);
    }
}

uint32_t pool_base(const struct pool *pool, uint32_t unit)
{
    uint32_t page = unit & ~(POOL_PAGE_UNITS - 1);
    uint32_t size = class_units[pool_at(pool, page)[PAGE_COUNT] >> 16];
    uint32_t offset = unit - page - PAGE_HEADER;

    return unit - offset % size;
}

uint32_t pool_large_take(struct pool *pool, size_t size)
{
    uint32_t number = pool->large_free;
    void *memory = account_take(pool->account, size);
    union pool_large *large;

    if (memory == NULL) {
        return 0;
    }
    if (number != 0) {
        pool->large_free = pool->large[number - 1].next;
    } else {
        large = account_grow(pool->account, pool->large, &pool->large_room, sizeof *large,
                             pool->large_count + 1);
        if (large == NULL) {
            account_free(pool->account, memory, size);
            return 0;
        }
        pool->large = large;
        number = ++pool->large_count;
    }
    pool->large[number - 1].memory = memory;
    return number;
}

void pool_large_give(struct pool *pool, uint32_t number, size_t size)
{
    account_free(pool->account, pool->large[number - 1].memory, size);
    pool->large[number - 1].next = pool->large_free;
    pool->large_free = number;
}

void *pool_large_at(const struct pool *pool, uint32_t number)
{
    return pool->large[number - 1].memory;
}
