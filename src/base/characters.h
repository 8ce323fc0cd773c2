/* Which characters a text has. */
#ifndef BASE_CHARACTERS_H
#define BASE_CHARACTERS_H

#include "base/text.h"

/* XML 1.0's characters only; `text` is UTF-8 already. */
bool text_is_xml(struct text text);
/* 12 digits. */
bool text_is_account(struct text text);
/* 1 to 32 letters, digits and hyphens: regions are parts of ARNs. */
bool text_is_region(struct text text);

#endif
