/* The subcommands that are clients: of the daemon, or of filters/. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>
#include <stdio.h>

/* fanfare filter eval|explain ...; the process's exit code. */
int cli_filter(int argc, char **argv);

/* Whether the word begins a command that talks to a daemon: dlq, sub, ... */
bool cli_knows(const char *word);
/* Runs such a command; the process's exit code: 0 done, 1 the daemon said no, 2 wrong use, 3 no
 * daemon there. */
int cli_run(int argc, char **argv);
/* Their names, one a line. */
void cli_names(FILE *to);
/* A line for each of them, for the usage. */
void cli_usage(FILE *to);

#endif
