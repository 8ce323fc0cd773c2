/* Borrowed text: comparing, cutting, reading numbers, checking UTF-8. */
#include "base/text.h"

#include "base/words.h"

#include <string.h>
#include <strings.h>

struct text text_from(const char *string)
{
    if (string == NULL) {
        return T("");
    }
    return (struct text){.at = string, .len = strlen(string)};
}

struct text text_make(const void *at, size_t len)
{
    return (struct text){.at = at, .len = len};
}

bool text_equal(struct text a, struct text b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

static char ascii_lower(char byte)
{
    return (char)(byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte);
}

bool text_equal_ignore_case(struct text a, struct text b)
{
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (ascii_lower(a.at[i]) != ascii_lower(b.at[i])) {
            return false;
        }
    }
    return true;
}

int text_compare(struct text a, struct text b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len == 0 ? 0 : memcmp(a.at, b.at, len);

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

bool text_starts_with(struct text text, struct text prefix)
{
    return text.len >= prefix.len && text_equal(text_first(text, prefix.len), prefix);
}

bool text_ends_with(struct text text, struct text suffix)
{
    return text.len >= suffix.len
           && text_equal(text_after(text, text.len - suffix.len), suffix);
}

struct text text_after(struct text text, size_t from)
{
    if (from >= text.len) {
        from = text.len;
    }
    if (from == 0) {
        return text; /* also keeps arithmetic away from a NULL pointer */
    }
    return (struct text){.at = text.at + from, .len = text.len - from};
}

struct text text_first(struct text text, size_t len)
{
    return (struct text){.at = text.at, .len = len < text.len ? len : text.len};
}

size_t text_find(struct text text, char byte)
{
    const char *found = text.len == 0 ? NULL : memchr(text.at, byte, text.len);

    return found == NULL ? text.len : (size_t)(found - text.at);
}

struct text text_cut(struct text *rest, char separator)
{
    size_t place = text_find(*rest, separator);
    struct text before = text_first(*rest, place);

    *rest = text_after(*rest, place < rest->len ? place + 1 : place);
    return before;
}

bool text_to_int64(struct text text, int64_t *ret_value)
{
    bool negative = text.len > 0 && text.at[0] == '-';
    int64_t value = 0; /* summed up below zero, where there is room for INT64_MIN */

    text = text_after(text, negative ? 1 : 0);
    if (text.len == 0) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9') {
            return false;
        }
        if (__builtin_mul_overflow(value, 10, &value)
            || __builtin_sub_overflow(value, text.at[i] - '0', &value)) {
            return false;
        }
    }
    if (!negative && value == INT64_MIN) {
        return false;
    }
    *ret_value = negative ? value : -value;
    return true;
}

/* Per lead byte 0xc0..0xff: how long the sequence is, and what its second byte may be; this is
 * where overlong forms, surrogates and values above U+10FFFF are shut out. */
struct utf8_lead {
    uint8_t first;
    uint8_t last;
    uint8_t len;
    uint8_t second_min;
    uint8_t second_max;
};

static const struct utf8_lead utf8_leads[] = {
    {0xc2, 0xdf, 2, 0x80, 0xbf}, {0xe1, 0xec, 3, 0x80, 0xbf}, {0xe0, 0xe0, 3, 0xa0, 0xbf},
    {0xee, 0xef, 3, 0x80, 0xbf}, {0xed, 0xed, 3, 0x80, 0x9f}, {0xf0, 0xf0, 4, 0x90, 0xbf},
    {0xf1, 0xf3, 4, 0x80, 0xbf}, {0xf4, 0xf4, 4, 0x80, 0x8f},
};

/* The length of the well-formed sequence of two or more bytes at `at`, or 0. */
static size_t utf8_sequence(const uint8_t *at, size_t left)
{
    const struct utf8_lead *lead = NULL;

    for (size_t i = 0; i < countof(utf8_leads) && lead == NULL; i++) {
        if (at[0] >= utf8_leads[i].first && at[0] <= utf8_leads[i].last) {
            lead = &utf8_leads[i];
        }
    }
    if (lead == NULL || left < lead->len || at[1] < lead->second_min
        || at[1] > lead->second_max) {
        return 0;
    }
    for (size_t i = 2; i < lead->len; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return lead->len;
}

bool text_is_utf8(struct text text)
{
    size_t place = 0;

    while (place < text.len) {
        if (text.len - place >= WORD_SIZE && (word_load(text.at + place) & WORD_HIGH) == 0) {
            place += WORD_SIZE;
            continue;
        }
        if ((uint8_t)text.at[place] < 0x80) {
            place++;
            continue;
        }
        size_t len = utf8_sequence((const uint8_t *)text.at + place, text.len - place);

        if (len == 0) {
            return false;
        }
        place += len;
    }
    return true;
}
