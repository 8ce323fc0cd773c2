/* application/x-www-form-urlencoded: names and values of queries and posted forms. */
#ifndef BASE_FORM_H
#define BASE_FORM_H

#include "base/arena.h"

/* Takes the next pair that has a name off *io_form, decoded ('+' is a blank): lent from the
 * form where nothing was to decode, else in the arena; a name alone has the empty value. false:
 * no more, or with *ret_reason (static, untouched otherwise) a pair that is none: a broken
 * escape, not valid UTF-8. */
MUST_CHECK bool form_next(struct arena *arena, struct text *io_form, struct text *ret_name,
                          struct text *ret_value, const char **ret_reason);
/* The value of the first pair of that name, decoded; at == NULL: there is none, or, with
 * *ret_reason (static, untouched otherwise; may be NULL), it cannot be decoded. */
struct text form_find(struct arena *arena, struct text form, struct text name,
                      const char **ret_reason);

#endif
