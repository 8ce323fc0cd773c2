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

size_t text_count(struct text text, char byte)
{
    size_t count = 0;
    size_t place = 0;

    for (; text.len - place >= WORD_SIZE; place += WORD_SIZE) {
        count += word_count(word_equal(word_load(text.at + place), byte));
    }
    for (; place < text.len; place++) {
        count += text.at[place] == byte ? 1 : 0;
    }
    return count;
}

/* Bytes below 0x20 that are not tab, line feed or carriage return. */
static inline uint64_t word_bad_control(uint64_t word)
{
    uint64_t controls = word_control(word);

    return controls == 0 ? 0
                         : controls & ~word_equal(word, '\t') & ~word_equal(word, '\n')
                               & ~word_equal(word, '\r');
}

bool text_has_control(struct text text)
{
    const char *at = text.at;
    size_t left = text.len;
    char last[WORD_SIZE] = "        ";

    for (; left >= WORD_SIZE; at += WORD_SIZE, left -= WORD_SIZE) {
        if (word_bad_control(word_load(at)) != 0) {
            return true;
        }
    }
    if (left > 0) {
        memcpy(last, at, left);
    }
    return word_bad_control(word_load(last)) != 0;
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

/* The kinds of lead byte: how long the sequence is, and what its second byte may be; this is
 * where overlong forms, surrogates and values above U+10FFFF are shut out. */
struct utf8_lead {
    uint8_t len; /* 0: no lead byte */
    uint8_t second_min;
    uint8_t second_max;
};

static const struct utf8_lead utf8_leads[] = {
    {0, 0, 0},       {2, 0x80, 0xbf}, {3, 0xa0, 0xbf}, {3, 0x80, 0xbf},
    {3, 0x80, 0x9f}, {4, 0x90, 0xbf}, {4, 0x80, 0xbf}, {4, 0x80, 0x8f},
};

/* The kind of each byte from 0x80 on. */
static const uint8_t utf8_kinds[128] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* 80 */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* 90 */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* a0 */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* b0 */
    0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, /* c0 */
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, /* d0 */
    2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 4, 3, 3, /* e0 */
    5, 6, 6, 6, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* f0 */
};

/* The length of the well-formed sequence of two or more bytes at `at`, or 0. */
static size_t utf8_sequence(const uint8_t *at, size_t left)
{
    const struct utf8_lead *lead = &utf8_leads[utf8_kinds[at[0] - 0x80]];

    if (lead->len == 0 || left < lead->len || at[1] < lead->second_min
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

/* Behind the ASCII that starts at `at`; four words a round, as most text is nothing else. */
static const char *ascii_skip(const char *at, const char *end)
{
    while (end - at >= 4 * (ptrdiff_t)WORD_SIZE) {
        uint64_t words = word_load(at) | word_load(at + WORD_SIZE)
                         | word_load(at + 2 * WORD_SIZE) | word_load(at + 3 * WORD_SIZE);

        if ((words & WORD_HIGH) != 0) {
            break;
        }
        at += 4 * WORD_SIZE;
    }
    while (end - at >= (ptrdiff_t)WORD_SIZE && (word_load(at) & WORD_HIGH) == 0) {
        at += WORD_SIZE;
    }
    while (at < end && (uint8_t)*at < 0x80) {
        at++;
    }
    return at;
}

bool text_is_utf8(struct text text)
{
    const char *at = text.len == 0 ? "" : text.at;
    const char *end = at + text.len;

    while (at < end) {
        size_t len;

        if ((uint8_t)*at < 0x80) {
            at = ascii_skip(at, end);
            continue;
        }
        len = utf8_sequence((const uint8_t *)at, (size_t)(end - at));
        if (len == 0) {
            return false;
        }
        at += len;
    }
    return true;
}
