/* Receipt handles: they say themselves which receive they came from, and cannot be made up. */
#include "queues/handle.h"

#include "base/arena.h"
#include "base/buffer.h"
#include "base/digest.h"
#include "base/encoding.h"
#include "queues/state.h"

#include <string.h>

enum {
    HANDLE_VERSION = 1,
    HANDLE_SIGNED = 1 + 4 + 4 + 8 + 4,
    HANDLE_SIZE = HANDLE_SIGNED + 6, /* 27: its base64 needs no padding */
    HANDLE_TEXT = HANDLE_SIZE / 3 * 4
};

#define MAC_BYTES (HANDLE_SIZE - HANDLE_SIGNED)

static void swap_characters(char *at, size_t len, const char *from, const char *to)
{
    for (size_t i = 0; i < len; i++) {
        const char *place = memchr(from, at[i], 2);

        if (place != NULL) {
            at[i] = to[place - from];
        }
    }
}

static void handle_sign(const struct queues *queues, char bytes[HANDLE_SIZE])
{
    uint64_t mac = digest_siphash(queues->secret, text_make(bytes, HANDLE_SIGNED));

    for (size_t i = 0; i < MAC_BYTES; i++) {
        bytes[HANDLE_SIGNED + i] = (char)(mac >> (8 * i));
    }
}

struct text handle_encode(const struct queues *queues, const struct handle *handle,
                          struct arena *arena)
{
    char space[HANDLE_SIZE];
    struct buffer bytes = buffer_over(space, sizeof space);
    struct buffer text = buffer_over(arena_take(arena, HANDLE_TEXT), HANDLE_TEXT);

    buffer_add_u8(&bytes, HANDLE_VERSION);
    buffer_add_u32(&bytes, handle->queue);
    buffer_add_u32(&bytes, handle->store);
    buffer_add_u64(&bytes, handle->sequence);
    buffer_add_u32(&bytes, handle->receive_number);
    (void)buffer_extend(&bytes, MAC_BYTES);
    handle_sign(queues, bytes.at);
    base64_encode(&text, buffer_text(&bytes));
    swap_characters(text.at, text.len, "+/", "-_"); /* needs no escape in a form */
    return buffer_text(&text);
}

static bool handle_open(const struct queues *queues, struct text bytes,
                        struct handle *ret_handle)
{
    char expected[HANDLE_SIZE];
    struct cursor cursor = cursor_over(bytes);

    if (bytes.len != HANDLE_SIZE) {
        return false;
    }
    memcpy(expected, bytes.at, HANDLE_SIGNED);
    handle_sign(queues, expected);
    if (!digest_equal(bytes, text_make(expected, HANDLE_SIZE))
        || cursor_u8(&cursor) != HANDLE_VERSION) {
        return false;
    }
    ret_handle->queue = cursor_u32(&cursor);
    ret_handle->store = cursor_u32(&cursor);
    ret_handle->sequence = cursor_u64(&cursor);
    ret_handle->receive_number = cursor_u32(&cursor);
    return true;
}

bool handle_decode(const struct queues *queues, struct text text, struct handle *ret_handle)
{
    char standard[HANDLE_TEXT];
    char space[HANDLE_SIZE];
    struct buffer bytes = buffer_over(space, sizeof space);

    if (text.len != HANDLE_TEXT || memchr(text.at, '+', text.len) != NULL
        || memchr(text.at, '/', text.len) != NULL) {
        return false;
    }
    memcpy(standard, text.at, HANDLE_TEXT);
    swap_characters(standard, HANDLE_TEXT, "-_", "+/");
    return base64_decode(&bytes, text_make(standard, HANDLE_TEXT))
           && handle_open(queues, buffer_text(&bytes), ret_handle);
}
