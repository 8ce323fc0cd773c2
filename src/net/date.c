/* The Date header's value, formatted once a second. */
#include "base/clock.h"
#include "net/internal.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const char date_days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char date_months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/* Not strftime: the names must not depend on the locale. */
static void date_format(struct date *date, time_t seconds)
{
    char text[64];
    struct tm parts = {0};

    (void)gmtime_r(&seconds, &parts);
    (void)snprintf(text, sizeof(text), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                   date_days[parts.tm_wday], parts.tm_mday, date_months[parts.tm_mon],
                   parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
    memcpy(date->text, text, DATE_SIZE);
}

struct text date_text(struct date *date, uint64_t loop_ms)
{
    if (loop_ms >= date->expires_ms) {
        int64_t now_ms = clock_now_ms();

        date_format(date, (time_t)(now_ms / 1000));
        date->expires_ms = loop_ms + 1000 - (uint64_t)(now_ms % 1000);
    }
    return text_make(date->text, DATE_SIZE);
}
