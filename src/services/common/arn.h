/* Amazon resource names, taken apart. */
#ifndef SERVICES_COMMON_ARN_H
#define SERVICES_COMMON_ARN_H

#include "base/text.h"

struct arn {
    struct text partition, service, region, account;
    struct text resource; /* the rest, its colons included */
};

#define ARN_ELEMENTS 6

/* Texts borrow from `text`.  *ret_elements says how many pieces between colons it has, also
 * when it is false: fewer than six, or not beginning with "arn:". */
MUST_CHECK bool arn_parse(struct text text, struct arn *ret_arn, size_t *ret_elements);
/* An ARN of that service; what the elements are is of no interest. */
MUST_CHECK bool arn_parse_service(struct text text, struct text service, struct arn *ret_arn);

#endif
