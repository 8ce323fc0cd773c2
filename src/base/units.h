/* Numbers with a unit behind them: "64KiB", "90s", "2d". */
#ifndef BASE_UNITS_H
#define BASE_UNITS_H

#include "base/buffer.h"
#include "base/text.h"

/* In ascending order; the last is "", what a bare number means, and after it NULL. */
struct unit {
    const char *name;
    int64_t factor;
};

extern const struct unit units_of_size[]; /* KiB, MiB, GiB; bytes */
extern const struct unit
    units_of_duration[];                     /* ms, s, m, h, d to milliseconds; bare: seconds */
extern const struct unit units_of_nothing[]; /* a bare number alone */

/* Whole and not negative; false when it is none, has a unit that is not there, or overflows. */
MUST_CHECK bool units_read(struct text text, const struct unit *units, int64_t *ret_value);
/* With the largest unit that divides it, or bare. */
void units_write(struct buffer *to, int64_t value, const struct unit *units);

#endif
