/* The transports' own options: what file, environment and command line say of them, checked
 * against what the deliverers have. */
#include "base/json.h"
#include "outbound/plugins.h"
#include "settings/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void option_give(struct settings *settings, const struct option_given *given)
{
    struct option_given *copy = arena_take(&settings->arena, sizeof *copy);
    struct option_given **last = &settings->options_given;

    *copy = *given;
    copy->transport = arena_copy(&settings->arena, given->transport);
    copy->name = arena_copy(&settings->arena, given->name);
    copy->value = arena_copy(&settings->arena, given->value);
    while (*last != NULL) {
        last = &(*last)->next;
    }
    *last = copy;
}

/* --- Which value counts: file, then environment, then command line. */

/* The last one given in the file, or on the command line. */
static struct option_given *given_find(struct settings *settings, struct text transport,
                                       struct text name, bool is_of_file)
{
    struct option_given *found = NULL;

    for (struct option_given *given = settings->options_given; given != NULL;
         given = given->next) {
        if (text_equal(given->transport, transport) && text_equal(given->name, name)) {
            given->is_known = true;
            found = (given->line > 0) == is_of_file ? given : found;
        }
    }
    return found;
}

static const char *environment_value(const struct deliverer *deliverer,
                                     const struct deliverer_option *option, char *ret_variable,
                                     size_t room)
{
    char setting[128];

    (void)snprintf(setting, sizeof setting, "%s.%s", deliverer->name, option->name);
    variable_name(setting, ret_variable, room);
    return getenv(ret_variable); /* NOLINT(concurrency-mt-unsafe): before any thread */
}

/* --- Forms. */

static bool is_number(struct text value)
{
    int64_t number = 0;

    return text_to_int64(value, &number) && number > 0 && number <= INT32_MAX;
}

static bool is_one_of(struct text value, const char *form)
{
    struct text rest = text_from(form);

    while (rest.len > 0) {
        if (text_equal(text_cut(&rest, '|'), value)) {
            return true;
        }
    }
    return false;
}

static enum status form_check(const char *form, struct text value, struct why *why)
{
    if (text_find(value, '\0') < value.len) {
        return fail(why, STATUS_INVALID, "there is a NUL in it");
    }
    if (strcmp(form, OPTION_TEXT) == 0 || strcmp(form, OPTION_SECRET) == 0) {
        return STATUS_OK;
    }
    if (strcmp(form, OPTION_JSON) == 0) {
        return json_is_valid(value) ? STATUS_OK
                                    : fail(why, STATUS_INVALID, "it is not valid JSON");
    }
    if (strcmp(form, OPTION_NUMBER) == 0) {
        return is_number(value)
                   ? STATUS_OK
                   : fail(why, STATUS_INVALID, "\"%.*s\" is not a whole number above 0",
                          TEXT_PRINTF(value));
    }
    return is_one_of(value, form)
               ? STATUS_OK
               : fail(why, STATUS_INVALID, "\"%.*s\" is none of %s", TEXT_PRINTF(value), form);
}

/* `given`: as it was written, or NULL. */
static enum status option_check(const struct option_known *known,
                                const struct option_given *given, struct why *why)
{
    const struct deliverer *deliverer = known->deliverer;
    const struct deliverer_option *option = known->option;
    const char *reason = "";

    if (given != NULL && given->is_nested && strcmp(option->form, OPTION_JSON) != 0) {
        return fail(why, STATUS_INVALID, "it takes one value");
    }
    if (!text_is_utf8(known->value)) {
        return fail(why, STATUS_INVALID, "the value is no text");
    }
    enum status status = form_check(option->form, known->value, why);

    if (status != STATUS_OK || deliverer->check == NULL
        || deliverer->check(option->name, known->value.at, &reason)) {
        return status;
    }
    return fail(why, STATUS_INVALID, "%s", reason);
}

/* --- All of them. */

struct finish {
    struct settings *settings;
    struct buffer *errors;
    struct option_known **last;
};

static void option_error(struct finish *finish, const struct option_given *given,
                         const char *variable, const char *what)
{
    if (given != NULL && given->line > 0) {
        buffer_printf(finish->errors, "%.*s:%d: ", TEXT_PRINTF(finish->settings->file),
                      given->line);
    } else if (given == NULL && variable != NULL) {
        buffer_printf(finish->errors, "$%s: ", variable);
    }
    buffer_printf(finish->errors, "%s\n", what);
}

static void option_finish(struct finish *finish, const struct deliverer *deliverer,
                          const struct deliverer_option *option)
{
    struct settings *settings = finish->settings;
    struct text transport = text_from(deliverer->name);
    struct text name = text_from(option->name);
    struct option_given *of_file = given_find(settings, transport, name, true);
    struct option_given *given = given_find(settings, transport, name, false);
    char variable[128];
    const char *value = environment_value(deliverer, option, variable, sizeof variable);
    struct option_known *known = arena_take(&settings->arena, sizeof *known);
    struct why why;

    given = given != NULL || value != NULL ? given : of_file;
    *known = (struct option_known){.deliverer = deliverer, .option = option};
    known->value = given != NULL ? given->value
                                 : arena_copy(&settings->arena,
                                              text_from(value != NULL ? value : option->value));
    if (option_check(known, given, &why) != STATUS_OK) {
        char what[WHY_MAX + 128];

        (void)snprintf(what, sizeof what, "%s.%s: %s", deliverer->name, option->name, why.text);
        option_error(finish, given, value != NULL ? variable : NULL, what);
    }
    *finish->last = known;
    finish->last = &known->next;
}

static enum status deliverer_finish(void *context, const struct deliverer *deliverer,
                                    const char *origin, struct why *why)
{
    (void)origin;
    (void)why;
    for (const struct deliverer_option *option = deliverer->options; option->name != NULL;
         option++) {
        option_finish(context, deliverer, option);
    }
    return STATUS_OK;
}

static bool has_options(const struct settings *settings, struct text transport)
{
    for (const struct option_known *known = settings->options; known != NULL;
         known = known->next) {
        if (text_equal(text_from(known->deliverer->name), transport)) {
            return true;
        }
    }
    return false;
}

static void complain_of_strangers(struct finish *finish)
{
    for (const struct option_given *given = finish->settings->options_given; given != NULL;
         given = given->next) {
        char what[WHY_MAX];

        if (given->is_known) {
            continue;
        }
        if (has_options(finish->settings, given->transport)) {
            (void)snprintf(what, sizeof what, "the transport %.*s has no option \"%.*s\"",
                           TEXT_PRINTF(given->transport), TEXT_PRINTF(given->name));
        } else {
            (void)snprintf(what, sizeof what,
                           "there is neither a setting nor a transport with options named "
                           "\"%.*s\"",
                           TEXT_PRINTF(given->transport));
        }
        option_error(finish, given, NULL, what);
    }
}

enum status settings_finish(struct settings *settings, struct buffer *errors)
{
    struct finish finish = {.settings = settings, .errors = errors, .last = &settings->options};
    const struct plugin_visitor visitor = {.visit = deliverer_finish, .context = &finish};
    const char *plugins = settings->plugins.len > 0 ? settings->plugins.at : NULL;
    struct why why = {""};

    settings->options = NULL;
    if (plugins_each(plugins, &visitor, &why) != STATUS_OK) {
        buffer_printf(errors, "%s\n", why.text);
    }
    complain_of_strangers(&finish);
    environment_check(settings, errors);
    return errors->len == 0 ? STATUS_OK : STATUS_INVALID;
}

const char *settings_option(const struct settings *settings, const char *transport,
                            const char *name)
{
    for (const struct option_known *known = settings->options; known != NULL;
         known = known->next) {
        if (strcmp(known->deliverer->name, transport) == 0
            && strcmp(known->option->name, name) == 0) {
            return known->value.at;
        }
    }
    return NULL;
}

void options_print(const struct settings *settings, struct buffer *to)
{
    const struct deliverer *deliverer = NULL;

    for (const struct option_known *known = settings->options; known != NULL;
         known = known->next) {
        const struct deliverer_option *option = known->option;
        bool is_hidden = strcmp(option->form, OPTION_SECRET) == 0 && known->value.len > 0;

        if (known->deliverer != deliverer) {
            deliverer = known->deliverer;
            buffer_printf(to, "# of the transport %s\n%s:\n", deliverer->name, deliverer->name);
        }
        buffer_printf(to, "  # %s\n  %s%s: ", option->help, is_hidden ? "# " : "",
                      option->name);
        if (is_hidden) {
            buffer_add_string(to, "(set, and not shown)");
        } else if (strcmp(option->form, OPTION_NUMBER) == 0) {
            buffer_add_string(to, known->value.at);
        } else {
            yaml_add_text(to, known->value);
        }
        buffer_add_byte(to, '\n');
    }
}
