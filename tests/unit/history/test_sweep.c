/* Bodies stay as long as the history says, and not longer. */
#include "rig.h"

static const struct history_options off = {0};
static const struct history_options day = {.max_age_ms = 24 * HOUR_MS, .max_bytes = 1 << 30};

Test(sweep, without_a_history_a_body_goes_with_its_last_reference)
{
    struct rig rig;

    rig_open(&rig, &off);
    uint64_t message = rig_publish(&rig, T("x"), 2);

    rig_settle(&rig);
    rig_release(&rig, message);
    cr_expect(rig_has(&rig, TABLE_BODY, message));
    rig_release(&rig, message);
    cr_expect_eq(rig_rows(&rig, TABLE_BODY), 0);
    cr_expect_eq(rig_rows(&rig, TABLE_REFERENCES), 0);
    (void)rig_publish(&rig, T("nobody's"), 0);
    rig_settle(&rig);
    cr_expect_eq(rig_rows(&rig, TABLE_BODY), 0);
    rig_close(&rig);
}

Test(sweep, a_released_body_stays_for_its_age)
{
    struct rig rig;

    rig_open(&rig, &day);
    uint64_t wanted = rig_publish(&rig, T("x"), 1);

    (void)rig_publish(&rig, T("nobody's"), 0);
    rig_release(&rig, wanted);
    rig_pass(&rig, 23 * HOUR_MS);
    cr_expect_eq(rig_rows(&rig, TABLE_BODY), 2);
    rig_pass(&rig, 2 * HOUR_MS);
    cr_expect_eq(rig_rows(&rig, TABLE_BODY), 0);
    cr_expect_eq(rig_rows(&rig, TABLE_REFERENCES), 0);
    cr_expect_eq(history_counters(&rig.step).bytes, 0);
    rig_close(&rig);
}

Test(sweep, each_body_has_its_own_age)
{
    struct rig rig;

    rig_open(&rig, &day);
    uint64_t first = rig_publish(&rig, T("first"), 0);

    rig_pass(&rig, 11 * HOUR_MS);
    uint64_t second = rig_publish(&rig, T("second"), 0);

    rig_pass(&rig, 14 * HOUR_MS);
    cr_expect(!rig_has(&rig, TABLE_BODY, first));
    cr_expect(rig_has(&rig, TABLE_BODY, second));
    rig_pass(&rig, 11 * HOUR_MS);
    cr_expect_eq(rig_rows(&rig, TABLE_BODY), 0);
    rig_close(&rig);
}

Test(sweep, what_is_needed_longer_goes_with_its_last_release)
{
    struct rig rig;

    rig_open(&rig, &day);
    uint64_t needed = rig_publish(&rig, T("x"), 3);

    rig_pass(&rig, 30 * HOUR_MS);
    cr_expect(rig_has(&rig, TABLE_BODY, needed));
    cr_expect(!history_keeps(&rig.step, needed));
    rig_release(&rig, needed);
    rig_release(&rig, needed);
    cr_expect(rig_has(&rig, TABLE_BODY, needed));
    rig_release(&rig, needed);
    cr_expect_eq(rig_rows(&rig, TABLE_BODY), 0);
    cr_expect_eq(rig_rows(&rig, TABLE_REFERENCES), 0);
    rig_close(&rig);
}

Test(sweep, keeps_to_its_size_whatever_the_age)
{
    struct history_options small = {.max_age_ms = 24 * HOUR_MS, .max_bytes = 100000};
    char filling[1000];
    struct rig rig;

    memset(filling, 'x', sizeof filling);
    rig_open(&rig, &small);
    for (uint32_t i = 0; i < 2000; i++) {
        (void)rig_publish(&rig, text_make(filling, sizeof filling), 0);
        if (i % 50 == 0) {
            rig_settle(&rig);
        }
    }
    rig_pass(&rig, 60000);
    cr_expect_leq(history_counters(&rig.step).bytes, 100000);
    cr_expect_geq(rig_rows(&rig, TABLE_BODY), 80);
    cr_expect_leq(rig_rows(&rig, TABLE_BODY), 100);
    cr_expect(rig_has(&rig, TABLE_BODY, 2000));
    rig_close(&rig);
}

Test(sweep, makes_room_when_the_disk_fills)
{
    struct rig rig;

    rig_open(&rig, &day);
    for (uint32_t i = 0; i < 1000; i++) {
        (void)rig_publish(&rig, T("x"), i % 10 == 0);
    }
    rig_settle(&rig);
    records_set_space(rig.step.records, 1200, 1000);
    cr_expect(step_space_is_scarce(&rig.step));
    history_shrink(&rig.step);
    rig_pass(&rig, 1000);
    cr_expect_eq(rig_rows(&rig, TABLE_BODY), 100, "what is needed stays");
    records_set_space(rig.step.records, 1600, 1000);
    (void)rig_publish(&rig, T("x"), 0);
    rig_pass(&rig, 1000);
    cr_expect_eq(rig_rows(&rig, TABLE_BODY), 101);
    rig_close(&rig);
}

Test(sweep, switched_off_it_empties_itself_and_loses_nothing_needed)
{
    struct rig rig;

    rig_open(&rig, &day);
    uint64_t needed = rig_publish(&rig, T("x"), 1);

    for (uint32_t i = 0; i < 1000; i++) {
        (void)rig_publish(&rig, T("x"), 0);
    }
    rig_settle(&rig);
    rig_restart(&rig, &off);
    rig_pass(&rig, 60000);
    cr_expect_eq(rig_rows(&rig, TABLE_BODY), 1);
    rig_release(&rig, needed);
    cr_expect_eq(rig_rows(&rig, TABLE_BODY), 0);
    cr_expect_eq(rig_rows(&rig, TABLE_REFERENCES), 0);
    rig_close(&rig);
}

Test(sweep, switched_on_it_keeps_what_comes_from_then_on)
{
    struct rig rig;

    rig_open(&rig, &off);
    uint64_t before = rig_publish(&rig, T("x"), 1);

    rig_settle(&rig);
    rig_restart(&rig, &day);
    uint64_t after = rig_publish(&rig, T("x"), 1);

    rig_release(&rig, before);
    rig_release(&rig, after);
    cr_expect(!rig_has(&rig, TABLE_BODY, before));
    cr_expect(rig_has(&rig, TABLE_BODY, after));
    rig_restart(&rig, &day);
    cr_expect(history_keeps(&rig.step, after));
    rig_pass(&rig, 25 * HOUR_MS);
    cr_expect_eq(rig_rows(&rig, TABLE_BODY), 0);
    rig_close(&rig);
}

Test(sweep, sees_a_release_that_is_not_on_disk_yet)
{
    struct rig rig;

    rig_open(&rig, &day);
    uint64_t message = rig_publish(&rig, T("x"), 2);
    struct rig_release release = {.message = message};

    rig_settle(&rig);
    rig.step.now_ms += 25 * HOUR_MS;
    release.task = (struct task){.run = rig_release_run, .done = rig_release_done};
    records_run(&rig.step); /* the sweep asks for its rows */
    struct read *bodies = records_next_read(rig.step.records);
    struct read *references = records_next_read(rig.step.records);

    cr_assert(bodies != NULL && references != NULL);
    read_execute(bodies, rig.engine, rig.disk);
    read_execute(references, rig.engine, rig.disk);
    task_start(&release.task, &rig.step);
    task_start(&release.task, &rig.step);
    cr_assert(rig_commit(&rig));
    records_read_done(&rig.step, references);
    records_read_done(&rig.step, bodies);
    rig_settle(&rig);
    cr_expect_eq(rig_rows(&rig, TABLE_BODY), 0);
    cr_expect_eq(rig_rows(&rig, TABLE_REFERENCES), 0);
    rig_close(&rig);
}

Test(message_ids, lead_to_their_numbers)
{
    struct rig rig;

    rig_open(&rig, &off);
    for (uint64_t i = 1; i < 2000; i++) {
        uint64_t number = step_number(&rig.step, COUNTER_MESSAGE);
        char text[UUID_SIZE];
        uint8_t id[16];
        uint8_t read_back[16];

        message_id_make(&rig.step, number, id);
        uuid_format(id, text);
        cr_assert(uuid_parse(text_from(text), read_back));
        cr_assert_eq(message_id_number(&rig.step, read_back), i);
    }
    uint8_t foreign[16] = {0};

    cr_expect_eq(message_id_number(&rig.step, foreign), 0);
    rig_close(&rig);
}
