/* Things that an operator names, out of an option's JSON. */
#include "deliverers/common/named.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool refuse(char why[WHY_ROOM], const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): it was started above */
    (void)vsnprintf(why, WHY_ROOM, format, arguments);
    va_end(arguments);
    return false;
}

static const char *name_of(const struct named *named)
{
    const char *name = NULL;

    memcpy(&name, named->thing, sizeof name);
    return name;
}

bool named_refuse(const struct named *named, const char *format, ...)
{
    char what[WHY_ROOM];
    va_list arguments;

    va_start(arguments, format);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): it was started above */
    (void)vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    return refuse(named->why, "%s %.64s: %s", named->kind->noun, name_of(named), what);
}

/* --- Values. */

static const struct {
    const char *suffix;
    unsigned shift;
} units[] = {{"", 0}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}};

static bool number_read(const json_t *value, uint64_t *ret)
{
    const char *text = json_string_value(value);
    char *end = NULL;

    if (json_is_integer(value)) {
        *ret = json_integer_value(value) < 0 ? UINT64_MAX : (uint64_t)json_integer_value(value);
        return true;
    }
    if (text == NULL || text[0] < '0' || text[0] > '9') {
        return false;
    }
    unsigned long long number = strtoull(text, &end, 10);

    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(end, units[i].suffix) == 0 && number < UINT64_C(1) << 33) {
            *ret = (uint64_t)number << units[i].shift;
            return true;
        }
    }
    return false;
}

bool named_number(const struct named *named, const struct named_setting *setting, json_t *value)
{
    uint64_t number = 0;

    if (!number_read(value, &number)
        || ((number < setting->least || number > setting->most)
            && !(number == 0 && setting->value == 0))) {
        return named_refuse(named, "%s must be a number from %llu to %llu", setting->name,
                            (unsigned long long)setting->least,
                            (unsigned long long)setting->most);
    }
    memcpy(named->thing + setting->offset, &number, sizeof number);
    return true;
}

bool named_text(const struct named *named, const struct named_setting *setting, json_t *value)
{
    char *text = json_string_length(value) == 0 ? NULL : strdup(json_string_value(value));

    if (text == NULL) {
        return named_refuse(named, "%s must be a text", setting->name);
    }
    memcpy(named->thing + setting->offset, &text, sizeof text);
    return true;
}

bool named_flag(const struct named *named, const struct named_setting *setting, json_t *value)
{
    const bool flag = json_is_true(value);

    memcpy(named->thing + setting->offset, &flag, sizeof flag);
    return json_is_boolean(value)
           || named_refuse(named, "%s must be true or false", setting->name);
}

/* --- A thing. */

static void set_defaults(const struct named *named)
{
    for (size_t i = 0; i < named->kind->setting_count; i++) {
        const struct named_setting *setting = &named->kind->settings[i];

        if (setting->take == named_number) {
            memcpy(named->thing + setting->offset, &setting->value, sizeof setting->value);
        }
    }
}

static bool setting_take(const struct named *named, const char *name, json_t *value)
{
    for (size_t i = 0; i < named->kind->setting_count; i++) {
        const struct named_setting *setting = &named->kind->settings[i];

        if (strcmp(setting->name, name) == 0) {
            return setting->take(named, setting, value);
        }
    }
    return named_refuse(named, "there is no setting \"%.64s\"", name);
}

static bool thing_read(const struct named *named, const char *name, json_t *settings)
{
    const struct named_kind *kind = named->kind;
    char *copy = strdup(name);
    const char *key = NULL;
    json_t *value = NULL;

    memcpy(named->thing, &copy, sizeof copy);
    if (copy == NULL || !json_is_object(settings)
        || (kind->is_name != NULL && !kind->is_name(name))) {
        return refuse(named->why, "\"%.64s\": %s", name, kind->rule);
    }
    set_defaults(named);
    json_object_foreach(settings, key, value)
    {
        if (!setting_take(named, key, value)) {
            return false;
        }
    }
    return kind->finish(named);
}

/* --- All of them. */

bool named_read(const struct named_kind *kind, const char *json, void **ret_things,
                size_t *ret_count, char ret_why[WHY_ROOM])
{
    struct named named = {.kind = kind, .why = ret_why};
    json_t *all = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
    char *things = NULL;
    size_t count = 0;
    const char *name = NULL;
    json_t *settings = NULL;
    bool is_good = json_is_object(all)
                   || refuse(ret_why, "it must be names of %s and their settings, each once",
                             kind->plural);

    if (is_good) {
        things = calloc(json_object_size(all) + 1, kind->size);
        is_good = things != NULL || refuse(ret_why, "out of memory");
    }
    json_object_foreach(all, name, settings)
    {
        if (is_good && things != NULL) {
            named.thing = things + count++ * kind->size;
            is_good = thing_read(&named, name, settings);
        }
    }
    json_decref(all);
    if (!is_good) {
        named_free(kind, things, count);
        return false;
    }
    *ret_things = things;
    *ret_count = count;
    return true;
}

void named_free(const struct named_kind *kind, void *things, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        kind->free_thing((char *)things + i * kind->size);
    }
    free(things);
}

void texts_free(char **texts)
{
    for (char **next = texts; next != NULL && *next != NULL; next++) {
        free(*next);
    }
    free(texts);
}
