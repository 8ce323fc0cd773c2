/* fanfare dlq: what died, and what becomes of it. */
#include "cli/internal.h"

#include <jansson.h>

#include <stdio.h>
#include <string.h>

#define IDS_MAX ((size_t)64 * 1024)

/* --- list. */

int cli_dlq_list(struct cli *cli)
{
    static const struct cli_column columns[] = {
        {"MESSAGES", "messages"},
        {"IN FLIGHT", "in_flight"},
        {"OLDEST (s)", "oldest_age_s"},
        {"QUEUES", "source_queues"},
        {"SUBSCRIPTIONS", "source_subscriptions"},
        {"QUEUE", "queue_arn"},
        {NULL, NULL},
    };
    json_t *answer = NULL;
    int code = cli_page(cli, "GET", "/_fanfare/dlq", NULL, &answer);

    if (code != CLI_OK) {
        return code;
    }
    if (cli->json) {
        cli_print_json(answer);
    } else {
        cli_print_table(json_object_get(answer, "queues"), columns);
    }
    json_decref(answer);
    return CLI_OK;
}

/* --- show. */

static void line_print(const char *name, const char *text)
{
    if (text[0] != '\0') {
        (void)printf("  %-14s", name);
        cli_print_text(text, strlen(text), 0);
        (void)fputc('\n', stdout);
    }
}

static void message_print(const json_t *message)
{
    const char *published = cli_json_text(message, "published_message_id");

    cli_print_text(cli_json_text(message, "message_id"),
                   strlen(cli_json_text(message, "message_id")), 0);
    (void)printf("  sent %s, received %lld times%s\n", cli_json_text(message, "sent"),
                 (long long)cli_json_number(message, "receive_count"),
                 json_is_true(json_object_get(message, "in_flight")) ? ", in flight" : "");
    line_print("published as", published);
    line_print("topic", cli_json_text(message, "topic_arn"));
    line_print("subscription", cli_json_text(message, "subscription_arn"));
    line_print("source queue", cli_json_text(message, "source_queue_arn"));
    line_print("group", cli_json_text(message, "message_group_id"));
    line_print("subject", cli_json_text(message, "subject"));
    line_print("body", cli_json_text(message, "body"));
    if (published[0] != '\0') {
        (void)printf("  %-14sfanfare why %s\n", "its story", published);
    }
}

int cli_dlq_show(struct cli *cli)
{
    struct cli_parameter parameters[] = {
        {"queue", cli->operands[0]},
        {"max", cli_option_value(cli, "--max")},
        {"after", cli_option_value(cli, "--after")},
        {NULL, NULL},
    };
    json_t *answer = NULL;
    const json_t *message = NULL;
    size_t at = 0;
    int code = cli_page(cli, "GET", "/_fanfare/dlq/messages", parameters, &answer);

    if (code != CLI_OK) {
        return code;
    }
    if (cli->json) {
        cli_print_json(answer);
    } else {
        json_array_foreach(json_object_get(answer, "messages"), at, message)
        {
            message_print(message);
        }
    }
    json_decref(answer);
    return CLI_OK;
}

/* --- redrive. */

static void redrive_print(const json_t *redrive)
{
    const char *to = cli_json_text(redrive, "to");
    const char *failure = cli_json_text(redrive, "failure");

    (void)printf("%s: %lld of %lld moved to ", cli_json_text(redrive, "state"),
                 (long long)cli_json_number(redrive, "moved"),
                 (long long)cli_json_number(redrive, "to_move"));
    cli_print_text(to[0] != '\0' ? to : "where each came from",
                   strlen(to[0] != '\0' ? to : "where each came from"), 0);
    (void)printf(", started %s%s%s\n", cli_json_text(redrive, "started"),
                 failure[0] != '\0' ? ": " : "", failure);
}

/* All of them, or the newest, which was just begun. */
static void redrives_print(const json_t *redrives, bool is_all)
{
    const json_t *redrive = NULL;
    size_t at = 0;

    json_array_foreach(redrives, at, redrive)
    {
        if (is_all || at == 0) {
            redrive_print(redrive);
        }
    }
}

int cli_dlq_redrive(struct cli *cli)
{
    bool is_question = cli_option_value(cli, "--status") != NULL;
    struct cli_parameter parameters[] = {
        {"queue", cli->operands[0]},
        {"to", cli_option_value(cli, "--to")},
        {"rate", cli_option_value(cli, "--rate")},
        {NULL, NULL},
    };
    json_t *answer = NULL;
    int code = cli_page(cli, is_question ? "GET" : "POST", "/_fanfare/dlq/redrive", parameters,
                        &answer);

    if (code != CLI_OK) {
        return code;
    }
    if (cli->json) {
        cli_print_json(answer);
    } else {
        redrives_print(json_object_get(answer, "redrives"), is_question);
    }
    json_decref(answer);
    return CLI_OK;
}

/* --- drop. */

static bool is_agreed(const struct cli *cli)
{
    char line[16] = "";

    if (cli_option_value(cli, "--yes") != NULL) {
        return true;
    }
    (void)fprintf(stderr, "Delete %s for good? Type yes: ",
                  cli->operand_count > 1 ? "these messages" : "everything in the queue");
    return fgets(line, sizeof line, stdin) != NULL && strcmp(line, "yes\n") == 0;
}

int cli_dlq_drop(struct cli *cli)
{
    bool is_all = cli_option_value(cli, "--all") != NULL;
    json_t *answer = NULL;
    struct buffer ids;

    if (is_all == (cli->operand_count > 1)) {
        return cli_fail(cli, CLI_USAGE, "wants message ids, or --all");
    }
    if (!is_agreed(cli)) {
        return cli_fail(cli, CLI_NO, "nothing was deleted");
    }
    buffer_init(&ids, IDS_MAX);
    for (int i = 1; i < cli->operand_count; i++) {
        buffer_printf(&ids, "%s%s", i > 1 ? "," : "", cli->operands[i]);
    }
    buffer_add_byte(&ids, '\0');
    struct cli_parameter parameters[] = {
        {"queue", cli->operands[0]},
        {"message_ids", is_all ? NULL : ids.at},
        {"all", is_all ? "true" : NULL},
        {NULL, NULL},
    };
    int code = cli_page(cli, "POST", "/_fanfare/dlq/drop", parameters, &answer);

    buffer_free(&ids);
    if (code != CLI_OK) {
        return code;
    }
    code = cli_json_number(answer, "not_found") > 0 ? CLI_NO : CLI_OK;
    if (cli->json) {
        cli_print_json(answer);
    } else {
        (void)printf("%lld deleted, %lld not found\n",
                     (long long)cli_json_number(answer, "dropped"),
                     (long long)cli_json_number(answer, "not_found"));
    }
    json_decref(answer);
    return code;
}
