/* A range of numbers as the bytes of an operand: flags, length of the lower bound, the lower
 * bound, the upper bound; bounds as canonical decimals, empty where there is none. */
#ifndef FILTERS_OPERATORS_RANGE_H
#define FILTERS_OPERATORS_RANGE_H

#include "slice.h"

#define RANGE_HEADER 5

enum range_flag {
    RANGE_HAS_LOW = 1,
    RANGE_LOW_INCLUSIVE = 2,
    RANGE_HAS_HIGH = 4,
    RANGE_HIGH_INCLUSIVE = 8
};

struct range {
    unsigned flags; /* bits of enum range_flag */
    struct slice low;
    struct slice high;
};

struct compiler;
bool range_encode(struct compiler *compiler, const struct range *range,
                  struct slice *ret_bytes);
/* Borrows the bounds from the operand. */
struct range range_decode(struct slice bytes);

#endif
