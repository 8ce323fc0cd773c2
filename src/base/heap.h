/* Intrusive min-heap by a 64-bit key; each node knows its place, so removal is O(log n). */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include "base/text.h"

struct heap_node {
    int64_t key;
    size_t place; /* index + 1; 0 = in no heap */
};

struct heap {
    struct heap_node **nodes;
    size_t count;
    size_t room;
};

/* A zeroed struct is a valid empty heap. */
void heap_free(struct heap *heap); /* the array only; the nodes are the caller's */
void heap_insert(struct heap *heap, struct heap_node *node, int64_t key);
void heap_remove(struct heap *heap, struct heap_node *node); /* harmless when in no heap */
/* Inserts, or moves when it is in the heap already. */
void heap_set(struct heap *heap, struct heap_node *node, int64_t key);
struct heap_node *heap_first(const struct heap *heap); /* or NULL */

static inline bool heap_contains(const struct heap_node *node)
{
    return node->place != 0;
}

#endif
