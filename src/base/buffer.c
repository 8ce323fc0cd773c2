/* Growable bytes with a mandatory maximum. */
#include "base/buffer.h"

#include "base/memory.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROOM_FIRST = 128
};

void buffer_init(struct buffer *buffer, size_t max)
{
    *buffer = (struct buffer){.max = max};
}

struct buffer buffer_over(void *at, size_t room)
{
    return (struct buffer){.at = at, .room = room, .max = room};
}

void buffer_free(struct buffer *buffer)
{
    memory_free(buffer->at);
    buffer_init(buffer, buffer->max);
}

void buffer_clear(struct buffer *buffer)
{
    buffer->len = 0;
    buffer->overflown = false;
}

struct text buffer_text(const struct buffer *buffer)
{
    return text_make(buffer->at == NULL ? "" : buffer->at, buffer->len);
}

static void buffer_grow(struct buffer *buffer, size_t needed)
{
    size_t room = buffer->room < ROOM_FIRST ? ROOM_FIRST : buffer->room * 2;

    room = room < needed ? needed : room;
    room = room > buffer->max ? buffer->max : room;
    buffer->at = memory_resize(buffer->at, room);
    buffer->room = room;
}

char *buffer_extend(struct buffer *buffer, size_t size)
{
    char *at;

    if (buffer->overflown || size > buffer->max - buffer->len) {
        buffer->overflown = true;
        return NULL;
    }
    if (size > buffer->room - buffer->len || buffer->at == NULL) {
        buffer_grow(buffer, buffer->len + size);
    }
    at = buffer->at + buffer->len;
    buffer->len += size;
    return at;
}

void buffer_consume(struct buffer *buffer, size_t size)
{
    if (size >= buffer->len) {
        buffer->len = 0;
        return;
    }
    buffer->len -= size;
    memmove(buffer->at, buffer->at + size, buffer->len);
}

void buffer_add(struct buffer *buffer, struct text text)
{
    char *at = buffer_extend(buffer, text.len);

    if (at != NULL && text.len > 0) {
        memcpy(at, text.at, text.len);
    }
}

void buffer_add_byte(struct buffer *buffer, char byte)
{
    char *at = buffer_extend(buffer, 1);

    if (at != NULL) {
        *at = byte;
    }
}

void buffer_add_string(struct buffer *buffer, const char *string)
{
    buffer_add(buffer, text_from(string));
}

void buffer_printf(struct buffer *buffer, const char *format, ...)
{
    char small[512];
    va_list arguments;
    char *at;
    int len;

    va_start(arguments, format);
    len = vsnprintf(small, sizeof(small), format, arguments);
    va_end(arguments);
    if (len < 0) {
        abort(); /* a broken format is a bug */
    }
    if ((size_t)len < sizeof(small)) {
        buffer_add(buffer, text_make(small, (size_t)len));
        return;
    }
    at = memory_take((size_t)len + 1);
    va_start(arguments, format);
    len = vsnprintf(at, (size_t)len + 1, format, arguments);
    va_end(arguments);
    buffer_add(buffer, text_make(at, len < 0 ? 0 : (size_t)len));
    memory_free(at);
}

void buffer_add_int64(struct buffer *buffer, int64_t value)
{
    char digits[20]; /* as many as INT64_MIN with its sign has */
    size_t place = sizeof(digits);
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    do {
        digits[--place] = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (value < 0) {
        digits[--place] = '-';
    }
    buffer_add(buffer, text_make(digits + place, sizeof(digits) - place));
}

void buffer_add_u8(struct buffer *buffer, uint8_t value)
{
    buffer_add_byte(buffer, (char)value);
}

void buffer_add_u16(struct buffer *buffer, uint16_t value)
{
    uint8_t bytes[] = {(uint8_t)(value >> 8), (uint8_t)value};

    buffer_add(buffer, text_make(bytes, sizeof(bytes)));
}

void buffer_add_u32(struct buffer *buffer, uint32_t value)
{
    uint8_t bytes[] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
                       (uint8_t)value};

    buffer_add(buffer, text_make(bytes, sizeof(bytes)));
}

void buffer_add_u64(struct buffer *buffer, uint64_t value)
{
    uint8_t bytes[] = {(uint8_t)(value >> 56), (uint8_t)(value >> 48), (uint8_t)(value >> 40),
                       (uint8_t)(value >> 32), (uint8_t)(value >> 24), (uint8_t)(value >> 16),
                       (uint8_t)(value >> 8),  (uint8_t)value};

    buffer_add(buffer, text_make(bytes, sizeof(bytes)));
}

void buffer_add_counted(struct buffer *buffer, struct text text)
{
    if (text.len > UINT32_MAX) {
        buffer->overflown = true;
        return;
    }
    buffer_add_u32(buffer, (uint32_t)text.len);
    buffer_add(buffer, text);
}

char *buffer_steal(struct buffer *buffer, size_t *ret_len)
{
    char *at = buffer->at;

    *ret_len = buffer->len;
    buffer_init(buffer, buffer->max);
    return at;
}
