/* URLs taken apart, and made fit to be shown. */
#include "base/url.h"

#include <criterion/criterion.h>

struct split_row {
    const char *url;
    const char *user, *password, *host, *rest;
    uint16_t port;
};

Test(url, is_taken_apart_as_libcurl_does_it)
{
    static const struct split_row rows[] = {
        {"http://a.example", "", "", "a.example", "", 80},
        {"https://a.example/p?q#f", "", "", "a.example", "/p?q#f", 443},
        {"HTTPS://a.example", "", "", "a.example", "", 443},
        {"http://a.example:8080/x", "", "", "a.example", "/x", 8080},
        {"http://u:p@a.example/", "u", "p", "a.example", "/", 80},
        {"http://u@a.example", "u", "", "a.example", "", 80},
        {"http://u:p@q@a.example?x", "u", "p@q", "a.example", "?x", 80},
        {"http://u:p:q@[::1]:99/", "u", "p:q", "::1", "/", 99},
        {"http://[fe80::1]", "", "", "fe80::1", "", 80},
        {"http://a.example/u:p@b", "", "", "a.example", "/u:p@b", 80},
        {"http://a.example:0", "", "", "a.example", "", 0},
        {"http://a.example:65536", "", "", "a.example", "", 0},
        {"http://a.example:8x", "", "", "a.example", "", 0},
    };

    for (size_t i = 0; i < countof(rows); i++) {
        struct url url;

        cr_assert(url_split(text_from(rows[i].url), &url), "%s", rows[i].url);
        cr_expect(text_equal(url.user, text_from(rows[i].user)), "%s", rows[i].url);
        cr_expect(text_equal(url.password, text_from(rows[i].password)), "%s", rows[i].url);
        cr_expect(text_equal(url.host, text_from(rows[i].host)), "%s", rows[i].url);
        cr_expect(text_equal(url.rest, text_from(rows[i].rest)), "%s", rows[i].url);
        cr_expect_eq(url_port(&url), rows[i].port, "%s", rows[i].url);
    }
}

Test(url, is_none_without_scheme_or_host)
{
    static const char *const rows[] = {"",          "a.example",     "://a",      "http:/a",
                                       "http://",   "http:///p",     "http://u@", "http://[::1",
                                       "http://[]", "http://[::1]x", "mailto:a@b"};

    for (size_t i = 0; i < countof(rows); i++) {
        struct url url;

        cr_expect_not(url_split(text_from(rows[i]), &url), "%s", rows[i]);
    }
}

struct shown_row {
    const char *url, *without_password, *without_secrets;
};

Test(url, shows_neither_passwords_nor_in_logs_queries)
{
    static const struct shown_row rows[] = {
        {"http://u:SECRET@h/p?token=T", "http://u:****@h/p?token=T", "http://u:****@h/p?****"},
        {"https://u:SE@CRET@h:1", "https://u:****@h:1", "https://u:****@h:1"},
        {"http://h?token=T", "http://h?token=T", "http://h?****"},
        {"http://u@h/p", "http://u@h/p", "http://u@h/p"},
        {"arn:aws:sqs:us-east-1:000000000000:q", "arn:aws:sqs:us-east-1:000000000000:q",
         "arn:aws:sqs:us-east-1:000000000000:q"},
        {"+4915112345678", "+4915112345678", "+4915112345678"},
        {"a@b.example", "a@b.example", "a@b.example"},
        {"", "", ""},
    };
    struct arena arena = {0};

    for (size_t i = 0; i < countof(rows); i++) {
        struct text url = text_from(rows[i].url);
        struct text one = url_without_password(&arena, url);
        struct text two = url_without_secrets(&arena, url);

        cr_expect(text_equal(one, text_from(rows[i].without_password)), "%.*s",
                  TEXT_PRINTF(one));
        cr_expect(text_equal(two, text_from(rows[i].without_secrets)), "%.*s",
                  TEXT_PRINTF(two));
    }
    arena_free(&arena);
}
