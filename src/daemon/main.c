/* fanfare: one binary, one word says what it does. */
#include "base/log.h"
#include "cli/cli.h"
#include "daemon/server.h"
#include "services/common/names.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SETTINGS_TEXT_MAX ((size_t)1024 * 1024)
/* What AWS lets a queue choose as its MaximumMessageSize. */
#define MESSAGE_SIZE_LEAST 1024
#define MESSAGE_SIZE_MOST  1048576

/* A command that needs no daemon; cli/ has those that do. */
struct command {
    const char *family; /* the first word */
    const char *name;   /* the second, or NULL */
    const char *arguments;
    const char *help;
    int (*run)(int argc, char **argv);
};

static int command_serve(int argc, char **argv);
static int command_config(int argc, char **argv);
static int command_version(int argc, char **argv);
static int command_help(int argc, char **argv);

static const struct command commands[] = {
    {"serve", NULL,
     "[--config FILE] [--listen ADDR:PORT] [--data DIR] [--allow-unauthenticated] [--dev] "
     "[--set NAME=VALUE]",
     "run the daemon; every setting of \"fanfare config\" can be set by --set or by its "
     "variable",
     command_serve},
    {"config", NULL, "[--config FILE]", "print the configuration with all defaults",
     command_config},
    {"filter", "eval", "[--profile sns|fanfare] < cases.jsonl",
     "which of the cases on standard input match", cli_filter},
    {"filter", "explain",
     "--policy FILE --message FILE [--scope MessageBody|MessageAttributes] "
     "[--profile sns|fanfare]",
     "why a message matches a filter policy, or not", cli_filter},
    {"version", NULL, "", "print the version", command_version},
    {"help", NULL, "[COMMAND] | --list", "how a command is used; or the names of all",
     command_help},
};

static void name_print(FILE *to, const struct command *command)
{
    char name[64];

    (void)snprintf(name, sizeof name, "%s%s%s", command->family,
                   command->name != NULL ? " " : "",
                   command->name != NULL ? command->name : "");
    (void)fprintf(to, "  %-26s %s\n", name, command->help);
}

static void usage_print(FILE *to)
{
    (void)fputs("usage: fanfare COMMAND [ARGUMENTS]\n\n", to);
    for (size_t i = 0; i < countof(commands); i++) {
        name_print(to, &commands[i]);
    }
    (void)fputs("\nOf a running daemon (--endpoint URL, else FANFARE_ENDPOINT, else "
                "http://127.0.0.1:4566):\n\n",
                to);
    cli_usage(to);
}

/* Of one command, or of a family of them. */
static void command_print(FILE *to, const char *family, const char *name)
{
    for (size_t i = 0; i < countof(commands); i++) {
        const struct command *command = &commands[i];
        bool is_other =
            name != NULL && command->name != NULL && strcmp(command->name, name) != 0;

        if (strcmp(command->family, family) == 0 && !is_other) {
            (void)fprintf(to, "usage: fanfare %s%s%s %s\n\n%s\n", command->family,
                          command->name != NULL ? " " : "",
                          command->name != NULL ? command->name : "", command->arguments,
                          command->help);
        }
    }
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

/* 0, or the exit code after saying which value is none. */
static int settings_check(const struct settings *settings)
{
    if (log_level_set(settings->log_level) != STATUS_OK) {
        return refuse("fanfare: log_level: \"%s\" is none of error, warn, info, debug\n",
                      settings->log_level.at);
    }
    if (settings->message_size_max < MESSAGE_SIZE_LEAST
        || settings->message_size_max > MESSAGE_SIZE_MOST) {
        return refuse("fanfare: message_size_max: choose 1KiB to 1MiB, not %lld bytes\n",
                      (long long)settings->message_size_max);
    }
    if (!text_equal(settings->attempts, T("all"))
        && !text_equal(settings->attempts, T("failures"))) {
        return refuse("fanfare: attempts: \"%s\" is neither all nor failures\n",
                      settings->attempts.at);
    }
    if (!name_is_account(settings->account)) {
        return refuse("fanfare: account: \"%s\" is not 12 digits\n", settings->account.at);
    }
    if (!api_is_region(settings->region)) {
        return refuse("fanfare: region: \"%s\" is not 1 to 32 letters, digits and hyphens\n",
                      settings->region.at);
    }
    return 0;
}

static int command_serve(int argc, char **argv)
{
    struct settings settings;
    int code = settings_gather(&settings, argc, argv);

    code = code != 0 ? code : settings_check(&settings);
    code = code != 0 ? code : server_run(&settings);
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

static bool is_command(const char *word)
{
    for (size_t i = 0; i < countof(commands); i++) {
        if (strcmp(commands[i].family, word) == 0) {
            return true;
        }
    }
    return false;
}

static int names_list(void)
{
    for (size_t i = 0; i < countof(commands); i++) {
        (void)printf("%s%s%s\n", commands[i].family, commands[i].name != NULL ? " " : "",
                     commands[i].name != NULL ? commands[i].name : "");
    }
    cli_names(stdout);
    return 0;
}

/* help [COMMAND [NAME]], help --list */
static int command_help(int argc, char **argv)
{
    char option[] = "--help";

    if (argc < 3) {
        usage_print(stdout);
        return 0;
    }
    if (strcmp(argv[2], "--list") == 0) {
        return names_list();
    }
    if (is_command(argv[2])) {
        command_print(stdout, argv[2], argc > 3 ? argv[3] : NULL);
        return 0;
    }
    if (cli_knows(argv[2])) {
        /* As COMMAND --help, and COMMAND NAME --help, would say it. */
        char *line[] = {argv[0], argv[2], argc > 3 ? argv[3] : option, option, NULL};

        return cli_run(argc > 3 ? 4 : 3, line);
    }
    return refuse("fanfare: there is no command \"%s\"\n", argv[2]);
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        return refuse("fanfare: no command\n");
    }
    if (is_help(argv[1])) {
        usage_print(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0) {
        return command_version(argc, argv);
    }
    for (size_t i = 0; i < countof(commands); i++) {
        if (strcmp(argv[1], commands[i].family) != 0) {
            continue;
        }
        if (argc > 2 && is_help(argv[argc - 1])) {
            command_print(stdout, argv[1], argc > 3 ? argv[2] : NULL);
            return 0;
        }
        return commands[i].run(argc, argv);
    }
    if (cli_knows(argv[1])) {
        return cli_run(argc, argv);
    }
    return refuse("fanfare: there is no command \"%s\"\n", argv[1]);
}
