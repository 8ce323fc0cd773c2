/* Texts cut where a character ends, with a mark that something is missing. */
#include "base/json.h"
#include "formats/internal.h"

#define MARK "\xe2\x80\xa6" /* … */

static bool begins_character(char byte)
{
    return ((unsigned char)byte & 0xc0U) != 0x80;
}

static struct text with_mark(struct arena *arena, struct text start)
{
    return arena_printf(arena, "%.*s" MARK, TEXT_PRINTF(start));
}

struct text cut_characters(struct arena *arena, struct text text, size_t max)
{
    size_t count = 0;
    size_t last = 0; /* where the max-th character begins */

    for (size_t i = 0; i < text.len; i++) {
        if (!begins_character(text.at[i])) {
            continue;
        }
        count++;
        last = count == max ? i : last;
        if (count > max) {
            return with_mark(arena, text_first(text, last));
        }
    }
    return text;
}

static size_t escaped_size(char byte)
{
    if (byte == '"' || byte == '\\') {
        return 2;
    }
    return (unsigned char)byte < ' ' ? 6 : 1;
}

struct text cut_escaped(struct arena *arena, struct text text, size_t max)
{
    size_t room = max - (sizeof MARK - 1);
    size_t size = 0;
    size_t last = 0; /* of what leaves room for the mark, the end at a character */

    for (size_t i = 0; i < text.len; i++) {
        if (begins_character(text.at[i]) && size <= room) {
            last = i;
        }
        size += escaped_size(text.at[i]);
        if (size > max) {
            return with_mark(arena, text_first(text, last));
        }
    }
    return text;
}

void add_member(struct buffer *to, const char *name, struct text value)
{
    if (to->len > 0 && to->at[to->len - 1] != '{') {
        buffer_add_byte(to, ',');
    }
    buffer_printf(to, "\"%s\":", name);
    json_write_string(to, value);
}
