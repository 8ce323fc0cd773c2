/* Batches, before any entry is looked at. */
#include "services/sqs/internal.h"

#include <criterion/criterion.h>

/* The error that such a batch is; NULL: none. */
static const struct error_kind *error_of(const struct text *ids, size_t count)
{
    struct arena arena = {0};
    struct request request = {.arena = &arena};
    enum status status = batch_check(&request, "SendMessageBatchRequestEntry", ids, count);

    arena_free(&arena);
    return status == STATUS_OK ? NULL : request.error;
}

Test(batch, has_one_to_ten_entries_with_distinct_plain_ids)
{
    static const struct text good[] = {TEXT("a"), TEXT("b-1"), TEXT("c_2")};
    static const struct text twice[] = {TEXT("a"), TEXT("b"), TEXT("a")};
    static const struct text bad[] = {TEXT("a b")};

    cr_expect_eq(error_of(good, 3), NULL);
    cr_expect_eq(error_of(good, 0), &sqs_empty_batch);
    cr_expect_eq(error_of(good, 11), &sqs_too_many_entries);
    cr_expect_eq(error_of(twice, 3), &sqs_ids_not_distinct);
    cr_expect_eq(error_of(bad, 1), &sqs_invalid_batch_id);
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
