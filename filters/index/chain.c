/* The newest block is the first, and the only one that is not full. */
#include "index/chain.h"

/* Entries of blocks as they grow, so that blocks fill the pool's record sizes. */
static const uint32_t rooms[2][5] = {{1, 5, 13, 28, 60}, {1, 4, 9, 19, 30}};

static uint32_t room_after(const struct chain *chain, uint32_t room)
{
    const uint32_t *sizes = rooms[chain->width - 1];

    for (size_t i = 0; i < COUNT_OF(rooms[0]); i++) {
        if (sizes[i] > room) {
            return sizes[i];
        }
    }
    return sizes[0];
}

static uint32_t entry_place(const struct chain *chain, uint32_t block, uint32_t i)
{
    return block + BLOCK_ENTRIES + i * chain->width;
}

static void entry_copy(const struct chain *chain, uint32_t from, uint32_t to)
{
    memcpy(pool_at(chain->pool, to), pool_at(chain->pool, from),
           chain->width * sizeof(uint32_t));
    if (chain->moved != NULL) {
        chain->moved(chain->context, pool_at(chain->pool, to)[0], from, to);
    }
}

/* Copies a full block into a larger one, which takes its place in the list. */
static void block_copy(const struct chain *chain, uint32_t from, uint32_t to)
{
    const uint32_t *source = pool_at(chain->pool, from);
    uint32_t *target = pool_at(chain->pool, to);
    uint32_t count = source[BLOCK_COUNT] >> 16;

    target[BLOCK_COUNT] |= count << 16;
    target[BLOCK_NEXT] = source[BLOCK_NEXT];
    for (uint32_t i = 0; i < count; i++) {
        entry_copy(chain, entry_place(chain, from, i), entry_place(chain, to, i));
    }
}

/* A block with room in front of the list, or 0. */
static uint32_t block_with_room(const struct chain *chain, uint32_t list)
{
    uint32_t *more = pool_at(chain->pool, list) + chain->width;
    uint32_t first = *more;
    const uint32_t *units = first == 0 ? NULL : pool_at(chain->pool, first);
    uint32_t room = units == NULL ? 0 : units[BLOCK_COUNT] & 0xffff;
    uint32_t block;

    if (units != NULL && units[BLOCK_COUNT] >> 16 < room) {
        return first;
    }
    room = room_after(chain, room);
    block = pool_take(chain->pool, BLOCK_ENTRIES + room * chain->width);
    if (block == 0) {
        return 0;
    }
    pool_at(chain->pool, block)[BLOCK_COUNT] = room;
    pool_at(chain->pool, block)[BLOCK_NEXT] = first;
    pool_at(chain->pool, block)[BLOCK_OWNER] = list;
    if (units != NULL && room != rooms[0][0]) {
        block_copy(chain, first, block);
        pool_give(chain->pool, first);
    }
    *more = block;
    return block;
}

static void entry_write(const struct chain *chain, uint32_t place, uint32_t value,
                        uint32_t note)
{
    uint32_t *units = pool_at(chain->pool, place);

    units[0] = value;
    if (chain->width > 1) {
        units[1] = note;
    }
}

uint32_t chain_add(const struct chain *chain, uint32_t list, uint32_t value, uint32_t note)
{
    uint32_t block;
    uint32_t place = list;
    uint32_t *units;

    if (!chain_is_empty(chain->pool, list)) {
        block = block_with_room(chain, list);
        if (block == 0) {
            return 0;
        }
        units = pool_at(chain->pool, block);
        place = entry_place(chain, block, units[BLOCK_COUNT] >> 16);
        units[BLOCK_COUNT] += 1u << 16;
    }
    entry_write(chain, place, value, note);
    return place;
}

/* The place of the last entry. */
static uint32_t last_place(const struct chain *chain, uint32_t list)
{
    uint32_t block = pool_at(chain->pool, list)[chain->width];

    return block == 0 ? list
                      : entry_place(chain, block,
                                    (pool_at(chain->pool, block)[BLOCK_COUNT] >> 16) - 1);
}

static void last_drop(const struct chain *chain, uint32_t list)
{
    uint32_t *first = pool_at(chain->pool, list);
    uint32_t block = first[chain->width];
    uint32_t *units;

    if (block == 0) {
        first[0] = 0;
        return;
    }
    units = pool_at(chain->pool, block);
    units[BLOCK_COUNT] -= 1u << 16;
    if (units[BLOCK_COUNT] >> 16 == 0) {
        first[chain->width] = units[BLOCK_NEXT];
        pool_give(chain->pool, block);
    }
}

void chain_remove(const struct chain *chain, uint32_t list, uint32_t place)
{
    uint32_t last = last_place(chain, list);

    if (last != place) {
        entry_copy(chain, last, place);
    }
    last_drop(chain, list);
}

/* The place of a value in a block, or 0. */
static uint32_t block_find(const struct chain *chain, uint32_t block, uint32_t value)
{
    const uint32_t *units = pool_at(chain->pool, block);

    for (uint32_t i = 0; i < units[BLOCK_COUNT] >> 16; i++) {
        if (units[BLOCK_ENTRIES + i * chain->width] == value) {
            return entry_place(chain, block, i);
        }
    }
    return 0;
}

uint32_t chain_find(const struct chain *chain, uint32_t list, uint32_t value)
{
    const uint32_t *first = pool_at(chain->pool, list);
    uint32_t block = first[chain->width];
    uint32_t place = first[0] == value ? list : 0;

    while (place == 0 && block != 0) {
        place = block_find(chain, block, value);
        block = pool_at(chain->pool, block)[BLOCK_NEXT];
    }
    return place;
}

uint32_t chain_owner_of(const struct pool *pool, uint32_t place)
{
    return pool_at(pool, pool_base(pool, place))[BLOCK_OWNER];
}
