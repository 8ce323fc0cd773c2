/* The one reader of endpoint URLs. */
#include "deliverers/common/url.h"

#include <arpa/inet.h>

#include <stdio.h>
#include <string.h>

/* A stretch of the text that is being read. */
struct url_span {
    const char *at;
    size_t len;
};

#define LABEL_MAX 63

static bool refuse(const char **ret_why, const char *why)
{
    *ret_why = why;
    return false;
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static char lower(char byte)
{
    if (byte < 'A' || byte > 'Z') {
        return byte;
    }
    return (char)(byte + ('a' - 'A'));
}

static int hex_value(char byte)
{
    if (is_digit(byte)) {
        return byte - '0';
    }
    return lower(byte) >= 'a' && lower(byte) <= 'f' ? lower(byte) - ('a' - 10) : -1;
}

/* Position of the first byte that is one of `wanted`, or span.len. */
static size_t span_find(struct url_span span, const char *wanted)
{
    size_t place = 0;

    while (place < span.len && strchr(wanted, span.at[place]) == NULL) {
        place++;
    }
    return place;
}

static struct url_span span_after(struct url_span span, size_t from)
{
    return (struct url_span){.at = span.at + from, .len = span.len - from};
}

/* --- The characters at large. */

/* Printable ASCII only, and no backslash: browsers take it for a slash, others do not. */
static bool check_characters(struct url_span text, const char **ret_why)
{
    if (text.len > URL_MAX) {
        return refuse(ret_why, "the URL is longer than 2048 characters");
    }
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.at[i];

        if (byte <= ' ' || byte == 0x7f) {
            return refuse(ret_why, "there is a blank or a control character in the URL");
        }
        if (byte > 0x7f) {
            return refuse(ret_why, "the URL is not ASCII: write the host in punycode and the "
                                   "rest with %-escapes");
        }
        if (strchr("\\\"<>^`{|}", (char)byte) != NULL) {
            return refuse(ret_why, "there is a character in the URL that must be %-escaped");
        }
        if (byte == '#') {
            return refuse(ret_why, "a fragment ('#') of a URL is never sent");
        }
    }
    return true;
}

/* Cuts "http://" or "https://" off. */
static bool read_scheme(struct url_span *rest, struct url *url, const char **ret_why)
{
    static const struct url_span schemes[] = {{"http://", 7}, {"https://", 8}};

    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t same = 0;

        while (same < schemes[i].len && same < rest->len
               && lower(rest->at[same]) == schemes[i].at[same]) {
            same++;
        }
        if (same == schemes[i].len) {
            url->is_tls = i == 1;
            *rest = span_after(*rest, same);
            return true;
        }
    }
    return refuse(ret_why, "the URL must begin with http:// or https://");
}

/* --- User and password. */

/* The byte that begins at `*io_place`, which moves to its last character; -1: a bad escape. */
static int decode_byte(struct url_span from, size_t *io_place)
{
    size_t place = *io_place;

    if (from.at[place] != '%') {
        return (unsigned char)from.at[place];
    }
    if (from.len - place < 3) {
        return -1;
    }
    int high = hex_value(from.at[place + 1]);
    int low = hex_value(from.at[place + 2]);

    *io_place = place + 2;
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

static bool decode(struct url_span from, char *to, size_t room)
{
    size_t len = 0;

    for (size_t i = 0; i < from.len; i++) {
        int byte = decode_byte(from, &i);

        if (byte < ' ' || byte == 0x7f || len + 1 >= room) {
            return false;
        }
        to[len++] = (char)byte;
    }
    to[len] = '\0';
    return true;
}

static bool read_user(struct url_span user, struct url *url, const char **ret_why)
{
    if (span_find(user, "[]") < user.len) {
        return refuse(ret_why, "there is a bracket in front of the @ of the URL");
    }
    size_t colon = span_find(user, ":");
    struct url_span password =
        colon < user.len ? span_after(user, colon + 1) : (struct url_span){"", 0};

    if (!decode((struct url_span){user.at, colon}, url->user, sizeof url->user)
        || !decode(password, url->password, sizeof url->password)) {
        return refuse(ret_why,
                      "the user or password in the URL has a bad escape or is too long");
    }
    url->has_user = true;
    return true;
}

/* --- The host. */

static bool read_ipv6(struct url_span inside, struct url *url, const char **ret_why)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;

    if (inside.len >= sizeof text) {
        return refuse(ret_why, "what stands between [ and ] is not an IPv6 address");
    }
    memcpy(text, inside.at, inside.len);
    text[inside.len] = '\0';
    if (inet_pton(AF_INET6, text, &address) != 1) {
        return refuse(ret_why, "what stands between [ and ] is not an IPv6 address");
    }
    (void)inet_ntop(AF_INET6, &address, url->host, sizeof url->host);
    url->kind = URL_IPV6;
    return true;
}

/* Whether somebody may take this label for a number: digits, or 0x and hex digits. */
static bool is_numeric_label(struct url_span label)
{
    bool is_hex = label.len >= 2 && label.at[0] == '0' && lower(label.at[1]) == 'x';

    for (size_t i = is_hex ? 2 : 0; i < label.len; i++) {
        if (is_hex ? hex_value(label.at[i]) < 0 : !is_digit(label.at[i])) {
            return false;
        }
    }
    return true;
}

static bool is_label(struct url_span label)
{
    if (label.len == 0 || label.len > LABEL_MAX || label.at[0] == '-'
        || label.at[label.len - 1] == '-') {
        return false;
    }
    for (size_t i = 0; i < label.len; i++) {
        char byte = lower(label.at[i]);

        if (!is_digit(byte) && !(byte >= 'a' && byte <= 'z') && byte != '-' && byte != '_') {
            return false;
        }
    }
    return true;
}

/* `host` without a dot at its end; *ret_last its last label. */
static bool check_labels(struct url_span host, struct url_span *ret_last)
{
    for (;;) {
        size_t dot = span_find(host, ".");

        *ret_last = (struct url_span){host.at, dot};
        if (!is_label(*ret_last)) {
            return false;
        }
        if (dot == host.len) {
            return true;
        }
        host = span_after(host, dot + 1);
    }
}

static bool read_name(struct url_span host, struct url *url, const char **ret_why)
{
    bool ends_in_dot = host.len > 0 && host.at[host.len - 1] == '.';
    struct url_span last;
    struct in_addr address;

    host.len -= ends_in_dot ? 1 : 0;
    if (host.len > URL_HOST_MAX || !check_labels(host, &last)) {
        return refuse(ret_why, "the URL's host is not a valid name");
    }
    for (size_t i = 0; i < host.len; i++) {
        url->host[i] = lower(host.at[i]);
    }
    url->host[host.len] = '\0';
    url->kind = URL_NAME;
    if (!is_numeric_label(last)) {
        return true;
    }
    if (ends_in_dot || inet_pton(AF_INET, url->host, &address) != 1) {
        return refuse(ret_why, "the URL's host looks like an address, but is not four decimal "
                               "numbers");
    }
    url->kind = URL_IPV4;
    return true;
}

static bool read_port(struct url_span digits, struct url *url, const char **ret_why)
{
    uint32_t port = 0;

    for (size_t i = 0; i < digits.len; i++) {
        if (!is_digit(digits.at[i]) || i >= 5) {
            return refuse(ret_why, "the URL's port is not a number from 1 to 65535");
        }
        port = port * 10 + (uint32_t)(digits.at[i] - '0');
    }
    if (port == 0 || port > UINT16_MAX) {
        return refuse(ret_why, "the URL's port is not a number from 1 to 65535");
    }
    url->port = (uint16_t)port;
    return true;
}

static bool read_host_and_port(struct url_span place, struct url *url, const char **ret_why)
{
    bool is_bracketed = place.len > 0 && place.at[0] == '[';
    size_t end = is_bracketed ? span_find(place, "]") : span_find(place, ":");

    if (is_bracketed) {
        if (end == place.len) {
            return refuse(ret_why, "the URL's [ is not closed");
        }
        if (!read_ipv6((struct url_span){place.at + 1, end - 1}, url, ret_why)) {
            return false;
        }
        end++;
    } else if (!read_name((struct url_span){place.at, end}, url, ret_why)) {
        return false;
    }
    url->port = url->is_tls ? 443 : 80;
    if (end == place.len) {
        return true;
    }
    if (place.at[end] != ':') {
        return refuse(ret_why, "there is something behind the ] of the URL's host");
    }
    return read_port(span_after(place, end + 1), url, ret_why);
}

/* --- The whole. */

static void write_plain(struct url *url, struct url_span path)
{
    bool is_default_port = url->port == (url->is_tls ? 443 : 80);
    char port[8] = "";

    if (!is_default_port) {
        (void)snprintf(port, sizeof port, ":%u", url->port);
    }
    (void)snprintf(url->plain, sizeof url->plain, "%s://%s%s%s%s%s%.*s",
                   url->is_tls ? "https" : "http", url->kind == URL_IPV6 ? "[" : "", url->host,
                   url->kind == URL_IPV6 ? "]" : "", port,
                   path.len > 0 && path.at[0] == '/' ? "" : "/", (int)path.len, path.at);
}

bool url_read(const char *text, struct url *ret, const char **ret_why)
{
    struct url_span rest = {.at = text, .len = strnlen(text, URL_MAX + 1)};
    struct url url = {0};

    if (!check_characters(rest, ret_why) || !read_scheme(&rest, &url, ret_why)) {
        return false;
    }
    struct url_span place = {rest.at, span_find(rest, "/?")};
    struct url_span path = span_after(rest, place.len);
    size_t at = span_find(place, "@");

    if (at < place.len) {
        if (!read_user((struct url_span){place.at, at}, &url, ret_why)) {
            return false;
        }
        place = span_after(place, at + 1);
    }
    if (!read_host_and_port(place, &url, ret_why)) { /* a second @ is no part of a name */
        return false;
    }
    write_plain(&url, path);
    *ret = url;
    return true;
}
