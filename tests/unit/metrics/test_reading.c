/* Pages of metrics, whole and in pieces. */
#include "metrics/internal.h"
#include "tests/unit/router/rig.h"

static double any_topics(const struct metrics_sources *sources)
{
    return (double)router_topic_count(cell_router(sources->cell));
}

static double any_age(const struct metrics_sources *sources)
{
    (void)sources;
    return 1.5;
}

static double any_visible(const struct queue *queue, int64_t now_ms)
{
    (void)now_ms;
    return (double)queue_counts(queue).visible;
}

static double any_waiting(const struct lane_status *lane)
{
    return (double)lane->waiting;
}

static const struct metric table[] = {
    {"t_topics", "gauge", "Topics.", .read = any_topics},
    {"t_age", "gauge", "Age.", .read = any_age},
    {"t_waiting", "gauge", "Waiting.", .of_lane = any_waiting},
    {"t_visible", "gauge", "Visible.", .of_queue = any_visible},
    {.name = NULL},
};

static enum status delete_run(struct rig_call *call, struct step *step)
{
    queue_delete(step, rig_queue(call->rig, call->name));
    return STATUS_OK;
}

static struct text read_all(struct rig *rig, size_t enough, bool has_objects)
{
    const struct metrics_sources sources = {.cell = rig->cell};
    struct metrics_reading *reading = metrics_begin_over(table, &sources, has_objects);
    struct buffer page;

    buffer_init(&page, 1 << 20);
    while (metrics_write(reading, &sources, &page, enough)) {
    }
    metrics_end(reading);
    struct text text = arena_copy(&rig->arena, buffer_text(&page));

    buffer_free(&page);
    return text;
}

static bool has(struct text page, const char *line)
{
    return strstr(page.at, line) != NULL;
}

Test(metrics, are_the_same_whole_and_line_by_line)
{
    struct rig rig;

    rig_open(&rig);
    rig_make(&rig, "one");
    rig_make(&rig, "two");
    rig.verdict = ATTEMPT_RETRY;
    (void)rig_subscribe(&rig, "one",
                        (struct subscription){.protocol = PROTOCOL_HTTP,
                                              .endpoint = T("http://127.0.0.1:9/"),
                                              .is_confirmed = true});
    (void)rig_publish(&rig, "one", "x", NULL);
    struct text page = read_all(&rig, 1 << 20, true);

    cr_expect(has(page, "# HELP t_topics Topics.\n# TYPE t_topics gauge\nt_topics 2\n"));
    cr_expect(has(page, "t_age 1.500000\n"));
    cr_expect(has(
        page, "t_visible{queue=\"two\",region=\"us-east-1\",account=\"000000000000\"} 0\n"));
    cr_expect(has(page, "t_waiting{topic=\"one\",subscription=\""));
    cr_expect(text_equal(page, read_all(&rig, 1, true)));
    rig_close(&rig);
}

Test(metrics, can_leave_out_what_has_a_line_for_each_object)
{
    struct rig rig;

    rig_open(&rig);
    rig_make(&rig, "one");
    struct text page = read_all(&rig, 1 << 20, false);

    cr_expect(has(page, "t_topics 1\n"));
    cr_expect_not(has(page, "t_visible"));
    cr_expect_not(has(page, "t_waiting"));
    rig_close(&rig);
}

Test(metrics, leave_out_a_queue_that_goes_between_two_pieces)
{
    struct rig rig;
    struct buffer page;
    struct rig_call call = {.run = delete_run, .name = "two"};

    rig_open(&rig);
    rig_make(&rig, "one");
    rig_make(&rig, "two");
    rig_make(&rig, "three");
    const struct metrics_sources sources = {.cell = rig.cell};
    struct metrics_reading *reading = metrics_begin_over(table, &sources, true);

    buffer_init(&page, 1 << 20);
    cr_assert(metrics_write(reading, &sources, &page, 1));
    cr_assert_eq(rig_do(&rig, &call), STATUS_OK);
    rig_make(&rig, "four");
    while (metrics_write(reading, &sources, &page, 1)) {
    }
    metrics_end(reading);
    struct text text = arena_copy(&rig.arena, buffer_text(&page));

    cr_expect(has(text, "queue=\"one\"") && has(text, "queue=\"three\""));
    cr_expect_not(has(text, "queue=\"two\""));
    cr_expect_not(has(text, "queue=\"four\""), "it was not there when the reading began");
    buffer_free(&page);
    rig_close(&rig);
}

Test(metrics, escape_names_and_stay_text)
{
    struct rig rig;

    rig_open(&rig);
    rig_make(&rig, "a\"b\\c\nd\xff");
    struct text page = read_all(&rig, 1 << 20, true);

    cr_expect(has(page, "queue=\"a\\\"b\\\\c\\nd\xef\xbf\xbd\""));
    cr_expect(text_is_utf8(page));
    rig_close(&rig);
}

static bool is_name(const char *name)
{
    return strncmp(name, "fanfare_", 8) == 0
           && name[strspn(name, "abcdefghijklmnopqrstuvwxyz_")] == '\0';
}

Test(metrics, have_a_table_of_sound_rows)
{
    for (const struct metric *row = metrics_table; row->name != NULL; row++) {
        int readers = (row->read != NULL) + (row->of_queue != NULL) + (row->of_lane != NULL);
        bool is_counter = strcmp(row->type, "counter") == 0;

        cr_expect(is_name(row->name), "%s", row->name);
        cr_expect(is_counter || strcmp(row->type, "gauge") == 0, "%s", row->name);
        cr_expect_eq(is_counter, text_ends_with(text_from(row->name), T("_total")), "%s",
                     row->name);
        cr_expect_eq(readers, 1, "%s", row->name);
        cr_expect_eq(row->help[strcspn(row->help, "\\\n")], '\0', "%s", row->name);
        for (const struct metric *other = metrics_table; other != row; other++) {
            cr_expect_str_neq(other->name, row->name);
        }
    }
}
