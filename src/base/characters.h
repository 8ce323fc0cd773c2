/* Which characters a text has. */
#ifndef BASE_CHARACTERS_H
#define BASE_CHARACTERS_H

#include "base/text.h"

/* XML 1.0's characters only; `text` is UTF-8 already. */
bool text_is_xml(struct text text);

#endif
