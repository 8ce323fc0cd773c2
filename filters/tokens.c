/* Policy text to tokens, with the errors AWS's JSON parser gives. */
#include "tokens.h"

#include "json.h"
#include "utf8.h"

#include <stdarg.h>
#include <stdio.h>

#define EXPECTED_VALUE "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"

struct reader {
    struct tokens *tokens;
    const char *start;
    const char *at;
    const char *end;
    struct token_error *error;
    uint32_t depth;
    enum token_result result;
};

static bool read_value(struct reader *reader);

static bool reader_starves(struct reader *reader)
{
    reader->result = TOKENS_NO_MEMORY;
    return false;
}

__attribute__((format(printf, 3, 4))) static bool
reader_fails(struct reader *reader, const char *at, const char *format, ...)
{
    va_list arguments;

    reader->result = TOKENS_INVALID;
    reader->error->offset = (size_t)(at - reader->start);
    va_start(arguments, format);
    (void)vsnprintf(reader->error->text, sizeof reader->error->text, format, arguments);
    va_end(arguments);
    return false;
}

/* "Unexpected character": `expected` is the rest of Jackson's sentence. */
static bool reader_surprised(struct reader *reader, const char *expected)
{
    struct slice rest = slice_make(reader->at, (size_t)(reader->end - reader->at));
    uint32_t character = 0;
    size_t len;

    if (rest.len == 0) {
        return reader_fails(reader, reader->end, "Unexpected end-of-input");
    }
    len = utf8_decode(rest, &character);
    if (character < 32) {
        return reader_fails(reader, reader->at + 1,
                            "Unexpected character ((CTRL-CHAR, code %u)): %s", character,
                            expected);
    }
    return reader_fails(reader, reader->at + len, "Unexpected character ('%.*s' (code %u)): %s",
                        (int)len, rest.at, character, expected);
}

static bool token_add(struct reader *reader, struct token token)
{
    struct tokens *tokens = reader->tokens;
    struct token *list = account_grow(tokens->account, tokens->list, &tokens->room,
                                      sizeof *list, tokens->count + 1);

    if (list == NULL) {
        return reader_starves(reader);
    }
    tokens->list = list;
    token.next = tokens->count + 1;
    list[tokens->count++] = token;
    return true;
}

static void skip_blanks(struct reader *reader)
{
    reader->at = json_skip_blanks(reader->at, reader->end);
}

static uint32_t reader_offset(const struct reader *reader, const char *at)
{
    return (uint32_t)(at - reader->start);
}

/* A string or a name; `at` stands on the opening quote. */
static bool read_string(struct reader *reader, enum token_type type)
{
    struct json_string string;
    const char *start = reader->at;
    const char *behind = json_string_scan(start + 1, reader->end, &string);

    if (behind == NULL) {
        return reader_fails(reader, reader->end, "Unexpected end-of-input in VALUE_STRING");
    }
    reader->at = behind;
    return token_add(reader, (struct token){.type = type,
                                            .escaped = string.escaped,
                                            .start = reader_offset(reader, start),
                                            .end = reader_offset(reader, behind)});
}

static bool read_word(struct reader *reader)
{
    const char *start = reader->at;
    bool number = *start == '-' || (*start >= '0' && *start <= '9');
    const char *behind =
        number ? json_number_scan(start, reader->end) : json_literal_scan(start, reader->end);
    const char *word = start;
    enum token_type type = TOKEN_NUMBER;

    while (word < reader->end && strchr(" \t\r\n,:[]{}\"", *word) == NULL) {
        word++;
    }
    if (word == start) {
        return reader_surprised(reader, "expected a valid value " EXPECTED_VALUE);
    }
    if (behind != word) {
        return reader_fails(reader, word,
                            "Unrecognized token '%.*s': was expecting " EXPECTED_VALUE,
                            word - start > 100 ? 100 : (int)(word - start), start);
    }
    if (!number) {
        type = *start == 't' ? TOKEN_TRUE : *start == 'f' ? TOKEN_FALSE : TOKEN_NULL;
    }
    reader->at = behind;
    return token_add(reader, (struct token){.type = type,
                                            .start = reader_offset(reader, start),
                                            .end = reader_offset(reader, behind)});
}

static bool read_member(struct reader *reader)
{
    uint32_t name = reader->tokens->count;

    skip_blanks(reader);
    if (reader->at == reader->end || *reader->at != '"') {
        return reader_surprised(reader, "was expecting double-quote to start field name");
    }
    if (!read_string(reader, TOKEN_NAME)) {
        return false;
    }
    skip_blanks(reader);
    if (reader->at == reader->end || *reader->at != ':') {
        return reader_surprised(reader,
                                "was expecting a colon to separate field name and value");
    }
    reader->at++;
    if (!read_value(reader)) {
        return false;
    }
    reader->tokens->list[name].next = reader->tokens->count;
    return true;
}

/* Members or values up to behind the closing bracket or brace. */
static bool read_children(struct reader *reader, bool object)
{
    char close = object ? '}' : ']';
    const char *expected = object ? "was expecting comma to separate Object entries"
                                  : "was expecting comma to separate Array entries";

    for (;;) {
        if (!(object ? read_member(reader) : read_value(reader))) {
            return false;
        }
        skip_blanks(reader);
        if (reader->at == reader->end || (*reader->at != ',' && *reader->at != close)) {
            return reader_surprised(reader, expected);
        }
        if (*reader->at++ == close) {
            return true;
        }
    }
}

/* `at` stands on the opening bracket or brace. */
static bool read_container(struct reader *reader, bool object)
{
    uint32_t container = reader->tokens->count;
    char close = object ? '}' : ']';

    if (!token_add(reader, (struct token){.type = object ? TOKEN_OBJECT : TOKEN_ARRAY,
                                          .start = reader_offset(reader, reader->at)})) {
        return false;
    }
    reader->at++;
    skip_blanks(reader);
    if (reader->at < reader->end && *reader->at == close) {
        reader->at++;
    } else if (!read_children(reader, object)) {
        return false;
    }
    reader->tokens->list[container].end = reader_offset(reader, reader->at);
    reader->tokens->list[container].next = reader->tokens->count;
    return true;
}

static bool read_value(struct reader *reader)
{
    bool fine;

    skip_blanks(reader);
    if (reader->at == reader->end) {
        return reader_surprised(reader, "");
    }
    if (*reader->at == '"') {
        return read_string(reader, TOKEN_STRING);
    }
    if (*reader->at != '{' && *reader->at != '[') {
        return read_word(reader);
    }
    if (reader->depth == JSON_DEPTH_MAX) {
        return reader_fails(reader, reader->at + 1,
                            "Document nesting depth (1001) exceeds the maximum allowed "
                            "(1000)");
    }
    reader->depth++;
    fine = read_container(reader, *reader->at == '{');
    reader->depth--;
    return fine;
}

enum token_result tokens_read(struct tokens *tokens, struct account *account, struct slice text,
                              struct token_error *ret_error)
{
    struct reader reader = {.tokens = tokens,
                            .start = text.at,
                            .at = text.at,
                            .end = text.at + text.len,
                            .error = ret_error};

    *tokens = (struct tokens){.account = account};
    if (!utf8_is_valid(text)) {
        (void)reader_fails(&reader, text.at, "Invalid UTF-8");
        return TOKENS_INVALID;
    }
    if (!read_value(&reader)) {
        return reader.result;
    }
    skip_blanks(&reader);
    if (reader.at != reader.end) {
        (void)reader_surprised(&reader, "expected the end of the document");
        return TOKENS_INVALID;
    }
    return TOKENS_FINE;
}

void tokens_free(struct tokens *tokens)
{
    account_free(tokens->account, tokens->list, tokens->room * sizeof *tokens->list);
    *tokens = (struct tokens){.account = tokens->account};
}
