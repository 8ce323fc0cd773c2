/* Finds the parts of a signature in a request: strict, and in AWS's words where one is missing.
 */
#include "access/signed.h"
#include "base/form.h"

#include <string.h>

#define PRINTABLE_MAX 1024 /* of what a client sent, in a complaint to it */

struct text signed_printable(struct arena *arena, struct text text)
{
    struct text copy = arena_copy(arena, text_first(text, PRINTABLE_MAX));
    char *at = arena_take(arena, copy.len + 1);

    for (size_t i = 0; i < copy.len; i++) {
        char c = copy.at[i];

        at[i] = '?';
        if (c >= ' ' && c <= '~') {
            at[i] = c;
        }
    }
    return text_make(at, copy.len);
}

bool signed_refuse(const struct http_request *request, struct signature_result *ret,
                   enum signature_fault fault, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    ret->message = arena_vprintf(request->arena, format, arguments);
    va_end(arguments);
    ret->fault = fault;
    return false;
}

bool signed_has(const struct signed_parts *parts, struct text name)
{
    struct text names = parts->signed_headers;

    while (names.len > 0) {
        if (text_equal_ignore_case(text_cut(&names, ';'), name)) {
            return true;
        }
    }
    return false;
}

/* --- The header. */

static struct text trimmed(struct text text)
{
    while (text.len > 0 && (text.at[0] == ' ' || text.at[0] == '\t')) {
        text = text_after(text, 1);
    }
    while (text.len > 0 && (text.at[text.len - 1] == ' ' || text.at[text.len - 1] == '\t')) {
        text.len--;
    }
    return text;
}

struct part {
    struct text name;
    struct text *value;
};

/* Others are nobody's business; false: it was there before. */
static bool part_set(const struct part *known, size_t count, struct text name,
                     struct text value)
{
    for (size_t i = 0; i < count; i++) {
        if (text_equal(name, known[i].name)) {
            bool is_first = known[i].value->len == 0;

            *known[i].value = value;
            return is_first;
        }
    }
    return true;
}

/* "Credential=…, SignedHeaders=…, Signature=…"; false: one stands there twice. */
static bool header_parts(struct text header, struct signed_parts *parts)
{
    const struct part known[] = {{T("Credential"), &parts->credential},
                                 {T("Signature"), &parts->signature},
                                 {T("SignedHeaders"), &parts->signed_headers}};
    bool is_single = true;

    parts->algorithm = text_first(header, text_find(header, ' '));
    header = text_after(header, parts->algorithm.len);
    while (header.len > 0) {
        struct text value = trimmed(text_cut(&header, ','));
        struct text name = text_cut(&value, '=');

        is_single = part_set(known, countof(known), name, value) && is_single;
    }
    return is_single;
}

static bool header_read(const struct http_request *request, struct text header,
                        struct signed_parts *parts, struct signature_result *ret)
{
    static const char requires[] = "Authorization header requires ";
    struct text shown = signed_printable(request->arena, header);
    bool is_single = header_parts(header, parts);

    parts->date = http_request_header(request, T("X-Amz-Date"));
    if (parts->date.len == 0) {
        parts->date = http_request_header(request, T("Date"));
    }
    parts->token = http_request_header(request, T("X-Amz-Security-Token"));
    bool has_all = parts->credential.len > 0 && parts->signature.len > 0
                   && parts->signed_headers.len > 0 && parts->date.len > 0;

    if (is_single && has_all) {
        return true;
    }
    return signed_refuse(
        request, ret, SIGNATURE_INCOMPLETE, "%s%s%s%s%s%s%s%s%sAuthorization=%.*s",
        is_single ? "" : "Authorization header has a parameter twice. ",
        parts->credential.len > 0 ? "" : requires,
        parts->credential.len > 0 ? "" : "'Credential' parameter. ",
        parts->signature.len > 0 ? "" : requires,
        parts->signature.len > 0 ? "" : "'Signature' parameter. ",
        parts->signed_headers.len > 0 ? "" : requires,
        parts->signed_headers.len > 0 ? "" : "'SignedHeaders' parameter. ",
        parts->date.len > 0 ? "" : requires,
        parts->date.len > 0 ? "" : "existence of either a 'X-Amz-Date' or a 'Date' header. ",
        TEXT_PRINTF(shown));
}

/* --- The query. */

static struct text parameter(const struct http_request *request, struct text name)
{
    return form_find(request->arena, request->query, name, NULL);
}

/* 0: it does not say; -1: it says what cannot be. */
static int64_t expires_read(struct text text)
{
    int64_t seconds = -1;

    if (text.at == NULL) {
        return 0;
    }
    return text_to_int64(text, &seconds) && seconds >= 1 && seconds <= SIGNATURE_EXPIRES_MAX
               ? seconds
               : -1;
}

static bool query_read(const struct http_request *request, struct signed_parts *parts,
                       struct signature_result *ret)
{
    struct buffer lacks;
    const struct part known[] = {{T("X-Amz-Algorithm"), &parts->algorithm},
                                 {T("X-Amz-Credential"), &parts->credential},
                                 {T("X-Amz-Signature"), &parts->signature},
                                 {T("X-Amz-SignedHeaders"), &parts->signed_headers},
                                 {T("X-Amz-Date"), &parts->date}};

    buffer_init(&lacks, WHY_MAX);
    for (size_t i = 0; i < countof(known); i++) {
        *known[i].value = parameter(request, known[i].name);
        if (known[i].value->len == 0) {
            buffer_printf(&lacks, "AWS query-string parameters must include '%.*s'. ",
                          TEXT_PRINTF(known[i].name));
        }
    }
    parts->token = parameter(request, T("X-Amz-Security-Token"));
    if (parts->token.at == NULL) {
        parts->token = http_request_header(request, T("X-Amz-Security-Token"));
    }
    parts->expires_s = expires_read(parameter(request, T("X-Amz-Expires")));
    bool is_good = lacks.len == 0;

    if (!is_good) {
        is_good = signed_refuse(request, ret, SIGNATURE_INCOMPLETE,
                                "%.*sRe-examine the query-string parameters.",
                                TEXT_PRINTF(buffer_text(&lacks)));
    } else if (parts->expires_s < 0) {
        is_good = signed_refuse(request, ret, SIGNATURE_INCOMPLETE,
                                "X-Amz-Expires must be a number of seconds from 1 to %d.",
                                SIGNATURE_EXPIRES_MAX);
    }
    buffer_free(&lacks);
    return is_good;
}

bool signed_parts_read(const struct http_request *request, struct signed_parts *ret_parts,
                       struct signature_result *ret)
{
    struct text header = trimmed(http_request_header(request, T("Authorization")));
    bool has_algorithm = parameter(request, T("X-Amz-Algorithm")).at != NULL;

    *ret_parts = (struct signed_parts){.is_presigned = has_algorithm};
    if (header.at != NULL && has_algorithm) {
        return signed_refuse(request, ret, SIGNATURE_BOTH_FORMS,
                             "Found both 'X-Amz-Algorithm' as a query-string param and "
                             "'Authorization' as HTTP header.");
    }
    if (text_starts_with(header, T("AWS4-"))) {
        return header_read(request, header, ret_parts, ret);
    }
    ret_parts->is_presigned = has_algorithm
                              || parameter(request, T("X-Amz-Credential")).at != NULL
                              || parameter(request, T("X-Amz-Signature")).at != NULL;
    if (header.at == NULL && ret_parts->is_presigned) {
        return query_read(request, ret_parts, ret);
    }
    return signed_refuse(request, ret, SIGNATURE_MISSING,
                         "Request is missing Authentication Token");
}
