/* Access policies, edited. */
#include "services/common/policy.h"

#include <criterion/criterion.h>

static const struct text accounts[] = {TEXT("111122223333"), TEXT("444455556666")};
static const struct text actions[] = {TEXT("SQS:SendMessage"), TEXT("SQS:ReceiveMessage")};
static const struct text empty = TEXT("{\"Version\":\"2012-10-17\",\"Statement\":[]}");

static struct permission permission_of(struct text label, size_t count)
{
    return (struct permission){
        .label = label,
        .accounts = accounts,
        .account_count = count,
        .actions = actions,
        .action_count = count,
        .resource = TEXT("arn:aws:sqs:us-east-1:0:q"),
    };
}

Test(policy, takes_objects_with_statements)
{
    cr_expect(policy_is_valid(T("")));
    cr_expect(policy_is_valid(empty));
    cr_expect(policy_is_valid(T("{\"Statement\":{}}")));
    cr_expect_not(policy_is_valid(T("[]")));
    cr_expect_not(policy_is_valid(T("{}")));
    cr_expect_not(policy_is_valid(T("{\"Statement\":[1]}")));
    cr_expect_not(policy_is_valid(T("{\"Statement\":\"x\"}")));
    cr_expect_not(policy_is_valid(T("no json")));
}

Test(policy, gets_a_statement_per_permission)
{
    struct arena arena = {0};
    struct permission one = permission_of(T("one"), 1);
    struct permission two = permission_of(T("two"), 2);
    struct text policy;

    cr_assert_eq(policy_add(&arena, empty, &one, &policy), STATUS_OK);
    cr_expect(text_equal(
        policy,
        T("{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"one\",\"Effect\":\"Allow\","
          "\"Principal\":{\"AWS\":\"arn:aws:iam::111122223333:root\"},"
          "\"Action\":\"SQS:SendMessage\",\"Resource\":\"arn:aws:sqs:us-east-1:0:q\"}]}")));
    cr_assert_eq(policy_add(&arena, policy, &two, &policy), STATUS_OK);
    cr_expect_eq(policy_statement_count(policy), 2);
    cr_expect_eq(policy_add(&arena, policy, &one, &policy), STATUS_EXISTS);
    arena_free(&arena);
}

Test(policy, loses_a_statement_by_its_label)
{
    struct arena arena = {0};
    struct permission one = permission_of(T("one"), 1);
    struct text policy;

    cr_assert_eq(policy_add(&arena, empty, &one, &policy), STATUS_OK);
    cr_expect_eq(policy_remove(&arena, policy, T("two"), &policy), STATUS_NOT_FOUND);
    cr_assert_eq(policy_remove(&arena, policy, T("one"), &policy), STATUS_OK);
    cr_expect_eq(policy_statement_count(policy), 0);
    cr_expect_eq(policy_remove(&arena, T(""), T("one"), &policy), STATUS_NOT_FOUND);
    arena_free(&arena);
}
