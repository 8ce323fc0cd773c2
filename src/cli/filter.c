/* fanfare filter. */
#include "cli/cli.h"

#include <stdio.h>

int cli_filter(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    (void)fputs("fanfare filter: not built in\n", stderr);
    return 2;
}
