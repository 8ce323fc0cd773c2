/* JSON without trees: a pull reader over borrowed bytes and an escaping writer. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/arena.h"
#include "base/buffer.h"

enum json_token {
    JSON_END, /* the value is complete; only blanks follow */
    JSON_ERROR,
    JSON_OBJECT,
    JSON_OBJECT_END,
    JSON_ARRAY,
    JSON_ARRAY_END,
    JSON_NAME, /* an object member's name; its value follows */
    JSON_STRING,
    JSON_NUMBER,
    JSON_TRUE,
    JSON_FALSE,
    JSON_NULL
};

#define JSON_DEPTH_MAX 256

struct json_reader {
    const char *start;
    const char *at;
    const char *end;
    struct arena *arena; /* where unescaped strings go; borrowed */
    struct text value;   /* of the last NAME, STRING (unescaped) or NUMBER (as written) */
    const char *error;   /* static text, after JSON_ERROR */
    uint32_t depth;
    uint32_t state;                  /* private */
    uint8_t nesting[JSON_DEPTH_MAX]; /* private: array or object */
};

/* Strings without escapes are borrowed from `text`, the others are unescaped into `arena`,
 * which may be NULL for whoever reads no strings: they are checked and given as they were
 * written. Strict RFC 8259; strings must be UTF-8; deeper than JSON_DEPTH_MAX is an error. */
void json_reader_init(struct json_reader *reader, struct text text, struct arena *arena);
/* Once JSON_ERROR or JSON_END was given, it is given again. */
enum json_token json_next(struct json_reader *reader);
/* At the start, after JSON_NAME or inside an array, before the value is read: skips that whole
 * value.  false on a syntax error; at the end of an array it is false too, with the ']' read
 * and reader->error still NULL. */
MUST_CHECK bool json_skip(struct json_reader *reader);
/* Skips the next value as json_skip does and gives its bytes as they were written. */
MUST_CHECK bool json_raw(struct json_reader *reader, struct text *ret_raw);
/* True when the whole text is one well-formed JSON value. */
bool json_is_valid(struct text text);

/* "text" with quotes and escapes; bytes above 0x7f pass as they are. */
void json_write_string(struct buffer *to, struct text text);

#endif
