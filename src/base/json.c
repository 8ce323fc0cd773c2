/* Reading JSON as a stream of tokens over borrowed bytes. */
#include "base/json.h"

#include "base/words.h"

#include <string.h>

/* What may come next. */
enum state {
    STATE_VALUE, /* a value must come */
    STATE_FIRST, /* behind '[' or '{': the first element, or its end */
    STATE_AFTER, /* behind a value: a comma, the end of the container, or the end of all */
    STATE_FAILED
};

enum container {
    CONTAINER_ARRAY,
    CONTAINER_OBJECT
};

struct escape {
    uint32_t code; /* Unicode */
    size_t len;    /* bytes it takes in the source, with its backslash */
};

void json_reader_init(struct json_reader *reader, struct text text, struct arena *arena)
{
    const char *at = text.len == 0 ? "" : text.at;

    /* The nesting is written before it is read: clearing it would cost more than a short text.
     */
    reader->start = at;
    reader->at = at;
    reader->end = at + text.len;
    reader->arena = arena;
    reader->value = T("");
    reader->error = NULL;
    reader->depth = 0;
    reader->state = STATE_VALUE;
}

static enum json_token json_fail(struct json_reader *reader, const char *error)
{
    reader->state = STATE_FAILED;
    reader->error = error;
    return JSON_ERROR;
}

static void skip_blanks(struct json_reader *reader)
{
    const char *at = reader->at;

    while (at < reader->end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) {
        at++;
    }
    reader->at = at;
}

/* The byte at the reader's place, or NUL (which no syntax knows) at the end. */
static char next_byte(const struct json_reader *reader)
{
    if (reader->at == reader->end) {
        return '\0';
    }
    return *reader->at;
}

/* Four hex digits, or -1. */
static int32_t hex_read(const char *at, const char *end)
{
    int32_t value = 0;

    if (end - at < 4) {
        return -1;
    }
    for (size_t i = 0; i < 4; i++) {
        int digit = (uint8_t)at[i];
        int lower = digit | 0x20;

        if (digit >= '0' && digit <= '9') {
            value = value * 16 + (digit - '0');
        } else if (lower >= 'a' && lower <= 'f') {
            value = value * 16 + (lower - 'a' + 10);
        } else {
            return -1;
        }
    }
    return value;
}

/* What stands behind a backslash, but for 'u'. */
static const char short_escapes[256] = {
    ['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
    ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t',
};

/* "\uXXXX", or two of them for one character outside the basic plane. */
static bool unicode_escape_read(const char *at, const char *end, struct escape *ret_escape)
{
    int32_t first = hex_read(at + 2, end);
    int32_t second;

    if (first < 0 || (first >= 0xdc00 && first <= 0xdfff)) {
        return false;
    }
    if (first < 0xd800 || first > 0xdbff) {
        *ret_escape = (struct escape){.code = (uint32_t)first, .len = 6};
        return true;
    }
    if (end - at < 12 || at[6] != '\\' || at[7] != 'u') {
        return false;
    }
    second = hex_read(at + 8, end);
    if (second < 0xdc00 || second > 0xdfff) {
        return false;
    }
    *ret_escape = (struct escape){
        .code = 0x10000U + ((uint32_t)(first - 0xd800) << 10) + (uint32_t)(second - 0xdc00),
        .len = 12,
    };
    return true;
}

/* `at` stands on the backslash. */
static bool escape_read(const char *at, const char *end, struct escape *ret_escape)
{
    if (end - at < 2) {
        return false;
    }
    if (at[1] == 'u') {
        return unicode_escape_read(at, end, ret_escape);
    }
    *ret_escape = (struct escape){.code = (uint8_t)short_escapes[(uint8_t)at[1]], .len = 2};
    return ret_escape->code != 0;
}

static char *utf8_write(char *at, uint32_t code)
{
    if (code < 0x80) {
        *at++ = (char)code;
        return at;
    }
    if (code < 0x800) {
        *at++ = (char)(uint8_t)(0xc0 | code >> 6);
    } else if (code < 0x10000) {
        *at++ = (char)(uint8_t)(0xe0 | code >> 12);
        *at++ = (char)(uint8_t)(0x80 | (code >> 6 & 0x3f));
    } else {
        *at++ = (char)(uint8_t)(0xf0 | code >> 18);
        *at++ = (char)(uint8_t)(0x80 | (code >> 12 & 0x3f));
        *at++ = (char)(uint8_t)(0x80 | (code >> 6 & 0x3f));
    }
    *at++ = (char)(uint8_t)(0x80 | (code & 0x3f));
    return at;
}

/* Copies what stands before the next backslash, or all; gives how many bytes.  Whole words are
 * stored: the room they touch is still to be filled. */
static size_t plain_copy(char *to, const char *at, const char *end)
{
    const char *start = at;

    for (; (size_t)(end - at) >= WORD_SIZE; at += WORD_SIZE, to += WORD_SIZE) {
        uint64_t word = word_load(at);
        uint64_t escapes = word_equal(word, '\\');

        word_store(to, word);
        if (escapes != 0) {
            return (size_t)(at - start) + word_first(escapes);
        }
    }
    while (at < end && *at != '\\') {
        *to++ = *at++;
    }
    return (size_t)(at - start);
}

/* The escapes of `raw` are known to be good, and none is shorter than what it stands for. */
static struct text string_unescape(struct arena *arena, struct text raw)
{
    char *start = arena_take(arena, raw.len + 1);
    char *to = start;
    const char *at = raw.at;
    const char *end = at + raw.len;
    struct escape escape;

    for (;;) {
        size_t plain = plain_copy(to, at, end);

        to += plain;
        at += plain;
        if (!escape_read(at, end, &escape)) {
            break; /* the end */
        }
        to = utf8_write(to, escape.code);
        at += escape.len;
    }
    *to = '\0';
    return text_make(start, (size_t)(to - start));
}

/* Moves `at` to the next quote, backslash, control byte or the end; gathers all bytes passed
 * (and perhaps a few more) in *high. */
static const char *string_scan(const char *at, const char *end, uint64_t *high)
{
    while ((size_t)(end - at) >= WORD_SIZE) {
        uint64_t word = word_load(at);
        uint64_t stops = word_json_special(word);

        *high |= word;
        if (stops != 0) {
            return at + word_first(stops);
        }
        at += WORD_SIZE;
    }
    while (at < end && *at != '"' && *at != '\\' && (uint8_t)*at >= 0x20) {
        *high |= (uint8_t)*at++;
    }
    return at;
}

/* From behind the opening quote to behind the closing one; the text goes into value. */
static const char *string_read(struct json_reader *reader)
{
    const char *start = reader->at;
    const char *at = start;
    uint64_t high = 0;
    bool has_escapes = false;
    struct escape escape;

    for (;;) {
        at = string_scan(at, reader->end, &high);
        if (at == reader->end) {
            return "the string does not end";
        }
        if (*at == '"') {
            break;
        }
        if (*at != '\\') {
            return "a control character in a string";
        }
        if (!escape_read(at, reader->end, &escape)) {
            return "a wrong escape in a string";
        }
        has_escapes = true;
        at += escape.len;
    }
    reader->at = at + 1;
    reader->value = text_make(start, (size_t)(at - start));
    if ((high & WORD_HIGH) != 0 && !text_is_utf8(reader->value)) {
        return "a string is not UTF-8";
    }
    if (has_escapes && reader->arena != NULL) {
        reader->value = string_unescape(reader->arena, reader->value);
    }
    return NULL;
}

/* Moves *at behind one or more digits. */
static bool digits_skip(const char **at, const char *end)
{
    const char *start = *at;

    while (*at < end && **at >= '0' && **at <= '9') {
        (*at)++;
    }
    return *at > start;
}

/* Behind the exponent's sign and digits, or NULL. */
static const char *exponent_skip(const char *at, const char *end)
{
    at += at < end && (*at == '+' || *at == '-') ? 1 : 0;
    return digits_skip(&at, end) ? at : NULL;
}

/* Behind the number at `at`, or NULL when it is not one. */
static const char *number_skip(const char *at, const char *end)
{
    const char *digits;

    at += at < end && *at == '-' ? 1 : 0;
    digits = at;
    if (!digits_skip(&at, end) || (*digits == '0' && at > digits + 1)) {
        return NULL;
    }
    if (at < end && *at == '.') {
        at++;
        if (!digits_skip(&at, end)) {
            return NULL;
        }
    }
    return at < end && (*at == 'e' || *at == 'E') ? exponent_skip(at + 1, end) : at;
}

static enum json_token read_number(struct json_reader *reader)
{
    const char *end = number_skip(reader->at, reader->end);

    if (end == NULL) {
        return json_fail(reader, "not a number");
    }
    reader->value = text_make(reader->at, (size_t)(end - reader->at));
    reader->at = end;
    reader->state = STATE_AFTER;
    return JSON_NUMBER;
}

static enum json_token read_word(struct json_reader *reader, struct text word,
                                 enum json_token token)
{
    struct text rest = text_make(reader->at, (size_t)(reader->end - reader->at));

    if (!text_starts_with(rest, word)) {
        return json_fail(reader, "not a value");
    }
    reader->at += word.len;
    reader->state = STATE_AFTER;
    return token;
}

static enum json_token read_string(struct json_reader *reader)
{
    const char *error;

    reader->at++;
    error = string_read(reader);
    if (error != NULL) {
        return json_fail(reader, error);
    }
    reader->state = STATE_AFTER;
    return JSON_STRING;
}

static enum json_token container_open(struct json_reader *reader, enum container container)
{
    if (reader->depth == JSON_DEPTH_MAX) {
        return json_fail(reader, "nested too deeply");
    }
    reader->nesting[reader->depth++] = (uint8_t)container;
    reader->at++;
    reader->state = STATE_FIRST;
    return container == CONTAINER_OBJECT ? JSON_OBJECT : JSON_ARRAY;
}

static enum json_token read_value(struct json_reader *reader)
{
    if (reader->at == reader->end) {
        return json_fail(reader, "a value is missing at the end");
    }
    switch (*reader->at) {
    case '"': return read_string(reader);
    case '{': return container_open(reader, CONTAINER_OBJECT);
    case '[': return container_open(reader, CONTAINER_ARRAY);
    case 't': return read_word(reader, T("true"), JSON_TRUE);
    case 'f': return read_word(reader, T("false"), JSON_FALSE);
    case 'n': return read_word(reader, T("null"), JSON_NULL);
    default: return read_number(reader);
    }
}

static enum json_token read_name(struct json_reader *reader)
{
    const char *error;

    if (next_byte(reader) != '"') {
        return json_fail(reader, "a member's name is missing");
    }
    reader->at++;
    error = string_read(reader);
    if (error != NULL) {
        return json_fail(reader, error);
    }
    skip_blanks(reader);
    if (next_byte(reader) != ':') {
        return json_fail(reader, "a colon is missing");
    }
    reader->at++;
    reader->state = STATE_VALUE;
    return JSON_NAME;
}

static bool in_object(const struct json_reader *reader)
{
    return reader->nesting[reader->depth - 1] == CONTAINER_OBJECT;
}

/* Behind '[' or '{', or behind a value inside them. */
static enum json_token read_in_container(struct json_reader *reader)
{
    bool is_object = in_object(reader);

    if (next_byte(reader) == (is_object ? '}' : ']')) {
        reader->at++;
        reader->depth--;
        reader->state = STATE_AFTER;
        return is_object ? JSON_OBJECT_END : JSON_ARRAY_END;
    }
    if (reader->state == STATE_AFTER) {
        if (next_byte(reader) != ',') {
            return json_fail(reader, is_object ? "expected ',' or '}'" : "expected ',' or ']'");
        }
        reader->at++;
        skip_blanks(reader);
    }
    return is_object ? read_name(reader) : read_value(reader);
}

enum json_token json_next(struct json_reader *reader)
{
    skip_blanks(reader);
    if (reader->state == STATE_FAILED) {
        return JSON_ERROR;
    }
    if (reader->state == STATE_VALUE) {
        return read_value(reader);
    }
    if (reader->depth > 0) {
        return read_in_container(reader);
    }
    if (reader->at != reader->end) {
        return json_fail(reader, "something stands behind the value");
    }
    return JSON_END;
}

/* Inside an array, steps over what stands before the next element, so that the reader's place
 * is the first byte of a value.  false when no value comes next. */
static bool value_reach(struct json_reader *reader)
{
    skip_blanks(reader);
    if (reader->state == STATE_VALUE) {
        return true;
    }
    if (reader->state == STATE_FAILED || reader->depth == 0 || in_object(reader)) {
        return false;
    }
    if (reader->state == STATE_AFTER && next_byte(reader) == ',') {
        reader->at++;
        skip_blanks(reader);
        reader->state = STATE_VALUE;
        return true;
    }
    if (reader->state == STATE_FIRST && next_byte(reader) != ']') {
        reader->state = STATE_VALUE;
        return true;
    }
    return false;
}

bool json_raw(struct json_reader *reader, struct text *ret_raw)
{
    struct arena *arena = reader->arena;
    uint32_t depth = reader->depth;
    enum json_token token;
    const char *start;

    if (!value_reach(reader)) {
        (void)json_next(reader); /* takes the array's end, or finds the error */
        return false;
    }
    start = reader->at;
    reader->arena = NULL; /* nothing need be unescaped */
    do {
        token = json_next(reader);
    } while (token != JSON_ERROR && reader->depth > depth);
    reader->arena = arena;
    if (token == JSON_ERROR) {
        return false;
    }
    *ret_raw = text_make(start, (size_t)(reader->at - start));
    return true;
}

bool json_skip(struct json_reader *reader)
{
    struct text raw;

    return json_raw(reader, &raw);
}

bool json_is_valid(struct text text)
{
    struct json_reader reader;

    json_reader_init(&reader, text, NULL);
    return json_skip(&reader) && json_next(&reader) == JSON_END;
}
