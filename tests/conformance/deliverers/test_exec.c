/* What a command does, and what comes of it. */
#include "rig.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIMIT_MS 30000

static struct rig rig;

struct row {
    const char *script; /* for sh -c */
    const char *settings;
    enum verdict verdict;
    const char *reason; /* a part of it */
    const char *answer; /* how it begins, or NULL */
};

/* The commands' JSON, each named by its place. */
static const char *commands_of(const struct row *rows, size_t count)
{
    static char json[16384];
    size_t used = 0;

    for (size_t i = 0; i < count; i++) {
        used += (size_t)snprintf(json + used, sizeof json - used,
                                 "%s\"%zu\":{\"command\":[\"/bin/sh\",\"-c\",\"%s\"]%s}",
                                 i == 0 ? "{" : ",", i, rows[i].script, rows[i].settings);
    }
    (void)snprintf(json + used, sizeof json - used, "}");
    return json;
}

static const struct row outcomes[] = {
    {"exit 0", "", VERDICT_DELIVERED, "exit 0", ""},
    {"exit 75", "", VERDICT_RETRY, "exit 75", ""},
    {"exit 1", "", VERDICT_REFUSED, "exit 1", ""},
    {"exit 126", "", VERDICT_REFUSED, "exit 126", ""},
    {"kill -9 $$", "", VERDICT_RETRY, "ended by SIGKILL", ""},
    {"kill -SEGV $$", "", VERDICT_RETRY, "ended by SIGSEGV", ""},
    {"cat", "", VERDICT_DELIVERED, "exit 0", "{\n  \\\"Type\\\""},
    {"exec <&-; exit 0", "", VERDICT_DELIVERED, "exit 0", ""},
    {"exec >&- 2>&-; sleep 0.2; exit 75", "", VERDICT_RETRY, "exit 75", ""},
    {"echo out; echo err >&2; exit 2", "", VERDICT_REFUSED, "exit 2", "out\nerr\n"},
    {"exec yes", ",\"output_max\":\"64KiB\"", VERDICT_RETRY, "more than output_max", "y\ny\n"},
    {"exec sleep 60", ",\"timeout\":1", VERDICT_RETRY, "not done after 1 s", ""},
    {"trap '' TERM; while :; do sleep 0.1; done", ",\"timeout\":1", VERDICT_RETRY,
     "not done after 1 s", ""},
    {"trap 'exit 0' TERM; while :; do sleep 0.1; done", ",\"timeout\":1", VERDICT_RETRY,
     "not done after 1 s", ""},
    {"kill -STOP $$", ",\"timeout\":1", VERDICT_RETRY, "not done after 1 s", ""},
    {"sleep 60 & exit 0", "", VERDICT_DELIVERED, "exit 0", ""},
    {"while :; do :; done", ",\"cpu_max\":1,\"timeout\":8", VERDICT_RETRY, "ended by SIG", ""},
    {"ulimit -n; ulimit -c; pwd", ",\"files_max\":77,\"directory\":\"/usr\"", VERDICT_DELIVERED,
     "exit 0", "77\n0\n/usr\n"},
    {"ulimit -v", ",\"memory_max\":\"64MiB\"", VERDICT_DELIVERED, "exit 0", "65536\n"},
};

static const size_t outcome_count = sizeof outcomes / sizeof outcomes[0];

Test(exec, says_what_came_of_each_run)
{
    rig.commands = commands_of(outcomes, outcome_count);
    rig_open(&rig, rig_find("exec"));
    for (size_t i = 0; i < outcome_count; i++) {
        struct rig_delivery *delivery = rig_prepare(&rig, "%zu", i);

        delivery->delivery.timeout_ms = 30000;
        rig_deliver(&rig, delivery);
    }
    rig_run(&rig, LIMIT_MS);
    for (size_t i = 0; i < outcome_count; i++) {
        const struct row *row = &outcomes[i];
        const struct rig_delivery *got = &rig.deliveries[i];

        cr_expect_eq(got->settled, 1, "%s: %u", row->script, got->settled);
        cr_expect_eq(got->outcome.verdict, row->verdict, "%s: %s", row->script, got->reason);
        cr_expect_not_null(strstr(got->reason, row->reason), "%s: %s", row->script,
                           got->reason);
        if (strcmp(row->script, "cat") != 0) {
            cr_expect(got->outcome.answer_size >= strlen(row->answer)
                          && strncmp(got->answer, row->answer, strlen(row->answer)) == 0,
                      "%s wrote %.*s", row->script, (int)got->outcome.answer_size, got->answer);
        } else {
            cr_expect_eq(got->outcome.answer_size, got->delivery.payload_size);
        }
    }
    rig_close(&rig);
}

Test(exec, gives_a_command_nothing_of_the_daemons_own)
{
    static const struct row rows[] = {
        {"env | sort", ",\"environment\":{\"MINE\":\"1\",\"LANG\":\"C\"}", VERDICT_DELIVERED,
         "", NULL},
        {"ls /proc/self/fd | tr '\\\\n' ' '; ps -o pgid= -p $$ >/dev/null; "
         "[ $$ = $(cut -d' ' -f5 /proc/$$/stat) ] && [ $$ = $(cut -d' ' -f6 /proc/$$/stat) ] "
         "&& echo leads",
         "", VERDICT_DELIVERED, "", NULL},
    };
    static const struct delivery_attribute attributes[] = {{"order-id", "String", "a b", 3},
                                                           {"picture", "Binary", "\1\2", 2}};
    int inherited = dup(STDERR_FILENO); /* of a careless library */

    cr_assert_geq(inherited, 0);
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
    cr_assert_eq(setenv("SECRET", "of the daemon", 1), 0);
    rig.commands = commands_of(rows, 2);
    rig_open(&rig, rig_find("exec"));
    struct rig_delivery *first = rig_prepare(&rig, "0");

    first->delivery.attributes = attributes;
    first->delivery.attribute_count = 2;
    first->delivery.subject = "$(reboot)";
    rig_deliver(&rig, first);
    rig_deliver(&rig, rig_prepare(&rig, "1"));
    rig_run(&rig, LIMIT_MS);
    cr_expect_str_eq(
        first->answer,
        "FANFARE_ATTEMPT=1\nFANFARE_ATTRIBUTE_order_id=a b\nFANFARE_ENDPOINT=0\n"
        "FANFARE_MESSAGE_ID=22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324\n"
        "FANFARE_MESSAGE_TYPE=Notification\nFANFARE_PROTOCOL=exec\nFANFARE_RAW=false\n"
        "FANFARE_SUBJECT=$(reboot)\n"
        "FANFARE_SUBSCRIPTION_ARN=arn:aws:sns:us-east-1:000000000000:t:s\n"
        "FANFARE_TIME_MS=0\nFANFARE_TOPIC_ARN=arn:aws:sns:us-east-1:000000000000:t\n"
        "HOME=/\nLANG=C\nMINE=1\n"
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nPWD=/\n");
    cr_expect_str_eq(rig.deliveries[1].answer, "0 1 2 3 leads\n", "%s",
                     rig.deliveries[1].answer);
    rig_close(&rig);
    (void)close(inherited);
}

Test(exec, runs_no_more_at_a_time_than_it_may)
{
    char folder[] = "/tmp/fanfare-exec-XXXXXX";
    char script[256];

    cr_assert_not_null(mkdtemp(folder));
    (void)snprintf(script, sizeof script, "mkdir %s/one || exit 3; sleep 0.05; rmdir %s/one",
                   folder, folder);
    const struct row row = {script, ",\"concurrency\":1", VERDICT_DELIVERED, "exit 0", ""};

    rig.commands = commands_of(&row, 1);
    rig_open(&rig, rig_find("exec"));
    for (int i = 0; i < 8; i++) {
        struct rig_delivery *delivery = rig_prepare(&rig, "0");

        delivery->delivery.timeout_ms = 30000;
        rig_deliver(&rig, delivery);
    }
    rig_run(&rig, LIMIT_MS);
    for (size_t i = 0; i < 8; i++) {
        cr_expect_eq(rig.deliveries[i].outcome.verdict, VERDICT_DELIVERED, "%zu: %s", i,
                     rig.deliveries[i].reason);
    }
    rig_close(&rig);
    cr_expect_eq(rmdir(folder), 0);
}

Test(exec, tries_again_later_when_no_place_gets_free)
{
    static const struct row row = {"exec sleep 3", ",\"concurrency\":1,\"timeout\":10",
                                   VERDICT_DELIVERED, "exit 0", ""};

    rig.commands = commands_of(&row, 1);
    rig_open(&rig, rig_find("exec"));
    for (int i = 0; i < 2; i++) {
        struct rig_delivery *delivery = rig_prepare(&rig, "0");

        delivery->delivery.timeout_ms = 10500; /* half a second for waiting */
        rig_deliver(&rig, delivery);
    }
    rig_run(&rig, LIMIT_MS);
    cr_expect_eq(rig.deliveries[0].outcome.verdict, VERDICT_DELIVERED);
    cr_expect_eq(rig.deliveries[1].outcome.verdict, VERDICT_RETRY);
    cr_expect_not_null(strstr(rig.deliveries[1].reason, "places"), "%s",
                       rig.deliveries[1].reason);
    rig_close(&rig);
}

/* A zombie is nothing any more: init has not come by yet. */
static bool is_running(pid_t pid)
{
    char path[64];
    char state = 'Z';

    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");

    if (file == NULL) {
        return false;
    }
    bool is_read = fscanf(file, "%*d (%*[^)]) %c", &state) == 1;

    (void)fclose(file);
    return is_read && state != 'Z' && state != 'X';
}

/* Whatever a run leaves in its group ends with it, be it done, cancelled or cut off. */
Test(exec, leaves_no_process_behind)
{
    static const struct row rows[] = {
        {"sleep 60 & echo $!; exit 0", "", VERDICT_DELIVERED, "", NULL},
        {"sleep 60 & echo $!; wait", "", VERDICT_RETRY, "", NULL},
        {"trap '' TERM; sleep 60 & echo $!; wait; wait", "", VERDICT_RETRY, "", NULL},
    };
    pid_t pids[3];

    rig.commands = commands_of(rows, 3);
    rig_open(&rig, rig_find("exec"));
    rig_deliver(&rig, rig_prepare(&rig, "0"));
    rig_run(&rig, LIMIT_MS);
    pids[0] = (pid_t)strtol(rig.deliveries[0].answer, NULL, 10);
    for (int i = 1; i <= 2; i++) {
        rig_deliver(&rig, rig_prepare(&rig, "%d", i));
    }
    rig_run_for(&rig, 500);
    rig.deliverer->cancel(rig.self, rig.deliveries[1].delivery.id);
    cr_expect_eq(rig.deliveries[1].settled, 1);
    pids[1] = (pid_t)strtol(rig.deliveries[1].answer, NULL, 10);
    rig_run_for(&rig, 500);
    rig_close(&rig); /* with the third under way */
    cr_expect_eq(rig.deliveries[2].settled, 0);
    for (int i = 0; i < 2; i++) {
        cr_expect_gt(pids[i], 0);
        cr_expect_not(is_running(pids[i]), "row %d left %d", i, (int)pids[i]);
    }
}

Test(exec, finds_a_functions_command_by_its_arn)
{
    static const struct row row = {"exit 0", "", VERDICT_DELIVERED, "", NULL};

    static const struct {
        const char *protocol, *endpoint;
        bool accepts;
    } endpoints[] = {
        {"exec", "0", true},
        {"exec", "1", false},
        {"exec", "", false},
        {"exec", "/bin/sh", false},
        {"exec", "../0", false},
        {"lambda", "0", false},
        {"lambda", "arn:aws:lambda:us-east-1:000000000000:function:0", true},
        {"lambda", "arn:aws:lambda:us-east-1:000000000000:function:0:live", true},
        {"lambda", "arn:aws:lambda:us-east-1:000000000000:function:00", false},
        {"lambda", "arn:aws:lambda:us-east-1:000000000000:layer:0", false},
        {"lambda", "arn:aws:sqs:us-east-1:000000000000:function:0", false},
        {"lambda", "arn:aws:lambda:us-east-1:000000000000", false},
    };

    rig.commands = commands_of(&row, 1);
    rig_open(&rig, rig_find("exec"));
    for (size_t i = 0; i < sizeof endpoints / sizeof endpoints[0]; i++) {
        const char *why = NULL;

        cr_expect_eq(rig.deliverer->accepts(rig.self, endpoints[i].protocol,
                                            endpoints[i].endpoint, &why),
                     endpoints[i].accepts, "%s", endpoints[i].endpoint);
    }
    rig_close(&rig);
}

/* --- What the configuration may say. */

static const struct {
    const char *commands;
    const char *why; /* a part of it; NULL: it is good */
} configurations[] = {
    {"{}", NULL},
    {"{\"a\":{\"command\":[\"/bin/true\"]}}", NULL},
    {"{\"a\":{\"command\":[\"/bin/sleep\",5,true],\"timeout\":\"20\",\"output_max\":\"1MiB\","
     "\"user\":\"nobody\",\"environment\":{\"A\":\"b\"},\"new_privileges\":true}}",
     NULL},
    {"[]", "names of commands"},
    {"{\"a\":{},\"a\":{}}", "each once"},
    {"{\"a\":[]}", "and settings"},
    {"{\"a/b\":{\"command\":[\"/bin/true\"]}}", "a name of letters"},
    {"{\"a\":{}}", "is missing"},
    {"{\"a\":{\"command\":\"/bin/true\"}}", "must be a list"},
    {"{\"a\":{\"command\":[]}}", "must be a list"},
    {"{\"a\":{\"command\":[\"true\"]}}", "absolute path"},
    {"{\"a\":{\"command\":[\"/bin/true\",1.5]}}", "put it in quotes"},
    {"{\"a\":{\"command\":[\"/bin/true\"],\"timeout\":0}}", "timeout must be a number from 1"},
    {"{\"a\":{\"command\":[\"/bin/true\"],\"timeout\":3601}}", "to 3600"},
    {"{\"a\":{\"command\":[\"/bin/true\"],\"timeout\":-1}}", "timeout"},
    {"{\"a\":{\"command\":[\"/bin/true\"],\"timeout\":\"10s\"}}", "timeout"},
    {"{\"a\":{\"command\":[\"/bin/true\"],\"colour\":1}}", "no setting \"colour\""},
    {"{\"a\":{\"command\":[\"/bin/true\"],\"directory\":\"tmp\"}}", "absolute path"},
    {"{\"a\":{\"command\":[\"/bin/true\"],\"environment\":{\"A=B\":\"\"}}}", "cannot be set"},
    {"{\"a\":{\"command\":[\"/bin/true\"],\"environment\":{\"FANFARE_X\":\"\"}}}",
     "cannot be set"},
    {"{\"a\":{\"command\":[\"/bin/true\"],\"environment\":[]}}", "names and values"},
    {"{\"a\":{\"command\":[\"/bin/true\"],\"user\":5}}", "user must be a text"},
    {"{\"a\":{\"command\":[\"/bin/true\"],\"new_privileges\":\"yes\"}}", "true or false"},
};

Test(exec, checks_its_configuration)
{
    const struct deliverer *deliverer = rig_find("exec");

    for (size_t i = 0; i < sizeof configurations / sizeof configurations[0]; i++) {
        const char *why = "";
        bool is_good = deliverer->check("commands", configurations[i].commands, &why);

        cr_expect_eq(is_good, configurations[i].why == NULL, "%s: %s",
                     configurations[i].commands, why);
        cr_expect(configurations[i].why == NULL || strstr(why, configurations[i].why) != NULL,
                  "%s: %s", configurations[i].commands, why);
    }
}

Test(exec, tries_again_when_the_command_is_away)
{
    rig.commands = "{\"away\":{\"command\":[\"/nowhere/at/all\"]},"
                   "\"folder\":{\"command\":[\"/bin/true\"],\"directory\":\"/nowhere\"}}";
    rig_open(&rig, rig_find("exec"));
    rig_deliver(&rig, rig_prepare(&rig, "away"));
    rig_deliver(&rig, rig_prepare(&rig, "folder"));
    rig_deliver(&rig, rig_prepare(&rig, "unknown"));
    rig_run(&rig, LIMIT_MS);
    static const char *const reasons[] = {"/nowhere/at/all: No such file or directory",
                                          "its directory: No such file", "exec.commands"};

    for (size_t i = 0; i < 3; i++) {
        cr_expect_eq(rig.deliveries[i].outcome.verdict, VERDICT_RETRY);
        cr_expect_not_null(strstr(rig.deliveries[i].reason, reasons[i]), "%s",
                           rig.deliveries[i].reason);
    }
    rig_close(&rig);
}
