/* Buckets are small enough to be kept in order by moving. */
#include "index/buckets.h"

#define ENTRY_UNITS 5u /* two bounds and a predicate */

/* Room of buckets as they grow, so that they fill the pool's record sizes. */
static const uint32_t rooms[] = {3, 12, 25, 50};

bool entry_before(const struct entry *a, const struct entry *b)
{
    if (a->low != b->low) {
        return a->low < b->low;
    }
    return a->high != b->high ? a->high < b->high : a->predicate < b->predicate;
}

bool bucket_is_largest(const uint32_t *units)
{
    return bucket_room(units) == rooms[COUNT_OF(rooms) - 1];
}

uint32_t bucket_create(struct pool *pool, uint32_t room)
{
    size_t size = 0;
    uint32_t bucket;

    while (rooms[size] <= room) {
        size++;
    }
    bucket = pool_take(pool, BUCKET_LOWS + ENTRY_UNITS * rooms[size]);
    if (bucket != 0) {
        pool_at(pool, bucket)[BUCKET_COUNT] = rooms[size];
    }
    return bucket;
}

static void entry_write(uint32_t *units, uint32_t i, const struct entry *entry)
{
    uint32_t room = bucket_room(units);

    key_write(units + BUCKET_LOWS + (size_t)2 * i, entry->low);
    key_write(units + BUCKET_LOWS + (size_t)2 * (room + i), entry->high);
    units[BUCKET_LOWS + 4 * room + i] = entry->predicate;
}

void bucket_insert(uint32_t *units, const struct entry *entry)
{
    uint32_t at = bucket_count(units);

    for (; at > 0; at--) {
        struct entry before = bucket_entry(units, at - 1);

        if (entry_before(&before, entry)) {
            break;
        }
        entry_write(units, at, &before);
    }
    entry_write(units, at, entry);
    units[BUCKET_COUNT] += 1u << 16;
}

void bucket_remove(uint32_t *units, uint32_t predicate)
{
    uint32_t at = 0;

    while (bucket_predicate(units, at) != predicate) {
        at++;
    }
    units[BUCKET_COUNT] -= 1u << 16;
    for (; at < bucket_count(units); at++) {
        struct entry next = bucket_entry(units, at + 1);

        entry_write(units, at, &next);
    }
}

void bucket_move(uint32_t *units, uint32_t from, uint32_t *target)
{
    uint32_t count = bucket_count(units);

    for (uint32_t i = from; i < count; i++) {
        struct entry entry = bucket_entry(units, i);

        entry_write(target, bucket_count(target), &entry);
        target[BUCKET_COUNT] += 1u << 16;
    }
    units[BUCKET_COUNT] -= (count - from) << 16;
}

uint64_t bucket_highest(const uint32_t *units)
{
    uint64_t highest = 0;

    for (uint32_t i = 0; i < bucket_count(units); i++) {
        highest = bucket_high(units, i) > highest ? bucket_high(units, i) : highest;
    }
    return highest;
}
