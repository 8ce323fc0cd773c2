/* Inside settings/: the settings' table and the parts that read it. */
#ifndef SETTINGS_INTERNAL_H
#define SETTINGS_INTERNAL_H

#include "deliverers/deliverer.h"
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
    const char *least; /* of a number, size or duration; written as a value is */
    const char *most;
    const char *choices;                /* of a text: "a|b", or NULL */
    bool (*is_valid)(struct text text); /* of a text, or NULL */
    const char *form;                   /* of what is_valid takes */
    const char *help;
};

extern const struct setting settings_table[]; /* NULL-terminated by name */

const struct setting *setting_find(struct text name); /* or NULL */
/* The one place where values are checked: file, environment and command line pass it.  `why`
 * says the value and what may stand there, not the setting's name. */
MUST_CHECK enum status setting_read(struct settings *settings, const struct setting *setting,
                                    struct text value, struct why *why);
/* What may stand there, for people: "a whole number from 1 to 100"; empty: any text. */
void setting_form(const struct setting *setting, struct buffer *to);
/* places.c: checks of rows. */
bool text_is_listen(struct text text);
bool text_is_public_url(struct text text);
/* The variable of a setting, or of "transport.option": FANFARE_..., in `room` bytes. */
void variable_name(const char *name, char *ret_variable, size_t room);

/* transport_options.c: one option as it was written; line 0: on the command line.  One that is
 * nested in the file comes as JSON. */
struct option_given {
    struct text transport, name, value;
    bool is_nested;
    int line;
    bool is_known;
    struct option_given *next; /* in the order they were given */
};

/* environment.c: FANFARE_... variables into the settings; those that are of no setting and no
 * option (of settings->options) are mistakes. */
void environment_read(struct settings *settings, struct buffer *errors);
void environment_check(const struct settings *settings, struct buffer *errors);

/* Of a deliverer, with the value that counts. */
struct option_known {
    const struct deliverer *deliverer;
    const struct deliverer_option *option;
    struct text value; /* NUL-terminated */
    struct option_known *next;
};

void option_give(struct settings *settings, const struct option_given *given);
void options_print(const struct settings *settings, struct buffer *to);
/* print.c: a YAML scalar in double quotes that is read back as `text`, which is UTF-8. */
void yaml_add_text(struct buffer *to, struct text text);

/* declared.c: short names of the file, and the AWS attribute that each stands for; the last is
 * empty. */
struct short_name {
    struct text name, attribute;
};

extern const struct short_name declared_short_names[];

/* file.c: scalars into the settings, resources into settings->declared. */
void settings_read_file(struct settings *settings, const char *path, struct buffer *errors);

#endif
