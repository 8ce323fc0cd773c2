/* Private to services/sns: tags as they come over the wire. */
#ifndef SERVICES_SNS_TAGS_H
#define SERVICES_SNS_TAGS_H

#include "services/sns/internal.h"

struct tag {
    struct text key;
    struct text value;
};

extern const struct field tag_fields[];

/* Adds them to the set, checked; fails the request. */
MUST_CHECK enum status tags_take(struct request *request, const struct struct_list *given,
                                 struct attribute_set *set);

#endif
