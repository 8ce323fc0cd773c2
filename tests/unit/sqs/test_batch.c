/* Batches, before any entry is looked at. */
#include "services/sqs/internal.h"

#include <criterion/criterion.h>

static void expect_batch(const struct text *ids, size_t count, const struct error_kind *kind)
{
    struct arena arena = {0};
    struct request request = {.arena = &arena};
    enum status status = batch_check(&request, "SendMessageBatchRequestEntry", ids, count);

    cr_expect_eq(status, kind == NULL ? STATUS_OK : STATUS_INVALID);
    cr_expect_eq(request.error, kind);
    arena_free(&arena);
}

Test(batch, has_one_to_ten_entries_with_distinct_plain_ids)
{
    static const struct text good[] = {TEXT("a"), TEXT("b-1"), TEXT("c_2")};
    static const struct text twice[] = {TEXT("a"), TEXT("b"), TEXT("a")};
    static const struct text bad[] = {TEXT("a b")};

    expect_batch(good, 3, NULL);
    expect_batch(good, 0, &sqs_empty_batch);
    expect_batch(good, 11, &sqs_too_many_entries);
    expect_batch(twice, 3, &sqs_ids_not_distinct);
    expect_batch(bad, 1, &sqs_invalid_batch_id);
}

Test(batch, failures_carry_the_code_of_the_protocol)
{
    struct arena arena = {0};
    struct request request = {.arena = &arena, .wire = WIRE_QUERY};
    struct sqs_fault fault = {&sqs_receipt_handle_is_invalid, TEXT("why")};
    struct batch_failure failure;

    batch_failure_fill(&failure, &request, T("id"), &fault);
    cr_expect(text_equal(failure.code, T("ReceiptHandleIsInvalid")));
    cr_expect(failure.sender_fault.value);
    fault.kind = &error_unavailable;
    batch_failure_fill(&failure, &request, T("id"), &fault);
    cr_expect_not(failure.sender_fault.value);
    arena_free(&arena);
}
