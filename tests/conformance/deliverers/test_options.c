/* Options that several transports have. */
#include "deliverers/common/options.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *password = "";
static char password_file[64];
static char logged[512];

static const char *option(struct deliverer_host *host, const char *name)
{
    (void)host;
    return strcmp(name, "password") == 0 ? password : password_file;
}

static void log_line(struct deliverer_host *host, int level, const char *line)
{
    (void)host;
    (void)snprintf(logged, sizeof logged, "%d %s", level, line);
}

static struct deliverer_host host = {.option = option, .log = log_line};

static void write_file(const char *text)
{
    (void)snprintf(password_file, sizeof password_file, "/tmp/fanfare-options-XXXXXX");
    int file = mkstemp(password_file);

    cr_assert_geq(file, 0);
    cr_assert_eq(write(file, text, strlen(text)), (ssize_t)strlen(text));
    (void)close(file);
}

Test(options, a_password_is_the_option_or_the_first_line_of_its_file)
{
    char room[8];

    cr_expect(option_password(&host, room, sizeof room));
    cr_expect_str_eq(room, "");
    password = "abc";
    cr_expect(option_password(&host, room, sizeof room));
    cr_expect_str_eq(room, "abc");
    write_file("first\r\nsecond\n");
    cr_expect(option_password(&host, room, sizeof room));
    cr_expect_str_eq(room, "first");
    (void)unlink(password_file);
}

Test(options, a_password_file_that_is_empty_or_missing_is_told_of)
{
    char room[8] = "before";

    write_file("");
    cr_expect_not(option_password(&host, room, sizeof room));
    cr_expect_str_eq(room, "");
    cr_expect_str_eq(logged, "0 option=password_file error=\"it cannot be read, or is empty\"");
    (void)unlink(password_file);
    cr_expect_not(option_first_line(password_file, room, sizeof room));
}
