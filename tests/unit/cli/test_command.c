/* The one reader of command lines. */
#include "cli/cli.h"
#include "cli/internal.h"

#include <criterion/criterion.h>

#include <string.h>
#include <unistd.h>

#define WORDS_MAX 8

struct line {
    const char *words; /* separated by blanks */
    int code;
    const char *out, *err; /* contained in what is printed, or NULL */
};

static const struct line lines[] = {
    {"", CLI_USAGE, NULL, "fanfare: no command"},
    {"nonsense", CLI_USAGE, NULL, "there is no command \"nonsense\""},
    {"--version", CLI_OK, "fanfare " FANFARE_VERSION "\n", NULL},
    {"version", CLI_OK, "fanfare " FANFARE_VERSION "\n", NULL},
    {"-h", CLI_OK, "filter explain", NULL},
    {"help", CLI_OK, "dlq show QUEUE", NULL},
    {"help --list", CLI_OK, "serve\nconfig\nfilter eval\n", NULL},
    {"help dlq show", CLI_OK, "usage: fanfare dlq show QUEUE [OPTIONS]", NULL},
    {"help dlq", CLI_OK, "fanfare dlq drop", NULL},
    {"help replay", CLI_OK, "usage: fanfare replay SUBSCRIPTION-ARN", NULL},
    {"help nonsense", CLI_USAGE, NULL, "there is no command"},
    {"serve --help", CLI_OK, "--set NAME=VALUE", NULL},
    {"serve --set", CLI_USAGE, NULL, "--set: no such option, or its value is missing"},
    {"serve --set=pipeline_max=0", CLI_USAGE, NULL,
     "pipeline_max: \"0\" is not a whole number"},
    {"serve --endpoint x", CLI_USAGE, NULL, "--endpoint: no such option"},
    {"serve now", CLI_USAGE, NULL, "wants no argument"},
    {"config --config /none/there", CLI_USAGE, NULL, "/none/there: No such file"},
    {"dlq", CLI_USAGE, NULL, "fanfare dlq list"},
    {"dlq show", CLI_USAGE, NULL, "wants QUEUE"},
    {"dlq show q --max", CLI_USAGE, NULL, "--max: no such option, or its value"},
    {"filter explain", CLI_USAGE, NULL, "wants --policy FILE and --message FILE"},
    {"filter eval --profile aws", CLI_USAGE, NULL, "--profile: there is no \"aws\""},
};

static int run(const char *words)
{
    char copy[128];
    char name[] = "fanfare";
    char *argv[WORDS_MAX + 1] = {name};
    int argc = 1;

    (void)snprintf(copy, sizeof copy, "%s", words);
    for (char *save = NULL, *word = strtok_r(copy, " ", &save); word != NULL;
         word = strtok_r(NULL, " ", &save)) {
        argv[argc++] = word;
    }
    return cli_run(argc, argv);
}

static bool stream_has(FILE *stream, const char *wanted)
{
    char text[65536];
    size_t len = fread(text, 1, sizeof text - 1, stream);

    text[len] = '\0';
    return wanted == NULL || strstr(text, wanted) != NULL;
}

static void line_check(const struct line *line)
{
    (void)fflush(NULL);
    FILE *out = tmpfile();
    FILE *err = tmpfile();
    int old_out = dup(STDOUT_FILENO);
    int old_err = dup(STDERR_FILENO);

    cr_assert(out != NULL && err != NULL);
    (void)dup2(fileno(out), STDOUT_FILENO);
    (void)dup2(fileno(err), STDERR_FILENO);
    int code = run(line->words);

    (void)fflush(NULL);
    (void)dup2(old_out, STDOUT_FILENO);
    (void)dup2(old_err, STDERR_FILENO);
    (void)close(old_out);
    (void)close(old_err);
    rewind(out);
    rewind(err);
    cr_expect_eq(code, line->code, "\"%s\": %d", line->words, code);
    cr_expect(stream_has(out, line->out), "\"%s\": on standard output", line->words);
    cr_expect(stream_has(err, line->err), "\"%s\": on standard error", line->words);
    (void)fclose(out);
    (void)fclose(err);
}

Test(command, is_found_and_its_options_are_read)
{
    for (size_t i = 0; i < countof(lines); i++) {
        line_check(&lines[i]);
    }
}

Test(command, has_rows_that_are_sound)
{
    for (const struct cli_command *row = cli_commands; row->family != NULL; row++) {
        cr_expect_not_null(row->run, "%s", row->family);
        cr_expect(row->help[0] != '\0', "%s", row->family);
        cr_expect_leq(row->operand_min, row->operand_max, "%s", row->family);
        cr_expect_eq(row->operands[0] == '\0', row->operand_max == 0, "%s", row->family);
    }
}
