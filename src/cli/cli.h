/* The subcommands that are clients: of the daemon, or of filters/. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

/* fanfare filter eval|explain ...; the process's exit code. */
int cli_filter(int argc, char **argv);

#endif
