/* Scanning the words of JSON. */
#include "json.h"

#include "utf8.h"

#ifdef __SSE2__
#    include <emmintrin.h>
#endif

/* What a byte means inside a string. */
enum string_byte {
    BYTE_PLAIN,
    BYTE_QUOTE,
    BYTE_BACKSLASH,
    BYTE_CONTROL
};

static inline enum string_byte string_byte(char byte)
{
    if (byte == '"') {
        return BYTE_QUOTE;
    }
    if (byte == '\\') {
        return BYTE_BACKSLASH;
    }
    return (unsigned char)byte < 0x20 ? BYTE_CONTROL : BYTE_PLAIN;
}

/* The first byte at or behind `at` that is not plain, or `end`. */
static inline const char *plain_skip(const char *at, const char *end)
{
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i backslash = _mm_set1_epi8('\\');
    const __m128i last_control = _mm_set1_epi8(0x1f);

    for (; end - at >= 16; at += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
        __m128i special =
            _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash));
        unsigned found;

        special =
            _mm_or_si128(special, _mm_cmpeq_epi8(_mm_min_epu8(bytes, last_control), bytes));
        found = (unsigned)_mm_movemask_epi8(special);
        if (found != 0) {
            return at + __builtin_ctz(found);
        }
    }
#endif
    while (at < end && string_byte(*at) == BYTE_PLAIN) {
        at++;
    }
    return at;
}

static int hex_digit(char byte)
{
    if (byte >= '0' && byte <= '9') {
        return byte - '0';
    }
    byte = (char)(byte | 0x20);
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* `at` stands behind "\u"; -1 unless four hexadecimal digits follow. */
static int32_t hex_scan(const char *at, const char *end)
{
    int32_t value = 0;

    if (end - at < 4) {
        return -1;
    }
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(at[i]);

        if (digit < 0) {
            return -1;
        }
        value = value * 16 + digit;
    }
    return value;
}

/* `at` stands behind a backslash; returns the place behind the escape, or NULL. */
static const char *escape_scan(const char *at, const char *end)
{
    if (at == end) {
        return NULL;
    }
    if (*at == 'u') {
        return hex_scan(at + 1, end) < 0 ? NULL : at + 5;
    }
    return *at != '\0' && strchr("\"\\/bfnrt", *at) != NULL ? at + 1 : NULL;
}

const char *json_string_scan(const char *at, const char *end, struct json_string *ret_string)
{
    const char *start = at;
    bool escaped = false;

    for (;;) {
        at = plain_skip(at, end);
        if (at == end || string_byte(*at) == BYTE_CONTROL) {
            return NULL;
        }
        if (*at == '"') {
            break;
        }
        escaped = true;
        at = escape_scan(at + 1, end);
        if (at == NULL) {
            return NULL;
        }
    }
    ret_string->raw = slice_make(start, (size_t)(at - start));
    ret_string->escaped = escaped;
    return at + 1;
}

/* `at` stands behind "\u" of a checked string; a surrogate pair is one character. */
static const char *unicode_unescape(const char *at, const char *end, uint32_t *ret_character)
{
    uint32_t high = (uint32_t)hex_scan(at, end);
    int32_t low;

    *ret_character = high;
    at += 4;
    if (high < 0xd800 || high > 0xdbff || end - at < 6 || at[0] != '\\' || at[1] != 'u') {
        return at;
    }
    low = hex_scan(at + 2, end);
    if (low < 0xdc00 || low > 0xdfff) {
        return at;
    }
    *ret_character = 0x10000 + ((high - 0xd800) << 10) + ((uint32_t)low - 0xdc00);
    return at + 6;
}

static char escape_value(char letter)
{
    switch (letter) {
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return letter;
    }
}

size_t json_unescape(struct slice raw, char *to)
{
    const char *at = raw.at;
    const char *end = raw.at + raw.len;
    size_t len = 0;

    while (at < end) {
        uint32_t character;

        if (*at != '\\') {
            to[len++] = *at++;
        } else if (at[1] != 'u') {
            to[len++] = escape_value(at[1]);
            at += 2;
        } else {
            at = unicode_unescape(at + 2, end, &character);
            len += utf8_encode(character, to + len);
        }
    }
    return len;
}

static const char *digits_scan(const char *at, const char *end)
{
    while (at < end && *at >= '0' && *at <= '9') {
        at++;
    }
    return at;
}

/* At least one digit, or NULL. */
static const char *some_digits_scan(const char *at, const char *end)
{
    const char *behind = digits_scan(at, end);

    return behind == at ? NULL : behind;
}

/* What may follow "e". */
static const char *exponent_scan(const char *at, const char *end)
{
    if (at < end && (*at == '-' || *at == '+')) {
        at++;
    }
    return some_digits_scan(at, end);
}

const char *json_number_scan(const char *at, const char *end)
{
    const char *digits = at + (at < end && *at == '-' ? 1 : 0);

    at = some_digits_scan(digits, end);
    if (at == NULL || (*digits == '0' && at - digits > 1)) {
        return NULL;
    }
    if (at < end && *at == '.') {
        at = some_digits_scan(at + 1, end);
    }
    if (at != NULL && at < end && (*at == 'e' || *at == 'E')) {
        at = exponent_scan(at + 1, end);
    }
    return at;
}

const char *json_literal_scan(const char *at, const char *end)
{
    static const struct slice words[] = {{"true", 4}, {"false", 5}, {"null", 4}};
    struct slice rest = slice_make(at, (size_t)(end - at));

    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (slice_starts_with(rest, words[i])) {
            return at + words[i].len;
        }
    }
    return NULL;
}
