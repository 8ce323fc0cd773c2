/* Intrusive binary min-heap whose nodes know their place. */
#include "base/heap.h"

#include "base/memory.h"

enum {
    ROOM_FIRST = 16
};

/* Places count from 1, so that the parent of `place` is at place / 2. */
static struct heap_node *heap_at(const struct heap *heap, size_t place)
{
    return heap->nodes[place - 1];
}

static void heap_put(struct heap *heap, size_t place, struct heap_node *node)
{
    heap->nodes[place - 1] = node;
    node->place = place;
}

static void heap_rise(struct heap *heap, struct heap_node *node)
{
    size_t place = node->place;

    while (place > 1 && heap_at(heap, place / 2)->key > node->key) {
        heap_put(heap, place, heap_at(heap, place / 2));
        place /= 2;
    }
    heap_put(heap, place, node);
}

static void heap_sink(struct heap *heap, struct heap_node *node)
{
    size_t place = node->place;

    for (;;) {
        size_t child = place * 2;

        if (child < heap->count && heap_at(heap, child + 1)->key < heap_at(heap, child)->key) {
            child++;
        }
        if (child > heap->count || heap_at(heap, child)->key >= node->key) {
            break;
        }
        heap_put(heap, place, heap_at(heap, child));
        place = child;
    }
    heap_put(heap, place, node);
}

void heap_free(struct heap *heap)
{
    memory_free(heap->nodes);
    *heap = (struct heap){0};
}

void heap_insert(struct heap *heap, struct heap_node *node, int64_t key)
{
    if (heap->count == heap->room) {
        heap->room = heap->room == 0 ? ROOM_FIRST : heap->room * 2;
        heap->nodes = memory_resize(heap->nodes, heap->room * sizeof(struct heap_node *));
    }
    heap->count++;
    node->key = key;
    node->place = heap->count;
    heap_rise(heap, node);
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
    struct heap_node *last;
    size_t place = node->place;

    if (place == 0) {
        return;
    }
    last = heap_at(heap, heap->count);
    heap->count--;
    node->place = 0;
    if (last != node) {
        heap_put(heap, place, last);
        heap_rise(heap, last);
        heap_sink(heap, last);
    }
}

void heap_set(struct heap *heap, struct heap_node *node, int64_t key)
{
    if (node->place == 0) {
        heap_insert(heap, node, key);
        return;
    }
    node->key = key;
    heap_rise(heap, node);
    heap_sink(heap, node);
}

struct heap_node *heap_first(const struct heap *heap)
{
    return heap->count == 0 ? NULL : heap->nodes[0];
}
