/* Characters of UTF-8. */
#ifndef FILTERS_UTF8_H
#define FILTERS_UTF8_H

#include "slice.h"

/* Length in bytes of the well-formed character at the start of `text`, or 0.  Surrogates are
 * accepted: "\ud800" alone is three bytes to us. */
size_t utf8_decode(struct slice text, uint32_t *ret_character);
/* Writes up to four bytes; returns how many. */
size_t utf8_encode(uint32_t character, char *to);
/* Well-formed and without surrogates. */
bool utf8_is_valid(struct slice text);

#endif
