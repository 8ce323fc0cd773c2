/* E.164 numbers, sender ids, and how many pieces a text makes on its way to a phone. */
#include "sms.h"

#include <string.h>

#define DIGITS_MIN 7
#define DIGITS_MAX 15

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

bool number_read(const char *endpoint, char ret_number[NUMBER_SIZE], const char **ret_why)
{
    size_t digits = 0;

    *ret_why = "a phone number is a plus, the country's code and the rest, 7 to 15 digits in "
               "all: +41790000000";
    if (endpoint[0] != '+') {
        return false;
    }
    for (const char *at = endpoint + 1; *at != '\0'; at++) {
        if (strchr(" -/.", *at) != NULL) {
            continue;
        }
        if (!is_digit(*at) || digits == DIGITS_MAX || (digits == 0 && *at == '0')) {
            return false;
        }
        ret_number[++digits] = *at;
    }
    ret_number[0] = '+';
    ret_number[digits + 1] = '\0';
    return digits >= DIGITS_MIN;
}

bool sender_is_name(const char *sender)
{
    size_t len = strlen(sender);
    size_t letters = 0;

    for (size_t i = 0; i < len; i++) {
        bool is_letter =
            (sender[i] >= 'a' && sender[i] <= 'z') || (sender[i] >= 'A' && sender[i] <= 'Z');

        if (!is_letter && !is_digit(sender[i])) {
            return false;
        }
        letters += is_letter;
    }
    return letters > 0 && len <= 11;
}

/* --- GSM 03.38: its default alphabet beyond what it shares with ASCII, and its extension. */

static const uint16_t alphabet[] = {
    0x00a3, 0x00a5, 0x00e8, 0x00e9, 0x00f9, 0x00ec, 0x00f2, 0x00c7, 0x00d8, 0x00f8,
    0x00c5, 0x00e5, 0x0394, 0x03a6, 0x0393, 0x039b, 0x03a9, 0x03a0, 0x03a8, 0x03a3,
    0x0398, 0x039e, 0x00c6, 0x00e6, 0x00df, 0x00c9, 0x00a4, 0x00a1, 0x00c4, 0x00d6,
    0x00d1, 0x00dc, 0x00a7, 0x00bf, 0x00e4, 0x00f6, 0x00f1, 0x00fc, 0x00e0,
};

#define EURO 0x20ac

static bool is_extension(uint32_t character)
{
    return character == EURO
           || (character < 0x80 && character != 0
               && strchr("\f^{}\\[~]|", (char)character) != NULL);
}

static bool is_basic(uint32_t character)
{
    if (character == '\n' || character == '\r') {
        return true;
    }
    if (character < 0x80) {
        return character >= ' ' && character != '`' && character != 0x7f
               && !is_extension(character);
    }
    for (size_t i = 0; i < sizeof alphabet / sizeof alphabet[0]; i++) {
        if (alphabet[i] == character) {
            return true;
        }
    }
    return false;
}

/* Septets of one character; 0: the alphabet has it not. */
static uint32_t gsm_width(uint32_t character)
{
    if (is_basic(character)) {
        return 1;
    }
    return is_extension(character) ? 2 : 0;
}

/* 16-bit units. */
static uint32_t ucs_width(uint32_t character)
{
    return character > 0xffff ? 2 : 1;
}

/* The character at *io_place, which moves behind it. */
static uint32_t next_character(const char *at, size_t len, size_t *io_place)
{
    unsigned char first = (unsigned char)at[(*io_place)++];
    size_t more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : 0;
    uint32_t character = more == 0 ? first : first & (0x3fU >> more);

    while (more-- > 0 && *io_place < len) {
        character = character << 6U | ((unsigned char)at[(*io_place)++] & 0x3fU);
    }
    return character;
}

static uint32_t pieces(const char *at, size_t len, uint32_t (*width)(uint32_t), uint32_t whole,
                       uint32_t part)
{
    uint32_t all = 0;
    uint32_t count = 1;
    uint32_t used = 0;

    for (size_t i = 0; i < len;) {
        uint32_t units = width(next_character(at, len, &i));

        all += units;
        if (used + units > part) {
            count++;
            used = 0;
        }
        used += units;
    }
    return all <= whole ? 1 : count;
}

struct segments segments_count(const char *at, size_t len)
{
    struct segments segments = {.is_gsm7 = true};

    for (size_t i = 0; i < len; segments.characters++) {
        segments.is_gsm7 = gsm_width(next_character(at, len, &i)) > 0 && segments.is_gsm7;
    }
    segments.count = segments.is_gsm7 ? pieces(at, len, gsm_width, 160, 153)
                                      : pieces(at, len, ucs_width, 70, 67);
    return segments;
}
