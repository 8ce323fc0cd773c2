/* The parts of a signed request, as the files of this folder hand them to each other. */
#ifndef ACCESS_SIGNED_H
#define ACCESS_SIGNED_H

#include "access/signature.h"
#include "base/buffer.h"
#include "base/digest.h"

#define SIGNATURE_TERMINATOR   "aws4_request"
#define SIGNATURE_ALGORITHM    "AWS4-HMAC-SHA256"
#define SIGNED_HEADERS_MAX     128 /* more would be work that nobody has asked for */
#define SIGNATURE_EXPIRES_MAX  604800
#define BASIC_TIME_SIZE        17 /* "20260615T120000Z" and NUL */
#define BASIC_DATE_LEN         8
#define SIGNATURE_PRESIGNED_MS 900000 /* a signed URL that does not say how long it is good */

struct signed_parts {
    bool is_presigned;
    struct text algorithm;
    struct text credential;
    struct text signature;
    struct text signed_headers;
    struct text date;  /* as sent */
    struct text token; /* at == NULL: none */
    int64_t expires_s; /* of a signed URL; 0: it does not say */
    /* Read from `date` and `credential` by the checks. */
    int64_t time_ms;
    char time_text[BASIC_TIME_SIZE];
    struct text key_id;
    struct text scope_date;
    struct text region;
    struct text service;
    struct text terminator;
};

/* Finds the parts, undecoded beyond their form; false: why not is in *ret. */
MUST_CHECK bool signed_parts_read(const struct http_request *request,
                                  struct signed_parts *ret_parts, struct signature_result *ret);
/* The same text with '?' for what is no printable ASCII, cut to what an answer may carry. */
struct text signed_printable(struct arena *arena, struct text text);
/* Writes the complaint; always false. */
PRINTF_LIKE(4, 5)
bool signed_refuse(const struct http_request *request, struct signature_result *ret,
                   enum signature_fault fault, const char *format, ...);
/* Whether SignedHeaders names it. */
bool signed_has(const struct signed_parts *parts, struct text name);

/* What was signed, in the request's arena. */
struct text canonical_request(const struct http_request *request,
                              const struct signed_parts *parts);
struct text canonical_path(struct arena *arena, struct text path);
struct text canonical_query(struct arena *arena, struct text query, bool is_presigned);

/* "20260615T120000Z" or RFC 1123's "Mon, 15 Jun 2026 12:00:00 GMT". */
MUST_CHECK bool basic_time_parse(struct text text, int64_t *ret_time_ms);
void basic_time_format(int64_t time_ms, char ret_text[BASIC_TIME_SIZE]);

struct signing_scope {
    struct text date;
    struct text region;
    struct text service;
};

/* The derived key: remembered in `keys` (may be NULL), else made anew. */
void signing_key_find(const struct signing_keys *keys, struct text secret,
                      const struct signing_scope *scope, uint8_t ret_key[SHA256_SIZE]);
/* Remembers it.  Only for signatures that were good: others must not drive these out. */
void signing_key_keep(struct signing_keys *keys, struct text secret,
                      const struct signing_scope *scope, const uint8_t key[SHA256_SIZE]);

#endif
