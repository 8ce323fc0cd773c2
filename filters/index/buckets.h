/* Some dozens of ranges in order, side by side in one record: the leaves of a field's tree of
 * ranges. */
#ifndef FILTERS_INDEX_BUCKETS_H
#define FILTERS_INDEX_BUCKETS_H

#include "index/pool.h"

/* One range.  Bounds are decimal keys: monotone, but where a value equals one the range itself
 * must be asked. */
struct entry {
    uint64_t low;
    uint64_t high;
    uint32_t predicate;
};

/* Units of a bucket: count << 16 | room, then `room` lower bounds, upper bounds, predicates. */
enum bucket_unit {
    BUCKET_COUNT,
    BUCKET_LOWS
};

/* A 64-bit key in two units. */
static inline uint64_t key_read(const uint32_t *units)
{
    return (uint64_t)units[1] << 32 | units[0];
}

static inline void key_write(uint32_t *units, uint64_t key)
{
    units[0] = (uint32_t)key;
    units[1] = (uint32_t)(key >> 32);
}

static inline uint32_t bucket_count(const uint32_t *units)
{
    return units[BUCKET_COUNT] >> 16;
}

static inline uint32_t bucket_room(const uint32_t *units)
{
    return units[BUCKET_COUNT] & 0xffff;
}

static inline uint64_t bucket_low(const uint32_t *units, uint32_t i)
{
    return key_read(units + BUCKET_LOWS + (size_t)2 * i);
}

static inline uint64_t bucket_high(const uint32_t *units, uint32_t i)
{
    return key_read(units + BUCKET_LOWS + (size_t)2 * (bucket_room(units) + i));
}

static inline uint32_t bucket_predicate(const uint32_t *units, uint32_t i)
{
    return units[BUCKET_LOWS + 4 * bucket_room(units) + i];
}

static inline struct entry bucket_entry(const uint32_t *units, uint32_t i)
{
    return (struct entry){bucket_low(units, i), bucket_high(units, i),
                          bucket_predicate(units, i)};
}

/* By lower bound, then upper bound, so that ranges without a lower bound are in order too. */
bool entry_before(const struct entry *a, const struct entry *b);

/* An empty bucket with the least room that is more than `room`; 0 when out of memory. */
uint32_t bucket_create(struct pool *pool, uint32_t room);
/* Whether no bucket has more room. */
bool bucket_is_largest(const uint32_t *units);
/* There must be room. */
void bucket_insert(uint32_t *units, const struct entry *entry);
void bucket_remove(uint32_t *units, uint32_t predicate);
/* Moves the entries from the `from`th on to the end of another bucket. */
void bucket_move(uint32_t *units, uint32_t from, uint32_t *target);
uint64_t bucket_highest(const uint32_t *units);

#endif
