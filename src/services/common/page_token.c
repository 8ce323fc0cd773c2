/* NextToken: base64 of a checksum and the place. */
#include "services/common/page_token.h"

#include "base/digest.h"
#include "base/encoding.h"

#define TOKEN_MAX 4096

static uint32_t checksum(struct text place)
{
    return (uint32_t)digest_fast(place);
}

struct text page_token_encode(struct arena *arena, struct text place)
{
    struct buffer bytes;
    struct buffer token;

    buffer_init(&bytes, TOKEN_MAX);
    buffer_init(&token, (size_t)2 * TOKEN_MAX);
    buffer_add_u32(&bytes, checksum(place));
    buffer_add(&bytes, place);
    base64_encode(&token, buffer_text(&bytes));
    struct text text = arena_copy(arena, buffer_text(&token));

    buffer_free(&bytes);
    buffer_free(&token);
    return text;
}

bool page_token_decode(struct arena *arena, struct text token, struct text *ret_place)
{
    struct buffer bytes;

    buffer_init(&bytes, TOKEN_MAX);
    bool is_base64 = base64_decode(&bytes, token);
    struct cursor cursor = cursor_over(buffer_text(&bytes));
    uint32_t sum = cursor_u32(&cursor);
    struct text place = text_after(buffer_text(&bytes), sizeof sum);
    bool is_ours = is_base64 && !cursor.broken && sum == checksum(place);

    if (is_ours) {
        *ret_place = arena_copy(arena, place);
    }
    buffer_free(&bytes);
    return is_ours;
}
