/* The Content-Type that delivery policies ask for. */
#ifndef OUTBOUND_CONTENT_TYPE_H
#define OUTBOUND_CONTENT_TYPE_H

#include "base/arena.h"

/* Out of a subscription's DeliveryPolicy, else out of its topic's, else AWS's text/plain;
 * either may be empty.  NUL-terminated, static or in `arena`. */
const char *content_type_for(struct text subscription_policy, struct text topic_policy,
                             struct arena *arena);

#endif
