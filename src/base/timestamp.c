/* Dates as AWS writes them: calendar arithmetic without locale, time zone or lock. */
#include "base/timestamp.h"

#include <string.h>

#define DAY_MS INT64_C(86400000)

enum {
    DAYS_TO_1970 = 719468, /* from 1 March of year 0, where the reckoning below starts */
    DAYS_PER_ERA = 146097, /* 400 years */
    SECONDS_LEN = 19,      /* "2012-05-02T00:54:06" */
    FRACTION_DIGITS_MAX = 3
};

/* First and last day that have a four-digit year. */
#define DAY_MIN (-719528)
#define DAY_MAX 2932896

struct calendar_day {
    int64_t year;
    int64_t month; /* 1..12 */
    int64_t day;   /* 1..31 */
};

/* Years start in March, so that the leap day is their last. */
static int64_t days_from_date(struct calendar_day date)
{
    int64_t year = date.month > 2 ? date.year : date.year - 1;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * ((date.month + 9) % 12) + 2) / 5 + date.day - 1;

    return era * DAYS_PER_ERA + year_of_era * 365 + year_of_era / 4 - year_of_era / 100
           + day_of_year - DAYS_TO_1970;
}

static struct calendar_day date_from_days(int64_t days)
{
    int64_t shifted = days + DAYS_TO_1970;
    int64_t era = (shifted >= 0 ? shifted : shifted - (DAYS_PER_ERA - 1)) / DAYS_PER_ERA;
    int64_t day_of_era = shifted - era * DAYS_PER_ERA;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    int64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;

    return (struct calendar_day){
        .year = year_of_era + era * 400 + (month <= 2 ? 1 : 0),
        .month = month,
        .day = day_of_year - (153 * month_from_march + 2) / 5 + 1,
    };
}

static void digits_write(char *at, size_t count, int64_t value)
{
    for (size_t i = count; i > 0; i--) {
        at[i - 1] = (char)('0' + value % 10);
        value /= 10;
    }
}

static int64_t digits_read(const char *at, size_t count) /* -1 when they are not digits */
{
    int64_t value = 0;

    for (size_t i = 0; i < count; i++) {
        if (at[i] < '0' || at[i] > '9') {
            return -1;
        }
        value = value * 10 + (at[i] - '0');
    }
    return value;
}

void timestamp_format(int64_t time_ms, char ret_text[TIMESTAMP_SIZE])
{
    int64_t days = time_ms / DAY_MS - (time_ms % DAY_MS < 0 ? 1 : 0);
    int64_t rest;
    struct calendar_day date;

    days = days < DAY_MIN ? DAY_MIN : days;
    days = days > DAY_MAX ? DAY_MAX : days;
    rest = (time_ms % DAY_MS + DAY_MS) % DAY_MS;
    date = date_from_days(days);
    memcpy(ret_text, "0000-00-00T00:00:00.000Z", TIMESTAMP_SIZE);
    digits_write(ret_text, 4, date.year);
    digits_write(ret_text + 5, 2, date.month);
    digits_write(ret_text + 8, 2, date.day);
    digits_write(ret_text + 11, 2, rest / 3600000);
    digits_write(ret_text + 14, 2, rest / 60000 % 60);
    digits_write(ret_text + 17, 2, rest / 1000 % 60);
    digits_write(ret_text + 20, 3, rest % 1000);
}

/* "Z" or ".", one to three digits, "Z"; -1 when it is neither. */
static int64_t fraction_ms(struct text tail)
{
    static const int64_t scale[] = {0, 100, 10, 1};
    size_t count;
    int64_t digits;

    if (text_equal(tail, T("Z"))) {
        return 0;
    }
    if (!text_starts_with(tail, T(".")) || !text_ends_with(tail, T("Z"))) {
        return -1;
    }
    count = tail.len - 2;
    if (count < 1 || count > FRACTION_DIGITS_MAX) {
        return -1;
    }
    digits = digits_read(tail.at + 1, count);
    return digits < 0 ? -1 : digits * scale[count];
}

static bool separators_fit(const char *at)
{
    return at[4] == '-' && at[7] == '-' && at[10] == 'T' && at[13] == ':' && at[16] == ':';
}

/* There is no 30 February: the day it would be has another name. */
static bool date_exists(struct calendar_day date)
{
    struct calendar_day found;

    if (date.year < 0 || date.month < 1 || date.month > 12 || date.day < 1) {
        return false;
    }
    found = date_from_days(days_from_date(date));
    return found.month == date.month && found.day == date.day;
}

static int64_t time_of_day_ms(const char *at) /* of "00:54:06"; -1 when there is no such time */
{
    int64_t hour = digits_read(at, 2);
    int64_t minute = digits_read(at + 3, 2);
    int64_t second = digits_read(at + 6, 2);

    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) {
        return -1;
    }
    return ((hour * 60 + minute) * 60 + second) * 1000;
}

bool timestamp_parse(struct text text, int64_t *ret_time_ms)
{
    struct calendar_day date;
    int64_t time;
    int64_t fraction;

    if (text.len < SECONDS_LEN || !separators_fit(text.at)) {
        return false;
    }
    date = (struct calendar_day){.year = digits_read(text.at, 4),
                                 .month = digits_read(text.at + 5, 2),
                                 .day = digits_read(text.at + 8, 2)};
    time = time_of_day_ms(text.at + 11);
    fraction = fraction_ms(text_after(text, SECONDS_LEN));
    if (!date_exists(date) || time < 0 || fraction < 0) {
        return false;
    }
    *ret_time_ms = days_from_date(date) * DAY_MS + time + fraction;
    return true;
}
