/* ARNs, taken apart. */
#include "services/common/arn.h"

#include <criterion/criterion.h>

Test(arn, has_six_elements_and_the_last_keeps_its_colons)
{
    struct arn arn;
    size_t elements;

    cr_assert(arn_parse(T("arn:aws:sns:eu-west-1:000000000000:orders:id"), &arn, &elements));
    cr_expect(text_equal(arn.partition, T("aws")));
    cr_expect(text_equal(arn.service, T("sns")));
    cr_expect(text_equal(arn.region, T("eu-west-1")));
    cr_expect(text_equal(arn.account, T("000000000000")));
    cr_expect(text_equal(arn.resource, T("orders:id")));
    cr_expect_eq(elements, 7);
}

Test(arn, says_how_many_elements_a_wrong_one_has)
{
    static const struct {
        struct text text;
        size_t elements;
    } rows[] = {
        {TEXT(""), 1},
        {TEXT("orders"), 1},
        {TEXT("arn:aws:sns:eu-west-1"), 4},
        {TEXT("ARN:aws:sns:eu-west-1:0:orders"), 6},
    };

    for (size_t i = 0; i < countof(rows); i++) {
        struct arn arn;
        size_t elements = 0;

        cr_expect_not(arn_parse(rows[i].text, &arn, &elements), "row %zu", i);
        cr_expect_eq(elements, rows[i].elements, "row %zu", i);
    }
}

Test(arn, of_a_service_needs_that_service_and_a_resource)
{
    struct arn arn;

    cr_expect(arn_parse_service(T("arn:aws:sqs:us-east-1:0:q"), T("sqs"), &arn));
    cr_expect_not(arn_parse_service(T("arn:aws:sns:us-east-1:0:q"), T("sqs"), &arn));
    cr_expect_not(arn_parse_service(T("arn:aws:sqs:us-east-1:0:"), T("sqs"), &arn));
    cr_expect_not(arn_parse_service(T("http://host/0/q"), T("sqs"), &arn));
}
