/* Text that grows, and the three ways in which SQS wants it escaped. */
#include "sqs.h"

#include <stdlib.h>
#include <string.h>

#define PADDING 64U /* its place among base64's digits */

void body_add(struct body *body, const char *bytes, size_t size)
{
    if (body->room - body->len <= size) {
        size_t room = (body->len + size + 1) * 2;
        char *at = realloc(body->at, room);

        if (at == NULL) {
            body->is_short_of_memory = true;
            return;
        }
        body->at = at;
        body->room = room;
    }
    if (size > 0) {
        memcpy(body->at + body->len, bytes, size);
    }
    body->len += size;
    body->at[body->len] = '\0';
}

void body_text(struct body *body, const char *text)
{
    body_add(body, text, strlen(text));
}

void body_cut(struct body *body, size_t len)
{
    body->len = len;
    if (body->at != NULL) {
        body->at[len] = '\0';
    }
}

void body_free(struct body *body)
{
    free(body->at);
    *body = (struct body){0};
}

/* --- Escapes: runs of what stays as it is are copied whole. */

void body_json(struct body *body, const char *bytes, size_t size)
{
    static const char hex[] = "0123456789abcdef";
    size_t from = 0;

    body_text(body, "\"");
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        char escape[6] = {'\\', 'u', '0', '0', hex[byte >> 4U], hex[byte & 15U]};

        if (byte >= ' ' && byte != '"' && byte != '\\' && byte != 0x7f) {
            continue;
        }
        body_add(body, bytes + from, i - from);
        body_add(body, escape, sizeof escape);
        from = i + 1;
    }
    body_add(body, bytes + from, size - from);
    body_text(body, "\"");
}

static bool is_unreserved(unsigned char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z')
           || (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' || byte == '_'
           || byte == '~';
}

void body_form(struct body *body, const char *bytes, size_t size)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t from = 0;

    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        char escape[3] = {'%', hex[byte >> 4U], hex[byte & 15U]};

        if (is_unreserved(byte)) {
            continue;
        }
        body_add(body, bytes + from, i - from);
        body_add(body, escape, sizeof escape);
        from = i + 1;
    }
    body_add(body, bytes + from, size - from);
}

void body_base64(struct body *body, const char *bytes, size_t size)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";

    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        unsigned triple = (unsigned)(unsigned char)bytes[i] << 16U;
        char four[4];

        triple |= left > 1 ? (unsigned)(unsigned char)bytes[i + 1] << 8U : 0;
        triple |= left > 2 ? (unsigned)(unsigned char)bytes[i + 2] : 0;
        four[0] = digits[triple >> 18U];
        four[1] = digits[triple >> 12U & 63U];
        four[2] = digits[left > 1 ? triple >> 6U & 63U : PADDING];
        four[3] = digits[left > 2 ? triple & 63U : PADDING];
        body_add(body, four, sizeof four);
    }
}
