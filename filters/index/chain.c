/* The newest block is the first, and the only one that is not full. */
#include "index/chain.h"

/* Room of blocks as they grow: record sizes of the pool less the three units in front. */
static const uint32_t rooms[] = {1, 5, 13, 28, 60};

static uint32_t room_after(uint32_t room)
{
    for (size_t i = 0; i < COUNT_OF(rooms); i++) {
        if (rooms[i] > room) {
            return rooms[i];
        }
    }
    return rooms[0];
}

static void tell_moved(const struct chain_owner *owner, uint32_t value, uint32_t from,
                       uint32_t to)
{
    if (owner->moved != NULL) {
        owner->moved(owner->context, value, from, to);
    }
}

/* Copies a full block into a larger one, which takes its place in the list. */
static void block_copy(const struct chain_owner *owner, uint32_t from, uint32_t to)
{
    const uint32_t *source = pool_at(owner->pool, from);
    uint32_t *target = pool_at(owner->pool, to);
    uint32_t count = source[BLOCK_COUNT] >> 16;

    target[BLOCK_COUNT] |= count << 16;
    target[BLOCK_NEXT] = source[BLOCK_NEXT];
    for (uint32_t i = 0; i < count; i++) {
        target[BLOCK_VALUES + i] = source[BLOCK_VALUES + i];
        tell_moved(owner, source[BLOCK_VALUES + i], from + BLOCK_VALUES + i,
                   to + BLOCK_VALUES + i);
    }
}

/* A block with room in front of the list, or 0. */
static uint32_t block_with_room(const struct chain_owner *owner, uint32_t list)
{
    uint32_t first = pool_at(owner->pool, list)[1];
    const uint32_t *units = first == 0 ? NULL : pool_at(owner->pool, first);
    uint32_t room = units == NULL ? 0 : units[BLOCK_COUNT] & 0xffff;
    uint32_t block;

    if (units != NULL && units[BLOCK_COUNT] >> 16 < room) {
        return first;
    }
    room = room_after(room);
    block = pool_take(owner->pool, BLOCK_VALUES + room);
    if (block == 0) {
        return 0;
    }
    pool_at(owner->pool, block)[BLOCK_COUNT] = room;
    pool_at(owner->pool, block)[BLOCK_NEXT] = first;
    pool_at(owner->pool, block)[BLOCK_OWNER] = list;
    if (units != NULL && room != rooms[0]) {
        block_copy(owner, first, block);
        pool_give(owner->pool, first);
    }
    pool_at(owner->pool, list)[1] = block;
    return block;
}

uint32_t chain_add(const struct chain_owner *owner, uint32_t list, uint32_t value)
{
    uint32_t *first = pool_at(owner->pool, list);
    uint32_t block;
    uint32_t *units;
    uint32_t count;

    if (first[0] == 0) {
        first[0] = value;
        return list;
    }
    block = block_with_room(owner, list);
    if (block == 0) {
        return 0;
    }
    units = pool_at(owner->pool, block);
    count = units[BLOCK_COUNT] >> 16;
    units[BLOCK_VALUES + count] = value;
    units[BLOCK_COUNT] += 1u << 16;
    return block + BLOCK_VALUES + count;
}

/* Takes the last number off the list; its place is given for comparison. */
static uint32_t last_take(const struct chain_owner *owner, uint32_t list, uint32_t *ret_place)
{
    uint32_t *first = pool_at(owner->pool, list);
    uint32_t block = first[1];
    uint32_t value = first[0];
    uint32_t *units;
    uint32_t count;

    if (block == 0) {
        first[0] = 0;
        *ret_place = list;
        return value;
    }
    units = pool_at(owner->pool, block);
    count = (units[BLOCK_COUNT] >> 16) - 1;
    value = units[BLOCK_VALUES + count];
    units[BLOCK_COUNT] -= 1u << 16;
    *ret_place = block + BLOCK_VALUES + count;
    if (count == 0) {
        first[1] = units[BLOCK_NEXT];
        pool_give(owner->pool, block);
    }
    return value;
}

void chain_remove(const struct chain_owner *owner, uint32_t list, uint32_t place)
{
    uint32_t last_place;
    uint32_t last = last_take(owner, list, &last_place);

    if (last_place != place) {
        pool_at(owner->pool, place)[0] = last;
        tell_moved(owner, last, last_place, place);
    }
}

uint32_t chain_find(const struct pool *pool, uint32_t list, uint32_t value)
{
    const uint32_t *first = pool_at(pool, list);
    uint32_t block = first[1];

    if (first[0] == value) {
        return list;
    }
    while (block != 0) {
        const uint32_t *units = pool_at(pool, block);

        for (uint32_t i = 0; i < units[BLOCK_COUNT] >> 16; i++) {
            if (units[BLOCK_VALUES + i] == value) {
                return block + BLOCK_VALUES + i;
            }
        }
        block = units[BLOCK_NEXT];
    }
    return 0;
}

uint32_t chain_owner_of(const struct pool *pool, uint32_t place)
{
    return pool_at(pool, pool_base(pool, place))[BLOCK_OWNER];
}
