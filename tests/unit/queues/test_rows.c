/* What of an entry stays readable when it is sealed, and which queues ask for it. */
#include "queues/queues.h"
#include "queues/rows.h"

#include <criterion/criterion.h>

#include <string.h>

static void check_head(uint8_t flags, size_t group_len)
{
    char group[128];
    const struct entry entry = {
        .flags = flags,
        .sent_ms = 7,
        .message = 9,
        .group_id = text_make(memset(group, 'g', sizeof group), group_len),
        .deduplication_id = T("secret"),
        .body = T("secret"),
    };
    struct blob *row = entry_encode(&entry);
    size_t head = entry_head_size(&entry);
    struct entry back;

    cr_expect_leq(head, REDUCED_ROW, "a cut row has it all");
    cr_expect(entry_decode_head(text_first(blob_text(row), head), &back));
    cr_expect(text_equal(back.group_id, entry.group_id));
    cr_expect_eq(back.sent_ms, 7);
    cr_expect_not(entry_decode_head(text_first(blob_text(row), head - 1), &back));
    cr_expect_null(memmem(row->at, head, "secret", 6));
    blob_unref(row);
}

Test(rows, a_head_is_all_that_cut_rows_are_read_for)
{
    check_head(0, 0);
    check_head(0, 128);
    check_head(ENTRY_REFERENCE, 0);
    check_head(ENTRY_REFERENCE | ENTRY_SEALED, 128);
}

Test(rows, queues_ask_for_encryption_unless_they_say_no)
{
    static struct queue_attribute attributes[][2] = {
        {{TEXT("DelaySeconds"), TEXT("0")}, {TEXT("VisibilityTimeout"), TEXT("1")}},
        {{TEXT("SqsManagedSseEnabled"), TEXT("true")}, {TEXT("x"), TEXT("")}},
        {{TEXT("KmsMasterKeyId"), TEXT("alias/x")},
         {TEXT("SqsManagedSseEnabled"), TEXT("false")}},
        {{TEXT("KmsMasterKeyId"), TEXT("")}, {TEXT("SqsManagedSseEnabled"), TEXT("false")}},
        {{TEXT("SqsManagedSseEnabled"), TEXT("False")}, {TEXT("x"), TEXT("")}},
    };
    static const bool expected[] = {true, true, true, false, false};

    for (size_t i = 0; i < countof(expected); i++) {
        const struct queue queue = {.attributes = attributes[i], .attribute_count = 2};

        cr_expect_eq(queue_wants_sealing(&queue), expected[i], "%zu", i);
        cr_expect_eq(queue_key_reuse_s(&queue), 300);
    }
}

Test(rows, the_period_of_a_data_key_is_the_queues)
{
    static struct queue_attribute attributes[] = {
        {TEXT("KmsDataKeyReusePeriodSeconds"), TEXT("60")}};
    const struct queue queue = {.attributes = attributes, .attribute_count = 1};

    cr_expect_eq(queue_key_reuse_s(&queue), 60);
}
