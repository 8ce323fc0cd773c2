/* Inside settings/: the settings' table and the parts that read it. */
#ifndef SETTINGS_INTERNAL_H
#define SETTINGS_INTERNAL_H

#include "settings/settings.h"

enum setting_type {
    SETTING_TEXT,
    SETTING_LIST, /* in a variable: separated by commas */
    SETTING_BOOLEAN,
    SETTING_NUMBER,
    SETTING_SIZE,    /* bytes, KiB, MiB, GiB */
    SETTING_DURATION /* ms, s (and no unit), m, h, d */
};

struct setting {
    const char *name;
    enum setting_type type;
    size_t offset;
    const char *value; /* the default */
    const char *help;
};

extern const struct setting settings_table[]; /* NULL-terminated by name */

const struct setting *setting_find(struct text name); /* or NULL */
MUST_CHECK enum status setting_read(struct settings *settings, const struct setting *setting,
                                    struct text value, struct why *why);

/* transport_options.c: one option as it was written; line 0: on the command line.  One that is
 * nested in the file comes as JSON. */
struct option_given {
    struct text transport, name, value;
    bool is_nested;
    int line;
    bool is_known;
    struct option_given *next; /* in the order they were given */
};

void option_give(struct settings *settings, const struct option_given *given);
void options_print(const struct settings *settings, struct buffer *to);
/* file.c: scalars into the settings, resources into settings->declared. */
void settings_read_file(struct settings *settings, const char *path, struct buffer *errors);

#endif
