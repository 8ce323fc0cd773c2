/* Who calls, and who is an admin. */
#include "access/caller.h"

#include <criterion/criterion.h>

#define SECRET "0123456789abcdef0123456789abcdef"

struct visit {
    const char *peer, *name, *value; /* one header, or NULL */
    bool trusts_local, is_admin;
};

static struct caller visit(const struct visit *visit, struct text secret)
{
    const struct caller_rules rules = {.admin_secret = secret,
                                       .trusts_local = visit->trusts_local};
    const struct http_header header = {text_from(visit->name), text_from(visit->value)};
    const struct http_request request = {.peer = text_from(visit->peer),
                                         .headers = &header,
                                         .header_count = visit->name == NULL ? 0 : 1};
    struct caller caller;

    caller_make(&rules, &request, &caller);
    return caller;
}

Test(caller, is_an_admin_by_place_or_by_secret)
{
    static const struct visit rows[] = {
        {"127.0.0.1:50000", NULL, NULL, true, true},
        {"127.8.9.1:50000", NULL, NULL, true, true},
        {"[::1]:50000", NULL, NULL, true, true},
        {"[::ffff:127.0.0.1]:50000", NULL, NULL, true, true},
        {"127.0.0.1:50000", "User-Agent", "Boto3/1.26", true, true},
        /* from elsewhere */
        {"10.0.0.1:50000", NULL, NULL, true, false},
        {"[2001:db8::1]:50000", NULL, NULL, true, false},
        {"[::127.0.0.1]:50000", NULL, NULL, true, false},
        {"", NULL, NULL, true, false},
        /* a proxy stands in front, by what the operator says */
        {"127.0.0.1:50000", NULL, NULL, false, false},
        {"[::1]:50000", NULL, NULL, false, false},
        /* or by what it says itself, even without a value */
        {"127.0.0.1:50000", "X-Forwarded-For", "203.0.113.9", true, false},
        {"127.0.0.1:50000", "x-forwarded-for", "", true, false},
        {"127.0.0.1:50000", "Forwarded", "for=203.0.113.9", true, false},
        {"127.0.0.1:50000", "X-Forwarded-Proto", "https", true, false},
        {"127.0.0.1:50000", "X-Forwarded-Host", "a.example", true, false},
        {"127.0.0.1:50000", "X-Real-IP", "203.0.113.9", true, false},
        {"127.0.0.1:50000", "Via", "1.1 proxy", true, false},
        {"127.0.0.1:50000", "CF-Connecting-IP", "203.0.113.9", true, false},
        /* a browser, by what it cannot leave out */
        {"127.0.0.1:50000", "Origin", "http://127.0.0.1:4566", true, false},
        {"127.0.0.1:50000", "Sec-Fetch-Site", "none", true, false},
        {"127.0.0.1:50000", "Sec-Fetch-Mode", "navigate", true, false},
        {"127.0.0.1:50000", "User-Agent", "Mozilla/5.0 (X11)", true, false},
        /* the secret, from anywhere */
        {"203.0.113.9:1", CALLER_ADMIN_HEADER, SECRET, true, true},
        {"203.0.113.9:1", "x-fanfare-admin", SECRET, false, true},
        {"127.0.0.1:1", CALLER_ADMIN_HEADER, SECRET, false, true},
        {"203.0.113.9:1", CALLER_ADMIN_HEADER, SECRET "0", true, false},
        {"203.0.113.9:1", CALLER_ADMIN_HEADER, "0123456789abcdef0123456789abcdeF", true, false},
        {"203.0.113.9:1", CALLER_ADMIN_HEADER, "", true, false},
    };

    for (size_t i = 0; i < countof(rows); i++) {
        cr_expect_eq(visit(&rows[i], T(SECRET)).is_admin, rows[i].is_admin, "row %zu: %s %s", i,
                     rows[i].peer, rows[i].name == NULL ? "" : rows[i].name);
    }
}

Test(caller, without_a_secret_nobody_has_it)
{
    static const struct visit empty = {"203.0.113.9:1", CALLER_ADMIN_HEADER, "", true, false};

    cr_expect_not(visit(&empty, T("")).is_admin);
    cr_expect(caller_itself.is_admin);
}

Test(caller, has_the_address_of_the_other_end)
{
    static const struct visit four = {.peer = "192.0.2.7:80"},
                              six = {.peer = "[2001:db8::7]:80"};

    cr_expect(text_equal(visit(&four, T("")).address, T("192.0.2.7")));
    cr_expect(text_equal(visit(&six, T("")).address, T("2001:db8::7")));
}
