/* Text forms of bytes: base64, hex, percent-encoding, UUIDs. */
#include "base/encoding.h"

#include "base/words.h"

#include <string.h>

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char hex_lower[] = "0123456789abcdef";
static const char hex_upper[] = "0123456789ABCDEF";

/* The value of a digit plus one, so that what is no digit is 0. */
static const uint8_t base64_values[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,
    ['H'] = 8,  ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14,
    ['O'] = 15, ['P'] = 16, ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21,
    ['V'] = 22, ['W'] = 23, ['X'] = 24, ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28,
    ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35,
    ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42,
    ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48, ['w'] = 49,
    ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63,
    ['/'] = 64,
};
static const uint8_t hex_values[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,
    ['6'] = 7,  ['7'] = 8,  ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12,
    ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16, ['A'] = 11, ['B'] = 12,
    ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};
static const bool is_unreserved[256] = {
    ['A'] = true, ['B'] = true, ['C'] = true, ['D'] = true, ['E'] = true, ['F'] = true,
    ['G'] = true, ['H'] = true, ['I'] = true, ['J'] = true, ['K'] = true, ['L'] = true,
    ['M'] = true, ['N'] = true, ['O'] = true, ['P'] = true, ['Q'] = true, ['R'] = true,
    ['S'] = true, ['T'] = true, ['U'] = true, ['V'] = true, ['W'] = true, ['X'] = true,
    ['Y'] = true, ['Z'] = true, ['a'] = true, ['b'] = true, ['c'] = true, ['d'] = true,
    ['e'] = true, ['f'] = true, ['g'] = true, ['h'] = true, ['i'] = true, ['j'] = true,
    ['k'] = true, ['l'] = true, ['m'] = true, ['n'] = true, ['o'] = true, ['p'] = true,
    ['q'] = true, ['r'] = true, ['s'] = true, ['t'] = true, ['u'] = true, ['v'] = true,
    ['w'] = true, ['x'] = true, ['y'] = true, ['z'] = true, ['0'] = true, ['1'] = true,
    ['2'] = true, ['3'] = true, ['4'] = true, ['5'] = true, ['6'] = true, ['7'] = true,
    ['8'] = true, ['9'] = true, ['-'] = true, ['.'] = true, ['_'] = true, ['~'] = true,
};

void base64_encode(struct buffer *to, struct text bytes)
{
    const uint8_t *from = (const uint8_t *)bytes.at;
    char *at = buffer_extend(to, (bytes.len + 2) / 3 * 4);
    size_t left = bytes.len;

    if (at == NULL) {
        return;
    }
    for (; left >= 3; left -= 3, from += 3, at += 4) {
        at[0] = base64_digits[from[0] >> 2];
        at[1] = base64_digits[(from[0] & 0x03) << 4 | from[1] >> 4];
        at[2] = base64_digits[(from[1] & 0x0f) << 2 | from[2] >> 6];
        at[3] = base64_digits[from[2] & 0x3f];
    }
    if (left > 0) {
        uint8_t second = left == 2 ? from[1] : 0;

        at[0] = base64_digits[from[0] >> 2];
        at[1] = base64_digits[(from[0] & 0x03) << 4 | second >> 4];
        at[2] = '=';
        at[3] = '=';
        if (left == 2) {
            at[2] = base64_digits[(second & 0x0f) << 2];
        }
    }
}

/* Four digits to 24 bits; above 24 bits when one of them is no digit, since 0 - 1 sets all. */
static uint32_t base64_group(const char *from)
{
    uint32_t first = base64_values[(uint8_t)from[0]] - 1U;
    uint32_t second = base64_values[(uint8_t)from[1]] - 1U;
    uint32_t third = base64_values[(uint8_t)from[2]] - 1U;
    uint32_t fourth = base64_values[(uint8_t)from[3]] - 1U;

    return first << 18 | second << 12 | third << 6 | fourth;
}

static bool base64_groups(const char *from, size_t count, char *at)
{
    for (size_t i = 0; i < count; i++, from += 4, at += 3) {
        uint32_t bits = base64_group(from);

        if (bits > 0xffffff) {
            return false;
        }
        at[0] = (char)(uint8_t)(bits >> 16);
        at[1] = (char)(uint8_t)(bits >> 8);
        at[2] = (char)(uint8_t)bits;
    }
    return true;
}

/* The last group, with one or two '='; the bits they stand for must be 0. */
static bool base64_tail(const char *from, size_t pads, char *at)
{
    char digits[4] = {from[0], from[1], 'A', 'A'}; /* 'A' is 0 */
    uint32_t bits;

    if (pads == 1) {
        digits[2] = from[2];
    }
    bits = base64_group(digits);
    if (bits > 0xffffff || (bits & (pads == 2 ? 0xffff : 0xff)) != 0) {
        return false;
    }
    at[0] = (char)(uint8_t)(bits >> 16);
    if (pads == 1) {
        at[1] = (char)(uint8_t)(bits >> 8);
    }
    return true;
}

bool base64_decode(struct buffer *to, struct text text)
{
    size_t before = to->len;
    size_t pads = text_ends_with(text, T("==")) ? 2 : text_ends_with(text, T("=")) ? 1 : 0;
    size_t whole = text.len / 4 - (pads > 0 ? 1 : 0);
    char *at;

    if (text.len % 4 != 0) {
        return false;
    }
    at = buffer_extend(to, text.len / 4 * 3 - pads);
    if (at == NULL) {
        return false;
    }
    if (!base64_groups(text.at, whole, at)
        || (pads > 0 && !base64_tail(text.at + whole * 4, pads, at + whole * 3))) {
        to->len = before;
        return false;
    }
    return true;
}

void hex_encode(struct buffer *to, struct text bytes)
{
    char *at = buffer_extend(to, bytes.len * 2);

    for (size_t i = 0; at != NULL && i < bytes.len; i++) {
        uint8_t byte = (uint8_t)bytes.at[i];

        at[2 * i] = hex_lower[byte >> 4];
        at[2 * i + 1] = hex_lower[byte & 0x0f];
    }
}

/* Two hex digits to a byte, or -1. */
static int hex_byte(const char *from)
{
    uint8_t high = hex_values[(uint8_t)from[0]];
    uint8_t low = hex_values[(uint8_t)from[1]];

    return high == 0 || low == 0 ? -1 : (high - 1) << 4 | (low - 1);
}

bool hex_decode(struct buffer *to, struct text text)
{
    size_t before = to->len;
    char *at;

    if (text.len % 2 != 0) {
        return false;
    }
    at = buffer_extend(to, text.len / 2);
    if (at == NULL) {
        return false;
    }
    for (size_t i = 0; i < text.len; i += 2) {
        int byte = hex_byte(text.at + i);

        if (byte < 0) {
            to->len = before;
            return false;
        }
        *at++ = (char)(uint8_t)byte;
    }
    return true;
}

void percent_encode(struct buffer *to, struct text text)
{
    size_t escapes = 0;
    char *at;

    for (size_t i = 0; i < text.len; i++) {
        escapes += is_unreserved[(uint8_t)text.at[i]] ? 0 : 1;
    }
    at = buffer_extend(to, text.len + 2 * escapes);
    for (size_t i = 0; at != NULL && i < text.len; i++) {
        uint8_t byte = (uint8_t)text.at[i];

        if (is_unreserved[byte]) {
            *at++ = text.at[i];
        } else {
            at[0] = '%';
            at[1] = hex_upper[byte >> 4];
            at[2] = hex_upper[byte & 0x0f];
            at += 3;
        }
    }
}

/* Copies up to the next '%', or all; gives how many bytes. */
static size_t percent_copy_plain(char *at, const char *from, size_t len, bool plus_is_blank)
{
    const uint64_t change = plus_is_blank ? '+' ^ ' ' : 0;
    size_t done = 0;

    while (len - done >= WORD_SIZE) {
        uint64_t word = word_load(from + done);

        if (word_equal(word, '%') != 0) {
            break;
        }
        word_store(at + done, word ^ ((word_equal(word, '+') >> 7) * change));
        done += WORD_SIZE;
    }
    for (; done < len && from[done] != '%'; done++) {
        at[done] = from[done];
        if (plus_is_blank && from[done] == '+') {
            at[done] = ' ';
        }
    }
    return done;
}

bool percent_decode(struct buffer *to, struct text text, bool plus_is_blank)
{
    size_t before = to->len;
    size_t escapes = text_count(text, '%');
    size_t place = 0;
    char *at;

    if (escapes > text.len / 3) {
        return false; /* not even room for their digits */
    }
    at = buffer_extend(to, text.len - 2 * escapes);
    if (at == NULL) {
        return false;
    }
    while (place < text.len) {
        size_t plain = percent_copy_plain(at, text.at + place, text.len - place, plus_is_blank);
        at += plain;
        place += plain;
        if (place == text.len) {
            break;
        }
        int byte = text.len - place < 3 ? -1 : hex_byte(text.at + place + 1);

        if (byte < 0) {
            to->len = before;
            return false;
        }
        *at++ = (char)(uint8_t)byte;
        place += 3;
    }
    return true;
}

/* Where the hyphens of a UUID stand. */
static bool is_uuid_hyphen(size_t place)
{
    return place == 8 || place == 13 || place == 18 || place == 23;
}

void uuid_format(const uint8_t bytes[16], char ret_text[UUID_SIZE])
{
    /* Where each byte's two digits stand. */
    static const uint8_t places[16] = {0,  2,  4,  6,  9,  11, 14, 16,
                                       19, 21, 24, 26, 28, 30, 32, 34};
    uint8_t named[16];

    memcpy(named, bytes, sizeof named);
    named[6] = (uint8_t)((named[6] & 0x0f) | 0x40); /* version 4 */
    named[8] = (uint8_t)((named[8] & 0x3f) | 0x80); /* the RFC's variant */
    memset(ret_text, '-', UUID_SIZE - 1);
    for (size_t i = 0; i < sizeof named; i++) {
        ret_text[places[i]] = hex_lower[named[i] >> 4];
        ret_text[places[i] + 1] = hex_lower[named[i] & 0x0f];
    }
    ret_text[UUID_SIZE - 1] = '\0';
}

bool uuid_parse(struct text text, uint8_t ret_bytes[16])
{
    uint8_t bytes[16];
    size_t place = 0;

    if (text.len != UUID_SIZE - 1) {
        return false;
    }
    for (size_t i = 0; i < sizeof(bytes); i++) {
        if (is_uuid_hyphen(place) && text.at[place++] != '-') {
            return false;
        }
        int byte = hex_byte(text.at + place);

        if (byte < 0) {
            return false;
        }
        bytes[i] = (uint8_t)byte;
        place += 2;
    }
    memcpy(ret_bytes, bytes, sizeof(bytes));
    return true;
}

/* Length of the UTF-8 sequence that the text begins with; 0: it is none. */
static size_t sequence_len(struct text text)
{
    for (size_t len = 1; len <= 4 && len <= text.len; len++) {
        if (text_is_utf8(text_first(text, len))) {
            return len;
        }
    }
    return 0;
}

void utf8_add_clean(struct buffer *to, struct text text)
{
    if (text_is_utf8(text) && text_find(text, '\0') == text.len) {
        buffer_add(to, text);
        return;
    }
    while (text.len > 0) {
        size_t len = text.at[0] == '\0' ? 0 : sequence_len(text);

        buffer_add(to, len > 0 ? text_first(text, len) : T("\xef\xbf\xbd"));
        text = text_after(text, len > 0 ? len : 1);
    }
}
