/* fanfare why: what became of a message, from the daemon's page of it. */
#include "cli/internal.h"

#include <jansson.h>

#include <stdlib.h>
#include <string.h>

#define ANSWER_SHOWN 240

static void say(const json_t *object, const char *name)
{
    const char *text = cli_json_text(object, name);

    cli_print_text(text, strlen(text), 0);
}

/* As JSON writes it: what was seen may be a list. */
static void say_json(const json_t *value)
{
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);

    cli_print_text(text == NULL ? "" : text, text == NULL ? 0 : strlen(text), ANSWER_SHOWN);
    free(text);
}

/* --- The message. */

static void attributes_print(const json_t *attributes)
{
    const json_t *attribute = NULL;
    size_t at = 0;

    json_array_foreach(attributes, at, attribute)
    {
        (void)fputs(at == 0 ? "  attributes " : "             ", stdout);
        say(attribute, "name");
        (void)fputs(" = ", stdout);
        if (json_object_get(attribute, "value") != NULL) {
            say(attribute, "value");
        } else {
            (void)printf("%lld bytes", (long long)cli_json_number(attribute, "size"));
        }
        (void)fputs(" (", stdout);
        say(attribute, "type");
        (void)fputs(")\n", stdout);
    }
}

static void message_print(const json_t *message)
{
    (void)fputs("message ", stdout);
    say(message, "message_id");
    (void)fputc('\n', stdout);
    if (json_object_get(message, "topic_arn") != NULL) {
        (void)fputs("  topic      ", stdout);
        say(message, "topic_arn");
        (void)fputc('\n', stdout);
    }
    if (!json_is_true(json_object_get(message, "is_kept"))) {
        (void)puts(
            "  the history does not have it any more (history_max_age, history_max_bytes): "
            "only what was recorded of its attempts can be told");
        return;
    }
    (void)fputs("  published  ", stdout);
    say(message, "published");
    (void)printf("  %lld bytes, ", (long long)cli_json_number(message, "size"));
    say(message, "type");
    (void)fputc('\n', stdout);
    if (cli_json_text(message, "subject")[0] != '\0') {
        (void)fputs("  subject    ", stdout);
        say(message, "subject");
        (void)fputc('\n', stdout);
    }
    attributes_print(json_object_get(message, "attributes"));
}

/* --- A subscription. */

static void conditions_print(const json_t *part)
{
    const json_t *condition = NULL;
    size_t at = 0;

    json_array_foreach(json_object_get(part, "conditions"), at, condition)
    {
        if (json_is_true(json_object_get(condition, "holds"))) {
            continue;
        }
        (void)fputs("    ", stdout);
        say(condition, "path");
        (void)fputs(": wants ", stdout);
        say(condition, "condition");
        if (json_is_null(json_object_get(condition, "seen"))) {
            (void)fputs(", and it is not there", stdout);
        } else {
            (void)fputs(", is ", stdout);
            say_json(json_object_get(condition, "seen"));
        }
        (void)fputc('\n', stdout);
    }
}

static void attempt_print(const json_t *attempt)
{
    const json_t *durations = json_object_get(attempt, "durations_us");
    const char *answer = cli_json_text(attempt, "answer");

    (void)printf("    %3lld  ", (long long)cli_json_number(attempt, "attempt"));
    say(attempt, "ended");
    (void)fputs("  ", stdout);
    say(attempt, "verdict");
    if (cli_json_number(attempt, "status") != 0) {
        (void)printf(" %lld", (long long)cli_json_number(attempt, "status"));
    }
    (void)printf("  %.1f ms  ", (double)cli_json_number(durations, "total") / 1000.0);
    say(attempt, "peer");
    if (cli_json_text(attempt, "reason")[0] != '\0') {
        (void)fputs("  ", stdout);
        say(attempt, "reason");
    }
    if (cli_json_text(attempt, "dead_letter_queue")[0] != '\0') {
        (void)fputs("\n         into ", stdout);
        say(attempt, "dead_letter_queue");
    }
    if (answer[0] != '\0') {
        (void)fputs("\n         answered ", stdout);
        cli_print_text(answer, strlen(answer), ANSWER_SHOWN);
    }
    (void)fputc('\n', stdout);
}

static void part_print(const json_t *part)
{
    const json_t *attempt = NULL;
    size_t at = 0;

    (void)fputc('\n', stdout);
    if (json_is_null(json_object_get(part, "subscription_arn"))) {
        (void)fputs("(a deleted subscription)", stdout);
    } else {
        say(part, "protocol");
        (void)fputc(' ', stdout);
        say(part, "endpoint");
        (void)fputs("\n  ", stdout);
        say(part, "subscription_arn");
    }
    (void)fputs("\n  ", stdout);
    say(part, "state");
    if (json_is_string(json_object_get(part, "next_attempt"))) {
        (void)fputs(", next at ", stdout);
        say(part, "next_attempt");
    }
    if (cli_json_text(part, "note")[0] != '\0') {
        (void)fputs(": ", stdout);
        say(part, "note");
    }
    (void)fputc('\n', stdout);
    if (json_is_false(json_object_get(part, "matches"))) {
        (void)fputs("  its filter policy of today does not match: ", stdout);
        say(part, "reason");
        (void)fputc('\n', stdout);
        conditions_print(part);
    }
    json_array_foreach(json_object_get(part, "attempts"), at, attempt)
    {
        attempt_print(attempt);
    }
}

/* --- All of it. */

static void limits_print(const json_t *answer)
{
    static const struct {
        const char *member;
        const char *text;
    } notes[] = {
        {"more_matching", "more subscriptions match than are told of: --subscription ARN"},
        {"more_not_matching", "more do not match than are told of: --subscription ARN"},
        {"more_attempts", "only the latest attempts are told of"},
    };

    for (size_t i = 0; i < sizeof notes / sizeof *notes; i++) {
        if (json_is_true(json_object_get(answer, notes[i].member))) {
            (void)printf("\n(%s)\n", notes[i].text);
        }
    }
}

static void story_print(const json_t *answer)
{
    const json_t *message = json_object_get(answer, "message");
    const json_t *part = NULL;
    size_t at = 0;

    message_print(message);
    if (json_is_true(json_object_get(message, "is_kept"))) {
        (void)printf("  matched    %lld of %lld subscriptions, by today's filter policies\n",
                     (long long)cli_json_number(answer, "subscriptions_matching"),
                     (long long)cli_json_number(answer, "subscriptions_confirmed"));
    }
    json_array_foreach(json_object_get(answer, "subscriptions"), at, part)
    {
        part_print(part);
    }
    limits_print(answer);
}

int cli_why(struct cli *cli)
{
    struct cli_parameter parameters[] = {
        {"subscription", cli_option_value(cli, "--subscription")}, {NULL, NULL}};
    struct text path = arena_printf(&cli->arena, "/_fanfare/messages/%s", cli->operands[0]);
    json_t *answer = NULL;

    if (strspn(cli->operands[0], "0123456789abcdefABCDEF-") != strlen(cli->operands[0])) {
        return cli_fail(cli, CLI_USAGE, "a message's id is a UUID, as Publish answers it");
    }
    int code =
        cli_page(cli, "GET", path.at, parameters[0].value != NULL ? parameters : NULL, &answer);

    if (code != CLI_OK) {
        return code;
    }
    if (cli->json) {
        cli_print_json(answer);
    } else {
        story_print(answer);
    }
    json_decref(answer);
    return CLI_OK;
}
