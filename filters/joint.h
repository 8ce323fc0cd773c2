/* Array consistency: conditions under the same array must hold in the same element of it. */
#ifndef FILTERS_JOINT_H
#define FILTERS_JOINT_H

#include "event.h"

enum joint_result {
    JOINT_FAILS,
    JOINT_HOLDS,
    JOINT_NO_MEMORY
};

/* Begin, then see every leaf that satisfies a condition (one bit each), then ask whether one
 * choice of elements satisfies all bits of `full`. */
bool joint_begin(struct event *event); /* false: out of memory */
void joint_see(struct event *event, uint32_t element, uint64_t bits);
enum joint_result joint_ends(struct event *event, uint64_t full);

void joint_free(struct event *event);

#endif
