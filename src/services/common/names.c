/* Which characters a name, an id or a text may have. */
#include "services/common/names.h"

#include <string.h>

#define PRINTABLE_MAX 128

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool name_is_plain(struct text name, size_t max)
{
    if (name.len < 1 || name.len > max) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];

        if (!is_letter(c) && !is_digit(c) && c != '_' && c != '-') {
            return false;
        }
    }
    return true;
}

bool name_is_printable(struct text name)
{
    if (name.len < 1 || name.len > PRINTABLE_MAX) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        if (name.at[i] <= ' ' || name.at[i] >= 0x7f) {
            return false;
        }
    }
    return true;
}

bool name_is_phone(struct text name)
{
    static const struct text separators = TEXT("/-. ");
    struct text digits = text_after(name, text_starts_with(name, T("+")) ? 1 : 0);
    bool is_after_digit = false;

    for (size_t i = 0; i < digits.len; i++) {
        bool is_separator = text_find(separators, digits.at[i]) < separators.len;

        if (!is_digit(digits.at[i]) && !(is_separator && is_after_digit)) {
            return false;
        }
        is_after_digit = !is_separator;
    }
    return is_after_digit;
}
