/* Names of deleted queues that are not given again for a while, where the operator asks for
 * AWS's pause: in memory, and no more than so many. */
#include "queues/resting.h"

#include "base/memory.h"
#include "queues/queue_record.h"
#include "queues/state.h"

enum {
    NAMES_MAX = 10000
};

struct resting_name {
    struct map_node map;
    struct list_node node;
    struct text arn; /* owned */
    int64_t until_ms;
};

static void name_drop(struct resting *resting, struct resting_name *name)
{
    map_remove(&resting->names, &name->map);
    list_remove(&name->node);
    text_disown(&name->arn);
    memory_free(name);
}

static void names_expire(struct resting *resting, int64_t now_ms)
{
    struct list_node *oldest = NULL;

    while ((oldest = list_first(&resting->ages)) != NULL) {
        struct resting_name *name = container_of(oldest, struct resting_name, node);

        if (name->until_ms > now_ms && resting->names.count < NAMES_MAX) {
            return;
        }
        name_drop(resting, name);
    }
}

void resting_add(struct queues *queues, struct text arn, int64_t now_ms)
{
    struct resting *resting = &queues->resting;

    if (queues->limits.name_pause_ms == 0) {
        return;
    }
    struct map_node *before = map_find(&resting->names, arn);

    if (before != NULL) {
        name_drop(resting, container_of(before, struct resting_name, map));
    }
    names_expire(resting, now_ms);
    struct resting_name *name = memory_zero(sizeof *name);

    name->arn = text_own(arn);
    name->until_ms = now_ms + queues->limits.name_pause_ms;
    map_insert(&resting->names, &name->map, name->arn);
    list_push(&resting->ages, &name->node);
}

bool resting_has(struct queues *queues, struct text arn, int64_t now_ms)
{
    struct map_node *node = map_find(&queues->resting.names, arn);

    return node != NULL && container_of(node, struct resting_name, map)->until_ms > now_ms;
}

void resting_free(struct queues *queues)
{
    struct list_node *node = NULL;

    while ((node = list_first(&queues->resting.ages)) != NULL) {
        name_drop(&queues->resting, container_of(node, struct resting_name, node));
    }
    map_free(&queues->resting.names);
}
