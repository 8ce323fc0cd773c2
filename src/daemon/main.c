/* fanfare: one binary, one word says what it does. */
#include "base/log.h"
#include "cli/cli.h"
#include "daemon/server.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SETTINGS_TEXT_MAX ((size_t)1024 * 1024)
/* What AWS lets a queue choose as its MaximumMessageSize. */
#define MESSAGE_SIZE_LEAST 1024
#define MESSAGE_SIZE_MOST  1048576

static const char usage[] =
    "usage: fanfare COMMAND [OPTIONS]\n"
    "\n"
    "  serve [--config FILE] [--listen ADDR:PORT] [--data DIR] [--allow-unauthenticated] [--dev]\n"
    "        [--set NAME=VALUE]   run the daemon\n"
    "  config [--config FILE]     print the configuration with all defaults\n"
    "  filter eval|explain ...    match messages against filter policies\n"
    "  version\n"
    "\n"
    "Settings: fanfare config.  Every one has a FANFARE_... variable too.\n"
    "\n"
    "Of a running daemon (--endpoint URL, else FANFARE_ENDPOINT, else http://127.0.0.1:4566):\n";

static void usage_print(FILE *to)
{
    (void)fputs(usage, to);
    cli_usage(to);
}

struct flag {
    const char *name;
    const char *setting;
    const char *value; /* of a flag that takes none */
};

static const struct flag flags[] = {
    {"--listen", "listen", NULL},
    {"--data", "data", NULL},
    {"--allow-unauthenticated", "allow_unauthenticated", "true"},
    {"--dev", "dev", "true"},
    {NULL, NULL, NULL},
};

PRINTF_LIKE(1, 2) static int refuse(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    usage_print(stderr);
    return 2;
}

/* The value of an option that takes one: "--name VALUE" or "--name=VALUE"; NULL: not this one.
 */
static const char *option_value(int argc, char **argv, int *io_at, const char *name)
{
    size_t len = strlen(name);
    const char *argument = argv[*io_at];

    if (argument == NULL || strncmp(argument, name, len) != 0) {
        return NULL;
    }
    if (argument[len] == '=') {
        return argument + len + 1;
    }
    if (argument[len] != '\0' || *io_at + 1 >= argc) {
        return NULL;
    }
    return argv[++*io_at];
}

static enum status read_flag(struct settings *settings, int argc, char **argv, int *io_at,
                             struct why *why)
{
    const char *pair = option_value(argc, argv, io_at, "--set");

    if (pair != NULL) {
        struct text rest = text_from(pair);
        struct text name = text_cut(&rest, '=');

        return settings_set(settings, name, rest, why);
    }
    if (option_value(argc, argv, io_at, "--config") != NULL) {
        return STATUS_OK; /* read before all others */
    }
    for (const struct flag *flag = flags; flag->name != NULL; flag++) {
        const char *argument = argv[*io_at] == NULL ? "" : argv[*io_at];
        const char *value = flag->value != NULL
                                ? (strcmp(argument, flag->name) == 0 ? flag->value : NULL)
                                : option_value(argc, argv, io_at, flag->name);

        if (value != NULL) {
            return settings_set(settings, text_from(flag->setting), text_from(value), why);
        }
    }
    return fail(why, STATUS_INVALID, "%s: no such option, or its value is missing",
                argv[*io_at]);
}

/* File, environment, flags.  0, or the exit code after saying what is wrong. */
static int settings_gather(struct settings *settings, int argc, char **argv)
{
    const char *file = NULL;
    struct buffer errors;
    struct why why;

    for (int i = 2; i < argc; i++) {
        const char *value = option_value(argc, argv, &i, "--config");

        file = value != NULL ? value : file;
    }
    buffer_init(&errors, SETTINGS_TEXT_MAX);
    enum status status = settings_load(settings, file, &errors);

    for (int i = 2; i < argc && status == STATUS_OK; i++) {
        if (read_flag(settings, argc, argv, &i, &why) != STATUS_OK) {
            buffer_free(&errors);
            return refuse("fanfare: %s\n", why.text);
        }
    }
    enum status finished = settings_finish(settings, &errors);

    (void)fprintf(stderr, "%.*s", (int)errors.len, errors.at == NULL ? "" : errors.at);
    buffer_free(&errors);
    if (status != STATUS_OK || finished != STATUS_OK) {
        return 2;
    }
    settings_find_data(settings);
    return 0;
}

static enum status log_level_set(struct text name)
{
    static const struct text names[] = {TEXT("error"), TEXT("warn"), TEXT("info"),
                                        TEXT("debug")};

    for (size_t i = 0; i < countof(names); i++) {
        if (text_equal(name, names[i])) {
            log_set_level((enum log_level)i);
            return STATUS_OK;
        }
    }
    return STATUS_INVALID;
}

static int command_serve(int argc, char **argv)
{
    struct settings settings;
    int code = settings_gather(&settings, argc, argv);

    if (code == 0 && log_level_set(settings.log_level) != STATUS_OK) {
        code = refuse("fanfare: log_level: \"%s\" is none of error, warn, info, debug\n",
                      settings.log_level.at);
    }
    if (code == 0
        && (settings.message_size_max < MESSAGE_SIZE_LEAST
            || settings.message_size_max > MESSAGE_SIZE_MOST)) {
        code = refuse("fanfare: message_size_max: choose 1KiB to 1MiB, not %lld bytes\n",
                      (long long)settings.message_size_max);
    }
    if (code == 0 && !text_equal(settings.attempts, T("all"))
        && !text_equal(settings.attempts, T("failures"))) {
        code = refuse("fanfare: attempts: \"%s\" is neither all nor failures\n",
                      settings.attempts.at);
    }
    if (code == 0) {
        code = server_run(&settings);
    }
    settings_free(&settings);
    return code;
}

static int command_config(int argc, char **argv)
{
    struct settings settings;
    struct buffer text;
    int code = settings_gather(&settings, argc, argv);

    buffer_init(&text, SETTINGS_TEXT_MAX);
    if (code == 0) {
        settings_print(&settings, &text);
        (void)fwrite(text.at, 1, text.len, stdout);
    }
    buffer_free(&text);
    settings_free(&settings);
    return code;
}

static int command_version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    (void)puts("fanfare " FANFARE_VERSION);
    return 0;
}

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"serve", command_serve},
    {"config", command_config},
    {"filter", cli_filter},
    {"version", command_version},
};

int main(int argc, char **argv)
{
    if (argc < 2) {
        return refuse("fanfare: no command\n");
    }
    for (size_t i = 0; i < countof(commands); i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            return commands[i].run(argc, argv);
        }
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        usage_print(stdout);
        return 0;
    }
    if (cli_knows(argv[1])) {
        return cli_run(argc, argv);
    }
    return refuse("fanfare: there is no command \"%s\"\n", argv[1]);
}
