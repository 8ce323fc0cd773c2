/* Reading the fixed-width numbers and counted texts that a buffer wrote. */
#include "base/buffer.h"

struct cursor cursor_over(struct text text)
{
    const uint8_t *at = (const uint8_t *)(text.len == 0 ? "" : text.at);

    return (struct cursor){.at = at, .end = at + text.len};
}

static uint64_t cursor_number(struct cursor *cursor, size_t size)
{
    struct text bytes = cursor_take(cursor, size);
    uint64_t value = 0;

    for (size_t i = 0; i < bytes.len; i++) {
        value = value << 8 | (uint8_t)bytes.at[i];
    }
    return value;
}

uint8_t cursor_u8(struct cursor *cursor)
{
    return (uint8_t)cursor_number(cursor, 1);
}

uint16_t cursor_u16(struct cursor *cursor)
{
    return (uint16_t)cursor_number(cursor, 2);
}

uint32_t cursor_u32(struct cursor *cursor)
{
    return (uint32_t)cursor_number(cursor, 4);
}

uint64_t cursor_u64(struct cursor *cursor)
{
    return cursor_number(cursor, 8);
}

struct text cursor_take(struct cursor *cursor, size_t len)
{
    struct text taken = text_make(cursor->at, len);

    if (cursor->broken || len > (size_t)(cursor->end - cursor->at)) {
        cursor->broken = true;
        return T("");
    }
    cursor->at += len;
    return taken;
}

struct text cursor_counted(struct cursor *cursor)
{
    return cursor_take(cursor, cursor_u32(cursor));
}

bool cursor_done(const struct cursor *cursor)
{
    return !cursor->broken && cursor->at == cursor->end;
}
