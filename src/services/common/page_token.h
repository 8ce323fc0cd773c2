/* NextToken: where the next page begins, in a form that clients only hand back. */
#ifndef SERVICES_COMMON_PAGE_TOKEN_H
#define SERVICES_COMMON_PAGE_TOKEN_H

#include "base/arena.h"

struct text page_token_encode(struct arena *arena, struct text place);
/* false: not a token of ours. */
MUST_CHECK bool page_token_decode(struct arena *arena, struct text token,
                                  struct text *ret_place);

#endif
