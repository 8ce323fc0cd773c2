/* The cached date. */
#include "net/internal.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <time.h>

Test(date, is_now_in_the_form_of_http_and_formatted_once_a_second)
{
    struct date date = {0};
    struct text text = date_text(&date, 5000);
    uint64_t expires_ms = date.expires_ms;
    struct tm parts = {0};
    char copy[DATE_SIZE + 1] = "";
    time_t then;

    cr_assert_eq(text.len, 29);
    for (size_t i = 0; i < text.len; i++) {
        copy[i] = text.at[i];
    }
    cr_assert_not_null(strptime(copy, "%a, %d %b %Y %H:%M:%S GMT", &parts));
    then = timegm(&parts);
    cr_expect_lt(labs(time(NULL) - then), 3);
    cr_expect(expires_ms > 5000 && expires_ms <= 6000);
    (void)date_text(&date, expires_ms - 1);
    cr_expect_eq(date.expires_ms, expires_ms);
    (void)date_text(&date, expires_ms);
    cr_expect_gt(date.expires_ms, expires_ms);
}
