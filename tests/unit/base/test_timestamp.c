/* Dates as AWS writes them. */
#include "base/timestamp.h"

#include <criterion/criterion.h>

#include <string.h>
#include <time.h>

struct row {
    int64_t time_ms;
    const char *text;
};

static const struct row rows[] = {
    {0, "1970-01-01T00:00:00.000Z"},
    {-1, "1969-12-31T23:59:59.999Z"},
    {INT64_C(1335920046655), "2012-05-02T00:54:06.655Z"},
    {INT64_C(951782400000), "2000-02-29T00:00:00.000Z"},
    {INT64_C(4107542399999), "2100-02-28T23:59:59.999Z"},
    {INT64_C(4107542400000), "2100-03-01T00:00:00.000Z"},
    {INT64_C(253402300799999), "9999-12-31T23:59:59.999Z"},
    {INT64_C(-62167219200000), "0000-01-01T00:00:00.000Z"},
};

Test(timestamp, writes_and_reads_the_same)
{
    for (size_t i = 0; i < countof(rows); i++) {
        char text[TIMESTAMP_SIZE];
        int64_t time_ms = 1;

        timestamp_format(rows[i].time_ms, text);
        cr_expect_str_eq(text, rows[i].text);
        cr_expect(timestamp_parse(text_from(rows[i].text), &time_ms), "%s", rows[i].text);
        cr_expect_eq(time_ms, rows[i].time_ms, "%s", rows[i].text);
    }
}

Test(timestamp, agrees_with_the_c_library_on_every_day)
{
    for (int64_t day = -25000; day < 80000; day++) {
        char text[TIMESTAMP_SIZE];
        char expected[TIMESTAMP_SIZE];
        time_t seconds = (time_t)(day * 86400 + 12345);
        struct tm parts;

        timestamp_format((int64_t)seconds * 1000, text);
        cr_assert_not_null(gmtime_r(&seconds, &parts));
        cr_assert_eq(strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%S.000Z", &parts),
                     24);
        cr_assert_str_eq(text, expected);
    }
}

Test(timestamp, years_beyond_four_digits_stay_in_their_room)
{
    char text[TIMESTAMP_SIZE];

    timestamp_format(INT64_MAX, text);
    cr_expect(text_starts_with(text_from(text), T("9999-12-31T")));
    timestamp_format(INT64_MIN, text);
    cr_expect(text_starts_with(text_from(text), T("0000-01-01T")));
}

Test(timestamp, reads_zero_to_three_fraction_digits)
{
    static const struct row short_rows[] = {
        {1000, "1970-01-01T00:00:01Z"},
        {1500, "1970-01-01T00:00:01.5Z"},
        {1250, "1970-01-01T00:00:01.25Z"},
        {1007, "1970-01-01T00:00:01.007Z"},
    };

    for (size_t i = 0; i < countof(short_rows); i++) {
        int64_t time_ms = 0;

        cr_expect(timestamp_parse(text_from(short_rows[i].text), &time_ms));
        cr_expect_eq(time_ms, short_rows[i].time_ms, "%s", short_rows[i].text);
    }
}

Test(timestamp, refuses_what_is_no_date)
{
    static const char *const wrong[] = {
        "",
        "1970-01-01",
        "1970-01-01T00:00:01",
        "1970-01-01 00:00:01Z",
        "1970-01-01T00:00:01.Z",
        "1970-01-01T00:00:01.1234Z",
        "1970-01-01T00:00:01.1xZ",
        "1970-01-01T00:00:01+00:00",
        "1970-01-01T00:00:01ZZ",
        "1970-13-01T00:00:00Z",
        "1970-00-01T00:00:00Z",
        "1970-01-00T00:00:00Z",
        "2001-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "1970-04-31T00:00:00Z",
        "1970-01-01T24:00:00Z",
        "1970-01-01T00:60:00Z",
        "1970-01-01T00:00:60Z",
        "-970-01-01T00:00:00Z",
        "1970-+1-01T00:00:00Z",
    };
    int64_t time_ms = 99;

    for (size_t i = 0; i < countof(wrong); i++) {
        cr_expect_not(timestamp_parse(text_from(wrong[i]), &time_ms), "%s", wrong[i]);
    }
    cr_expect_eq(time_ms, 99);
}
