/* Data keys: what reaches a batch, what comes back of it, how long a key lives. */
#include "base/memory.h"
#include "step/step.h"

#include <criterion/criterion.h>

#include <string.h>

static const uint8_t old_and_new[3 * SEALING_KEY_SIZE] = {
    [0] = 1, [SEALING_KEY_SIZE] = 2, [2 * SEALING_KEY_SIZE] = 1};

/* A cell's worth, and the rows that its batches have made durable. */
#define DISK_MAX 64

static struct {
    struct step step;
    struct masters *masters;
    struct row rows[DISK_MAX];
    size_t count;
} rig;

#define BODY(number) key_u64(TABLE_BODY, number)

static void rig_begin(const uint8_t *keys, size_t count, enum seal_mode mode)
{
    rig.masters = keys == NULL ? NULL : masters_of(keys, count);
    rig.step = (struct step){.now_ms = 1000000, .random = random_seeded(5)};
    rig.step.records = records_create(0); /* nothing stays in memory */
    rig.step.seals = seals_create(rig.masters, mode);
}

static void rig_end(void)
{
    records_end(rig.step.records);
    records_free(rig.step.records);
    seals_free(rig.step.seals);
    masters_free(rig.masters);
    memory_free(rig.step.random);
}

static void rig_open(void)
{
    rig.count = 0;
    rig_begin(old_and_new, 1, SEAL_NAMED);
    seals_start(&rig.step);
}

static void rig_close(void)
{
    rig_end();
    for (size_t i = 0; i < rig.count; i++) {
        blob_unref(rig.rows[i].value);
    }
}

TestSuite(seals, .init = rig_open, .fini = rig_close);

static void disk_change(const struct batch_op *op)
{
    size_t i = 0;

    while (i < rig.count && !text_equal(key_text(&rig.rows[i].key), key_text(op->key))) {
        i++;
    }
    if (i < rig.count) {
        blob_unref(rig.rows[i].value);
        rig.rows[i] = rig.rows[--rig.count];
    }
    if (op->value != NULL) {
        cr_assert_lt(rig.count, DISK_MAX);
        rig.rows[rig.count++] = (struct row){.key = *op->key, .value = blob_ref(op->value)};
    }
}

static void commit(void)
{
    struct batch *batch = NULL;

    while (records_has_batch(rig.step.records)) {
        batch = records_take_batch(&rig.step);
        for (size_t i = 0; batch != NULL && i < batch->count; i++) {
            disk_change(&batch->ops[i]);
        }
        if (batch != NULL) {
            records_committed(&rig.step, batch, STATUS_OK);
        }
        records_run(&rig.step);
    }
}

/* The least row of the disk in the read's range, cut as the read says. */
static void answer(struct read *read)
{
    const struct row *least = NULL;

    for (size_t i = 0; i < rig.count; i++) {
        const struct row *row = &rig.rows[i];

        if (text_compare(key_text(&row->key), key_text(&read->from)) >= 0
            && text_compare(key_text(&row->key), key_text(&read->to)) < 0
            && (least == NULL
                || text_compare(key_text(&row->key), key_text(&least->key)) < 0)) {
            least = row;
        }
    }
    read->complete = true;
    if (least != NULL) {
        read->rows = memory_array(1, sizeof *read->rows);
        read->rows[0] = *least;
        read->rows[0].full_len = least->value->len;
        read->rows[0].value = blob_copy(text_first(blob_text(least->value), read->value_max));
        read->row_count = 1;
    }
    records_read_done(&rig.step, read);
}

static void settle(void)
{
    struct read *read = NULL;

    records_run(&rig.step);
    commit();
    while ((read = records_next_read(rig.step.records)) != NULL) {
        answer(read);
        commit();
    }
}

static void wait_ms(int64_t ms)
{
    int64_t until_ms = rig.step.now_ms + ms;

    while (records_next_wake(rig.step.records) <= until_ms) {
        rig.step.now_ms = records_next_wake(rig.step.records);
        settle();
    }
    rig.step.now_ms = until_ms;
}

static void put(uint64_t number, uint32_t topic, bool wants_sealing)
{
    struct key key = BODY(number);
    const struct content content = {.kind = CONTENT_TOPIC,
                                    .owner = topic,
                                    .wants_sealing = wants_sealing,
                                    .reuse_s = 300,
                                    .head = 5};

    while (step_counter(&rig.step, COUNTER_MESSAGE) < number) {
        (void)step_number(&rig.step, COUNTER_MESSAGE);
    }
    record_put_content(&rig.step, &key, blob_copy(T("\1head secret words")), &content);
    commit();
}

static void gone(uint64_t number)
{
    struct key key = BODY(number);

    record_delete(&rig.step, &key);
    commit();
}

static struct row *disk_row(const struct key *key)
{
    for (size_t i = 0; i < rig.count; i++) {
        if (text_equal(key_text(&rig.rows[i].key), key_text(key))) {
            return &rig.rows[i];
        }
    }
    return NULL;
}

static bool disk_has(const char *words)
{
    for (size_t i = 0; i < rig.count; i++) {
        struct text value = blob_text(rig.rows[i].value);

        if (memmem(value.at, value.len, words, strlen(words)) != NULL) {
            return true;
        }
    }
    return false;
}

static size_t keys_on_disk(void)
{
    size_t count = 0;

    for (size_t i = 0; i < rig.count; i++) {
        count += rig.rows[i].key.at[0] == TABLE_DATA_KEY;
    }
    return count;
}

/* What a read of that body brings. */
static struct text seen;

static void on_seen(struct read *read, struct step *step)
{
    static char at[256];

    (void)step;
    seen = (struct text){0};
    if (read->row_count == 1) {
        memcpy(at, read->rows[0].value->at, read->rows[0].value->len);
        seen = text_make(at, read->rows[0].value->len);
    }
    read_free(read);
}

static struct text read_body(uint64_t number, uint32_t value_max)
{
    struct read *read = read_create(on_seen, NULL);

    read->from = BODY(number);
    read->to = key_next(&read->from);
    read->value_max = value_max;
    step_read(&rig.step, read);
    settle();
    return seen;
}

/* The process ends and another begins over the same disk. */
static enum status start_again(const uint8_t *keys, size_t count, struct why *why)
{
    enum status status = STATUS_OK;
    uint64_t messages = step_counter(&rig.step, COUNTER_MESSAGE);
    uint64_t numbers = step_counter(&rig.step, COUNTER_DATA_KEY);

    rig_end();
    rig_begin(keys, count, SEAL_NAMED);
    step_count(&rig.step, COUNTER_MESSAGE, messages);
    step_count(&rig.step, COUNTER_DATA_KEY, numbers);
    for (size_t i = 0; i < rig.count && status == STATUS_OK; i++) {
        if (rig.rows[i].key.at[0] == TABLE_DATA_KEY) {
            status =
                seals_load(rig.step.seals, &rig.rows[i].key, blob_text(rig.rows[i].value), why);
        }
    }
    if (status == STATUS_OK) {
        seals_start(&rig.step);
        settle();
    }
    return status;
}

Test(seals, what_asks_for_it_is_on_disk_sealed_and_comes_back_as_it_was)
{
    put(1, 7, true);
    cr_expect_not(disk_has("secret"));
    cr_expect(disk_has("head"));
    cr_expect_eq(keys_on_disk(), 1);
    cr_expect(text_equal(read_body(1, UINT32_MAX), T("\1head secret words")));
    cr_expect(text_equal(read_body(1, 5), T("\1head")));
}

Test(seals, what_does_not_ask_for_it_is_not)
{
    put(1, 7, false);
    cr_expect(disk_has("secret"));
    cr_expect_eq(keys_on_disk(), 0);
}

Test(seals, without_a_master_key_nothing_is_sealed)
{
    rig_end();
    rig_begin(NULL, 0, SEAL_ALL);
    put(1, 7, true);
    cr_expect_not(step_seals(&rig.step));
    cr_expect(disk_has("secret"));
}

Test(seals, each_owner_and_time_has_a_key)
{
    put(1, 7, true);
    put(2, 7, true);
    cr_expect_eq(keys_on_disk(), 1);
    put(3, 8, true);
    cr_expect_eq(keys_on_disk(), 2);
    rig.step.now_ms += INT64_C(300) * 1000;
    put(4, 7, true);
    cr_expect_eq(keys_on_disk(), 3);
    cr_expect(text_equal(read_body(1, UINT32_MAX), T("\1head secret words")));
}

Test(seals, a_start_opens_what_was_and_seals_with_a_new_key)
{
    struct why why;

    put(1, 7, true);
    cr_assert_eq(start_again(old_and_new, 1, &why), STATUS_OK, "%s", why.text);
    cr_expect(text_equal(read_body(1, UINT32_MAX), T("\1head secret words")));
    put(2, 7, true);
    cr_expect_eq(keys_on_disk(), 2, "a nonce must not come twice under a key");
}

Test(seals, another_master_is_refused_and_named)
{
    struct why why = {""};

    put(1, 7, true);
    cr_expect_eq(start_again(old_and_new + SEALING_KEY_SIZE, 1, &why), STATUS_NOT_FOUND);
    cr_expect_not_null(strstr(why.text, "not among those given"), "%s", why.text);
    cr_expect_eq(start_again(NULL, 0, &why), STATUS_NOT_FOUND);
    cr_expect_not_null(strstr(why.text, "no master key"), "%s", why.text);
}

Test(seals, a_new_master_takes_over_the_keys_of_the_old_one)
{
    struct why why = {""};

    put(1, 7, true);
    put(2, 8, true);
    cr_assert_eq(start_again(old_and_new + SEALING_KEY_SIZE, 2, &why), STATUS_OK, "%s",
                 why.text);
    cr_expect_eq(seals_counters(rig.step.seals).rewrapped, 2);
    cr_expect_eq(seals_counters(rig.step.seals).stale, 0);
    cr_assert_eq(start_again(old_and_new + SEALING_KEY_SIZE, 1, &why), STATUS_OK, "%s",
                 why.text);
    cr_expect(text_equal(read_body(1, UINT32_MAX), T("\1head secret words")));
}

Test(seals, a_key_goes_when_all_that_it_sealed_is_gone_and_not_before)
{
    put(1, 7, true);
    put(2, 7, true);
    wait_ms(INT64_C(3600) * 1000);
    cr_expect_eq(keys_on_disk(), 1);
    put(3, 7, true);
    gone(1);
    wait_ms(INT64_C(3600) * 1000);
    cr_expect_eq(keys_on_disk(), 2, "2 is still there");
    gone(2);
    wait_ms(INT64_C(3600) * 1000);
    cr_expect_eq(keys_on_disk(), 1);
    cr_expect(text_equal(read_body(3, UINT32_MAX), T("\1head secret words")));
    gone(3);
    wait_ms(INT64_C(3600) * 1000);
    cr_expect_eq(keys_on_disk(), 0);
    cr_expect_eq(seals_counters(rig.step.seals).data_keys, 0);
    cr_expect_eq(records_next_wake(rig.step.records), INT64_MAX, "nothing is left to look at");
}

Test(seals, a_key_that_goes_out_of_use_during_a_pass_is_not_its_business)
{
    put(1, 7, true);
    rig.step.now_ms += INT64_C(400) * 1000;
    put(2, 7, true);
    gone(1);
    gone(2);
    rig.step.now_ms += INT64_C(200) * 1000;
    records_run(&rig.step); /* the pass begins ... */
    commit();
    struct read *read = records_next_read(rig.step.records);

    cr_assert_not_null(read); /* ... sees that there are no rows ... */
    rig.step.now_ms += INT64_C(50) * 1000;
    put(3, 7, true);
    rig.step.now_ms += INT64_C(60) * 1000;
    put(4, 7, true);
    read->complete = true; /* ... and says so later. */
    records_read_done(&rig.step, read);
    commit();
    cr_expect_eq(seals_counters(rig.step.seals).dropped, 1);
    cr_expect(text_equal(read_body(3, UINT32_MAX), T("\1head secret words")));
}

Test(seals, a_row_in_another_place_does_not_open)
{
    struct key one = BODY(1);
    struct key two = BODY(2);

    put(1, 7, true);
    put(2, 7, true);
    struct row *first = disk_row(&one);
    struct row *second = disk_row(&two);

    cr_assert(first != NULL && second != NULL);
    struct blob *value = first->value;

    first->value = second->value;
    second->value = value;
    cr_expect_not(text_equal(read_body(1, UINT32_MAX), T("\1head secret words")));
    cr_expect(row_is_sealed(read_body(1, UINT32_MAX)), "it stays as it lies");
}

Test(seals, what_is_set_aside_is_sealed_too)
{
    struct key key = BODY(9);
    struct blob *value = blob_copy(T("secret but broken"));

    record_set_aside(&rig.step, &key, value, "a test");
    commit();
    cr_expect_not(disk_has("secret"));
    blob_unref(value);
}
