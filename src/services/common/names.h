/* Which characters a name, an id or a text may have. */
#ifndef SERVICES_COMMON_NAMES_H
#define SERVICES_COMMON_NAMES_H

#include "base/characters.h"

/* [A-Za-z0-9_-]{1,max} */
bool name_is_plain(struct text name, size_t max);
/* 1-128 ASCII letters, digits and punctuation: message group and deduplication ids. */
bool name_is_printable(struct text name);
/* A phone number as people write it: a plus or none, digits, and between two digits one of
 * "/-." or a blank. How many digits there must be is not asked. */
bool name_is_phone(struct text name);

#endif
