/* Attempts: recorded once per batch, read back, bounded by age and count. */
#include "rig.h"

static struct attempt_record record_of(uint64_t message, enum attempt_fate fate)
{
    return (struct attempt_record){
        .message = message,
        .topic = 1,
        .subscription = 2,
        .ended_ms = 5,
        .attempt = 3,
        .fate = fate,
        .next_ms = 77,
        .detail = {.status_code = 503,
                   .dns_us = 1,
                   .connect_us = 2,
                   .tls_us = 3,
                   .first_byte_us = 4,
                   .total_us = 5,
                   .peer = T("127.0.0.1:80"),
                   .answer = T("busy\n")},
        .reason = T("HTTP 503"),
        .target = T("arn:q"),
    };
}

static void add(struct rig *rig, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct attempt_record record = record_of(i + 1, FATE_RETRY);

        history_add_attempt(&rig->step, &record);
    }
    (void)rig_commit(rig);
}

Test(journal, one_row_holds_all_attempts_of_a_batch)
{
    struct history_options options = {.attempts_max_count = 1000};
    struct attempt_row row;
    struct attempt_record record;
    struct rig rig;

    rig_open(&rig, &options);
    add(&rig, 3);
    add(&rig, 2);
    cr_expect_eq(rig_rows(&rig, TABLE_ATTEMPT), 2);
    struct blob *value = rig_row(&rig, key_u64(TABLE_ATTEMPT, 4));

    cr_assert(attempt_row_open(blob_text(value), &row));
    cr_expect_eq(row.count, 2);
    cr_assert(attempt_row_next(&row, &record));
    cr_expect_eq(record.message, 1);
    cr_expect_eq(record.subscription, 2);
    cr_expect_eq(record.attempt, 3);
    cr_expect_eq(record.fate, FATE_RETRY);
    cr_expect_eq(record.next_ms, 77);
    cr_expect_eq(record.detail.status_code, 503);
    cr_expect_eq(record.detail.total_us, 5);
    cr_expect(text_equal(record.detail.peer, T("127.0.0.1:80")));
    cr_expect(text_equal(record.detail.answer, T("busy\n")));
    cr_expect(text_equal(record.reason, T("HTTP 503")));
    cr_expect(text_equal(record.target, T("arn:q")));
    cr_expect(attempt_row_next(&row, &record));
    cr_expect(!attempt_row_next(&row, &record));
    blob_unref(value);
    rig_close(&rig);
}

Test(journal, a_huge_answer_is_cut_and_large_batches_make_several_rows)
{
    static char answer[100000];
    struct history_options options = {.attempts_max_count = 1000};
    struct attempt_record record = record_of(1, FATE_LOST);
    struct rig rig;

    memset(answer, 0xff, sizeof answer);
    record.detail.answer = text_make(answer, sizeof answer);
    rig_open(&rig, &options);
    for (uint32_t i = 0; i < 200; i++) {
        history_add_attempt(&rig.step, &record);
    }
    rig_settle(&rig);
    cr_expect_eq(rig_rows(&rig, TABLE_ATTEMPT), 4);
    rig_close(&rig);
}

Test(journal, old_attempts_go_by_age)
{
    struct history_options options = {.attempts_max_count = 1000,
                                      .attempts_max_age_ms = HOUR_MS};
    struct rig rig;

    rig_open(&rig, &options);
    add(&rig, 3);
    rig_pass(&rig, HOUR_MS / 2);
    add(&rig, 3);
    rig_pass(&rig, HOUR_MS / 2 + 2000);
    cr_expect_eq(rig_rows(&rig, TABLE_ATTEMPT), 1);
    cr_expect_eq(history_counters(&rig.step).attempts, 3);
    rig_pass(&rig, HOUR_MS);
    cr_expect_eq(rig_rows(&rig, TABLE_ATTEMPT), 0);
    cr_expect_eq(history_counters(&rig.step).attempts, 0);
    rig_close(&rig);
}

Test(journal, old_attempts_go_by_count_also_after_a_restart)
{
    struct history_options options = {.attempts_max_count = 100};
    struct rig rig;

    rig_open(&rig, &options);
    for (uint32_t i = 0; i < 1000; i++) {
        add(&rig, 2);
        rig_pass(&rig, 10);
    }
    cr_expect_leq(rig_rows(&rig, TABLE_ATTEMPT), 55);
    cr_expect_geq(rig_rows(&rig, TABLE_ATTEMPT), 50);
    options.attempts_max_count = 10;
    rig_restart(&rig, &options);
    rig_pass(&rig, 5000);
    cr_expect_eq(rig_rows(&rig, TABLE_ATTEMPT), 5);
    options.attempts_max_count = 0;
    rig_restart(&rig, &options);
    rig_pass(&rig, 5000);
    cr_expect_eq(rig_rows(&rig, TABLE_ATTEMPT), 0);
    cr_expect(!history_wants_attempt(&rig.step, false));
    rig_close(&rig);
}

Test(journal, a_damaged_row_is_refused)
{
    struct attempt_row row;
    struct attempt_record record;

    cr_expect(!attempt_row_open(T(""), &row));
    cr_expect(!attempt_row_open(T("\x07zzzzzzzzzzzzzzzz"), &row));
    cr_assert(attempt_row_open(T("\x01zzzzzzzzzzzz..."), &row));
    cr_expect(!attempt_row_next(&row, &record));
}

/* What it let go leaves deletions behind: it does not walk over them again. */
Test(journal, the_old_end_is_read_from_where_it_was)
{
    struct history_options options = {.attempts_max_count = 1000,
                                      .attempts_max_age_ms = HOUR_MS};
    struct rig rig;

    rig_open(&rig, &options);
    for (int i = 0; i < 20; i++) {
        add(&rig, 10);
        rig_pass(&rig, HOUR_MS / 4);
    }
    cr_expect_leq(rig_rows(&rig, TABLE_ATTEMPT), 6);
    cr_expect_gt(rig.attempts_from.len, 1);
    cr_expect_gt(key_get_u64(&rig.attempts_from, 1), 100);
    rig_close(&rig);
}
