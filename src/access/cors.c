/* Pages of other sites that the operator lets call the API from browsers: the Fetch standard's
 * CORS, for exact origins alone.  A browser is no operator for that: see caller.c. */
#include "access/access.h"
#include "base/mutants.h"

#define METHODS      "GET, HEAD, POST"
#define EXPOSED      "x-amzn-requestid, x-amzn-query-error, x-amz-crc32"
#define MAX_AGE_S    "600"
#define HEADERS_MOST 5

/* The Origin when it is one of those; else empty. */
static struct text allowed_origin(const struct door *door, const struct http_request *request)
{
    struct text origin = http_request_header(request, T("Origin"));

    for (size_t i = 0; i < door->cors_origin_count && origin.len > 0; i++) {
        if (text_equal(door->cors_origins[i], origin) || mutant("access.cors-for-all")) {
            return origin;
        }
    }
    return (struct text){0};
}

bool cors_admits(const struct door *door, const struct http_request *request)
{
    return allowed_origin(door, request).len > 0;
}

bool cors_is_preflight(const struct door *door, const struct http_request *request)
{
    return text_equal(request->method, T("OPTIONS")) && cors_admits(door, request)
           && http_request_header(request, T("Access-Control-Request-Method")).len > 0;
}

/* "a, b": names of headers and nothing else; it is said again in the answer. */
static bool is_list_of_names(struct text text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
              || c == '-' || c == '_' || c == ',' || c == ' ')) {
            return false;
        }
    }
    return text.len > 0;
}

void cors_answer_headers(const struct door *door, struct http_request *request)
{
    struct http_header *headers =
        arena_array(request->arena, HEADERS_MOST, sizeof(struct http_header));
    struct text wanted = http_request_header(request, T("Access-Control-Request-Headers"));
    size_t count = 0;

    headers[count++] =
        (struct http_header){T("access-control-allow-origin"), allowed_origin(door, request)};
    headers[count++] = (struct http_header){T("vary"), T("Origin")};
    if (!cors_is_preflight(door, request)) {
        headers[count++] = (struct http_header){T("access-control-expose-headers"), T(EXPOSED)};
    } else {
        headers[count++] = (struct http_header){T("access-control-allow-methods"), T(METHODS)};
        headers[count++] = (struct http_header){T("access-control-max-age"), T(MAX_AGE_S)};
        if (is_list_of_names(wanted)) {
            headers[count++] = (struct http_header){T("access-control-allow-headers"), wanted};
        }
    }
    request->answer_headers = headers;
    request->answer_header_count = count;
}
