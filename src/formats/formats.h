/* What is sent of a message: the SNS envelope, or a form that others understand.  Pure. */
#ifndef FORMATS_FORMATS_H
#define FORMATS_FORMATS_H

#include "notification/notification.h"

/* What it is made of; borrowed. */
struct format_input {
    const struct message *message;
    const struct envelope_target *target;
    struct text signature;        /* base64, or empty: none (see format_is_signed) */
    struct text certificate_name; /* of the signature */
    struct text routing_key;      /* Fanfare.RoutingKey, or empty */
};

struct format_header {
    const char *name, *value; /* NUL-terminated, no control characters */
};

#define FORMAT_HEADERS_MAX 32

struct formatted {
    struct text body;         /* in the buffer, or the message's own */
    const char *content_type; /* NULL: what the DeliveryPolicy says */
    struct format_header headers[FORMAT_HEADERS_MAX];
    size_t header_count;
};

struct format;

/* NULL: there is none of that name. */
const struct format *format_find(struct text name);
/* In the order of the table; NULL behind the last. */
const char *format_name_at(size_t index);
const char *format_name(const struct format *format);
/* Whether the SNS signature is a part of it. */
bool format_is_signed(const struct format *format);
/* Whether the headers of SNS (x-amz-sns-...) go with it. */
bool format_is_of_sns(const struct format *format);

/* Renders into `to` (cleared by the caller) and `arena`.  false: the message or the settings
 * lack something, and why (static text). */
MUST_CHECK bool format_render(const struct format *format, const struct format_input *input,
                              struct buffer *to, struct arena *arena,
                              struct formatted *ret_formatted, const char **ret_why);

#endif
