/* A command line becomes a run of a row in the table of commands. */
#include "cli/internal.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define ENDPOINT_DEFAULT "http://127.0.0.1:4566"

static const struct cli_option shared[] = {
    {"--endpoint", "URL", "where the daemon is (FANFARE_ENDPOINT, else " ENDPOINT_DEFAULT ")"},
    {"--json", NULL, "print JSON"},
    {"--help", NULL, "print this"},
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
    options_print(to, shared);
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

void cli_usage(FILE *to)
{
    for (const struct cli_command *row = cli_commands; row->family != NULL; row++) {
        char left[64];

        (void)snprintf(left, sizeof left, "%s%s%s %s", row->family,
                       row->name != NULL ? " " : "", row->name != NULL ? row->name : "",
                       row->operands);
        (void)fprintf(to, "  %-26s %s\n", left, row->help);
    }
}

void cli_names(FILE *to)
{
    for (const struct cli_command *row = cli_commands; row->family != NULL; row++) {
        (void)fprintf(to, "%s%s%s\n", row->family, row->name != NULL ? " " : "",
                      row->name != NULL ? row->name : "");
    }
}

/* --- Reading the line. */

bool cli_knows(const char *word)
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
        bool is_family = strcmp(row->family, argv[1]) == 0;

        if (is_family && row->name == NULL) {
            *ret_next = 2;
            return row;
        }
        if (is_family && argc > 2 && strcmp(row->name, argv[2]) == 0) {
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
    const char *value = NULL;
    const struct cli_option *own =
        option_find(cli->command->options, argc, argv, io_at, &value);

    if (own != NULL) {
        cli->values[own - cli->command->options] = value;
        return CLI_OK;
    }
    const struct cli_option *common = option_find(shared, argc, argv, io_at, &value);

    if (common == NULL) {
        return cli_fail(cli, CLI_USAGE, "%s: no such option, or its value is missing",
                        argv[*io_at]);
    }
    if (common == &shared[0]) {
        cli->endpoint = value;
    } else if (common == &shared[1]) {
        cli->json = true;
    } else if (common == &shared[2]) {
        cli->is_help = true;
    } else {
        cli->region = value;
    }
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
    const char *argument = argv[*io_at];

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

static int line_read(struct cli *cli, int argc, char **argv, int at)
{
    int code = CLI_OK;

    for (; at < argc && code == CLI_OK; at++) {
        code = argument_take(cli, argc, argv, &at);
    }
    return code != CLI_OK || cli->is_help ? code : operands_check(cli);
}

/* Where the daemon is, without slashes at the end. */
static void endpoint_find(struct cli *cli)
{
    const char *variable = getenv("FANFARE_ENDPOINT"); /* NOLINT(concurrency-mt-unsafe) */
    struct text endpoint;

    if (cli->endpoint == NULL) {
        cli->endpoint = variable != NULL && variable[0] != '\0' ? variable : ENDPOINT_DEFAULT;
    }
    endpoint = text_from(cli->endpoint);
    while (endpoint.len > 0 && endpoint.at[endpoint.len - 1] == '/') {
        endpoint.len--;
    }
    cli->endpoint = arena_copy(&cli->arena, endpoint).at;
}

int cli_run(int argc, char **argv)
{
    struct cli cli = {0};
    int next = 0;

    cli.command = command_find(argc, argv, &next);
    if (cli.command == NULL) {
        bool asked = argc > 2 && strcmp(argv[2], "--help") == 0;

        family_print(asked ? stdout : stderr, argv[1]);
        return asked ? CLI_OK : CLI_USAGE;
    }
    int code = line_read(&cli, argc, argv, next);

    if (code == CLI_USAGE) {
        help_print(stderr, cli.command);
    } else if (cli.is_help) {
        help_print(stdout, cli.command);
    } else {
        endpoint_find(&cli);
        code = cli.command->run(&cli);
    }
    arena_free(&cli.arena);
    if (code == CLI_OK && fflush(stdout) != 0) {
        code = CLI_NO;
    }
    return code;
}

/* --- For commands. */

const char *cli_option_value(const struct cli *cli, const char *name)
{
    const struct cli_option *options = cli->command->options;

    for (size_t i = 0; options != NULL && options[i].name != NULL; i++) {
        if (strcmp(options[i].name, name) == 0) {
            return cli->values[i];
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
