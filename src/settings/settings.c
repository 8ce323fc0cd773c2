/* Where the settings come from. */
#include "settings/internal.h"

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
    struct why reason;

    return setting_read(settings, setting, value, &reason) == STATUS_OK
               ? STATUS_OK
               : fail(why, STATUS_INVALID, "%s: %s", setting->name, reason.text);
}

/* --- Where they come from. */

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
    environment_read(settings, errors);
    return errors->len == 0 ? STATUS_OK : STATUS_INVALID;
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
