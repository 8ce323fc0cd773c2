/* URLs taken apart, and made fit to be shown. */
#include "base/url.h"

#define HIDDEN "****"

static size_t find_last(struct text text, char byte)
{
    size_t at = text.len;

    while (at > 0 && text.at[at - 1] != byte) {
        at--;
    }
    return at == 0 ? text.len : at - 1;
}

static size_t authority_end(struct text text)
{
    size_t end = 0;

    while (end < text.len && text.at[end] != '/' && text.at[end] != '?'
           && text.at[end] != '#') {
        end++;
    }
    return end;
}

static void userinfo_split(struct text userinfo, struct url *url)
{
    size_t colon = text_find(userinfo, ':');

    url->user = text_first(userinfo, colon);
    url->password = text_after(userinfo, colon + 1);
}

/* "host:port", "[::1]:port" */
static bool host_split(struct text place, struct url *url)
{
    bool is_bracketed = text_starts_with(place, T("["));
    struct text inside = text_after(place, is_bracketed ? 1 : 0);
    size_t end = text_find(inside, is_bracketed ? ']' : ':');
    struct text after = text_after(inside, end + (is_bracketed ? 1 : 0));

    url->host = text_first(inside, end);
    url->port = text_after(after, 1);
    return url->host.len > 0 && (after.len == 0 || after.at[0] == ':')
           && (!is_bracketed || end < inside.len);
}

bool url_split(struct text url, struct url *ret_url)
{
    size_t colon = text_find(url, ':');
    struct text rest = text_after(url, colon);

    *ret_url = (struct url){.scheme = text_first(url, colon)};
    if (colon == 0 || !text_starts_with(rest, T("://"))) {
        return false;
    }
    rest = text_after(rest, 3);
    struct text authority = text_first(rest, authority_end(rest));
    size_t at = find_last(authority, '@');

    ret_url->rest = text_after(rest, authority.len);
    if (at < authority.len) {
        userinfo_split(text_first(authority, at), ret_url);
        authority = text_after(authority, at + 1);
    }
    return host_split(authority, ret_url);
}

uint16_t url_port(const struct url *url)
{
    bool is_safe = text_equal_ignore_case(url->scheme, T("https"))
                   || text_equal_ignore_case(url->scheme, T("wss"));
    int64_t port = 0;

    if (url->port.len == 0) {
        return is_safe ? 443 : 80;
    }
    return text_to_int64(url->port, &port) && port > 0 && port <= UINT16_MAX ? (uint16_t)port
                                                                             : 0;
}

static struct text shown(struct arena *arena, struct text url, bool hides_query)
{
    struct url parts;
    bool is_url = url_split(url, &parts);
    bool hides_password = is_url && parts.password.len > 0;
    size_t question = is_url && hides_query ? text_find(parts.rest, '?') : parts.rest.len;

    if (!hides_password && question == parts.rest.len) {
        return url;
    }
    /* What stands around the two is copied as it was written. */
    const char *secret = hides_password ? parts.password.at : parts.rest.at;
    const char *after = hides_password ? secret + parts.password.len : secret;
    struct text before = text_make(url.at, (size_t)(secret - url.at));
    struct text between = text_make(after, (size_t)(parts.rest.at - after));

    return arena_printf(arena, "%.*s%s%.*s%.*s%s", TEXT_PRINTF(before),
                        hides_password ? HIDDEN : "", TEXT_PRINTF(between),
                        TEXT_PRINTF(text_first(parts.rest, question)),
                        question < parts.rest.len ? "?" HIDDEN : "");
}

struct text url_without_password(struct arena *arena, struct text url)
{
    return shown(arena, url, false);
}

struct text url_without_secrets(struct arena *arena, struct text url)
{
    return shown(arena, url, true);
}
