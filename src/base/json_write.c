/* Writing a string the way JSON wants it. */
#include "base/json.h"
#include "base/words.h"

static const char hex_digits[] = "0123456789abcdef";

/* The letter behind the backslash; 'u' takes four hex digits; 0 needs no escape. */
static const char escapes[256] = {
    [0x00] = 'u', [0x01] = 'u', [0x02] = 'u', [0x03] = 'u',  [0x04] = 'u', [0x05] = 'u',
    [0x06] = 'u', [0x07] = 'u', ['\b'] = 'b', ['\t'] = 't',  ['\n'] = 'n', [0x0b] = 'u',
    ['\f'] = 'f', ['\r'] = 'r', [0x0e] = 'u', [0x0f] = 'u',  [0x10] = 'u', [0x11] = 'u',
    [0x12] = 'u', [0x13] = 'u', [0x14] = 'u', [0x15] = 'u',  [0x16] = 'u', [0x17] = 'u',
    [0x18] = 'u', [0x19] = 'u', [0x1a] = 'u', [0x1b] = 'u',  [0x1c] = 'u', [0x1d] = 'u',
    [0x1e] = 'u', [0x1f] = 'u', ['"'] = '"',  ['\\'] = '\\',
};

static size_t escaped_size(char byte)
{
    char escape = escapes[(uint8_t)byte];

    return escape == 0 ? 1 : escape == 'u' ? 6 : 2;
}

static size_t escaped_len(struct text text)
{
    size_t len = 0;
    size_t place = 0;

    while (text.len - place >= WORD_SIZE) {
        uint64_t word = word_load(text.at + place);

        if (word_json_special(word) == 0) {
            len += WORD_SIZE;
            place += WORD_SIZE;
            continue;
        }
        if (word_control(word) != 0) { /* rare, and they differ in size */
            len += escaped_size(text.at[place++]);
            continue;
        }
        len += WORD_SIZE + word_count(word_equal(word, '"') | word_equal(word, '\\'));
        place += WORD_SIZE;
    }
    while (place < text.len) {
        len += escaped_size(text.at[place++]);
    }
    return len;
}

static char *escaped_write(char *at, char byte)
{
    char escape = escapes[(uint8_t)byte];

    if (escape == 0) {
        *at++ = byte;
        return at;
    }
    *at++ = '\\';
    *at++ = escape;
    if (escape == 'u') {
        *at++ = '0';
        *at++ = '0';
        *at++ = hex_digits[(uint8_t)byte >> 4];
        *at++ = hex_digits[(uint8_t)byte & 0x0f];
    }
    return at;
}

void json_write_string(struct buffer *to, struct text text)
{
    char *at = buffer_extend(to, escaped_len(text) + 2);
    size_t place = 0;

    if (at == NULL) {
        return;
    }
    *at++ = '"';
    while (place < text.len) {
        if (text.len - place < WORD_SIZE) {
            at = escaped_write(at, text.at[place++]);
            continue;
        }
        uint64_t word = word_load(text.at + place);
        uint64_t specials = word_json_special(word);
        size_t plain = specials == 0 ? WORD_SIZE : word_first(specials);

        word_store(at, word); /* fits: the rest takes at least as much room as it has now */
        at += plain;
        place += plain;
        if (specials != 0) {
            at = escaped_write(at, text.at[place++]);
        }
    }
    *at = '"';
}
