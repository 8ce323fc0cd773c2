/* A request's headers: those of the subscription, read, and all of them, put together. */
#include "http.h"

#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CUSTOM_MAX   64   /* of a subscription */
#define CUSTOM_SPACE 8192 /* bytes of all of them */

/* --- Fanfare.Headers. */

/* Those that the transport or the signatures depend on; "x-*": all that begin so. */
static const char *const reserved[] = {
    "Host",
    "Content-Length",
    "Transfer-Encoding",
    "Connection",
    "Keep-Alive",
    "Proxy-Connection",
    "Proxy-Authorization",
    "Proxy-Authenticate",
    "TE",
    "Trailer",
    "Upgrade",
    "Expect",
    "Content-Encoding",
    "Accept-Encoding",
    "webhook-*",
    "x-amz-sns-*",
    "ce-*",
    "HTTP2-Settings",
};

static bool is_reserved(const char *name)
{
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++) {
        size_t size = strlen(reserved[i]);
        bool is_prefix = reserved[i][size - 1] == '*';

        if (is_prefix ? strncasecmp(name, reserved[i], size - 1) == 0
                      : strcasecmp(name, reserved[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* RFC 9110, 5.6.2: a token. */
static bool is_header_name(const char *name)
{
    static const char allowed[] = "!#$%&'*+-.^_`|~0123456789"
                                  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

    return name[0] != '\0' && strspn(name, allowed) == strlen(name);
}

static bool is_header_value(const char *value)
{
    for (; *value != '\0'; value++) {
        if (((unsigned char)*value < ' ' && *value != '\t') || *value == 0x7f) {
            return false;
        }
    }
    return true;
}

static const char *custom_add(struct custom *custom, const char *name, const char *value)
{
    if (!is_header_name(name)) {
        return "there is a header whose name is not one";
    }
    if (is_reserved(name)) {
        return "Host, Content-Length, Content-Encoding, Accept-Encoding, Expect, Connection and "
               "other hop-by-hop headers, webhook-*, x-amz-sns-* and ce-* cannot be set";
    }
    if (!is_header_value(value)) {
        return "there is a control character in a header's value";
    }
    if (custom->header_count == CUSTOM_MAX) {
        return "there are more than 64 headers";
    }
    size_t size = strlen(name) + strlen(value) + 3;
    char **headers =
        realloc((void *)custom->headers, (custom->header_count + 1) * sizeof(char *));
    char *line = malloc(size);

    custom->headers = headers != NULL ? headers : custom->headers;
    if (headers == NULL || line == NULL) {
        free(line);
        return "out of memory";
    }
    /* "Name;" is libcurl's way to send a header without a value. */
    (void)snprintf(line, size, value[0] == '\0' ? "%s;" : "%s: %s", name, value);
    custom->headers[custom->header_count++] = line;
    custom->has_content_type |= strcasecmp(name, "Content-Type") == 0;
    return NULL;
}

static const char *read_object(struct custom *custom, const char *text)
{
    json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    const char *fault =
        json_is_object(object) ? NULL : "must be a JSON object of header names and values";
    const char *name = NULL;
    json_t *value = NULL;

    json_object_foreach(object, name, value)
    {
        if (fault == NULL) {
            fault = json_is_string(value) ? custom_add(custom, name, json_string_value(value))
                                          : "must be a JSON object whose values are strings";
        }
    }
    json_decref(object);
    return fault;
}

/* "Name: value", to the end of the line. `line` is changed. */
static const char *read_line(struct custom *custom, char *line)
{
    char *colon = strchr(line, ':');
    size_t size = strlen(line);

    if (size > 0 && line[size - 1] == '\r') {
        line[size - 1] = '\0';
    }
    if (line[0] == '\0') {
        return NULL;
    }
    if (colon == NULL) {
        return "must be a JSON object, or lines of the form Name: value";
    }
    *colon++ = '\0';
    return custom_add(custom, line, colon + strspn(colon, " \t"));
}

static const char *read_lines(struct custom *custom, const char *text)
{
    char *copy = strdup(text);
    char *rest = copy;
    const char *fault = copy == NULL ? "out of memory" : NULL;

    while (rest != NULL && fault == NULL) {
        char *line = rest;

        rest = strchr(line, '\n');
        if (rest != NULL) {
            *rest++ = '\0';
        }
        fault = read_line(custom, line);
    }
    free(copy);
    return fault;
}

const char *custom_read_headers(struct custom *custom, const char *value)
{
    const char *start = value + strspn(value, " \t\r\n");

    if (strlen(value) > CUSTOM_SPACE) {
        return "is longer than 8192 bytes";
    }
    return *start == '{' ? read_object(custom, start) : read_lines(custom, value);
}

/* --- All of a request. */

/* What every request says alike.  A name alone takes away a header of libcurl's own. */
static struct curl_slist common_headers[] = {
    {(char[]){"Connection: Keep-Alive"}, &common_headers[1]},
    {(char[]){"Accept-Encoding: gzip,deflate"}, &common_headers[2]},
    {(char[]){"Accept:"}, &common_headers[3]},
    {(char[]){"Expect:"}, NULL},
};

#define SNS_HEADERS 6

/* Those of this delivery alone. */
static size_t list_own(const struct post *post, struct delivery_field own[SNS_HEADERS])
{
    const struct delivery *delivery = post->delivery;
    bool is_of_sns = delivery->raw || strcmp(delivery->format, "sns") == 0;
    size_t count = 0;

    if (is_of_sns) {
        own[count++] =
            (struct delivery_field){"x-amz-sns-message-type", delivery->message_type};
        own[count++] = (struct delivery_field){"x-amz-sns-message-id", delivery->message_id};
        own[count++] = (struct delivery_field){"x-amz-sns-topic-arn", delivery->topic_arn};
    }
    if (is_of_sns && delivery->subscription_arn[0] != '\0') {
        own[count++] =
            (struct delivery_field){"x-amz-sns-subscription-arn", delivery->subscription_arn};
    }
    if (delivery->raw) {
        own[count++] = (struct delivery_field){"x-amz-sns-rawdelivery", "true"};
    }
    if (post->custom == NULL || !post->custom->has_content_type) {
        own[count++] = (struct delivery_field){"Content-Type", delivery->content_type};
    }
    return count;
}

/* Room for `count` headers in `size` bytes. */
static bool reserve(struct post *post, size_t count, size_t size)
{
    if (count > post->header_room) {
        struct curl_slist *headers = realloc(post->headers, count * sizeof *post->headers);

        if (headers == NULL) {
            return false;
        }
        post->headers = headers;
        post->header_room = count;
    }
    if (size > post->header_text_room) {
        char *text = realloc(post->header_text, size);

        if (text == NULL) {
            return false;
        }
        post->header_text = text;
        post->header_text_room = size;
    }
    return true;
}

static size_t fields_size(const struct delivery_field *fields, size_t count)
{
    size_t size = 0;

    for (size_t i = 0; i < count; i++) {
        size += strlen(fields[i].name) + strlen(fields[i].value) + 3;
    }
    return size;
}

/* Where the next header is written. */
struct header_writer {
    struct post *post;
    char *at;
    size_t count;
};

/* NOLINTNEXTLINE(readability-non-const-parameter): libcurl's member is not const */
static void link_line(struct header_writer *writer, char *line)
{
    writer->post->headers[writer->count++] =
        (struct curl_slist){.data = line, .next = common_headers};
    if (writer->count > 1) {
        writer->post->headers[writer->count - 2].next =
            &writer->post->headers[writer->count - 1];
    }
}

/* false: a value that cannot be sent. */
static bool write_fields(struct header_writer *writer, const struct delivery_field *fields,
                         size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *line = writer->at;

        if (!is_header_value(fields[i].value)) {
            return false;
        }
        writer->at = stpcpy(stpcpy(stpcpy(line, fields[i].name), ": "), fields[i].value) + 1;
        link_line(writer, line);
    }
    return true;
}

bool headers_prepare(struct post *post)
{
    const struct delivery *delivery = post->delivery;
    const struct custom *custom = post->custom;
    struct delivery_field own[SNS_HEADERS];
    size_t own_count = list_own(post, own);
    size_t custom_count = custom == NULL ? 0 : custom->header_count;

    if (!reserve(post, own_count + delivery->header_count + custom_count + 1,
                 fields_size(own, own_count)
                     + fields_size(delivery->headers, delivery->header_count) + 1)) {
        return false;
    }
    struct header_writer writer = {.post = post, .at = post->header_text};

    if (!write_fields(&writer, own, own_count)
        || !write_fields(&writer, delivery->headers, delivery->header_count)) {
        return false;
    }
    for (size_t i = 0; i < custom_count; i++) {
        link_line(&writer, custom->headers[i]);
    }
    (void)curl_easy_setopt(post->easy, CURLOPT_HTTPHEADER,
                           writer.count > 0 ? post->headers : common_headers);
    return true;
}
