/* Inside cli/: the table of commands, and what they share. */
#ifndef CLI_INTERNAL_H
#define CLI_INTERNAL_H

#include "base/arena.h"
#include "base/buffer.h"
#include "cli/cli.h"

struct json_t;

#include <stdbool.h>
#include <stdio.h>

/* Exit codes. */
enum cli_code {
    CLI_OK = 0,
    CLI_NO = 1,         /* the daemon's answer is no: not found, refused */
    CLI_USAGE = 2,      /* wrong use */
    CLI_UNREACHABLE = 3 /* no daemon there */
};

#define CLI_OPERANDS_MAX 64

struct cli_option {
    const char *name;  /* "--max" */
    const char *value; /* what the help calls its value, or NULL: it takes none */
    const char *help;
};

struct cli;

/* A row of the table in commands.c. */
struct cli_command {
    const char *family;   /* "dlq" */
    const char *name;     /* "show", or NULL: the family is one command */
    const char *operands; /* for the help: "QUEUE" */
    int operand_min, operand_max;
    bool is_client;                   /* asks a daemon: takes --endpoint, --region, --json */
    const struct cli_option *options; /* besides the shared ones; NULL-terminated by name */
    const char *help;                 /* one line */
    int (*run)(struct cli *cli);
};

extern const struct cli_command cli_commands[]; /* NULL-terminated by family */

struct cli_given {
    const struct cli_option *option;
    const char *value; /* "" for one that takes none */
};

/* One run of a command. */
struct cli {
    const struct cli_command *command;
    char *operands[CLI_OPERANDS_MAX];
    int operand_count;
    struct cli_given *given; /* options, in the order of the line */
    int given_count;
    const char *endpoint; /* without a slash at its end */
    const char *region;   /* --region, or NULL */
    bool json;            /* --json: print what machines read */
    bool only_operands;   /* -- was there */
    struct arena arena;
};

/* The value of an option ("" for one that takes none), the last one given, or NULL. */
const char *cli_option_value(const struct cli *cli, const char *name);
/* Says it on standard error, after the command's name; returns `code`. */
PRINTF_LIKE(3, 4) int cli_fail(const struct cli *cli, int code, const char *format, ...);
/* A whole number within bounds, out of an option; CLI_OK, or CLI_USAGE after saying why. An
 * option that was not given leaves *io_number. */
MUST_CHECK int cli_number(const struct cli *cli, const char *name, int64_t min, int64_t max,
                          int64_t *io_number);

/* --- The daemon (client.c). */

struct cli_parameter {
    const char *name;
    const char *value; /* NULL: not sent */
};

/* GET or POST of a page ("/_fanfare/dlq") with parameters in the query (NULL-terminated by
 * name, or NULL).  CLI_OK with the JSON of a 200 (json_decref), else the exit code after saying
 * what the daemon answered. */
MUST_CHECK int cli_page(struct cli *cli, const char *method, const char *path,
                        const struct cli_parameter *parameters, struct json_t **ret_answer);
/* --- For people (print.c). */

/* Prints JSON, indented, for --json. */
void cli_print_json(const struct json_t *json);
/* Prints text from outside: control characters are shown, not obeyed. At most `max` bytes of
 * it, 0: all. */
void cli_print_text(const char *text, size_t len, size_t max);
void cli_write_text(FILE *to, const char *text, size_t len, size_t max);
/* Text of a member, or "". */
const char *cli_json_text(const struct json_t *object, const char *name);
int64_t cli_json_number(const struct json_t *object, const char *name);

struct cli_column {
    const char *title;
    const char *member; /* of the row's object: a text, a number or a boolean */
};

/* Rows are the objects of an array; columns NULL-terminated by title. */
void cli_print_table(const struct json_t *rows, const struct cli_column *columns);
/* "3 d 4 h", "12 min", "5 s". */
const char *cli_age(struct cli *cli, double seconds);

/* --- Commands. */

int cli_serve(struct cli *cli);
int cli_config(struct cli *cli);
int cli_filter_eval(struct cli *cli);
int cli_filter_explain(struct cli *cli);
int cli_version(struct cli *cli);
int cli_help(struct cli *cli);
int cli_status(struct cli *cli);
int cli_dlq_list(struct cli *cli);
int cli_dlq_show(struct cli *cli);
int cli_dlq_redrive(struct cli *cli);
int cli_dlq_drop(struct cli *cli);
int cli_sub_rotate_secret(struct cli *cli);
int cli_why(struct cli *cli);
int cli_replay(struct cli *cli);
int cli_replay_list(struct cli *cli);
int cli_replay_cancel(struct cli *cli);

#endif
