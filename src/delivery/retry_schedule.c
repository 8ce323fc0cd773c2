/* Schedules by name or as a list of delays, for who wants other than AWS's phases. */
#include "delivery/retry_policy.h"

#include <string.h>

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

#define TOTAL_MAX (30 * DAY)

struct named_schedule {
    struct text name;
    uint32_t count;
    int64_t delays[RETRY_SCHEDULE_MAX];
};

static const struct named_schedule named[] = {
    /* 27 h 35 min: what webhook senders commonly do. */
    {TEXT("normal"),
     7,
     {5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 10 * HOUR}},
    /* 75 h 35 min: what the Standard Webhooks specification recommends. */
    {TEXT("patient"),
     9,
     {5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR,
      24 * HOUR}},
};

static const struct {
    char letter;
    int64_t ms;
} units[] = {{'s', SECOND}, {'m', MINUTE}, {'h', HOUR}, {'d', DAY}};

static bool delay_parse(struct text text, int64_t *ret_ms)
{
    int64_t number = 0;

    if (text.len < 2 || !text_to_int64(text_first(text, text.len - 1), &number) || number < 0) {
        return false;
    }
    for (size_t i = 0; i < countof(units); i++) {
        if (units[i].letter == text.at[text.len - 1] && number <= TOTAL_MAX / units[i].ms) {
            *ret_ms = number * units[i].ms;
            return true;
        }
    }
    return false;
}

static struct text trimmed(struct text text)
{
    while (text.len > 0 && text.at[0] == ' ') {
        text = text_after(text, 1);
    }
    while (text.len > 0 && text.at[text.len - 1] == ' ') {
        text = text_first(text, text.len - 1);
    }
    return text;
}

static const char *list_parse(struct text list, struct retry_policy *policy)
{
    int64_t total = 0;
    size_t commas = 0;

    for (size_t i = 0; i < list.len; i++) {
        commas += list.at[i] == ',';
    }
    if (commas >= RETRY_SCHEDULE_MAX) {
        return "has more than 50 delays";
    }
    for (size_t i = 0; i <= commas; i++) {
        struct text delay = trimmed(text_cut(&list, ','));

        if (!delay_parse(delay, &policy->schedule[i])) {
            return "must be sns, normal, patient, or delays like 5s,1m,30m,2h";
        }
        total += policy->schedule[i];
    }
    policy->schedule_count = (uint32_t)commas + 1;
    return total <= TOTAL_MAX ? NULL : "takes longer than 30 days in all";
}

static bool named_take(struct text name, struct retry_policy *policy)
{
    for (size_t i = 0; i < countof(named); i++) {
        if (text_equal(name, named[i].name)) {
            policy->schedule_count = named[i].count;
            memcpy(policy->schedule, named[i].delays, sizeof policy->schedule);
            return true;
        }
    }
    return false;
}

bool retry_schedule_parse(struct text text, struct retry_policy *io_policy,
                          const char **ret_reason)
{
    struct retry_policy policy = *io_policy;
    const char *reason = NULL;

    if (text.len == 0 || text_equal(text, T("sns"))) {
        return true;
    }
    if (!named_take(text, &policy)) {
        reason = list_parse(text, &policy);
    }
    if (reason != NULL) {
        *ret_reason = reason;
        return false;
    }
    *io_policy = policy;
    return true;
}
