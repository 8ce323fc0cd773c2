/* Where the settings come from, and how they are printed. */
#include "base/units.h"
#include "settings/internal.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum status settings_set(struct settings *settings, struct text name, struct text value,
                         struct why *why)
{
    const struct setting *setting = setting_find(name);
    struct text option = name;
    struct text transport = text_cut(&option, '.');

    if (setting == NULL && option.len > 0) {
        const struct option_given given = {
            .transport = transport, .name = option, .value = value};

        option_give(settings, &given);
        return STATUS_OK;
    }
    if (setting == NULL) {
        return fail(why, STATUS_INVALID, "there is no setting \"%.*s\"", TEXT_PRINTF(name));
    }
    return setting_read(settings, setting, value, why);
}

/* --- Printing. */

static void print_value(const struct settings *settings, const struct setting *setting,
                        struct buffer *to)
{
    const void *member = (const char *)settings + setting->offset;
    const struct text_list *list = member;

    switch (setting->type) {
    case SETTING_TEXT:
        buffer_printf(to, "\"%.*s\"", TEXT_PRINTF(*(const struct text *)member));
        break;
    case SETTING_LIST:
        buffer_add_byte(to, '[');
        for (size_t i = 0; i < list->count; i++) {
            buffer_printf(to, "%s\"%.*s\"", i > 0 ? ", " : "", TEXT_PRINTF(list->items[i]));
        }
        buffer_add_byte(to, ']');
        break;
    case SETTING_BOOLEAN:
        buffer_add_string(to, *(const bool *)member ? "true" : "false");
        break;
    case SETTING_NUMBER: buffer_add_int64(to, *(const int64_t *)member); break;
    case SETTING_SIZE: units_write(to, *(const int64_t *)member, units_of_size); break;
    case SETTING_DURATION: units_write(to, *(const int64_t *)member, units_of_duration); break;
    }
}

void settings_print(const struct settings *settings, struct buffer *to)
{
    for (const struct setting *row = settings_table; row->name != NULL; row++) {
        buffer_printf(to, "# %s\n%s: ", row->help, row->name);
        print_value(settings, row, to);
        buffer_add_byte(to, '\n');
    }
    options_print(settings, to);
}

/* --- Where they come from. */

static enum status read_environment(struct settings *settings, struct buffer *errors)
{
    for (const struct setting *row = settings_table; row->name != NULL; row++) {
        char name[64];
        struct why why;

        (void)snprintf(name, sizeof name, "FANFARE_%s", row->name);
        for (char *at = name; *at != '\0'; at++) {
            *at = (char)toupper((unsigned char)*at);
        }
        const char *value = getenv(name); /* NOLINT(concurrency-mt-unsafe): before any thread */

        if (value != NULL && setting_read(settings, row, text_from(value), &why) != STATUS_OK) {
            buffer_printf(errors, "$%s: %s\n", name, why.text);
        }
    }
    return errors->len == 0 ? STATUS_OK : STATUS_INVALID;
}

static const char *config_file(const char *file)
{
    const char *named = getenv("FANFARE_CONFIG"); /* NOLINT(concurrency-mt-unsafe) */

    if (file != NULL) {
        return file;
    }
    if (named != NULL) {
        return named;
    }
    return access("/etc/fanfare/fanfare.yaml", R_OK) == 0 ? "/etc/fanfare/fanfare.yaml" : NULL;
}

enum status settings_load(struct settings *settings, const char *file, struct buffer *errors)
{
    const char *path = config_file(file);

    *settings = (struct settings){0};
    for (const struct setting *row = settings_table; row->name != NULL; row++) {
        struct why why;

        if (setting_read(settings, row, text_from(row->value), &why) != STATUS_OK) {
            buffer_printf(errors, "%s: %s\n", row->name, why.text);
        }
    }
    if (path != NULL) {
        settings->file = arena_copy(&settings->arena, text_from(path));
        settings_read_file(settings, path, errors);
    }
    return read_environment(settings, errors);
}

void settings_find_data(struct settings *settings)
{
    const char *state = getenv("STATE_DIRECTORY"); /* NOLINT(concurrency-mt-unsafe) */
    const char *xdg = getenv("XDG_STATE_HOME");    /* NOLINT(concurrency-mt-unsafe) */
    const char *home = getenv("HOME");             /* NOLINT(concurrency-mt-unsafe) */

    if (settings->data.len > 0) {
        return;
    }
    if (state != NULL) {
        settings->data = arena_copy(&settings->arena, text_from(state));
    } else if (xdg != NULL) {
        settings->data = arena_printf(&settings->arena, "%s/fanfare", xdg);
    } else {
        settings->data = arena_printf(&settings->arena, "%s/.local/state/fanfare",
                                      home != NULL ? home : "/var/lib");
    }
}

void settings_free(struct settings *settings)
{
    arena_free(&settings->arena);
}
