/* fanfare sub: subscriptions. */
#include "base/units.h"
#include "cli/internal.h"

#include <jansson.h>

#include <stdio.h>
#include <string.h>

/* -1: these are none. */
static int64_t seconds_of(const char *text)
{
    int64_t ms = 0;

    return units_read(text_from(text), units_of_duration, &ms) && ms % 1000 == 0 ? ms / 1000
                                                                                 : -1;
}

int cli_sub_rotate_secret(struct cli *cli)
{
    const char *grace = cli_option_value(cli, "--grace");
    int64_t grace_s = grace == NULL ? 86400 : seconds_of(grace);
    json_t *answer = NULL;

    if (grace_s < 0) {
        return cli_fail(cli, CLI_USAGE,
                        "--grace: wants a time like 24h, 30m or 90s, not \"%s\"", grace);
    }
    struct cli_parameter parameters[] = {
        {"subscription", cli->operands[0]},
        {"grace_s", arena_printf(&cli->arena, "%lld", (long long)grace_s).at},
        {"type", cli_option_value(cli, "--type")},
        {NULL, NULL},
    };
    int code =
        cli_page(cli, "POST", "/_fanfare/subscriptions/rotate-secret", parameters, &answer);

    if (code != CLI_OK) {
        return code;
    }
    if (cli->json) {
        cli_print_json(answer);
    } else {
        const char *public_key = cli_json_text(answer, "public_key");

        (void)printf("%s\n", cli_json_text(answer, "secret"));
        if (public_key[0] != '\0') {
            (void)printf("%s\n", public_key);
        }
        (void)fprintf(stderr, "It is not shown again. Earlier secrets sign too for %s.\n",
                      cli_age(cli, (double)cli_json_number(answer, "grace_s")));
    }
    json_decref(answer);
    return CLI_OK;
}
