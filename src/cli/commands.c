/* The commands that talk to a daemon. */
#include "cli/internal.h"

const struct cli_command cli_commands[] = {
    {"status", NULL, "", 0, 0, NULL, "whether the daemon is well", cli_status},
    {NULL, NULL, NULL, 0, 0, NULL, NULL, NULL},
};
