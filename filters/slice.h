/* Borrowed bytes: a pointer and a length. */
#ifndef FILTERS_SLICE_H
#define FILTERS_SLICE_H

#include "names.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const char *at;
    size_t len;
};

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

static inline struct slice slice_make(const void *at, size_t len)
{
    return (struct slice){.at = at, .len = len};
}

static inline struct slice slice_of(const char *string)
{
    return (struct slice){.at = string, .len = strlen(string)};
}

/* Mostly short texts are compared: without a call up to 16 bytes, by two loads that may
 * overlap. */
static inline bool bytes_equal(const char *a, const char *b, size_t len)
{
    uint64_t words[4];
    uint32_t halves[4];

    if (len > 16) {
        return memcmp(a, b, len) == 0;
    }
    if (len >= 8) {
        memcpy(&words[0], a, 8);
        memcpy(&words[1], b, 8);
        memcpy(&words[2], a + len - 8, 8);
        memcpy(&words[3], b + len - 8, 8);
        return words[0] == words[1] && words[2] == words[3];
    }
    if (len >= 4) {
        memcpy(&halves[0], a, 4);
        memcpy(&halves[1], b, 4);
        memcpy(&halves[2], a + len - 4, 4);
        memcpy(&halves[3], b + len - 4, 4);
        return halves[0] == halves[1] && halves[2] == halves[3];
    }
    return len == 0 || (a[0] == b[0] && a[len / 2] == b[len / 2] && a[len - 1] == b[len - 1]);
}

static inline bool slice_equal(struct slice a, struct slice b)
{
    return a.len == b.len && bytes_equal(a.at, b.at, a.len);
}

static inline bool slice_is(struct slice slice, const char *string)
{
    return slice_equal(slice, slice_of(string));
}

static inline bool slice_starts_with(struct slice slice, struct slice prefix)
{
    return slice.len >= prefix.len
           && (prefix.len == 0 || memcmp(slice.at, prefix.at, prefix.len) == 0);
}

static inline bool slice_ends_with(struct slice slice, struct slice suffix)
{
    return slice.len >= suffix.len
           && (suffix.len == 0
               || memcmp(slice.at + (slice.len - suffix.len), suffix.at, suffix.len) == 0);
}

/* Byte order, shorter first on a tie: <0, 0, >0. */
static inline int slice_compare(struct slice a, struct slice b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common == 0 ? 0 : memcmp(a.at, b.at, common);

    if (order != 0) {
        return order;
    }
    return (a.len > b.len) - (a.len < b.len);
}

#endif
