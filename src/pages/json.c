/* Members of JSON objects, written one after the other. */
#include "base/json.h"

#include "base/encoding.h"
#include "base/timestamp.h"
#include "pages/internal.h"

void json_comma(struct buffer *to)
{
    int last = to->len == 0 ? '{' : to->at[to->len - 1];

    if (last != '{' && last != '[') {
        buffer_add_byte(to, ',');
    }
}

void json_name(struct buffer *to, const char *name)
{
    json_comma(to);
    buffer_printf(to, "\"%s\":", name);
}

void json_text(struct buffer *to, const char *name, struct text value)
{
    struct buffer clean;

    buffer_init(&clean, 3 * value.len + 1);
    utf8_add_clean(&clean, value);
    json_name(to, name);
    json_write_string(to, buffer_text(&clean));
    buffer_free(&clean);
}

void json_number(struct buffer *to, const char *name, int64_t value)
{
    json_name(to, name);
    buffer_add_int64(to, value);
}

void json_boolean(struct buffer *to, const char *name, bool value)
{
    json_name(to, name);
    buffer_add_string(to, value ? "true" : "false");
}

void json_time(struct buffer *to, const char *name, int64_t time_ms)
{
    char text[TIMESTAMP_SIZE];

    json_name(to, name);
    if (time_ms == 0) {
        buffer_add_string(to, "null");
        return;
    }
    timestamp_format(time_ms, text);
    json_write_string(to, text_from(text));
}
