/* Private to base: looking at eight bytes of text at once. */
#ifndef BASE_WORDS_H
#define BASE_WORDS_H

#include "base/text.h"

#include <string.h>

#define WORD_SIZE 8U
#define WORD_EACH UINT64_C(0x0101010101010101) /* times a byte: that byte everywhere */
#define WORD_HIGH UINT64_C(0x8080808080808080) /* the top bit of every byte */
#define WORD_LOW7 UINT64_C(0x7f7f7f7f7f7f7f7f)

static inline uint64_t word_load(const char *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof(word));
    return word;
}

static inline void word_store(char *at, uint64_t word)
{
    memcpy(at, &word, sizeof(word));
}

/* The masks below have the top bit set of exactly those bytes that answer the question. */

static inline uint64_t word_equal(uint64_t word, char byte)
{
    uint64_t other = word ^ (WORD_EACH * (uint8_t)byte);

    return ~(((other & WORD_LOW7) + WORD_LOW7) | other | WORD_LOW7);
}

static inline uint64_t word_control(uint64_t word) /* bytes below 0x20 */
{
    return ~(((word & WORD_LOW7) + WORD_EACH * 0x60) | word) & WORD_HIGH;
}

/* The place in memory order of the first byte of a mask that is not 0. */
static inline size_t word_first(uint64_t mask)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return (size_t)__builtin_ctzll(mask) / 8;
#else
    return (size_t)__builtin_clzll(mask) / 8;
#endif
}

static inline size_t word_count(uint64_t mask)
{
    return (size_t)__builtin_popcountll(mask);
}

#endif
