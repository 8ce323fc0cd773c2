/* Blocks of bytes and chains of them. */
#include "base/memory.h"
#include "net/internal.h"

#include <string.h>

static const size_t block_rooms[BLOCK_SIZES] = {BLOCK_SMALL, BLOCK_LARGE};
static const uint32_t block_spares[BLOCK_SIZES] = {1024, 64}; /* 4 MiB, 1 MiB */

struct block *block_take(struct block_pool *pool, size_t room)
{
    size_t size = 0;
    struct block *block;

    while (size < BLOCK_SIZES && room > block_rooms[size]) {
        size++;
    }
    if (pool != NULL && size < BLOCK_SIZES && pool->spare[size] != NULL) {
        block = pool->spare[size];
        pool->spare[size] = block->next;
        pool->count[size]--;
    } else {
        room = size < BLOCK_SIZES ? block_rooms[size] : room;
        block = memory_take(sizeof(*block) + room);
        block->room = room;
    }
    block->next = NULL;
    block->references = 1;
    block->len = 0;
    return block;
}

struct block *block_ref(struct block *block)
{
    block->references++;
    return block;
}

void block_release(struct block_pool *pool, struct block *block)
{
    if (block == NULL || --block->references > 0) {
        return;
    }
    for (size_t size = 0; pool != NULL && size < BLOCK_SIZES; size++) {
        if (block->room == block_rooms[size] && pool->count[size] < block_spares[size]) {
            block->next = pool->spare[size];
            pool->spare[size] = block;
            pool->count[size]++;
            return;
        }
    }
    memory_free(block);
}

void block_pool_free(struct block_pool *pool)
{
    for (size_t size = 0; size < BLOCK_SIZES; size++) {
        while (pool->spare[size] != NULL) {
            struct block *block = pool->spare[size];

            pool->spare[size] = block->next;
            memory_free(block);
        }
        pool->count[size] = 0;
    }
}

/* --- Chains. */

char *chain_reserve(struct block_pool *pool, struct chain *chain, size_t size)
{
    struct block *block = chain->last;

    if (block == NULL || block->room - block->len < size) {
        block = block_take(pool, size);
        if (chain->last == NULL) {
            chain->first = block;
        } else {
            chain->last->next = block;
        }
        chain->last = block;
    }
    return block->at + block->len;
}

void chain_commit(struct chain *chain, size_t size)
{
    chain->last->len += size;
    chain->bytes += size;
}

void chain_add(struct block_pool *pool, struct chain *chain, struct text text)
{
    size_t room = chain->last == NULL ? 0 : chain->last->room - chain->last->len;
    size_t first = text.len < room ? text.len : room;

    if (first > 0) {
        memcpy(chain_reserve(pool, chain, first), text.at, first);
        chain_commit(chain, first);
        text = text_after(text, first);
    }
    if (text.len > 0) {
        memcpy(chain_reserve(pool, chain, text.len), text.at, text.len);
        chain_commit(chain, text.len);
    }
}

void chain_move(struct chain *to, struct chain *from)
{
    if (from->first == NULL) {
        return;
    }
    if (to->last == NULL) {
        to->first = from->first;
    } else {
        to->last->next = from->first;
    }
    to->last = from->last;
    to->bytes += from->bytes;
    *from = (struct chain){0};
}

int chain_vectors(const struct chain *chain, struct iovec *vectors, int max)
{
    size_t skipped = chain->skipped;
    int count = 0;

    for (struct block *block = chain->first; block != NULL && count < max;
         block = block->next) {
        vectors[count++] =
            (struct iovec){.iov_base = block->at + skipped, .iov_len = block->len - skipped};
        skipped = 0;
    }
    return count;
}

void chain_consume(struct block_pool *pool, struct chain *chain, size_t size)
{
    chain->bytes -= size;
    while (chain->first != NULL && size >= chain->first->len - chain->skipped) {
        struct block *block = chain->first;

        size -= block->len - chain->skipped;
        chain->skipped = 0;
        chain->first = block->next;
        block_release(pool, block);
    }
    chain->skipped += size;
    if (chain->first == NULL) {
        *chain = (struct chain){0};
    }
}

void chain_free(struct block_pool *pool, struct chain *chain)
{
    chain_consume(pool, chain, chain->bytes);
}
