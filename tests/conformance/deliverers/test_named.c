/* Things that an operator names: how settings are read, and every reason why they are not. */
#include "deliverers/common/named.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

struct lamp {
    char *name;
    char *colour;
    uint64_t watts, bytes;
    bool is_on;
};

static size_t freed;

static bool lamp_finish(const struct named *named)
{
    const struct lamp *lamp = (const void *)named->thing;

    return lamp->colour != NULL || named_refuse(named, "its colour is missing");
}

static void lamp_free(void *thing)
{
    struct lamp *lamp = thing;

    free(lamp->name);
    free(lamp->colour);
    freed++;
}

static bool is_short(const char *name)
{
    return strlen(name) < 9;
}

static const struct named_setting settings[] = {
    {"colour", named_text, offsetof(struct lamp, colour), 0, 0, 0},
    {"watts", named_number, offsetof(struct lamp, watts), 5, 100, 40},
    {"bytes", named_number, offsetof(struct lamp, bytes), 1024, 1 << 20, 0},
    {"on", named_flag, offsetof(struct lamp, is_on), 0, 0, 0},
};

static const struct named_kind kind = {
    .noun = "lamp",
    .plural = "lamps",
    .rule = "a lamp has a short name and settings",
    .is_name = is_short,
    .size = sizeof(struct lamp),
    .settings = settings,
    .setting_count = sizeof settings / sizeof settings[0],
    .finish = lamp_finish,
    .free_thing = lamp_free,
};

Test(named, things_are_read_with_their_settings_and_defaults)
{
    char why[WHY_ROOM] = "";
    void *things = NULL;
    size_t count = 0;

    cr_assert(named_read(&kind,
                         "{\"desk\":{\"colour\":\"red\",\"watts\":\"7\",\"bytes\":\"64KiB\","
                         "\"on\":true},\"bed\":{\"colour\":\"blue\",\"bytes\":0}}",
                         &things, &count, why),
              "%s", why);
    const struct lamp *lamps = things;

    cr_assert_eq(count, 2);
    cr_expect_str_eq(lamps[0].name, "desk");
    cr_expect_str_eq(lamps[0].colour, "red");
    cr_expect_eq(lamps[0].watts, 7);
    cr_expect_eq(lamps[0].bytes, 65536);
    cr_expect(lamps[0].is_on);
    cr_expect_str_eq(lamps[1].name, "bed");
    cr_expect_eq(lamps[1].watts, 40);
    cr_expect_eq(lamps[1].bytes, 0);
    cr_expect_not(lamps[1].is_on);
    named_free(&kind, things, count);
    cr_expect_eq(freed, 2);
}

Test(named, no_things_at_all_are_fine)
{
    char why[WHY_ROOM] = "";
    void *things = NULL;
    size_t count = 1;

    cr_assert(named_read(&kind, "{}", &things, &count, why), "%s", why);
    cr_expect_eq(count, 0);
    named_free(&kind, things, count);
}

static const struct {
    const char *json;
    const char *why;
    size_t freed; /* things that were begun */
} refusals[] = {
    {"", "it must be names of lamps and their settings, each once", 0},
    {"[]", "it must be names of lamps and their settings, each once", 0},
    {"{\"a\":{\"colour\":\"x\"},\"a\":{\"colour\":\"x\"}}",
     "it must be names of lamps and their settings, each once", 0},
    {"{\"a\":1}", "\"a\": a lamp has a short name and settings", 1},
    {"{\"far too long\":{}}", "\"far too long\": a lamp has a short name and settings", 1},
    {"{\"a\":{}}", "lamp a: its colour is missing", 1},
    {"{\"a\":{\"colour\":\"x\"},\"b\":{\"size\":1}}", "lamp b: there is no setting \"size\"",
     2},
    {"{\"a\":{\"colour\":\"\"}}", "lamp a: colour must be a text", 1},
    {"{\"a\":{\"colour\":7}}", "lamp a: colour must be a text", 1},
    {"{\"a\":{\"watts\":4}}", "lamp a: watts must be a number from 5 to 100", 1},
    {"{\"a\":{\"watts\":101}}", "lamp a: watts must be a number from 5 to 100", 1},
    {"{\"a\":{\"watts\":0}}", "lamp a: watts must be a number from 5 to 100", 1},
    {"{\"a\":{\"watts\":-7}}", "lamp a: watts must be a number from 5 to 100", 1},
    {"{\"a\":{\"watts\":\"7 \"}}", "lamp a: watts must be a number from 5 to 100", 1},
    {"{\"a\":{\"watts\":\"-7\"}}", "lamp a: watts must be a number from 5 to 100", 1},
    {"{\"a\":{\"bytes\":\"2MiB\"}}", "lamp a: bytes must be a number from 1024 to 1048576", 1},
    {"{\"a\":{\"bytes\":\"18446744073709551617KiB\"}}",
     "lamp a: bytes must be a number from 1024 to 1048576", 1},
    {"{\"a\":{\"on\":\"yes\"}}", "lamp a: on must be true or false", 1},
};

Test(named, what_cannot_be_read_is_refused_with_its_reason_and_freed)
{
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        char why[WHY_ROOM] = "";
        void *things = NULL;
        size_t count = 0;

        freed = 0;
        cr_expect_not(named_read(&kind, refusals[i].json, &things, &count, why));
        cr_expect_str_eq(why, refusals[i].why);
        cr_expect_eq(freed, refusals[i].freed, "%s", refusals[i].json);
        cr_expect_null(things);
    }
}
