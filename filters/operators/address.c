/* IPv4 in four decimal parts, IPv6 in groups of hexadecimal digits. */
#include "operators/address.h"

#define V4_TEXT_MAX 15
#define V6_TEXT_MAX 64

static bool is_decimal(char byte)
{
    return byte >= '0' && byte <= '9';
}

static int hex_value(char byte)
{
    if (is_decimal(byte)) {
        return byte - '0';
    }
    byte = (char)(byte | 0x20);
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* One decimal part up to 255 at *at; moves *at behind it. */
static bool part_read(struct slice text, size_t *at, unsigned char *ret_part)
{
    unsigned value = 0;
    size_t start = *at;

    while (*at < text.len && is_decimal(text.at[*at])) {
        value = value * 10 + (unsigned)(text.at[*at] - '0');
        if (value > 255) {
            return false;
        }
        ++*at;
    }
    *ret_part = (unsigned char)value;
    return *at > start;
}

static bool v4_parse(struct slice text, unsigned char to[4])
{
    size_t at = 0;

    if (text.len > V4_TEXT_MAX) {
        return false;
    }
    for (unsigned part = 0; part < 4; part++) {
        if (!part_read(text, &at, &to[part])) {
            return false;
        }
        if (part < 3 && (at == text.len || text.at[at++] != '.')) {
            return false;
        }
    }
    return at == text.len;
}

struct groups {
    unsigned char bytes[16];
    size_t count; /* of bytes */
    size_t gap;   /* where "::" stands, or SIZE_MAX */
};

/* Reads one group of digits at *at; moves *at behind it. */
static bool group_read(struct slice text, size_t *at, struct groups *groups)
{
    unsigned value = 0;
    size_t start = *at;

    while (*at < text.len && hex_value(text.at[*at]) >= 0) {
        value = value * 16 + (unsigned)hex_value(text.at[*at]);
        if (value > 0xffff) {
            return false;
        }
        ++*at;
    }
    if (*at == start || groups->count == 16) {
        return false;
    }
    groups->bytes[groups->count++] = (unsigned char)(value >> 8);
    groups->bytes[groups->count++] = (unsigned char)value;
    return true;
}

/* Reads the colons at *at: one, or two where no two have been; none may end the text alone. */
static bool colons_read(struct slice text, size_t *at, struct groups *groups)
{
    if (text.at[*at] != ':') {
        return false;
    }
    ++*at;
    if (*at < text.len && text.at[*at] == ':') {
        if (groups->gap != SIZE_MAX) {
            return false;
        }
        groups->gap = groups->count;
        ++*at;
        return true;
    }
    return *at < text.len && groups->count > 0;
}

static bool groups_read(struct slice text, struct groups *groups)
{
    size_t at = 0;

    while (at < text.len) {
        bool fine = hex_value(text.at[at]) >= 0 ? group_read(text, &at, groups)
                                                : colons_read(text, &at, groups);

        if (!fine) {
            return false;
        }
    }
    return groups->gap == SIZE_MAX ? groups->count == 16 : groups->count < 16;
}

static bool v6_parse(struct slice text, unsigned char to[16])
{
    struct groups groups = {.gap = SIZE_MAX};
    size_t tail;

    if (text.len < 2 || text.len > V6_TEXT_MAX || !groups_read(text, &groups)) {
        return false;
    }
    if (groups.gap == SIZE_MAX) {
        groups.gap = 16;
    }
    tail = groups.count > groups.gap ? groups.count - groups.gap : 0;
    memset(to, 0, 16);
    memcpy(to, groups.bytes, groups.count - tail);
    if (tail > 0) {
        memcpy(to + (16 - tail), groups.bytes + groups.gap, tail);
    }
    return true;
}

/* Decides in one look for nearly every string that is not an address. */
static bool has_address_bytes(struct slice text, char *ret_separator)
{
    bool dots = false;
    bool colons = false;

    if (text.len < 2 || text.len > V6_TEXT_MAX) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        dots = dots || text.at[i] == '.';
        colons = colons || text.at[i] == ':';
        if (hex_value(text.at[i]) < 0 && text.at[i] != '.' && text.at[i] != ':') {
            return false;
        }
    }
    *ret_separator = dots ? '.' : ':';
    return dots != colons;
}

uint8_t address_parse(struct slice text, unsigned char to[16])
{
    static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    char separator;

    if (!has_address_bytes(text, &separator)) {
        return 0;
    }
    if (separator == '.') {
        return v4_parse(text, to) ? 4 : 0;
    }
    if (!v6_parse(text, to)) {
        return 0;
    }
    if (memcmp(to, mapped, sizeof mapped) == 0) {
        memmove(to, to + 12, 4);
        return 4;
    }
    return 16;
}

bool address_looks_like(struct slice text)
{
    unsigned dots = 0;
    bool digits = false;
    char separator;

    if (!has_address_bytes(text, &separator)) {
        return false;
    }
    for (size_t i = 0; separator == '.' && i < text.len; i++) {
        if (text.at[i] == '.' ? !digits : !is_decimal(text.at[i])) {
            return false;
        }
        digits = text.at[i] != '.';
        dots += text.at[i] == '.';
    }
    return separator == ':' || (dots == 3 && digits);
}
