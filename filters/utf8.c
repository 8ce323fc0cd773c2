/* Reading and writing characters of UTF-8. */
#include "utf8.h"

/* Shorter encodings of the same character are not well-formed. */
static bool is_overlong(uint32_t character, size_t len)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};

    return character < least[len] || character > 0x10ffff;
}

size_t utf8_decode(struct slice text, uint32_t *ret_character)
{
    const unsigned char *at = (const unsigned char *)text.at;
    uint32_t character;
    size_t len;

    if (text.len == 0 || (at[0] >= 0x80 && at[0] < 0xc2) || at[0] > 0xf4) {
        return 0;
    }
    if (at[0] < 0x80) {
        *ret_character = at[0];
        return 1;
    }
    len = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
    if (len > text.len) {
        return 0;
    }
    character = at[0] & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
        character = character << 6 | (at[i] & 0x3fu);
    }
    if (is_overlong(character, len)) {
        return 0;
    }
    *ret_character = character;
    return len;
}

size_t utf8_encode(uint32_t character, char *to)
{
    if (character < 0x80) {
        to[0] = (char)character;
        return 1;
    }
    if (character < 0x800) {
        to[0] = (char)(0xc0 | character >> 6);
        to[1] = (char)(0x80 | (character & 0x3f));
        return 2;
    }
    if (character < 0x10000) {
        to[0] = (char)(0xe0 | character >> 12);
        to[1] = (char)(0x80 | (character >> 6 & 0x3f));
        to[2] = (char)(0x80 | (character & 0x3f));
        return 3;
    }
    to[0] = (char)(0xf0 | character >> 18);
    to[1] = (char)(0x80 | (character >> 12 & 0x3f));
    to[2] = (char)(0x80 | (character >> 6 & 0x3f));
    to[3] = (char)(0x80 | (character & 0x3f));
    return 4;
}

bool utf8_is_valid(struct slice text)
{
    size_t done = 0;

    while (done < text.len) {
        uint32_t character;
        size_t len;

        if ((unsigned char)text.at[done] < 0x80) {
            done++;
            continue;
        }
        len = utf8_decode(slice_make(text.at + done, text.len - done), &character);
        if (len == 0 || (character >= 0xd800 && character <= 0xdfff)) {
            return false;
        }
        done += len;
    }
    return true;
}
