/* fanfare status: the daemon's health page. */
#include "cli/internal.h"

#include <jansson.h>

#include <string.h>

int cli_status(struct cli *cli)
{
    json_t *answer = NULL;
    int code = cli_page(cli, "GET", "/_fanfare/health", NULL, &answer);

    if (code != CLI_OK) {
        return code;
    }
    if (cli->json) {
        cli_print_json(answer);
    } else {
        (void)printf("fanfare %s at %s: %s, disk %s, %lld subscriptions\n",
                     cli_json_text(answer, "version"), cli->endpoint,
                     cli_json_text(answer, "status"), cli_json_text(answer, "disk"),
                     (long long)cli_json_number(answer, "subscriptions_loaded"));
    }
    code = strcmp(cli_json_text(answer, "status"), "ok") == 0 ? CLI_OK : CLI_NO;
    json_decref(answer);
    return code;
}
