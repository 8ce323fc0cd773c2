/* Hash map from bytes to intrusive nodes: chained buckets, doubled when as many nodes are in.
 */
#include "base/map.h"

#include "base/digest.h"
#include "base/memory.h"
#include "base/must.h"

enum {
    BUCKETS_FIRST = 16
};

static struct map_node **map_bucket(const struct map *map, uint64_t hash)
{
    return &map->buckets[hash & (map->bucket_count - 1)];
}

static void map_put(struct map *map, struct map_node *node)
{
    struct map_node **bucket = map_bucket(map, node->hash);

    node->next = *bucket;
    *bucket = node;
}

static void map_grow(struct map *map)
{
    struct map old = *map;

    map->bucket_count = old.bucket_count == 0 ? BUCKETS_FIRST : old.bucket_count * 2;
    map->buckets = memory_array(map->bucket_count, sizeof(struct map_node *));
    for (size_t i = 0; i < old.bucket_count; i++) {
        struct map_node *node = old.buckets[i];

        while (node != NULL) {
            struct map_node *next = node->next;

            map_put(map, node);
            node = next;
        }
    }
    map_free(&old);
}

void map_free(struct map *map)
{
    memory_free(map->buckets);
    *map = (struct map){0};
}

struct map_node *map_find(const struct map *map, struct text key)
{
    uint64_t hash;
    struct map_node *node;

    if (map->count == 0) {
        return NULL;
    }
    hash = digest_in_process(key);
    node = *map_bucket(map, hash);
    while (node != NULL && (node->hash != hash || !text_equal(node->key, key))) {
        node = node->next;
    }
    return node;
}

void map_insert(struct map *map, struct map_node *node, struct text key)
{
    if (map->count == map->bucket_count) {
        map_grow(map);
    }
    node->key = key;
    node->hash = digest_in_process(key);
    map_put(map, node);
    map->count++;
    map->popped = 0;
}

void map_remove(struct map *map, struct map_node *node)
{
    struct map_node **link = map_bucket(map, node->hash);

    while (*link != node) {
        must(*link != NULL); /* removing what is not in the map is a bug */
        link = &(*link)->next;
    }
    *link = node->next;
    node->next = NULL;
    map->count--;
}

struct map_node *map_any(struct map *map)
{
    while (map->popped < map->bucket_count && map->buckets[map->popped] == NULL) {
        map->popped++;
    }
    return map->popped == map->bucket_count ? NULL : map->buckets[map->popped];
}

struct map_node *map_pop(struct map *map)
{
    struct map_node *node = map_any(map);

    if (node != NULL) {
        map_remove(map, node);
    }
    return node;
}

struct map_node *map_next(const struct map *map, const struct map_node *node)
{
    size_t bucket = 0;

    if (node != NULL && node->next != NULL) {
        return node->next;
    }
    if (node != NULL) {
        bucket = (size_t)(node->hash & (map->bucket_count - 1)) + 1;
    }
    while (bucket < map->bucket_count && map->buckets[bucket] == NULL) {
        bucket++;
    }
    return bucket < map->bucket_count ? map->buckets[bucket] : NULL;
}
