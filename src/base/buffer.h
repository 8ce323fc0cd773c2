/* Growable bytes with a mandatory maximum.  Over the maximum nothing more is added and the
 * buffer is marked overflown; check once, at the end. */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include "base/text.h"

struct buffer {
    char *at;
    size_t len;
    size_t room; /* allocated */
    size_t max;
    bool overflown;
};

/* `max` in bytes; nothing is allocated yet. */
void buffer_init(struct buffer *buffer, size_t max);
/* Over bytes of the caller's, which it does not outgrow; nothing to be freed. */
struct buffer buffer_over(void *at, size_t room);
void buffer_free(struct buffer *buffer);  /* back to empty, memory given back */
void buffer_clear(struct buffer *buffer); /* back to empty, memory kept */
struct text buffer_text(const struct buffer *buffer);
/* Room for `size` more bytes, uninitialised and counted in len; NULL when over the maximum. */
char *buffer_extend(struct buffer *buffer, size_t size);
/* Removes the first `size` bytes. */
void buffer_consume(struct buffer *buffer, size_t size);
void buffer_add(struct buffer *buffer, struct text text);
void buffer_add_byte(struct buffer *buffer, char byte);
void buffer_add_string(struct buffer *buffer, const char *string);
PRINTF_LIKE(2, 3) void buffer_printf(struct buffer *buffer, const char *format, ...);
void buffer_add_int64(struct buffer *buffer, int64_t value); /* decimal */
/* Fixed-width big-endian numbers, for records and keys. */
void buffer_add_u8(struct buffer *buffer, uint8_t value);
void buffer_add_u16(struct buffer *buffer, uint16_t value);
void buffer_add_u32(struct buffer *buffer, uint32_t value);
void buffer_add_u64(struct buffer *buffer, uint64_t value);
/* A u32 length, then the bytes. */
void buffer_add_counted(struct buffer *buffer, struct text text);
/* Takes the bytes over: caller memory_frees them (NULL when nothing was ever added); the buffer
 * is empty afterwards. */
char *buffer_steal(struct buffer *buffer, size_t *ret_len);

/* Reading what was written so: a cursor over borrowed bytes.  Reading past the end yields
 * zeros or empty text and marks it broken; check once, at the end. */
struct cursor {
    const uint8_t *at;
    const uint8_t *end;
    bool broken;
};

struct cursor cursor_over(struct text text);
uint8_t cursor_u8(struct cursor *cursor);
uint16_t cursor_u16(struct cursor *cursor);
uint32_t cursor_u32(struct cursor *cursor);
uint64_t cursor_u64(struct cursor *cursor);
struct text cursor_take(struct cursor *cursor, size_t len);
struct text cursor_counted(struct cursor *cursor);
bool cursor_done(const struct cursor *cursor); /* all read, nothing broken */

#endif
