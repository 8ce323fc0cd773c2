/* The encodings of a mail. */
#include "smtp.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define LINE_MAX_BODY 76 /* RFC 2045 */
#define WORD_BYTES    39 /* of text in one encoded word: 64 characters, the name fits before */

/* --- Quoted-printable. */

/* How many bytes at this place are one line's end; 0: it goes on. */
static size_t line_end(const char *at, size_t left)
{
    if (left >= 2 && at[0] == '\r' && at[1] == '\n') {
        return 2;
    }
    return left >= 1 && (at[0] == '\n' || at[0] == '\r') ? 1 : 0;
}

static bool is_literal(char byte, bool is_last_of_line)
{
    unsigned char value = (unsigned char)byte;

    if (byte == ' ' || byte == '\t') {
        return !is_last_of_line; /* on their way some take blanks at the end away */
    }
    return value > ' ' && value < 0x7f && byte != '=';
}

void put_quoted_printable(struct text_buffer *to, const char *at, size_t len)
{
    size_t column = 0;

    for (size_t i = 0; i < len;) {
        size_t end = line_end(at + i, len - i);

        if (end > 0) {
            put(to, "\r\n", 2);
            column = 0;
            i += end;
            continue;
        }
        bool is_last = i + 1 == len || line_end(at + i + 1, len - i - 1) > 0;
        bool literal = is_literal(at[i], is_last);
        size_t width = literal ? 1 : 3;

        if (column + width > LINE_MAX_BODY - 1) {
            put(to, "=\r\n", 3);
            column = 0;
        }
        if (literal) {
            put(to, at + i, 1);
        } else {
            put_format(to, "=%02X", (unsigned char)at[i]);
        }
        column += width;
        i++;
    }
    put(to, "\r\n", 2);
}

/* --- Base64. */

static void put_base64(struct text_buffer *to, const unsigned char *at, size_t len)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < len; i += 3) {
        uint32_t high = at[i];
        uint32_t middle = i + 1 < len ? at[i + 1] : 0;
        uint32_t low = i + 2 < len ? at[i + 2] : 0;
        uint32_t bits = high << 16U | middle << 8U | low;
        char four[4] = {digits[bits >> 18U], digits[bits >> 12U & 63U], '=', '='};

        if (i + 1 < len) {
            four[2] = digits[bits >> 6U & 63U];
        }
        if (i + 2 < len) {
            four[3] = digits[bits & 63U];
        }
        put(to, four, sizeof four);
    }
}

void put_base64_lines(struct text_buffer *to, const char *at, size_t len)
{
    const size_t bytes = (size_t)LINE_MAX_BODY / 4 * 3;

    for (size_t i = 0; i < len; i += bytes) {
        size_t left = len - i;

        put_base64(to, (const unsigned char *)at + i, left < bytes ? left : bytes);
        put(to, "\r\n", 2);
    }
}

/* --- Headers. */

static bool is_plain(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < ' ' || (unsigned char)*text > '~') {
            return false;
        }
    }
    return true;
}

/* Bytes of the next encoded word: no character is cut. */
static size_t word_size(const char *text)
{
    size_t len = strnlen(text, WORD_BYTES + 1);

    if (len <= WORD_BYTES) {
        return len;
    }
    len = WORD_BYTES;
    while (len > WORD_BYTES - 4 && ((unsigned char)text[len] & 0xc0U) == 0x80) {
        len--;
    }
    return len;
}

/* RFC 2047; further words on lines of their own, which readers join again. */
static void put_encoded_words(struct text_buffer *to, const char *text)
{
    const char *separator = "";

    while (*text != '\0') {
        unsigned char word[WORD_BYTES];
        size_t len = word_size(text);

        for (size_t i = 0; i < len; i++) {
            unsigned char byte = (unsigned char)text[i];

            word[i] = byte < ' ' || byte == 0x7f ? ' ' : byte;
        }
        put_format(to, "%s=?UTF-8?B?", separator);
        put_base64(to, word, len);
        put_string(to, "?=");
        separator = "\r\n ";
        text += len;
    }
}

static bool needs_words(const char *text)
{
    return !is_plain(text) || strstr(text, "=?") != NULL || text[0] == ' ';
}

void put_text_header(struct text_buffer *to, const char *name, const char *text)
{
    put_format(to, "%s: ", name);
    if (needs_words(text)) {
        put_encoded_words(to, text);
    } else {
        put_string(to, text);
    }
    put(to, "\r\n", 2);
}

void put_mailbox_header(struct text_buffer *to, const char *name, const char *title,
                        const char *address)
{
    put_format(to, "%s: ", name);
    if (title[0] == '\0') {
        put_format(to, "%s\r\n", address);
        return;
    }
    if (needs_words(title)) {
        put_encoded_words(to, title);
    } else {
        put(to, "\"", 1);
        for (; *title != '\0'; title++) {
            put_format(to, *title == '"' || *title == '\\' ? "\\%c" : "%c", *title);
        }
        put(to, "\"", 1);
    }
    put_format(to, "\r\n <%s>\r\n", address);
}

void put_date_header(struct text_buffer *to, int64_t time_ms)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm date = {0};

    (void)gmtime_r(&seconds, &date);
    put_format(to, "Date: %s, %02d %s %04d %02d:%02d:%02d +0000\r\n", days[date.tm_wday],
               date.tm_mday, months[date.tm_mon], date.tm_year + 1900, date.tm_hour,
               date.tm_min, date.tm_sec);
}
