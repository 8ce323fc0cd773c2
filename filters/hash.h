/* 64-bit hashes of bytes, seeded per index.  A hash over blocks of eight can be stopped at any
 * length, so that all prefixes (or suffixes) of interest of one value cost one walk. */
#ifndef FILTERS_HASH_H
#define FILTERS_HASH_H

#include "slice.h"

#define HASH_BLOCK 8

static inline uint64_t hash_fold(uint64_t a, uint64_t b)
{
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t hash_load(const char *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof word);
    return word;
}

/* Up to seven bytes as one word; two lengths never share a word because the length is hashed.
 */
static inline uint64_t hash_load_tail(const char *at, size_t len)
{
    uint32_t low;
    uint32_t high;

    if (len >= 4) {
        memcpy(&low, at, 4);
        memcpy(&high, at + len - 4, 4);
        return (uint64_t)high << 32 | low;
    }
    if (len == 0) {
        return 0;
    }
    return (uint64_t)(unsigned char)at[0] << 16 | (uint64_t)(unsigned char)at[len / 2] << 8
           | (unsigned char)at[len - 1];
}

static inline uint64_t hash_mix(uint64_t a, uint64_t b)
{
    return hash_fold(a ^ 0x9e3779b97f4a7c15u, b ^ 0xd6e8feb86659fd93u);
}

static inline uint64_t hash_block(uint64_t state, uint64_t word)
{
    return hash_fold(state ^ word, 0xa0761d6478bd642fu);
}

static inline uint64_t hash_end(uint64_t state, uint64_t tail, size_t len)
{
    return hash_fold(state ^ tail, 0xe7037ed1a0b428dbu ^ ((uint64_t)len << 1 | 1));
}

/* From the front: blocks at 0, 8, 16, ..., then the tail. */
static inline uint64_t hash_bytes(uint64_t seed, const char *at, size_t len)
{
    uint64_t state = seed;
    size_t done = 0;

    for (; len - done >= HASH_BLOCK; done += HASH_BLOCK) {
        state = hash_block(state, hash_load(at + done));
    }
    return hash_end(state, hash_load_tail(at + done, len - done), len);
}

/* From the back: blocks end at len, len - 8, ..., then what is left in front. */
static inline uint64_t hash_bytes_backward(uint64_t seed, const char *at, size_t len)
{
    uint64_t state = seed;
    size_t left = len;

    for (; left >= HASH_BLOCK; left -= HASH_BLOCK) {
        state = hash_block(state, hash_load(at + left - HASH_BLOCK));
    }
    return hash_end(state, hash_load_tail(at, left), len);
}

#endif
