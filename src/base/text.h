/* Borrowed text: a pointer and a length; never owned, never NUL-terminated by promise. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
    const char *at;
    size_t len;
};

/* A string literal as text, usable in static initialisers. */
#define TEXT(literal)                                  \
    {                                                  \
        .at = (literal), .len = sizeof("" literal) - 1 \
    }
/* The same as an expression. */
#define T(literal) ((struct text)TEXT(literal))
/* For printf's "%.*s". */
#define TEXT_PRINTF(text) (int)(text).len, (text).at

#define MUST_CHECK             __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define countof(array)         (sizeof(array) / sizeof(array)[0])
/* The struct that holds `member`; `pointer` may be const only if the use is. */
#define container_of(pointer, type, member) \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/* `string` may be NULL: empty text. */
struct text text_from(const char *string);
struct text text_make(const void *at, size_t len);
bool text_equal(struct text a, struct text b);
bool text_equal_ignore_case(struct text a, struct text b); /* ASCII only */
/* Byte order, shorter first on a tie: <0, 0, >0. */
int text_compare(struct text a, struct text b);
bool text_starts_with(struct text text, struct text prefix);
bool text_ends_with(struct text text, struct text suffix);
/* From byte `from` (clamped) to the end. */
struct text text_after(struct text text, size_t from);
/* The first `len` bytes (clamped). */
struct text text_first(struct text text, size_t len);
/* Position of the first `byte`, or text.len. */
size_t text_find(struct text text, char byte);
/* How many times it is in there. */
size_t text_count(struct text text, char byte);
/* Whether there is a control character below 0x20 that is no tab, line feed or carriage return.
 */
bool text_has_control(struct text text);
/* Cuts *rest at the first `separator`: returns what stood before it and moves *rest behind it
 * (to empty when there was none). */
struct text text_cut(struct text *rest, char separator);
/* Strict decimal, optional '-', no blanks, no leading '+'; false when it is not one or
 * overflows. */
MUST_CHECK bool text_to_int64(struct text text, int64_t *ret_value);
/* Valid UTF-8 (no surrogates, no overlong forms, at most U+10FFFF). */
bool text_is_utf8(struct text text);

#endif
