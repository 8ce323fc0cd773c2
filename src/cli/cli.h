/* The command line: one table of commands, one reader of options. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

/* Runs what the line says; the process's exit code: 0 done, 1 no (the daemon's, or to what was
 * asked), 2 wrong use or wrong settings, 3 no daemon there. */
int cli_run(int argc, char **argv);

#endif
