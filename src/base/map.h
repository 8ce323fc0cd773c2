/* Hash map from bytes to intrusive nodes: the caller's struct holds a map_node and owns the
 * key bytes, which must not change while it is in the map. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/text.h"

struct map_node {
    struct map_node *next; /* in the same bucket */
    struct text key;
    uint64_t hash;
};

struct map {
    struct map_node **buckets;
    size_t bucket_count; /* a power of two, or 0 before the first insert */
    size_t count;
    size_t popped; /* below it the buckets are empty, as map_any found them */
};

/* A zeroed struct is a valid empty map. */
void map_free(struct map *map); /* the buckets only; the nodes are the caller's */
struct map_node *map_find(const struct map *map, struct text key); /* or NULL */
/* The key must not be in the map yet. */
void map_insert(struct map *map, struct map_node *node, struct text key);
void map_remove(struct map *map, struct map_node *node);
/* Any node, NULL when it is empty: to empty a map whose nodes take themselves out, without
 * looking at every bucket again for each node. */
struct map_node *map_any(struct map *map);
/* The same, taken out. */
struct map_node *map_pop(struct map *map);
/* Walks in no useful order: the first for NULL, then the next, NULL at the end.  The map must
 * not change between two calls. */
struct map_node *map_next(const struct map *map, const struct map_node *node);

#endif
