/* Subscriptions in memory: small slots by number, in pages. */
#include "base/memory.h"
#include "router/internal.h"

#include <string.h>

struct slot *slot_find(const struct router *router, uint32_t subscription)
{
    size_t page = subscription / SLOT_PAGE;

    if (page >= router->page_count || router->pages[page] == NULL) {
        return NULL;
    }
    struct slot *slot = &router->pages[page][subscription % SLOT_PAGE];

    return slot->topic == 0 ? NULL : slot;
}

struct slot *slot_claim(struct router *router, uint32_t subscription)
{
    size_t page = subscription / SLOT_PAGE;

    if (page >= router->page_count) {
        size_t count = page + 1;

        router->pages = memory_resize(router->pages, count * sizeof(struct slot *));
        memset(router->pages + router->page_count, 0,
               (count - router->page_count) * sizeof(struct slot *));
        router->page_count = count;
    }
    if (router->pages[page] == NULL) {
        router->pages[page] = memory_array(SLOT_PAGE, sizeof(struct slot));
    }
    return &router->pages[page][subscription % SLOT_PAGE];
}

void slot_clear(struct router *router, struct slot *slot)
{
    if (slot->target != NULL) {
        target_close(router, slot->target);
    }
    *slot = (struct slot){0};
}

struct sqs_target *target_open(struct router *router, struct text arn)
{
    struct map_node *node = map_find(&router->targets, arn);
    struct sqs_target *target = NULL;

    if (node != NULL) {
        target = container_of(node, struct sqs_target, map);
    } else {
        target = memory_zero(sizeof *target);
        target->arn = memory_copy_text(arn);
        map_insert(&router->targets, &target->map, text_from(target->arn));
    }
    target->users++;
    return target;
}

void target_close(struct router *router, struct sqs_target *target)
{
    if (--target->users == 0) {
        map_remove(&router->targets, &target->map);
        memory_free(target->arn);
        memory_free(target);
    }
}

void slots_free(struct router *router)
{
    struct map_node *node = NULL;

    for (size_t i = 0; i < router->page_count; i++) {
        memory_free(router->pages[i]);
    }
    memory_free(router->pages);
    while ((node = map_pop(&router->targets)) != NULL) {
        struct sqs_target *target = container_of(node, struct sqs_target, map);

        memory_free(target->arn);
        memory_free(target);
    }
    map_free(&router->targets);
}

bool subscription_id_of(const struct router *router, uint32_t number, uint8_t ret_id[16])
{
    const struct slot *slot = slot_find(router, number);

    if (slot != NULL) {
        memcpy(ret_id, slot->id, sizeof slot->id);
    }
    return slot != NULL;
}
