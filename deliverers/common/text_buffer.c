/* Text that grows. */
#include "deliverers/common/text_buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT_ROOM 1024

/* NULL: out of memory. */
static char *extend(struct text_buffer *to, size_t len)
{
    if (to->is_broken) {
        return NULL;
    }
    if (to->room - to->len < len) {
        size_t room = (to->len + len) * 2 + 1024;
        char *bigger = realloc(to->at, room);

        if (bigger == NULL) {
            to->is_broken = true;
            return NULL;
        }
        to->at = bigger;
        to->room = room;
    }
    to->len += len;
    return to->at + to->len - len;
}

void put(struct text_buffer *to, const char *at, size_t len)
{
    char *place = len == 0 ? NULL : extend(to, len);

    if (place != NULL) {
        memcpy(place, at, len);
    }
}

void put_string(struct text_buffer *to, const char *string)
{
    put(to, string, strlen(string));
}

void put_format(struct text_buffer *to, const char *format, ...)
{
    char text[FORMAT_ROOM];
    va_list arguments;

    va_start(arguments, format);
    int len = vsnprintf(text, sizeof text, format, arguments);

    va_end(arguments);
    if (len < 0 || (size_t)len >= sizeof text) {
        to->is_broken = true;
        return;
    }
    put(to, text, (size_t)len);
}
