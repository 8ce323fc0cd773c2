/* The times that signatures carry. */
#include "access/signed.h"
#include "base/timestamp.h"

#include <stdio.h>

#define HTTP_TIME_LEN 29 /* "Mon, 15 Jun 2026 12:00:00 GMT" */

/* As timestamp_parse wants it, which knows what days there are. */
static bool extended_parse(int year, int month, int day, struct text clock,
                           int64_t *ret_time_ms)
{
    char extended[64];
    int len = snprintf(extended, sizeof extended, "%04d-%02d-%02dT%.*sZ", year, month, day,
                       TEXT_PRINTF(clock));

    return len > 0 && (size_t)len < sizeof extended
           && timestamp_parse(text_make(extended, (size_t)len), ret_time_ms);
}

/* Exactly `width` digits at `from`, or -1. */
static int digits(struct text text, size_t from, size_t width)
{
    int value = 0;

    for (size_t i = from; i < from + width; i++) {
        if (i >= text.len || text.at[i] < '0' || text.at[i] > '9') {
            return -1;
        }
        value = value * 10 + (text.at[i] - '0');
    }
    return value;
}

static bool iso_parse(struct text text, int64_t *ret_time_ms)
{
    int hour = digits(text, 9, 2);
    int minute = digits(text, 11, 2);
    int second = digits(text, 13, 2);
    char clock[40];

    if (text.len != BASIC_TIME_SIZE - 1 || digits(text, 0, BASIC_DATE_LEN) < 0
        || text.at[BASIC_DATE_LEN] != 'T' || text.at[text.len - 1] != 'Z' || hour < 0
        || minute < 0 || second < 0) {
        return false;
    }
    (void)snprintf(clock, sizeof clock, "%02d:%02d:%02d", hour, minute, second);
    return extended_parse(digits(text, 0, 4), digits(text, 4, 2), digits(text, 6, 2),
                          text_from(clock), ret_time_ms);
}

static int month_number(struct text name)
{
    static const struct text months = TEXT("JanFebMarAprMayJunJulAugSepOctNovDec");

    for (size_t i = 0; i < months.len; i += 3) {
        if (text_equal(text_first(text_after(months, i), 3), name)) {
            return (int)(i / 3) + 1;
        }
    }
    return -1;
}

static bool http_parse(struct text text, int64_t *ret_time_ms)
{
    if (text.len != HTTP_TIME_LEN || !text_ends_with(text, T(" GMT"))
        || !text_equal(text_first(text_after(text, 3), 2), T(", "))) {
        return false;
    }
    int month = month_number(text_first(text_after(text, 8), 3));
    int day = digits(text, 5, 2);
    int year = digits(text, 12, 4);

    return month > 0 && day > 0 && year >= 0
           && extended_parse(year, month, day, text_first(text_after(text, 17), 8),
                             ret_time_ms);
}

bool basic_time_parse(struct text text, int64_t *ret_time_ms)
{
    return iso_parse(text, ret_time_ms) || http_parse(text, ret_time_ms);
}

void basic_time_format(int64_t time_ms, char ret_text[BASIC_TIME_SIZE])
{
    char extended[TIMESTAMP_SIZE];
    size_t len = 0;

    timestamp_format(time_ms, extended);
    for (const char *from = extended; *from != '.' && *from != '\0'; from++) {
        if (*from != '-' && *from != ':' && len < BASIC_TIME_SIZE - 2) {
            ret_text[len++] = *from;
        }
    }
    ret_text[len++] = 'Z';
    ret_text[len] = '\0';
}
