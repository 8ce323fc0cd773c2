/* Errors in AWS's words and places, and the reading of tokens. */
#include "compiler.h"

#include "decimal.h"
#include "json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Of the policy, AWS shows this many characters in an error. */
#define SHOWN_MAX 500
/* Room for "\n at [Source: ...; line: N, column: N]" without the policy. */
#define SUFFIX_MAX 200

/* How an error names the place. */
enum source {
    SOURCE_NONE,
    SOURCE_SHOWN,
    SOURCE_REDACTED
};

bool compiler_starves(struct compiler *compiler)
{
    compiler->status = FILTER_NO_MEMORY;
    return false;
}

/* Length in UTF-16, which is how AWS counts columns. */
static size_t utf16_length(struct slice text)
{
    size_t length = 0;

    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.at[i];

        length += (size_t)((byte & 0xc0) != 0x80) + (byte >= 0xf0);
    }
    return length;
}

/* The longest start of `text` of at most `max` UTF-16 units. */
static struct slice utf16_first(struct slice text, size_t max)
{
    size_t length = 0;

    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.at[i];

        length += (size_t)((byte & 0xc0) != 0x80) + (byte >= 0xf0);
        if (length > max) {
            return slice_make(text.at, i);
        }
    }
    return text;
}

struct position {
    size_t line;
    size_t column;
};

static struct position position_of(struct slice text, size_t offset)
{
    struct position position = {1, 1};
    size_t line_start = 0;

    for (size_t i = 0; i < offset; i++) {
        if (text.at[i] == '\n') {
            position.line++;
            line_start = i + 1;
        }
    }
    position.column += utf16_length(slice_make(text.at + line_start, offset - line_start));
    return position;
}

/* Writes " at [Source: ...]" and returns its length. */
static size_t place_write(const struct compiler *compiler, size_t offset, enum source source,
                          char *to, size_t room)
{
    struct position position = position_of(compiler->text, offset);
    struct slice shown = utf16_first(compiler->text, SHOWN_MAX);
    size_t hidden = utf16_length(compiler->text) - utf16_length(shown);
    char truncated[48] = "";

    if (source == SOURCE_REDACTED) {
        return (size_t)snprintf(to, room,
                                "\n at [Source: REDACTED (`StreamReadFeature."
                                "INCLUDE_SOURCE_IN_LOCATION` disabled); line: %zu, column: "
                                "%zu]",
                                position.line, position.column);
    }
    if (hidden > 0) {
        (void)snprintf(truncated, sizeof truncated, "[truncated %zu chars]", hidden);
    }
    return (size_t)snprintf(
        to, room, "\n at [Source: (String)\"%.*s\"%s; line: %zu, column: %zu]", (int)shown.len,
        shown.at, truncated, position.line, position.column);
}

__attribute__((format(printf, 4, 0))) static bool error_write(struct compiler *compiler,
                                                              size_t offset, enum source source,
                                                              const char *format,
                                                              va_list arguments)
{
    va_list again;
    size_t len;
    size_t room;
    char *text;

    compiler->status = FILTER_INVALID;
    if (compiler->error == NULL) {
        return false;
    }
    va_copy(again, arguments);
    len = (size_t)vsnprintf(NULL, 0, format, again);
    va_end(again);
    room = len + 1 + SUFFIX_MAX + (size_t)4 * SHOWN_MAX;
    text = malloc(room);
    if (text == NULL) {
        return compiler_starves(compiler);
    }
    (void)vsnprintf(text, room, format, arguments);
    if (source != SOURCE_NONE) {
        len += place_write(compiler, offset, source, text + len, room - len);
    }
    *compiler->error = (struct filter_error){text, len, offset, true};
    return false;
}

bool compiler_fails(struct compiler *compiler, size_t offset, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)error_write(compiler, offset, SOURCE_SHOWN, format, arguments);
    va_end(arguments);
    return false;
}

bool compiler_fails_bare(struct compiler *compiler, size_t offset, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)error_write(compiler, offset, SOURCE_NONE, format, arguments);
    va_end(arguments);
    return false;
}

bool compiler_fails_hidden(struct compiler *compiler, size_t offset, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)error_write(compiler, offset, SOURCE_REDACTED, format, arguments);
    va_end(arguments);
    return false;
}

size_t compiler_behind(const struct compiler *compiler, uint32_t token)
{
    const struct token *at = compiler_token(compiler, token);

    if (at->type == TOKEN_NAME) {
        at = compiler_token(compiler, token + 1);
    }
    return at->type == TOKEN_STRING || at->type == TOKEN_OBJECT || at->type == TOKEN_ARRAY
               ? at->start + 1u
               : at->end;
}

struct slice compiler_written(const struct compiler *compiler, uint32_t token)
{
    const struct token *at = compiler_token(compiler, token);

    return slice_make(compiler->text.at + at->start, at->end - at->start);
}

bool compiler_text(struct compiler *compiler, uint32_t token, struct slice *ret_text)
{
    struct slice raw = compiler_written(compiler, token);
    char *text;

    raw = slice_make(raw.at + 1, raw.len - 2);
    if (!compiler_token(compiler, token)->escaped) {
        *ret_text = raw;
        return true;
    }
    text = arena_take(compiler->arena, raw.len);
    if (text == NULL) {
        return compiler_starves(compiler);
    }
    *ret_text = slice_make(text, json_unescape(raw, text));
    return true;
}

bool compiler_number(struct compiler *compiler, uint32_t token, struct slice *ret_number)
{
    struct slice written = compiler_written(compiler, token);
    char *bytes = arena_take(compiler->arena, DECIMAL_ROOM(written.len));
    size_t len = 0;

    if (bytes == NULL) {
        return compiler_starves(compiler);
    }
    (void)decimal_parse(written, bytes, &len); /* a JSON number always parses */
    arena_trim(compiler->arena, bytes, len);
    *ret_number = slice_make(bytes, len);
    return true;
}

bool compiler_copy(struct compiler *compiler, struct slice bytes, struct slice *ret_copy)
{
    char *copy = arena_copy(compiler->arena, bytes);

    if (copy == NULL) {
        return compiler_starves(compiler);
    }
    *ret_copy = slice_make(copy, bytes.len);
    return true;
}
