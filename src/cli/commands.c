/* All commands. */
#include "cli/internal.h"

static const struct cli_option settings_options[] = {
    {"--config", "FILE", "the file to read (FANFARE_CONFIG, else /etc/fanfare/fanfare.yaml)"},
    {"--listen", "ADDR:PORT", "as --set listen=ADDR:PORT"},
    {"--data", "DIR", "as --set data=DIR"},
    {"--allow-unauthenticated", NULL, "as --set allow_unauthenticated=true"},
    {"--dev", NULL, "as --set dev=true"},
    {"--set", "NAME=VALUE", "any setting of \"fanfare config\", over file and environment"},
    {NULL, NULL, NULL},
};

#define PROFILE_OPTION                                                                    \
    {                                                                                     \
        "--profile", "NAME", "sns: exactly what SNS knows; fanfare: more operators (sns)" \
    }

static const struct cli_option eval_options[] = {
    PROFILE_OPTION,
    {NULL, NULL, NULL},
};

static const struct cli_option explain_options[] = {
    {"--policy", "FILE", "the filter policy"},
    {"--message", "FILE", "the body; with scope MessageAttributes an object of attributes"},
    {"--scope", "SCOPE", "MessageBody or MessageAttributes (MessageBody)"},
    PROFILE_OPTION,
    {NULL, NULL, NULL},
};

static const struct cli_option help_options[] = {
    {"--list", NULL, "the names of all commands, one a line"},
    {NULL, NULL, NULL},
};

static const struct cli_option show_options[] = {
    {"--max", "N", "so many messages, up to 1000 (10)"},
    {"--after", "SEQUENCE", "those behind it: \"after\" of an earlier answer in JSON"},
    {NULL, NULL, NULL},
};

static const struct cli_option redrive_options[] = {
    {"--to", "ARN", "into this queue, not where each message came from"},
    {"--rate", "N", "messages a second (as fast as it goes)"},
    {"--status", NULL, "start nothing, show how the latest ones are doing"},
    {NULL, NULL, NULL},
};

static const struct cli_option drop_options[] = {
    {"--all", NULL, "everything that is in the queue"},
    {"--yes", NULL, "do not ask"},
    {NULL, NULL, NULL},
};

static const struct cli_option secret_options[] = {
    {"--grace", "TIME", "so long the earlier secrets sign too: 24h, 30m, 90s (24h)"},
    {"--type", "TYPE", "hmac (v1 signatures) or ed25519 (v1a) (hmac)"},
    {NULL, NULL, NULL},
};

static const struct cli_option why_options[] = {
    {"--subscription", "ARN", "tell of this subscription alone"},
    {NULL, NULL, NULL},
};

static const struct cli_option replay_options[] = {
    {"--since", "TIME", "published at or after: 2026-01-31T12:00:00Z, or 90m, 2h, 1d ago"},
    {"--until", "TIME", "published before (now)"},
    {"--status", "WHICH", "all, failed, dead (dead-lettered) or lost (all)"},
    {"--rate", "N", "at most so many a second (0: as fast as they go)"},
    {"--dry-run", NULL, "count what would be sent"},
    {"--no-wait", NULL, "do not wait for its end"},
    {NULL, NULL, NULL},
};

const struct cli_command cli_commands[] = {
    {"serve", NULL, "", 0, 0, false, settings_options,
     "run the daemon; every setting has a variable, too: FANFARE_<NAME>", cli_serve},
    {"config", NULL, "", 0, 0, false, settings_options,
     "print the configuration with all defaults", cli_config},
    {"filter", "eval", "", 0, 0, false, eval_options,
     "which of the cases on standard input match", cli_filter_eval},
    {"filter", "explain", "", 0, 0, false, explain_options,
     "why a message matches a filter policy, or not", cli_filter_explain},
    {"version", NULL, "", 0, 0, false, NULL, "print the version", cli_version},
    {"help", NULL, "[COMMAND [NAME]]", 0, 2, false, help_options,
     "how a command is used; or the names of all", cli_help},
    {"status", NULL, "", 0, 0, true, NULL, "whether the daemon is well", cli_status},
    {"dlq", "list", "", 0, 0, true, NULL, "dead-letter queues, and what they are fed by",
     cli_dlq_list},
    {"dlq", "show", "QUEUE", 1, 1, true, show_options,
     "the messages of one, without receiving them", cli_dlq_show},
    {"dlq", "redrive", "QUEUE", 1, 1, true, redrive_options,
     "back to where they came from: queue or subscription", cli_dlq_redrive},
    {"dlq", "drop", "QUEUE [MESSAGE-ID...]", 1, CLI_OPERANDS_MAX, true, drop_options,
     "delete messages for good", cli_dlq_drop},
    {"sub", "rotate-secret", "SUBSCRIPTION-ARN", 1, 1, true, secret_options,
     "a new secret for Standard Webhooks signatures", cli_sub_rotate_secret},
    {"why", NULL, "MESSAGE-ID", 1, 1, true, why_options,
     "what became of a message: who matched, each attempt, where it ended", cli_why},
    {"replay", "list", "", 0, 0, true, NULL, "replays that run, and the latest ones",
     cli_replay_list},
    {"replay", "cancel", "REPLAY-ID", 1, 1, true, NULL, "stop a replay", cli_replay_cancel},
    {"replay", NULL, "SUBSCRIPTION-ARN", 1, 1, true, replay_options,
     "send messages of the history once more to one subscription", cli_replay},
    {.family = NULL},
};
