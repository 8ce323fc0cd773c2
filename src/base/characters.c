/* Which characters a text has. */
#include "base/characters.h"

#include <string.h>

/* U+FFFE and U+FFFF are the only characters above the controls that XML 1.0 leaves out. */
static bool has_noncharacter(struct text text)
{
    const char *end = text.at + text.len;
    const char *at = text.at;

    while (at < end && (at = memchr(at, 0xef, (size_t)(end - at))) != NULL) {
        if (end - at >= 3 && (uint8_t)at[1] == 0xbf && (uint8_t)at[2] >= 0xbe) {
            return true;
        }
        at++;
    }
    return false;
}

bool text_is_xml(struct text text)
{
    return !text_has_control(text) && (text.len == 0 || !has_noncharacter(text));
}
