/* Names of deleted queues that are not given again yet. */
#ifndef QUEUES_RESTING_H
#define QUEUES_RESTING_H

#include "base/list.h"
#include "base/map.h"
#include "base/text.h"

struct queues;

struct resting {
    struct map names;
    struct list ages; /* the oldest first */
};

void resting_add(struct queues *queues, struct text arn, int64_t now_ms);
bool resting_has(struct queues *queues, struct text arn, int64_t now_ms);
void resting_free(struct queues *queues);

#endif
