/* Mail: addresses, encodings, and what a relay's refusal means. */
#include "deliverers/common/outcomes.h"
#include "deliverers/smtp/smtp.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LONG_64 "0123456789012345678901234567890123456789012345678901234567890123"

static const struct {
    const char *address;
    bool is_good;
} addresses[] = {
    {"a@b", true},
    {"first.last+tag@sub.example-domain.net", true},
    {"o'brien_#$&*/=?^`{|}~@example.net", true},
    {LONG_64 "@example.net", true},
    {LONG_64 "x@example.net", false},
    {"a@xn--exmple-cua.net", true},
    {"a@" LONG_64 ".net", false},
    {"", false},
    {"@", false},
    {"a@", false},
    {"@b", false},
    {"a@b@c", false},
    {".a@b", false},
    {"a.@b", false},
    {"a..b@c", false},
    {"-a@b", false},
    {"a@-b", false},
    {"a@b-", false},
    {"a@b.", false},
    {"a@.b", false},
    {"a@b_c", false},
    {"a%b@c", false},
    {"a!b@c", false},
    {"\"a\"@b", false},
    {"a@[127.0.0.1]", false},
    {"<a@b>", false},
    {"a,b@c", false},
    {"a:b@c", false},
    {"a b@c", false},
    {"a@b\r\nDATA", false},
    {"a@b\n", false},
    {"\xc3\xa4@b", false},
    {"a@\xc3\xa4", false},
};

Test(mail_address, takes_what_can_only_be_a_mailbox)
{
    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        const char *why = NULL;

        cr_expect_eq(address_check(addresses[i].address, &why), addresses[i].is_good, "%s",
                     addresses[i].address);
        cr_expect(addresses[i].is_good || why != NULL, "%s", addresses[i].address);
    }
}

static const struct {
    const char *command;
    int code;
    enum verdict verdict;
} refusals[] = {
    {"RCPT", 450, VERDICT_RETRY},     {"RCPT", 550, VERDICT_REFUSED},
    {"DATA", 452, VERDICT_RETRY},     {"DATA", 554, VERDICT_REFUSED},
    {"MAIL", 552, VERDICT_REFUSED},   {"MAIL", 530, VERDICT_RETRY},
    {"RCPT", 530, VERDICT_RETRY},     {"AUTH", 535, VERDICT_RETRY},
    {"AUTH", 504, VERDICT_RETRY},     {"", 421, VERDICT_RETRY},
    {"", 554, VERDICT_RETRY},         {"EHLO", 550, VERDICT_RETRY},
    {"STARTTLS", 502, VERDICT_RETRY},
};

Test(mail_outcome, is_final_only_when_it_is_about_the_mail)
{
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        const char *advice = NULL;

        cr_expect_eq(outcome_of_smtp(refusals[i].command, refusals[i].code, &advice),
                     refusals[i].verdict, "%s %d", refusals[i].command, refusals[i].code);
        cr_expect_not_null(advice);
    }
}

static char *written(struct text_buffer *to)
{
    put(to, "", 1);
    cr_assert_not(to->is_broken);
    return to->at;
}

Test(mail_encoding, is_quoted_printable_as_rfc_2045_has_it)
{
    static const struct {
        const char *text, *encoded;
    } rows[] = {
        {"plain", "plain\r\n"},
        {"a=b", "a=3Db\r\n"},
        {"blank \nend", "blank=20\r\nend\r\n"},
        {"tab\t", "tab=09\r\n"},
        {"a\rb\r\nc\n", "a\r\nb\r\nc\r\n\r\n"},
        {"\xc3\xa4", "=C3=A4\r\n"},
        {"", "\r\n"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct text_buffer text = {0};

        put_quoted_printable(&text, rows[i].text, strlen(rows[i].text));
        cr_expect_str_eq(written(&text), rows[i].encoded);
        free(text.at);
    }
}

static void check_lines(const char *text, size_t most)
{
    for (const char *end = strstr(text, "\r\n"); end != NULL; end = strstr(text, "\r\n")) {
        cr_expect_leq((size_t)(end - text), most);
        cr_expect_null(memchr(text, '\n', (size_t)(end - text)));
        text = end + 2;
    }
    cr_expect_str_empty(text);
}

Test(mail_encoding, keeps_lines_short)
{
    for (size_t len = 70; len < 400; len++) {
        struct text_buffer quoted = {0};
        struct text_buffer base64 = {0};
        char body[400];

        for (size_t i = 0; i < len; i++) {
            body[i] = i % 7 == 0 ? '=' : 'x';
        }
        put_quoted_printable(&quoted, body, len);
        put_base64_lines(&base64, body, len);
        check_lines(written(&quoted), 76);
        check_lines(written(&base64), 76);
        free(quoted.at);
        free(base64.at);
    }
}

Test(mail_header, holds_nothing_but_its_text)
{
    struct text_buffer text = {0};

    put_text_header(&text, "Subject", "plain");
    put_text_header(&text, "Subject", "a\r\nBcc: x@example.net");
    put_text_header(&text, "Subject", "=?UTF-8?Q?x?=");
    put_mailbox_header(&text, "From", "A \"B\" \\", "a@b");
    cr_expect_str_eq(written(&text), "Subject: plain\r\n"
                                     "Subject: =?UTF-8?B?YSAgQmNjOiB4QGV4YW1wbGUubmV0?=\r\n"
                                     "Subject: =?UTF-8?B?PT9VVEYtOD9RP3g/PQ==?=\r\n"
                                     "From: \"A \\\"B\\\" \\\\\"\r\n <a@b>\r\n");
    free(text.at);
}

Test(mail_header, cuts_no_character_between_two_words)
{
    struct text_buffer text = {0};

    put_text_header(&text, "Subject",
                    "0123456789012345678901234567890123456\xe2\x82\xac\xe2\x82\xac tail");
    char *line = written(&text);

    cr_expect_eq(strncmp(line, "Subject: =?UTF-8?B?", 19), 0);
    cr_expect_not_null(strstr(line, "?=\r\n =?UTF-8?B?4oKs"), "%s", line);
    check_lines(line, 76);
    free(text.at);
}
