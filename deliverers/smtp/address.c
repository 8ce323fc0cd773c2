/* Which addresses may be subscribed.  RFC 5321 allows more than any mailbox needs: quoted local
 * parts, address literals, and by tradition routes ("a%b@c", "a!b@c") that make a relay send
 * somewhere else.  None of that is taken, and nothing beyond ASCII: few relays offer SMTPUTF8,
 * and an address that only some of them can reach would fail long after Subscribe. */
#include "smtp.h"

#include <string.h>

#define LOCAL_MAX  64
#define DOMAIN_MAX 253
#define LABEL_MAX  63

static bool refuse(const char **ret_why, const char *why)
{
    *ret_why = why;
    return false;
}

static bool is_alphanumeric(char byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z')
           || (byte >= 'A' && byte <= 'Z');
}

static bool check_characters(const char *address, const char **ret_why)
{
    for (const char *at = address; *at != '\0'; at++) {
        unsigned char byte = (unsigned char)*at;

        if (byte <= ' ' || byte == 0x7f) {
            return refuse(ret_why, "there is a blank or a control character in the address");
        }
        if (byte > 0x7f) {
            return refuse(ret_why, "the address is not ASCII: write its domain in punycode; "
                                   "mailboxes that need SMTPUTF8 are not served");
        }
    }
    return true;
}

/* Atoms with dots between them. */
static bool check_local(const char *local, size_t len, const char **ret_why)
{
    static const char others[] = "#$&'*+-/=?^_`{|}~";

    if (len == 0 || len > LOCAL_MAX) {
        return refuse(ret_why, "what stands before the @ must be 1 to 64 characters long");
    }
    if (local[0] == '.' || local[0] == '-' || local[len - 1] == '.') {
        return refuse(ret_why, "what stands before the @ must not begin with a dot or a hyphen "
                               "and not end with a dot");
    }
    for (size_t i = 0; i < len; i++) {
        if (local[i] == '%' || local[i] == '!') {
            return refuse(ret_why, "'%' and '!' before the @ are routes, which are not taken");
        }
        if (local[i] == '.' && local[i + 1] == '.') {
            return refuse(ret_why, "there are two dots in a row before the @");
        }
        if (local[i] != '.' && !is_alphanumeric(local[i]) && strchr(others, local[i]) == NULL) {
            return refuse(ret_why, "there is a character before the @ that would need quotes");
        }
    }
    return true;
}

static bool is_label(const char *label, size_t len)
{
    if (len == 0 || len > LABEL_MAX || label[0] == '-' || label[len - 1] == '-') {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (!is_alphanumeric(label[i]) && label[i] != '-') {
            return false;
        }
    }
    return true;
}

static bool check_domain(const char *domain, const char **ret_why)
{
    const char *label = domain;

    if (strlen(domain) > DOMAIN_MAX) {
        return refuse(ret_why, "the address's domain is longer than 253 characters");
    }
    for (;;) {
        size_t len = strcspn(label, ".");

        if (!is_label(label, len)) {
            return refuse(ret_why, "what stands behind the @ is not the name of a domain");
        }
        if (label[len] == '\0') {
            return true;
        }
        label += len + 1;
    }
}

bool address_check(const char *address, const char **ret_why)
{
    const char *at = strchr(address, '@');

    if (strnlen(address, ADDRESS_MAX + 1) > ADDRESS_MAX) {
        return refuse(ret_why, "the address is longer than 254 characters");
    }
    if (!check_characters(address, ret_why)) {
        return false;
    }
    if (at == NULL || strchr(at + 1, '@') != NULL) {
        return refuse(ret_why, "an address has exactly one @");
    }
    return check_local(address, (size_t)(at - address), ret_why)
           && check_domain(at + 1, ret_why);
}
