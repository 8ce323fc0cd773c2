/* fanfare replay: messages of the history once more to one subscription. */
#include "base/timestamp.h"
#include "base/units.h"
#include "cli/internal.h"

#include <jansson.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOOK_EVERY_MS 200
#define AGES_MAX_MS   (10LL * 366 * 24 * 3600 * 1000)

/* --- Times. */

/* "90m" is so long ago; all else is the daemon's to read. */
static const char *time_absolute(struct cli *cli, const char *text)
{
    struct text age = text_from(text);
    char date[TIMESTAMP_SIZE];
    int64_t age_ms = 0;

    if (age.len == 0 || isdigit((unsigned char)age.at[age.len - 1])
        || !units_read(age, units_of_duration, &age_ms) || age_ms > AGES_MAX_MS) {
        return text;
    }
    timestamp_format((int64_t)time(NULL) * 1000 - age_ms, date);
    return arena_copy(&cli->arena, text_from(date)).at;
}

/* --- How it stands. */

static const json_t *first_of(const json_t *answer)
{
    return json_array_get(json_object_get(answer, "replays"), 0);
}

static void replay_print(const json_t *replay)
{
    bool is_dry = json_is_true(json_object_get(replay, "dry_run"));
    const char *id = cli_json_text(replay, "replay_id");

    (void)fputs("replay ", stdout);
    cli_print_text(id, strlen(id), 0);
    (void)printf(" %s: %lld %s, %lld looked at, %lld filtered out",
                 cli_json_text(replay, "state"), (long long)cli_json_number(replay, "sent"),
                 is_dry ? "would be sent" : "sent",
                 (long long)cli_json_number(replay, "looked_at"),
                 (long long)cli_json_number(replay, "filtered_out"));
    if (cli_json_number(replay, "not_kept") > 0) {
        (void)printf(", %lld not in the history any more",
                     (long long)cli_json_number(replay, "not_kept"));
    }
    (void)fputc('\n', stdout);
}

static int replay_told(struct cli *cli, const json_t *replay)
{
    bool is_good = strcmp(cli_json_text(replay, "state"), "completed") == 0
                   || strcmp(cli_json_text(replay, "state"), "running") == 0;

    if (cli->json) {
        cli_print_json(replay);
    } else {
        replay_print(replay);
    }
    return is_good ? CLI_OK : CLI_NO;
}

static void wait_a_little(void)
{
    const struct timespec pause = {.tv_nsec = LOOK_EVERY_MS * 1000000L};

    (void)nanosleep(&pause, NULL);
}

/* Until it is over; the daemon goes on with it whatever becomes of this client. */
static int replay_follow(struct cli *cli, const char *id)
{
    struct cli_parameter parameters[] = {{"replay", id}, {NULL, NULL}};

    for (;;) {
        json_t *answer = NULL;
        int code = cli_page(cli, "GET", "/_fanfare/replay", parameters, &answer);

        if (code != CLI_OK) {
            return code;
        }
        if (strcmp(cli_json_text(first_of(answer), "state"), "running") != 0) {
            code = replay_told(cli, first_of(answer));
            json_decref(answer);
            return code;
        }
        json_decref(answer);
        wait_a_little();
    }
}

int cli_replay(struct cli *cli)
{
    const char *since = cli_option_value(cli, "--since");
    const char *until = cli_option_value(cli, "--until");
    struct cli_parameter parameters[] = {
        {"subscription", cli->operands[0]},
        {"from", since == NULL ? NULL : time_absolute(cli, since)},
        {"until", until == NULL ? NULL : time_absolute(cli, until)},
        {"status", cli_option_value(cli, "--status")},
        {"rate", cli_option_value(cli, "--rate")},
        {"dry_run", cli_option_value(cli, "--dry-run") != NULL ? "true" : NULL},
        {NULL, NULL}};
    json_t *answer = NULL;
    int code = cli_page(cli, "POST", "/_fanfare/replay", parameters, &answer);

    if (code != CLI_OK) {
        return code;
    }
    const char *id =
        arena_copy(&cli->arena, text_from(cli_json_text(first_of(answer), "replay_id"))).at;

    if (cli_option_value(cli, "--no-wait") != NULL) {
        code = replay_told(cli, first_of(answer));
    } else {
        code = replay_follow(cli, id);
    }
    json_decref(answer);
    return code;
}

int cli_replay_list(struct cli *cli)
{
    static const struct cli_column columns[] = {{"REPLAY", "replay_id"},
                                                {"STATE", "state"},
                                                {"STARTED", "started"},
                                                {"DRY", "dry_run"},
                                                {"STATUS", "status"},
                                                {"SENT", "sent"},
                                                {"LOOKED AT", "looked_at"},
                                                {"SUBSCRIPTION", "subscription_arn"},
                                                {NULL, NULL}};
    json_t *answer = NULL;
    int code = cli_page(cli, "GET", "/_fanfare/replay", NULL, &answer);

    if (code != CLI_OK) {
        return code;
    }
    if (cli->json) {
        cli_print_json(answer);
    } else {
        cli_print_table(json_object_get(answer, "replays"), columns);
    }
    json_decref(answer);
    return CLI_OK;
}

int cli_replay_cancel(struct cli *cli)
{
    struct cli_parameter parameters[] = {{"replay", cli->operands[0]}, {NULL, NULL}};
    json_t *answer = NULL;
    int code = cli_page(cli, "POST", "/_fanfare/replay/cancel", parameters, &answer);

    if (code == CLI_OK) {
        (void)replay_told(cli, first_of(answer));
        json_decref(answer);
    }
    return code;
}
