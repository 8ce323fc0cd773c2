/* How gateways want to be asked: patterns with placeholders, and those of common ones. */
#include "sms.h"

#include <stdio.h>
#include <string.h>

/* Facts: formats.md B5.  Kannel counts coding 0 as 7 bit and 2 as UCS-2. */
const struct gateway_shape gateway_shapes[] = {
    {.name = "kannel",
     .query = "username={user}&password={password}&from={from}&to={to}&text={text}"
              "&charset=UTF-8&coding={coding}"},
    {.name = "twilio",
     .body = "To={to}&From={from}&Body={text}",
     .escape = ESCAPE_FORM,
     .content_type = "Content-Type: application/x-www-form-urlencoded",
     .signs_in = true},
    {.name = "form",
     .body = "to={to}&from={from}&text={text}&id={id}",
     .escape = ESCAPE_FORM,
     .content_type = "Content-Type: application/x-www-form-urlencoded",
     .signs_in = true},
    {.name = "json",
     .body = "{\"to\":\"{to}\",\"from\":\"{from}\",\"text\":\"{text}\",\"type\":\"{type}\","
             "\"id\":\"{id}\"}",
     .escape = ESCAPE_JSON,
     .content_type = "Content-Type: application/json",
     .signs_in = true},
    {.name = NULL},
};

static void put_form(struct text_buffer *to, const char *at, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)at[i];
        bool is_plain = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z')
                        || (byte >= 'A' && byte <= 'Z')
                        || (byte != 0 && strchr("-._~", (char)byte) != NULL);

        if (is_plain) {
            put(to, at + i, 1);
        } else {
            put_format(to, "%%%02X", byte);
        }
    }
}

static void put_json(struct text_buffer *to, const char *at, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)at[i];

        if (byte < ' ' || byte == 0x7f) {
            put_format(to, "\\u%04x", byte);
        } else {
            put(to, "\\", byte == '"' || byte == '\\' ? 1 : 0);
            put(to, at + i, 1);
        }
    }
}

static void put_escaped(struct text_buffer *to, enum escape escape, const char *at, size_t len)
{
    (escape == ESCAPE_JSON ? put_json : put_form)(to, at, len);
}

void template_fill(struct text_buffer *to, const char *pattern, enum escape escape,
                   const struct short_message *message, const char *user, const char *password)
{
    char segments[16];

    const struct placeholder {
        const char *name, *at;
        size_t len;
    } placeholders[] = {
        {"{to}", message->to, strlen(message->to)},
        {"{from}", message->from, strlen(message->from)},
        {"{text}", message->text.at, message->text.len},
        {"{type}", message->type, strlen(message->type)},
        {"{id}", message->id, strlen(message->id)},
        {"{segments}", segments,
         (size_t)snprintf(segments, sizeof segments, "%u", message->segments.count)},
        {"{coding}", message->segments.is_gsm7 ? "0" : "2", 1},
        {"{user}", user, strlen(user)},
        {"{password}", password, strlen(password)},
    };

    while (*pattern != '\0') {
        size_t i = 0;
        size_t count = sizeof placeholders / sizeof placeholders[0];

        while (i < count
               && strncmp(pattern, placeholders[i].name, strlen(placeholders[i].name)) != 0) {
            i++;
        }
        if (i < count) {
            put_escaped(to, escape, placeholders[i].at, placeholders[i].len);
            pattern += strlen(placeholders[i].name);
        } else {
            put(to, pattern++, 1);
        }
    }
}
