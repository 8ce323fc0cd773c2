/* Which characters a text has. */
#include "base/characters.h"

#include <string.h>

#define ACCOUNT_DIGITS 12
#define REGION_MAX     32

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

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool text_is_account(struct text text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is_digit(text.at[i])) {
            return false;
        }
    }
    return text.len == ACCOUNT_DIGITS;
}

bool text_is_region(struct text text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '-')) {
            return false;
        }
    }
    return text.len >= 1 && text.len <= REGION_MAX;
}
