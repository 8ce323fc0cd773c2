/* Settings that say where: the address that is listened on, the URL that others know. */
#include "base/url.h"
#include "settings/internal.h"

#include <arpa/inet.h>

#include <string.h>

bool listen_split(struct text listen, struct text *ret_address, uint16_t *ret_port)
{
    bool is_bracketed = text_starts_with(listen, T("["));
    struct text inside = text_after(listen, is_bracketed ? 1 : 0);
    size_t end = text_find(inside, is_bracketed ? ']' : ':');
    struct text rest = text_after(inside, end + (is_bracketed ? 1 : 0));
    struct text digits = text_after(rest, 1);
    int64_t port = -1;

    if (rest.len < 2 || rest.at[0] != ':' || !text_to_int64(digits, &port) || port < 0
        || port > UINT16_MAX) {
        return false;
    }
    *ret_address = text_first(inside, end);
    *ret_port = (uint16_t)port;
    return true;
}

bool text_is_listen(struct text text)
{
    char copy[INET6_ADDRSTRLEN];
    struct in6_addr address;
    struct text name = {0};
    uint16_t port = 0;

    if (!listen_split(text, &name, &port) || name.len == 0 || name.len >= sizeof copy) {
        return false;
    }
    memcpy(copy, name.at, name.len);
    copy[name.len] = '\0';
    return inet_pton(AF_INET, copy, &address) == 1 || inet_pton(AF_INET6, copy, &address) == 1;
}

bool text_is_public_url(struct text text)
{
    struct url url;

    return text.len == 0
           || (url_split(text, &url) && url_port(&url) > 0 && url.user.len == 0
               && url.password.len == 0
               && (text_equal(url.scheme, T("http")) || text_equal(url.scheme, T("https")))
               && text_find(text, '?') == text.len && text_find(text, '#') == text.len);
}

static bool is_loopback(struct text host)
{
    return text_starts_with(host, T("127.")) || text_equal(host, T("::1"));
}

bool settings_on_loopback(const struct settings *settings)
{
    struct text address = {0};
    uint16_t port = 0;

    return listen_split(settings->listen, &address, &port) && is_loopback(address);
}

bool settings_trust_local(const struct settings *settings)
{
    struct url url;

    return !url_split(settings->public_url, &url) || is_loopback(url.host)
           || text_equal_ignore_case(url.host, T("localhost"));
}

bool settings_are_private(const struct settings *settings)
{
    return settings_on_loopback(settings) && settings_trust_local(settings);
}

bool settings_egress_loopback(const struct settings *settings)
{
    return text_equal(settings->egress_loopback, T("auto"))
               ? settings_are_private(settings)
               : text_equal(settings->egress_loopback, T("yes"));
}
