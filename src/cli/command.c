/* A command line becomes a run of a row in the table of commands. */
#include "cli/internal.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define ENDPOINT_DEFAULT "http://127.0.0.1:4566"

static const struct cli_option help_option[] = {
    {"--help", NULL, "print this"},
    {NULL, NULL, NULL},
};

static const struct cli_option client_options[] = {
    {"--endpoint", "URL", "where the daemon is (FANFARE_ENDPOINT, else " ENDPOINT_DEFAULT ")"},
    {"--json", NULL, "print JSON"},
    {"--region", "REGION", "in this region (AWS_REGION, AWS_DEFAULT_REGION, else us-east-1)"},
    {NULL, NULL, NULL},
};

/* --- Help. */

static void name_print(FILE *to, const struct cli_command *command)
{
    (void)fprintf(to, "fanfare %s%s%s%s%s", command->family, command->name != NULL ? " " : "",
                  command->name != NULL ? command->name : "",
                  command->operands[0] != '\0' ? " " : "", command->operands);
}

static void options_print(FILE *to, const struct cli_option *options)
{
    for (; options != NULL && options->name != NULL; options++) {
        char left[64];

        (void)snprintf(left, sizeof left, "%s%s%s", options->name,
                       options->value != NULL ? " " : "",
                       options->value != NULL ? options->value : "");
        (void)fprintf(to, "  %-24s %s\n", left, options->help);
    }
}

static void help_print(FILE *to, const struct cli_command *command)
{
    (void)fputs("usage: ", to);
    name_print(to, command);
    (void)fprintf(to, " [OPTIONS]\n\n%s\n\n", command->help);
    options_print(to, command->options);
    options_print(to, command->is_client ? client_options : NULL);
    options_print(to, help_option);
}

static void family_print(FILE *to, const char *family)
{
    (void)fputs("usage:\n", to);
    for (const struct cli_command *row = cli_commands; row->family != NULL; row++) {
        if (strcmp(row->family, family) == 0) {
            (void)fputs("  ", to);
            name_print(to, row);
            (void)fprintf(to, "\n      %s\n", row->help);
        }
    }
}

static void rows_print(FILE *to, bool are_clients)
{
    for (const struct cli_command *row = cli_commands; row->family != NULL; row++) {
        char left[64];

        if (row->is_client == are_clients) {
            (void)snprintf(left, sizeof left, "%s%s%s %s", row->family,
                           row->name != NULL ? " " : "", row->name != NULL ? row->name : "",
                           row->operands);
            (void)fprintf(to, "  %-26s %s\n", left, row->help);
        }
    }
}

static void usage_print(FILE *to)
{
    (void)fputs("usage: fanfare COMMAND [ARGUMENTS]\n\n", to);
    rows_print(to, false);
    (void)fputs(
        "\nOf a running daemon (--endpoint URL, else FANFARE_ENDPOINT, else " ENDPOINT_DEFAULT
        "):\n\n",
        to);
    rows_print(to, true);
}

static void names_print(FILE *to)
{
    for (const struct cli_command *row = cli_commands; row->family != NULL; row++) {
        (void)fprintf(to, "%s%s%s\n", row->family, row->name != NULL ? " " : "",
                      row->name != NULL ? row->name : "");
    }
}

/* --- Reading the line. */

static bool is_family(const char *word)
{
    for (const struct cli_command *row = cli_commands; row->family != NULL; row++) {
        if (strcmp(row->family, word) == 0) {
            return true;
        }
    }
    return false;
}

static const struct cli_command *command_find(int argc, char **argv, int *ret_next)
{
    for (const struct cli_command *row = cli_commands; row->family != NULL; row++) {
        bool is_wanted = strcmp(row->family, argv[1]) == 0;

        if (is_wanted && row->name == NULL) {
            *ret_next = 2;
            return row;
        }
        if (is_wanted && argc > 2 && strcmp(row->name, argv[2]) == 0) {
            *ret_next = 3;
            return row;
        }
    }
    return NULL;
}

/* The option that an argument names, with its value: "--name VALUE" or "--name=VALUE". NULL: no
 * such option, or its value is missing. */
static const struct cli_option *option_find(const struct cli_option *options, int argc,
                                            char **argv, int *io_at, const char **ret_value)
{
    const char *argument = argv[*io_at];

    for (; options != NULL && options->name != NULL; options++) {
        size_t len = strlen(options->name);

        if (strncmp(argument, options->name, len) != 0) {
            continue;
        }
        if (argument[len] == '\0' && options->value == NULL) {
            *ret_value = "";
            return options;
        }
        if (argument[len] == '=' && options->value != NULL) {
            *ret_value = argument + len + 1;
            return options;
        }
        if (argument[len] == '\0' && *io_at + 1 < argc) {
            *ret_value = argv[++*io_at];
            return options;
        }
    }
    return NULL;
}

/* CLI_OK, or what to exit with. */
static int option_take(struct cli *cli, int argc, char **argv, int *io_at)
{
    const struct cli_option *const lists[] = {help_option, cli->command->options,
                                              cli->command->is_client ? client_options : NULL};
    const struct cli_option *option = NULL;
    const char *name = argv[*io_at];
    const char *value = NULL;

    for (size_t i = 0; i < countof(lists) && option == NULL; i++) {
        option = option_find(lists[i], argc, argv, io_at, &value);
    }
    if (option == NULL) {
        return cli_fail(cli, CLI_USAGE, "%s: no such option, or its value is missing", name);
    }
    cli->given[cli->given_count++] = (struct cli_given){.option = option, .value = value};
    return CLI_OK;
}

static int operands_check(const struct cli *cli)
{
    const struct cli_command *command = cli->command;

    if (cli->operand_count < command->operand_min
        || cli->operand_count > command->operand_max) {
        return cli_fail(cli, CLI_USAGE, "wants %s",
                        command->operands[0] != '\0' ? command->operands : "no argument");
    }
    return CLI_OK;
}

static int argument_take(struct cli *cli, int argc, char **argv, int *io_at)
{
    char *argument = argv[*io_at];

    if (!cli->only_operands && strcmp(argument, "--") == 0) {
        cli->only_operands = true;
        return CLI_OK;
    }
    if (!cli->only_operands && argument[0] == '-' && argument[1] != '\0') {
        return option_take(cli, argc, argv, io_at);
    }
    if (cli->operand_count == CLI_OPERANDS_MAX) {
        return cli_fail(cli, CLI_USAGE, "too many arguments");
    }
    cli->operands[cli->operand_count++] = argument;
    return CLI_OK;
}

static bool is_given(const struct cli *cli, const char *name)
{
    return cli_option_value(cli, name) != NULL;
}

static int line_read(struct cli *cli, int argc, char **argv, int at)
{
    int code = CLI_OK;

    cli->given = arena_array(&cli->arena, (size_t)argc, sizeof *cli->given);
    for (; at < argc && code == CLI_OK; at++) {
        code = argument_take(cli, argc, argv, &at);
    }
    return code != CLI_OK || is_given(cli, "--help") ? code : operands_check(cli);
}

/* What clients share; where the daemon is, without slashes at the end. */
static void client_options_read(struct cli *cli)
{
    const char *variable = getenv("FANFARE_ENDPOINT"); /* NOLINT(concurrency-mt-unsafe) */
    bool is_set = variable != NULL && variable[0] != '\0';
    const char *option = cli_option_value(cli, "--endpoint");
    struct text endpoint = text_from(option != NULL ? option
                                     : is_set       ? variable
                                                    : ENDPOINT_DEFAULT);

    while (endpoint.len > 0 && endpoint.at[endpoint.len - 1] == '/') {
        endpoint.len--;
    }
    cli->endpoint = arena_copy(&cli->arena, endpoint).at;
    cli->region = cli_option_value(cli, "--region");
    cli->json = is_given(cli, "--json");
}

static int read_and_run(struct cli *cli, int argc, char **argv, int next)
{
    int code = line_read(cli, argc, argv, next);

    if (code == CLI_USAGE) {
        help_print(stderr, cli->command);
    } else if (is_given(cli, "--help")) {
        help_print(stdout, cli->command);
    } else {
        client_options_read(cli);
        code = cli->command->run(cli);
    }
    return code == CLI_OK && fflush(stdout) != 0 ? CLI_NO : code;
}

static int command_run(int argc, char **argv)
{
    struct cli cli = {0};
    int next = 0;

    cli.command = command_find(argc, argv, &next);
    if (cli.command == NULL) {
        bool asked = argc > 2 && strcmp(argv[2], "--help") == 0;

        family_print(asked ? stdout : stderr, argv[1]);
        return asked ? CLI_OK : CLI_USAGE;
    }
    int code = read_and_run(&cli, argc, argv, next);

    arena_free(&cli.arena);
    return code;
}

static int no_command(const char *word)
{
    if (word == NULL) {
        (void)fputs("fanfare: no command\n", stderr);
    } else {
        (void)fprintf(stderr, "fanfare: there is no command \"%s\"\n", word);
    }
    usage_print(stderr);
    return CLI_USAGE;
}

static char word_version[] = "version";
static char word_help[] = "help";

int cli_run(int argc, char **argv)
{
    static const struct {
        const char *word;
        char *command;
    } words[] = {{"--version", word_version}, {"--help", word_help}, {"-h", word_help}};

    if (argc < 2) {
        return no_command(NULL);
    }
    for (size_t i = 0; i < countof(words); i++) {
        if (strcmp(argv[1], words[i].word) == 0) {
            char *line[] = {argv[0], words[i].command, NULL};

            return command_run(2, line);
        }
    }
    return is_family(argv[1]) ? command_run(argc, argv) : no_command(argv[1]);
}

/* --- Commands about commands. */

/* As COMMAND --help, and COMMAND NAME --help, would say it. */
int cli_help(struct cli *cli)
{
    char option[] = "--help";
    char *line[4] = {option};
    int count = 1;

    if (is_given(cli, "--list")) {
        names_print(stdout);
        return CLI_OK;
    }
    if (cli->operand_count == 0) {
        usage_print(stdout);
        return CLI_OK;
    }
    if (!is_family(cli->operands[0])) {
        return no_command(cli->operands[0]);
    }
    for (int i = 0; i < cli->operand_count; i++) {
        line[count++] = cli->operands[i];
    }
    line[count++] = option;
    return command_run(count, line);
}

int cli_version(struct cli *cli)
{
    (void)cli;
    (void)puts("fanfare " FANFARE_VERSION);
    return CLI_OK;
}

/* --- For commands. */

const char *cli_option_value(const struct cli *cli, const char *name)
{
    for (int i = cli->given_count; i > 0; i--) {
        if (strcmp(cli->given[i - 1].option->name, name) == 0) {
            return cli->given[i - 1].value;
        }
    }
    return NULL;
}

int cli_fail(const struct cli *cli, int code, const char *format, ...)
{
    struct arena arena = {0};
    va_list arguments;

    (void)fprintf(stderr, "fanfare %s%s%s: ", cli->command->family,
                  cli->command->name != NULL ? " " : "",
                  cli->command->name != NULL ? cli->command->name : "");
    va_start(arguments, format);
    struct text text = arena_vprintf(&arena, format, arguments);

    va_end(arguments);
    cli_write_text(stderr, text.at, text.len, 0);
    arena_free(&arena);
    (void)fputc('\n', stderr);
    return code;
}

int cli_number(const struct cli *cli, const char *name, int64_t min, int64_t max,
               int64_t *io_number)
{
    const char *value = cli_option_value(cli, name);
    int64_t number = 0;

    if (value == NULL) {
        return CLI_OK;
    }
    if (!text_to_int64(text_from(value), &number) || number < min || number > max) {
        return cli_fail(cli, CLI_USAGE,
                        "%s: wants a whole number from %lld to %lld, not \"%s\"", name,
                        (long long)min, (long long)max, value);
    }
    *io_number = number;
    return CLI_OK;
}
