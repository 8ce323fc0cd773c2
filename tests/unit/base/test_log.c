/* One line per decision on standard error. */
#include "base/log.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>

#include <stdio.h>
#include <string.h>

static char output[32768];

static struct text logged(void)
{
    FILE *error = cr_get_redirected_stderr();
    size_t len = 0;

    (void)fflush(stderr);
    (void)fclose(stderr); /* ends the pipe, so that reading it ends */
    len = fread(output, 1, sizeof(output), error);
    return text_make(output, len);
}

TestSuite(log, .init = cr_redirect_stderr);

/* What follows "2012-05-02T00:54:06.655Z ". */
static bool says(struct text line, const char *expected)
{
    return line.len > 25 && line.at[23] == 'Z' && line.at[24] == ' '
           && text_equal(text_after(line, 25), text_from(expected));
}

Test(log, a_line_has_time_level_event_and_fields)
{
    struct text text;

    log_warn("disk_low", "free=%d reason=\"%s\"", 7, "full");
    text = logged();
    cr_expect(says(text, "warn disk_low free=7 reason=\"full\"\n"), "%.*s", TEXT_PRINTF(text));
}

Test(log, nobody_can_forge_a_line)
{
    struct text text;

    log_error("bad_name", "name=%s", "a\nb\r\x1b[0m\x7f\xc2\x9b\xc3\xbc");
    text = logged();
    cr_expect(says(text, "error bad_name name=a\\x0ab\\x0d\\x1b[0m\\x7f\\xc2\\x9b\xc3\xbc\n"),
              "%.*s", TEXT_PRINTF(text));
}

Test(log, what_is_not_utf8_is_written_in_hex)
{
    struct text text;

    log_error("bad_name", "name=%s", "a\x9b\xc3\xbc");
    text = logged();
    cr_expect(says(text, "error bad_name name=a\\x9b\\xc3\\xbc\n"), "%.*s", TEXT_PRINTF(text));
}

Test(log, what_is_not_wanted_is_not_written)
{
    struct text rest;

    cr_expect_not(log_wants(LOG_DEBUG));
    log_debug("unseen", "a=%d", 1);
    log_line(LOG_DEBUG, "unseen", "a=%d", 2);
    log_set_level(LOG_ERROR);
    cr_expect(log_wants(LOG_ERROR));
    log_warn("unseen", "a=%d", 3);
    log_info("unseen", "a=%d", 4);
    log_set_level(LOG_DEBUG);
    log_debug("seen", "a=%d", 5);
    log_line(LOG_INFO, "seen", "a=%d", 6);
    log_info("bare", "%s", "");
    rest = logged();
    cr_expect(says(text_cut(&rest, '\n'), "debug seen a=5"));
    cr_expect(says(text_cut(&rest, '\n'), "info seen a=6"));
    cr_expect(says(text_cut(&rest, '\n'), "info bare"));
    cr_expect_eq(rest.len, 0);
}

Test(log, a_long_line_is_cut)
{
    struct text text;

    log_info("long", "%09000d", 1);
    text = logged();
    cr_expect_lt(text.len, 4200);
    cr_expect(text_ends_with(text, T("000...\n")));
}
