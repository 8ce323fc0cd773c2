/* One policy before every page and operation.  Nobody has to sign in yet: what protects a
 * server on a developer's machine from the web pages that its browser shows is decided here. */
#include "access/access.h"
#include "base/mutants.h"

#include <arpa/inet.h>

#include <string.h>

#define HOST_NAME_MAX_BYTES 253
#define PORT_DIGITS_MAX     5

/* --- Names of hosts. */

static bool is_name_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
           || c == '-' || c == '.' || c == '_';
}

static bool is_name(struct text name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (!is_name_character(name.at[i])) {
            return false;
        }
    }
    return name.len >= 1 && name.len <= HOST_NAME_MAX_BYTES && name.at[0] != '-'
           && name.at[0] != '.';
}

static bool is_address(int family, struct text name)
{
    char copy[INET6_ADDRSTRLEN];
    struct in6_addr address;

    if (name.len >= sizeof copy || name.len == 0) {
        return false;
    }
    memcpy(copy, name.at, name.len);
    copy[name.len] = '\0';
    return strlen(copy) == name.len && inet_pton(family, copy, &address) == 1;
}

/* Nothing, or ":" and up to 65535. */
static bool is_port(struct text rest)
{
    struct text digits = text_after(rest, 1);
    int64_t port = -1;

    if (rest.len == 0) {
        return true;
    }
    return rest.at[0] == ':' && digits.len >= 1 && digits.len <= PORT_DIGITS_MAX
           && digits.at[0] != '-' && text_to_int64(digits, &port) && port >= 0
           && port <= UINT16_MAX;
}

/* "name:80", "192.0.2.1", "[::1]:80": the name or address alone; false: it is none. */
static bool host_split(struct text host, struct text *ret_name, bool *ret_is_address)
{
    bool is_bracketed = text_starts_with(host, T("["));
    struct text inside = text_after(host, is_bracketed ? 1 : 0);
    size_t end = text_find(inside, is_bracketed ? ']' : ':');
    struct text name = text_first(inside, end);

    *ret_name = name;
    if (is_bracketed) {
        *ret_is_address = is_address(AF_INET6, name);
        return *ret_is_address && end < inside.len && is_port(text_after(inside, end + 1));
    }
    *ret_is_address = is_address(AF_INET, name);
    return is_name(name) && is_port(text_after(inside, end));
}

/* What stands between "://" and the path. */
static struct text url_authority(struct text url)
{
    size_t colon = text_find(url, ':');
    struct text rest = text_after(url, colon);

    rest = text_starts_with(rest, T("://")) ? text_after(rest, 3) : (struct text){0};
    return text_first(rest, text_find(rest, '/'));
}

static bool ends_with_ignoring_case(struct text text, struct text suffix)
{
    return text.len > suffix.len
           && text_equal_ignore_case(text_after(text, text.len - suffix.len), suffix);
}

/* "*", "*.domain" or the name itself. */
static bool is_allowed(const struct door *door, struct text name)
{
    for (size_t i = 0; i < door->allowed_host_count; i++) {
        struct text allowed = door->allowed_hosts[i];
        bool is_suffix = text_starts_with(allowed, T("*."));

        if (text_equal(allowed, T("*")) || text_equal_ignore_case(allowed, name)
            || (is_suffix && ends_with_ignoring_case(name, text_after(allowed, 1)))) {
            return true;
        }
    }
    return false;
}

/* Names that a stranger could have made to point here are known to the operator or refused; an
 * address is no name, and what ends in localhost is nobody's. */
static bool is_known(const struct door *door, struct text name, bool is_literal)
{
    struct text public_name = {0};
    bool is_public_address = false;

    return is_literal || text_equal_ignore_case(name, T("localhost"))
           || ends_with_ignoring_case(name, T(".localhost"))
           || (host_split(url_authority(door->public_url), &public_name, &is_public_address)
               && text_equal_ignore_case(name, public_name))
           || is_allowed(door, name);
}

/* --- The rules: each says why it refuses, or nothing. */

static bool refuse(struct door_refusal *refusal, int status, const char *code,
                   struct text reason)
{
    *refusal = (struct door_refusal){status, code, reason};
    return false;
}

static bool method_rule(const struct http_request *request, struct door_refusal *refusal)
{
    static const struct text methods[] = {TEXT("POST"), TEXT("GET"), TEXT("HEAD")};

    for (size_t i = 0; i < countof(methods); i++) {
        if (text_equal(request->method, methods[i])) {
            return true;
        }
    }
    return refuse(refusal, 405, "MethodNotAllowed", T("only GET, HEAD and POST"));
}

static bool host_rule(const struct door *door, const struct http_request *request,
                      struct door_refusal *refusal)
{
    struct text name;
    bool is_literal = false;

    if (request->host.len == 0) {
        return true; /* HTTP/1.0: no browser sends that */
    }
    if (!host_split(request->host, &name, &is_literal)) {
        return refuse(refusal, 400, "InvalidHost",
                      T("the Host header is no name or address with a port"));
    }
    if (is_known(door, name, is_literal) || mutant("access.any-host")) {
        return true;
    }
    return refuse(refusal, 421, "MisdirectedRequest",
                  arena_printf(request->arena,
                               "this server does not go by the name of %.*s: let the setting "
                               "allowed_hosts say that it does",
                               TEXT_PRINTF(name)));
}

/* "http://name:80", by what the request itself was sent to. */
static bool is_own_origin(const struct door *door, const struct http_request *request,
                          struct text origin)
{
    struct text authority = url_authority(origin);
    struct text public_authority = url_authority(door->public_url);

    return authority.len > 0
           && (mutant("access.any-origin") || text_equal_ignore_case(authority, request->host)
               || text_equal_ignore_case(authority, public_authority));
}

/* A web page somewhere made somebody's browser send this.  Browsers say so in one of two
 * headers, or in both; programs in neither. */
static bool origin_rule(const struct door *door, const struct http_request *request,
                        struct door_refusal *refusal)
{
    struct text site = http_request_header(request, T("Sec-Fetch-Site"));
    struct text origin = http_request_header(request, T("Origin"));
    bool is_own_site =
        site.len == 0 || text_equal(site, T("same-origin")) || text_equal(site, T("none"));

    if (mutant("access.any-site")) {
        is_own_site = true;
    }
    if (is_own_site && (origin.len == 0 || is_own_origin(door, request, origin))) {
        return true;
    }
    return refuse(refusal, 403, "AccessDenied",
                  T("this is not for browsers that come from elsewhere"));
}

/* A webhook that leads back here would run what its query says, for ever. */
static bool delivery_rule(const struct http_request *request, struct door_refusal *refusal)
{
    if (http_request_header(request, T("x-amz-sns-message-type")).len == 0
        || mutant("access.runs-deliveries")) {
        return true;
    }
    return refuse(refusal, 403, "AccessDenied", T("a delivery of a message runs no action"));
}

bool door_admits(const struct door *door, const struct http_request *request, bool is_open,
                 struct door_refusal *ret_refusal)
{
    return method_rule(request, ret_refusal) && host_rule(door, request, ret_refusal)
           && (is_open || origin_rule(door, request, ret_refusal))
           && delivery_rule(request, ret_refusal);
}
