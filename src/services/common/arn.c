/* Amazon resource names: "arn:partition:service:region:account:resource". */
#include "services/common/arn.h"

static size_t count_elements(struct text text)
{
    size_t count = 1;

    for (size_t i = 0; i < text.len; i++) {
        count += text.at[i] == ':';
    }
    return count;
}

bool arn_parse(struct text text, struct arn *ret_arn, size_t *ret_elements)
{
    *ret_elements = count_elements(text);
    if (*ret_elements < ARN_ELEMENTS || !text_equal(text_cut(&text, ':'), T("arn"))) {
        return false;
    }
    ret_arn->partition = text_cut(&text, ':');
    ret_arn->service = text_cut(&text, ':');
    ret_arn->region = text_cut(&text, ':');
    ret_arn->account = text_cut(&text, ':');
    ret_arn->resource = text;
    return true;
}

bool arn_parse_service(struct text text, struct text service, struct arn *ret_arn)
{
    struct arn arn;
    size_t elements;

    if (!arn_parse(text, &arn, &elements) || !text_equal(arn.service, service)
        || arn.resource.len == 0) {
        return false;
    }
    *ret_arn = arn;
    return true;
}
