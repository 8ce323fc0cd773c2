/* The words of JSON: strings, numbers and literals over borrowed bytes, strict RFC 8259. */
#ifndef FILTERS_JSON_H
#define FILTERS_JSON_H

#include "slice.h"

/* Deeper than this many open objects and arrays is not JSON for us, as for Jackson. */
#define JSON_DEPTH_MAX 1000

static inline const char *json_skip_blanks(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) {
        at++;
    }
    return at;
}

/* A string's bytes between the quotes, as written. */
struct json_string {
    struct slice raw;
    bool escaped; /* contains a backslash: json_unescape it */
};

/* `at` stands behind the opening quote.  Returns the place behind the closing one, or NULL:
 * unterminated, a control character, or a malformed escape. */
const char *json_string_scan(const char *at, const char *end, struct json_string *ret_string);
/* Writes at most raw.len bytes of UTF-8 and returns how many.  The raw text must have been
 * accepted by json_string_scan.  A lone surrogate becomes its three bytes. */
size_t json_unescape(struct slice raw, char *to);
/* `at` stands on the first byte of a number; NULL when it is not one. */
const char *json_number_scan(const char *at, const char *end);
/* `at` stands on a letter; NULL unless it is true, false or null. */
const char *json_literal_scan(const char *at, const char *end);

#endif
