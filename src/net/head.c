/* The lines of an HTTP/1 head, checked before the parser sees them. */
#include "net/internal.h"

#include <string.h>

#define EACH_BYTE UINT64_C(0x0101010101010101)
#define HIGH_BITS UINT64_C(0x8080808080808080)
#define LOW_BITS  UINT64_C(0x7f7f7f7f7f7f7f7f)

/* Position of the first byte at or after `at` that is a control (below 0x20, or 0x7f). */
static size_t control_find(struct text bytes, size_t at)
{
    for (; at + sizeof(uint64_t) <= bytes.len; at += sizeof(uint64_t)) {
        uint64_t word;
        uint64_t not_control;

        memcpy(&word, bytes.at + at, sizeof(word));
        /* Per byte, the top bit: of x + 0x60 when the low seven bits are 0x20 or more; of
         * (x ^ 0x7f) + 0x7f when they are not 0x7f. */
        not_control = ((word & LOW_BITS) + EACH_BYTE * 0x60)
                      & (((word & LOW_BITS) ^ LOW_BITS) + LOW_BITS);
        if (((not_control | word) & HIGH_BITS) != HIGH_BITS) {
            break;
        }
    }
    while (at < bytes.len && (uint8_t)bytes.at[at] >= 0x20 && bytes.at[at] != 0x7f) {
        at++;
    }
    return at;
}

/* A line that begins with a blank continues the one before: nobody sends that any more. */
static bool is_folded(struct text bytes, size_t at)
{
    return at > 0 && at < bytes.len && bytes.at[at - 1] == '\n'
           && (bytes.at[at] == ' ' || bytes.at[at] == '\t');
}

/* What stands at `at`, the first control byte or the end: HEAD_COMPLETE here means a whole line
 * end, or a tab. */
static enum head_state control_judge(struct text bytes, size_t at)
{
    if (at == bytes.len) {
        return HEAD_MORE;
    }
    if (bytes.at[at] == '\t') {
        return HEAD_COMPLETE;
    }
    if (bytes.at[at] != '\r') {
        return HEAD_BROKEN;
    }
    if (at + 1 == bytes.len) {
        return HEAD_MORE;
    }
    return bytes.at[at + 1] == '\n' ? HEAD_COMPLETE : HEAD_BROKEN;
}

enum head_state head_scan(struct text bytes, size_t *scanned, size_t *ret_len)
{
    enum head_state state = HEAD_MORE;
    size_t at = *scanned;

    while (at < bytes.len) {
        if (is_folded(bytes, at)) {
            return HEAD_BROKEN;
        }
        at = control_find(bytes, at);
        *scanned = at;
        state = control_judge(bytes, at);
        if (state != HEAD_COMPLETE) {
            return state;
        }
        if (bytes.at[at] == '\r' && at > 0 && bytes.at[at - 1] == '\n') {
            *ret_len = at + 2;
            return HEAD_COMPLETE;
        }
        at += bytes.at[at] == '\r' ? 2 : 1;
        *scanned = at;
    }
    return HEAD_MORE;
}

/* RFC 9110's tchar, one bit for each byte. */
static const uint32_t token_bytes[8] = {0, 0x03ff6cfa, 0xc7fffffe, 0x57ffffff};

static bool is_token_byte(uint8_t byte)
{
    return ((token_bytes[byte / 32] >> (byte % 32)) & 1) != 0;
}

bool head_is_token(struct text name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (!is_token_byte((uint8_t)name.at[i])) {
            return false;
        }
    }
    return name.len > 0;
}
