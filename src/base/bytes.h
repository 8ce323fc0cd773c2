/* Numbers and texts into bytes whose room is known beforehand: no buffer, one copy.  What is
 * read back with checks is a cursor's (buffer.h). */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include "base/text.h"

#include <string.h>

/* Big-endian, its lowest `width` (at most 8) bytes.  Returns where to go on. */
static inline char *bytes_put_number(void *at, uint64_t value, size_t width)
{
    unsigned char *to = at;

    for (size_t i = 0; i < width; i++) {
        to[i] = (unsigned char)(value >> (8 * (width - 1 - i)));
    }
    return (char *)at + width;
}

/* The bytes alone; `len` may be 0, and `bytes` NULL then. */
static inline char *bytes_put(void *at, const void *bytes, size_t len)
{
    if (len > 0) {
        memcpy(at, bytes, len);
    }
    return (char *)at + len;
}

/* As cursor_counted reads it: the length in four bytes, and the bytes. */
static inline char *bytes_put_counted(void *at, struct text text)
{
    return bytes_put(bytes_put_number(at, text.len, 4), text.at, text.len);
}

/* What bytes_put_number put there. */
static inline uint64_t bytes_number(const void *at, size_t width)
{
    const unsigned char *from = at;
    uint64_t value = 0;

    for (size_t i = 0; i < width; i++) {
        value = value << 8 | from[i];
    }
    return value;
}

#endif
