/* Private to base: looking at eight bytes of text at once. */
#ifndef BASE_WORDS_H
#define BASE_WORDS_H

#include "base/text.h"

#include <endian.h>
#include <string.h>

#define WORD_SIZE sizeof(uint64_t)
#define WORD_EACH UINT64_C(0x0101010101010101) /* times a byte: that byte everywhere */
#define WORD_HIGH UINT64_C(0x8080808080808080) /* the top bit of every byte */
#define WORD_LOW7 UINT64_C(0x7f7f7f7f7f7f7f7f)

/* The first byte in memory is the lowest of the word, on every machine. */
static inline uint64_t word_load(const char *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof(word));
    return le64toh(word);
}

static inline void word_store(char *at, uint64_t word)
{
    word = htole64(word);
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

/* What JSON strings must escape: quotes, backslashes, controls.  Cheaper than the exact masks:
 * subtracting sets the top bit of such a byte, and may borrow it from the bytes above one, so
 * that only the first byte of this mask is to be trusted. */
static inline uint64_t word_json_special(uint64_t word)
{
    uint64_t quotes = (word ^ (WORD_EACH * '"')) - WORD_EACH;
    uint64_t backslashes = (word ^ (WORD_EACH * '\\')) - WORD_EACH;
    uint64_t controls = word - WORD_EACH * 0x20;

    return (quotes | backslashes | controls) & ~word & WORD_HIGH;
}

/* The place of the first byte of a mask that is not 0. */
static inline size_t word_first(uint64_t mask)
{
    return (size_t)__builtin_ctzll(mask) / 8;
}

/* How many bytes of a mask are not 0: the multiplication adds them all up in the top byte. */
static inline size_t word_count(uint64_t mask)
{
    return (size_t)(((mask >> 7) * WORD_EACH) >> 56);
}

#endif
