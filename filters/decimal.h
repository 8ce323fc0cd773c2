/* Exact decimal numbers as bytes that compare like the numbers: memcmp order is numeric order,
 * and equal numbers (7, 7.0, 70e-1) have equal bytes. */
#ifndef FILTERS_DECIMAL_H
#define FILTERS_DECIMAL_H

#include "slice.h"

/* Bytes that decimal_parse may write for a text of `len` bytes. */
#define DECIMAL_ROOM(len) ((len) + 12)

/* Reads [+-]digits[.digits][e[+-]digits], at least one digit before or after the point; writes
 * the canonical bytes to `to`.  False when the text is not a number.  Exponents beyond 10^15
 * are taken as 10^15. */
bool decimal_parse(struct slice text, char *to, size_t *ret_len);

/* Whether decimal_parse would read it. */
bool decimal_is_number(struct slice text);

/* Monotone in the number, but not exact: for ordering with a later exact check. */
uint64_t decimal_key(struct slice canonical);

/* Near the number, for estimates; infinite where a double is. */
double decimal_approximate(struct slice canonical);

#endif
