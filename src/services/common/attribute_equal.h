/* Whether two values of an attribute mean the same: what CreateQueue, CreateTopic and Subscribe
 * ask of a resource that is there already. */
#ifndef SERVICES_COMMON_ATTRIBUTE_EQUAL_H
#define SERVICES_COMMON_ATTRIBUTE_EQUAL_H

#include "base/text.h"

/* The same text; or the same JSON, however it is spaced and its members are ordered.  In
 * policies, which clients write with numbers and booleans or with texts of them, "1" is 1 as
 * well; in a filter policy these match different things and differ. */
bool attribute_values_equal(struct text name, struct text a, struct text b);

#endif
