/* The heap whose nodes know their place. */
#include "base/heap.h"
#include "base/memory.h"
#include "base/random.h"

#include <criterion/criterion.h>

enum {
    MANY = 2000
};

/* Empties the heap; true when `expected` nodes came out in order. */
static bool drains_in_order(struct heap *heap, size_t expected)
{
    int64_t last = INT64_MIN;
    size_t drained = 0;
    bool in_order = true;

    while (heap_first(heap) != NULL) {
        struct heap_node *node = heap_first(heap);

        in_order = in_order && node->key >= last;
        last = node->key;
        heap_remove(heap, node);
        in_order = in_order && !heap_contains(node);
        drained++;
    }
    return in_order && drained == expected;
}

Test(heap, an_empty_one_has_no_first)
{
    struct heap heap = {0};
    struct heap_node node = {0};

    cr_expect_null(heap_first(&heap));
    heap_remove(&heap, &node);
    heap_free(&heap);
}

Test(heap, gives_the_smallest_first)
{
    struct heap heap = {0};
    struct heap_node nodes[] = {{0}, {0}, {0}, {0}};
    static const int64_t keys[] = {5, INT64_MIN, INT64_MAX, 5};

    for (size_t i = 0; i < countof(nodes); i++) {
        heap_insert(&heap, &nodes[i], keys[i]);
    }
    cr_expect_eq(heap_first(&heap), &nodes[1]);
    cr_expect(drains_in_order(&heap, countof(nodes)));
    heap_free(&heap);
}

Test(heap, stays_in_order_whatever_is_moved_and_removed)
{
    static struct heap_node nodes[MANY];
    struct heap heap = {0};
    struct random *random = random_seeded(7);
    size_t inside = 0;

    for (size_t step = 0; step < (size_t)MANY * 10; step++) {
        struct heap_node *node = &nodes[random_below(random, MANY)];

        if (random_below(random, 3) == 0) {
            inside -= heap_contains(node) ? 1 : 0;
            heap_remove(&heap, node);
        } else {
            inside += heap_contains(node) ? 0 : 1;
            heap_set(&heap, node, (int64_t)random_below(random, 1000));
        }
        cr_assert_eq(heap.count, inside);
    }
    cr_expect(drains_in_order(&heap, inside));
    memory_free(random);
    heap_free(&heap);
}
