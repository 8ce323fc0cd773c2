/* What the filter index costs: policies and events as JSON lines in, one line of JSON out.
 *
 *   filter_bench --policies FILE --events FILE [--check FILE] [--seconds N]
 *
 * FILE may be plain, gzipped (.gz) or "-" for standard input.  A line of policies is
 * {"policy": {...}} with scope MessageBody, a line of events is a body, a line of the file to
 * check against is {"match": [ids]} for the event of the same line, ids being line numbers.
 * Without arguments a small made-up set is measured, to prove that it runs.  Times are CPU
 * times of one thread; percentiles are by the clock on the wall. */
/* link: base filter */
#include "base/arena.h"
#include "base/json.h"
#include "base/memory.h"

#include <fanfare/filter.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MADE_POLICIES 2000
#define MADE_EVENTS   200
#define READD_SHARE   10 /* one policy in so many is removed and added again */

struct options {
    const char *policies;
    const char *events;
    const char *check;
    double seconds; /* of matching, at least one pass */
};

struct event {
    char *text;
    size_t len;
};

struct bench {
    struct filter_index *index;
    struct arena *arena; /* for reading lines; reset per line */
    struct event *events;
    size_t event_count;
    size_t event_room;
    uint32_t policy_count;
    double build_us; /* all policies together */
    FILE *tenth;     /* the policies that are removed and added again, one a line */
    long resident_bytes;
};

struct figures {
    double events_per_s;
    double p50_us;
    double p99_us;
    double matches_per_event;
    double remove_us;
    double readd_us;
};

static void give_up(const char *what, const char *name)
{
    (void)fprintf(stderr, "filter_bench: %s: %s\n", what, name);
    _Exit(1);
}

static double clock_us(clockid_t clock)
{
    struct timespec now;

    (void)clock_gettime(clock, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static double cpu_us(void)
{
    return clock_us(CLOCK_THREAD_CPUTIME_ID);
}

static long resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    char line[128] = "";
    char *at;
    long pages = 0;

    if (file == NULL) {
        return 0;
    }
    if (fgets(line, sizeof line, file) != NULL) {
        (void)strtol(line, &at, 10);
        pages = strtol(at, NULL, 10);
    }
    (void)fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

/* A source of lines: a file, a pipe from gzip, or standard input. */
struct lines {
    FILE *file;
    bool is_pipe;
    char *line;
    size_t room;
};

static struct lines lines_open(const char *name)
{
    struct lines lines = {.file = stdin};
    size_t len = strlen(name);
    char command[4096];

    if (strcmp(name, "-") == 0) {
        return lines;
    }
    lines.is_pipe = len > 3 && strcmp(name + len - 3, ".gz") == 0;
    if (!lines.is_pipe) {
        lines.file = fopen(name, "r");
    } else if (strchr(name, '\'') == NULL && len + 20 < sizeof command) {
        (void)snprintf(command, sizeof command, "exec gzip -dc '%s'", name);
        lines.file = popen(command, "r");
    } else {
        lines.file = NULL;
    }
    if (lines.file == NULL) {
        give_up("cannot read", name);
    }
    return lines;
}

static bool lines_next(struct lines *lines, struct text *ret_line)
{
    ssize_t len = getline(&lines->line, &lines->room, lines->file);

    if (len <= 0) {
        return false;
    }
    if (lines->line[len - 1] == '\n') {
        len--;
    }
    *ret_line = text_make(lines->line, (size_t)len);
    return true;
}

static void lines_close(struct lines *lines)
{
    free(lines->line);
    if (lines->is_pipe) {
        (void)pclose(lines->file);
    } else if (lines->file != stdin) {
        (void)fclose(lines->file);
    }
}

/* The raw value of one member of the object in `line`; empty when there is none. */
static struct text member_find(struct bench *bench, struct text line, struct text name)
{
    struct json_reader reader;
    struct text raw = {.len = 0};

    arena_reset(bench->arena);
    json_reader_init(&reader, line, bench->arena);
    if (json_next(&reader) != JSON_OBJECT) {
        return raw;
    }
    while (json_next(&reader) == JSON_NAME) {
        bool wanted = text_equal(reader.value, name);

        if (wanted ? json_raw(&reader, &raw) : !json_skip(&reader)) {
            break;
        }
    }
    return raw;
}

static void policy_add(struct bench *bench, uint32_t id, struct text policy)
{
    struct filter_policy *compiled = NULL;
    struct filter_error error = {.text = NULL};
    enum filter_status status = filter_policy_compile(
        policy.at, policy.len, FILTER_SCOPE_BODY, FILTER_PROFILE_FANFARE, &compiled, &error);

    if (status != FILTER_OK) {
        give_up("a policy does not compile", error.text == NULL ? "no memory" : error.text);
    }
    if (filter_index_add(bench->index, id, compiled) != FILTER_OK) {
        give_up("a policy cannot be added", "no memory");
    }
    filter_policy_free(compiled);
}

static void policies_load(struct bench *bench, const char *name)
{
    struct lines lines = lines_open(name);
    long before = resident_bytes();
    struct text line;

    bench->tenth = tmpfile();
    if (bench->tenth == NULL) {
        give_up("no temporary file", name);
    }
    while (lines_next(&lines, &line)) {
        struct text policy = member_find(bench, line, T("policy"));

        if (bench->policy_count % READD_SHARE == 0) {
            (void)fprintf(bench->tenth, "%.*s\n", TEXT_PRINTF(policy));
        }
        double start = cpu_us();

        policy_add(bench, bench->policy_count++, policy);
        bench->build_us += cpu_us() - start;
    }
    bench->resident_bytes = resident_bytes() - before;
    lines_close(&lines);
}

static void event_keep(struct bench *bench, struct text body)
{
    if (bench->event_count == bench->event_room) {
        bench->event_room = bench->event_room * 2 + 64;
        bench->events = memory_resize(bench->events, bench->event_room * sizeof *bench->events);
    }
    bench->events[bench->event_count++] = (struct event){memory_copy_text(body), body.len};
}

static void events_load(struct bench *bench, const char *name)
{
    struct lines lines = lines_open(name);
    struct text line;

    while (lines_next(&lines, &line)) {
        event_keep(bench, line);
    }
    lines_close(&lines);
}

static size_t event_match(struct bench *bench, const struct event *event,
                          const uint32_t **ret_ids)
{
    struct filter_message message = {.body = event->text, .body_len = event->len};
    size_t count = 0;

    if (filter_index_match(bench->index, &message, ret_ids, &count) != FILTER_OK) {
        give_up("an event cannot be matched", "no memory");
    }
    return count;
}

static size_t events_match(struct bench *bench)
{
    const uint32_t *ids;
    size_t matches = 0;

    for (size_t i = 0; i < bench->event_count; i++) {
        matches += event_match(bench, &bench->events[i], &ids);
    }
    return matches;
}

static int double_order(const void *a, const void *b)
{
    const double *left = a;
    const double *right = b;

    return (*left > *right) - (*left < *right);
}

/* Median rate of several passes over all events. */
static void rate_measure(struct bench *bench, double seconds, struct figures *figures)
{
    double rates[1000];
    size_t passes = 0;
    double spent = 0;

    figures->matches_per_event = (double)events_match(bench) / (double)bench->event_count;
    while (passes < 1 || (passes < 1000 && spent < seconds * 1e6)) {
        double start = cpu_us();
        double took;

        (void)events_match(bench);
        took = cpu_us() - start;
        rates[passes++] = (double)bench->event_count * 1e6 / took;
        spent += took;
    }
    qsort(rates, passes, sizeof *rates, double_order);
    figures->events_per_s = rates[passes / 2];
}

static void percentiles_measure(struct bench *bench, struct figures *figures)
{
    double *times = memory_array(bench->event_count, sizeof *times);
    const uint32_t *ids;

    for (size_t i = 0; i < bench->event_count; i++) {
        double start = clock_us(CLOCK_MONOTONIC);

        (void)event_match(bench, &bench->events[i], &ids);
        times[i] = clock_us(CLOCK_MONOTONIC) - start;
    }
    qsort(times, bench->event_count, sizeof *times, double_order);
    figures->p50_us = times[bench->event_count / 2];
    figures->p99_us = times[bench->event_count * 99 / 100];
    memory_free(times);
}

/* Removes a tenth of the policies and adds them again. */
static void churn_measure(struct bench *bench, const char *name, struct figures *figures)
{
    struct lines lines = {.file = bench->tenth};
    struct text line;
    uint32_t count = 0;
    double start = cpu_us();

    for (uint32_t id = 0; id < bench->policy_count; id += READD_SHARE) {
        if (filter_index_remove(bench->index, id) != FILTER_OK) {
            give_up("a policy cannot be removed", name);
        }
        count++;
    }
    figures->remove_us = (cpu_us() - start) / count;
    rewind(bench->tenth);
    for (uint32_t id = 0; lines_next(&lines, &line); id += READD_SHARE) {
        start = cpu_us();
        policy_add(bench, id, line);
        figures->readd_us += (cpu_us() - start) / count;
    }
    lines_close(&lines);
}

/* The ids of one line of the file to check against are those that match. */
static bool line_agrees(struct bench *bench, struct text line, const struct event *event)
{
    struct text expected = member_find(bench, line, T("match"));
    const uint32_t *ids;
    size_t count = event_match(bench, event, &ids);
    const char *at = expected.at + 1;
    size_t same = 0;

    while (at < expected.at + expected.len && *at != ']') {
        char *end;
        unsigned long id = strtoul(at, &end, 10);

        if (same == count || ids[same] != id) {
            return false;
        }
        same++;
        at = end + strspn(end, ", ");
    }
    return same == count;
}

static void expected_check(struct bench *bench, const char *name)
{
    struct lines lines = lines_open(name);
    struct text line;
    size_t checked = 0;

    for (; checked < bench->event_count && lines_next(&lines, &line); checked++) {
        if (!line_agrees(bench, line, &bench->events[checked])) {
            give_up("an event matches other policies than expected", name);
        }
    }
    lines_close(&lines);
    (void)fprintf(stderr, "filter_bench: %zu events match what %s expects\n", checked, name);
}

/* Policies and events of a shop, for a run without files. */
static const char *set_make(char *path)
{
    FILE *file;
    int descriptor = mkstemp(path);

    file = descriptor < 0 ? NULL : fdopen(descriptor, "w");
    if (file == NULL) {
        give_up("cannot write", path);
    }
    for (int i = 0; i < MADE_POLICIES; i++) {
        (void)fprintf(file,
                      "{\"policy\":{\"tenant\":[\"t%d\"],\"order\":{\"total\":"
                      "[{\"numeric\":[\">\",%d]}]}}}\n",
                      i % 97, i % 1009);
    }
    (void)fclose(file);
    return path;
}

static void events_make(struct bench *bench)
{
    for (int i = 0; i < MADE_EVENTS; i++) {
        char body[128];
        int len = snprintf(body, sizeof body,
                           "{\"tenant\":\"t%d\",\"note\":\"none\",\"order\":{\"total\":%d.5}}",
                           i % 101, i * 7);

        event_keep(bench, text_make(body, (size_t)len));
    }
}

static void figures_print(const struct bench *bench, const struct figures *figures,
                          size_t counted)
{
    double policies = bench->policy_count;

    (void)printf("{\"policies\": %u, \"build_us_per_policy\": %.3f, "
                 "\"bytes_per_policy\": %.1f, \"bytes_counted\": %.1f, "
                 "\"events_per_s\": %.0f, \"p50_us\": %.2f, \"p99_us\": %.2f, "
                 "\"matches_per_event\": %.2f, \"remove_us\": %.3f, \"readd_us\": %.3f}\n",
                 bench->policy_count, bench->build_us / policies,
                 (double)bench->resident_bytes / policies, (double)counted / policies,
                 figures->events_per_s, figures->p50_us, figures->p99_us,
                 figures->matches_per_event, figures->remove_us, figures->readd_us);
}

static struct options options_read(int argc, char **argv)
{
    struct options options = {.seconds = argc > 1 ? 3 : 0.1};

    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--policies") == 0) {
            options.policies = argv[i + 1];
        } else if (strcmp(argv[i], "--events") == 0) {
            options.events = argv[i + 1];
        } else if (strcmp(argv[i], "--check") == 0) {
            options.check = argv[i + 1];
        } else if (strcmp(argv[i], "--seconds") == 0) {
            options.seconds = strtod(argv[i + 1], NULL);
        } else {
            give_up("unknown option", argv[i]);
        }
    }
    if (argc % 2 == 0 || (argc > 1 && (options.policies == NULL || options.events == NULL))) {
        give_up("usage", "--policies FILE --events FILE [--check FILE] [--seconds N]");
    }
    return options;
}

static void events_free(struct bench *bench)
{
    for (size_t i = 0; i < bench->event_count; i++) {
        memory_free(bench->events[i].text);
    }
    memory_free(bench->events);
}

int main(int argc, char **argv)
{
    char made[] = "/tmp/filter_bench.XXXXXX";
    struct options options = options_read(argc, argv);
    struct arena arena = {.used = 0};
    struct bench bench = {.index = filter_index_create(), .arena = &arena};
    struct figures figures = {.events_per_s = 0};
    size_t counted;

    if (bench.index == NULL) {
        give_up("no memory", "index");
    }
    if (options.policies == NULL) {
        options.policies = set_make(made);
        events_make(&bench);
    } else {
        events_load(&bench, options.events);
    }
    policies_load(&bench, options.policies);
    counted = filter_index_bytes(bench.index);
    rate_measure(&bench, options.seconds, &figures);
    percentiles_measure(&bench, &figures);
    if (options.check != NULL) {
        expected_check(&bench, options.check);
    }
    churn_measure(&bench, options.policies, &figures);
    figures_print(&bench, &figures, counted);
    if (options.policies == made) {
        (void)unlink(made);
    }
    events_free(&bench);
    arena_free(&arena);
    filter_index_free(bench.index);
    return 0;
}
