/* fanfare serve, fanfare config: the settings, from file, environment and command line. */
#include "cli/internal.h"
#include "daemon/daemon.h"
#include "settings/settings.h"

#include <stdio.h>
#include <string.h>

#define SETTINGS_TEXT_MAX ((size_t)1024 * 1024)

/* Options that say one setting. */
static const struct {
    const char *option;
    const char *setting;
} short_ones[] = {
    {"--listen", "listen"},
    {"--data", "data"},
    {"--allow-unauthenticated", "allow_unauthenticated"},
    {"--dev", "dev"},
};

static enum status given_take(struct settings *settings, const struct cli_given *given,
                              struct why *why)
{
    struct text value = text_from(given->option->value == NULL ? "true" : given->value);

    if (strcmp(given->option->name, "--set") == 0) {
        struct text name = text_cut(&value, '=');

        return settings_set(settings, name, value, why);
    }
    for (size_t i = 0; i < countof(short_ones); i++) {
        if (strcmp(given->option->name, short_ones[i].option) == 0) {
            return settings_set(settings, text_from(short_ones[i].setting), value, why);
        }
    }
    return STATUS_OK; /* --config was read before all others */
}

/* Options, over file and environment, which are in `settings` already. */
static enum status options_take(const struct cli *cli, struct settings *settings,
                                struct why *why)
{
    enum status status = STATUS_OK;

    for (int i = 0; i < cli->given_count && status == STATUS_OK; i++) {
        status = given_take(settings, &cli->given[i], why);
    }
    return status;
}

/* CLI_OK, or CLI_USAGE after saying what is wrong. */
static int settings_gather(const struct cli *cli, struct settings *settings)
{
    struct buffer errors;
    struct why why;
    int code = CLI_OK;

    buffer_init(&errors, SETTINGS_TEXT_MAX);
    enum status status = settings_load(settings, cli_option_value(cli, "--config"), &errors);

    if (options_take(cli, settings, &why) != STATUS_OK) {
        code = cli_fail(cli, CLI_USAGE, "%s", why.text);
    }
    if (settings_finish(settings, &errors) != STATUS_OK || status != STATUS_OK) {
        (void)fprintf(stderr, "%.*s", (int)errors.len, errors.at == NULL ? "" : errors.at);
        code = CLI_USAGE;
    }
    settings_find_data(settings);
    buffer_free(&errors);
    return code;
}

int cli_serve(struct cli *cli)
{
    struct settings settings;
    int code = settings_gather(cli, &settings);

    code = code != CLI_OK ? code : server_run(&settings);
    settings_free(&settings);
    return code;
}

int cli_config(struct cli *cli)
{
    struct settings settings;
    struct buffer text;
    int code = settings_gather(cli, &settings);

    buffer_init(&text, SETTINGS_TEXT_MAX);
    if (code == CLI_OK) {
        settings_print(&settings, &text);
        (void)fwrite(text.at, 1, text.len, stdout);
    }
    buffer_free(&text);
    settings_free(&settings);
    return code;
}
