/* The text that both sides sign: what the client meant, whatever spelling it came in. */
#include "access/signed.h"
#include "base/encoding.h"

#include <stdlib.h>

/* --- The path. */

/* The segments that remain, "." and ".." resolved; how many. */
static size_t segments_resolve(struct text path, struct text *segments)
{
    size_t count = 0;

    while (path.len > 0) {
        struct text segment = text_cut(&path, '/');

        if (text_equal(segment, T(".."))) {
            count -= count > 0;
        } else if (segment.len > 0 && !text_equal(segment, T("."))) {
            segments[count++] = segment;
        }
    }
    return count;
}

/* What is encoded on the wire is encoded once more: of our services only S3 would not. */
struct text canonical_path(struct arena *arena, struct text path)
{
    size_t room = 3 * path.len + 2;
    struct buffer to = buffer_over(arena_take(arena, room), room);
    struct text *segments = arena_array(arena, text_count(path, '/') + 1, sizeof *segments);
    size_t count = segments_resolve(path, segments);

    for (size_t i = 0; i < count; i++) {
        buffer_add_byte(&to, '/');
        percent_encode(&to, segments[i]);
    }
    if (count == 0 || text_ends_with(path, T("/"))) {
        buffer_add_byte(&to, '/');
    }
    return buffer_text(&to);
}

/* --- The query. */

struct pair {
    struct text name;
    struct text value;
};

static int pair_compare(const void *a, const void *b)
{
    const struct pair *left = a;
    const struct pair *right = b;
    int names = text_compare(left->name, right->name);

    return names != 0 ? names : text_compare(left->value, right->value);
}

/* However it was encoded: decoded, and encoded the one way. */
static struct text part_encode(struct arena *arena, struct text raw)
{
    struct buffer plain = buffer_over(arena_take(arena, raw.len + 1), raw.len + 1);
    struct text meant = percent_decode(&plain, raw, false) ? buffer_text(&plain) : raw;
    size_t room = 3 * meant.len + 1;
    struct buffer to = buffer_over(arena_take(arena, room), room);

    percent_encode(&to, meant);
    return buffer_text(&to);
}

struct text canonical_query(struct arena *arena, struct text query, bool is_presigned)
{
    struct pair *pairs = arena_array(arena, text_count(query, '&') + 1, sizeof *pairs);
    size_t room = 3 * query.len + text_count(query, '&') + 2;
    size_t count = 0;

    while (query.len > 0) {
        struct text value = text_cut(&query, '&');
        struct text name = text_cut(&value, '=');
        struct pair pair = {part_encode(arena, name), part_encode(arena, value)};
        bool is_left_out = is_presigned && text_equal(pair.name, T("X-Amz-Signature"));

        if (!is_left_out && pair.name.len + pair.value.len > 0) {
            pairs[count++] = pair;
        }
    }
    struct buffer to = buffer_over(arena_take(arena, room), room);

    if (count > 0) {
        qsort(pairs, count, sizeof *pairs, pair_compare);
    }
    for (size_t i = 0; i < count; i++) {
        buffer_add(&to, i > 0 ? T("&") : T(""));
        buffer_add(&to, pairs[i].name);
        buffer_add_byte(&to, '=');
        buffer_add(&to, pairs[i].value);
    }
    return buffer_text(&to);
}

/* --- The headers. */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Trimmed, with one blank for each run of them. */
static void value_add(struct buffer *to, struct text value)
{
    bool is_first = true;

    for (size_t i = 0; i < value.len; i++) {
        if (is_blank(value.at[i])) {
            continue;
        }
        if (!is_first && is_blank(value.at[i - 1])) {
            buffer_add_byte(to, ' ');
        }
        buffer_add_byte(to, value.at[i]);
        is_first = false;
    }
}

static void name_add(struct buffer *to, struct text name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];

        if (c >= 'A' && c <= 'Z') {
            c = (char)(c - 'A' + 'a');
        }
        buffer_add_byte(to, c);
    }
}

static void header_add(struct buffer *to, const struct http_request *request, struct text name)
{
    size_t count = 0;

    name_add(to, name);
    buffer_add_byte(to, ':');
    for (size_t i = 0; i < request->header_count; i++) {
        if (text_equal_ignore_case(request->headers[i].name, name)) {
            buffer_add(to, count > 0 ? T(",") : T(""));
            value_add(to, request->headers[i].value);
            count++;
        }
    }
    if (count == 0 && text_equal_ignore_case(name, T("host"))) {
        value_add(to, request->host); /* HTTP/2 says it as :authority */
    }
    buffer_add_byte(to, '\n');
}

/* More than all lines of headers can take. */
static size_t headers_room(const struct http_request *request, const struct signed_parts *parts)
{
    size_t room = request->host.len;

    for (size_t i = 0; i < request->header_count; i++) {
        room += request->headers[i].value.len + 1;
    }
    /* A name may stand there more than once. */
    return room * (text_count(parts->signed_headers, ';') + 1) + 3 * parts->signed_headers.len;
}

struct text canonical_request(const struct http_request *request,
                              const struct signed_parts *parts)
{
    struct arena *arena = request->arena;
    struct text path = canonical_path(arena, request->path);
    struct text query = canonical_query(arena, request->query, parts->is_presigned);
    uint8_t digest[SHA256_SIZE];
    struct text names = parts->signed_headers;
    struct buffer to;

    buffer_init(&to, request->method.len + path.len + query.len + headers_room(request, parts)
                         + parts->signed_headers.len + 128);
    buffer_add(&to, request->method);
    buffer_add_byte(&to, '\n');
    buffer_add(&to, path);
    buffer_add_byte(&to, '\n');
    buffer_add(&to, query);
    buffer_add_byte(&to, '\n');
    while (names.len > 0) {
        header_add(&to, request, text_cut(&names, ';'));
    }
    buffer_add_byte(&to, '\n');
    buffer_add(&to, parts->signed_headers);
    buffer_add_byte(&to, '\n');
    digest_sha256(request->body, digest);
    hex_encode(&to, text_make(digest, sizeof digest));
    struct text whole = arena_copy(arena, buffer_text(&to));

    buffer_free(&to);
    return whole;
}
