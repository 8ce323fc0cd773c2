/* A hash table of (parent, step) over an array of nodes. */
#include "paths.h"

#include "hash.h"

#define PATHS_FIRST_ROOM    8
#define PATHS_FIRST_BUCKETS 16

static bool nodes_grow(struct paths *paths, uint32_t wanted)
{
    struct path_node *nodes =
        account_grow(paths->account, paths->nodes, &paths->room, sizeof *paths->nodes, wanted);

    if (nodes == NULL) {
        return false;
    }
    paths->nodes = nodes;
    return true;
}

static uint32_t step_hash(const struct paths *paths, uint32_t parent, struct slice step)
{
    return (uint32_t)hash_bytes(paths->seed ^ (uint64_t)parent << 32, step.at, step.len);
}

bool paths_init(struct paths *paths, struct account *account, uint64_t seed)
{
    *paths = (struct paths){.account = account, .seed = seed};
    if (!nodes_grow(paths, PATHS_FIRST_ROOM)) {
        return false;
    }
    memset(paths->nodes, 0, PATH_FIRST * sizeof *paths->nodes);
    paths->count = PATH_FIRST;
    paths->buckets = account_zero(account, PATHS_FIRST_BUCKETS * sizeof *paths->buckets);
    paths->bucket_count = paths->buckets == NULL ? 0 : PATHS_FIRST_BUCKETS;
    return paths->buckets != NULL;
}

void paths_free(struct paths *paths)
{
    for (uint32_t i = PATH_FIRST; i < paths->count; i++) {
        account_free(paths->account, paths->nodes[i].name, paths->nodes[i].name_len + 1u);
    }
    account_free(paths->account, paths->nodes, paths->room * sizeof *paths->nodes);
    account_free(paths->account, paths->buckets, paths->bucket_count * sizeof *paths->buckets);
    *paths = (struct paths){.account = paths->account};
}

uint32_t paths_step(const struct paths *paths, uint32_t node, struct slice step)
{
    uint32_t hash = step_hash(paths, node, step);
    uint32_t found = paths->buckets[hash & (paths->bucket_count - 1)];

    for (; found != PATH_NONE; found = paths->nodes[found].next) {
        const struct path_node *at = &paths->nodes[found];

        if (at->hash == hash && at->parent == node
            && slice_equal(slice_make(at->name, at->name_len), step)) {
            return found;
        }
    }
    return PATH_NONE;
}

/* Cuts the first step off *dotted; false when it was the last. */
static bool step_cut(struct slice *dotted, struct slice *ret_step)
{
    const char *dot = dotted->len == 0 ? NULL : memchr(dotted->at, '.', dotted->len);

    *ret_step = *dotted;
    if (dot == NULL) {
        return false;
    }
    ret_step->len = (size_t)(dot - dotted->at);
    *dotted = slice_make(dot + 1, dotted->len - ret_step->len - 1);
    return true;
}

uint32_t paths_walk(const struct paths *paths, uint32_t node, struct slice dotted)
{
    struct slice step;
    bool more;

    do {
        more = step_cut(&dotted, &step);
        node = paths_step(paths, node, step);
    } while (more && node != PATH_NONE);
    return node;
}

static bool buckets_grow(struct paths *paths)
{
    uint32_t count = paths->bucket_count * 2;
    uint32_t *buckets;

    if (paths->live < paths->bucket_count) {
        return true;
    }
    buckets = account_zero(paths->account, count * sizeof *buckets);
    if (buckets == NULL) {
        return false;
    }
    for (uint32_t i = PATH_FIRST; i < paths->count; i++) {
        struct path_node *node = &paths->nodes[i];

        if (node->name != NULL) {
            node->next = buckets[node->hash & (count - 1)];
            buckets[node->hash & (count - 1)] = i;
        }
    }
    account_free(paths->account, paths->buckets, paths->bucket_count * sizeof *paths->buckets);
    paths->buckets = buckets;
    paths->bucket_count = count;
    return true;
}

static uint32_t node_number(struct paths *paths)
{
    uint32_t number = paths->free;

    if (number != PATH_NONE) {
        paths->free = paths->nodes[number].next;
        return number;
    }
    if (!nodes_grow(paths, paths->count + 1)) {
        return PATH_NONE;
    }
    return paths->count++;
}

static uint32_t node_create(struct paths *paths, uint32_t parent, struct slice step)
{
    char *name;
    uint32_t number;
    uint32_t *bucket;

    if (step.len >= UINT32_MAX || !buckets_grow(paths)) {
        return PATH_NONE;
    }
    name = account_take(paths->account, step.len + 1);
    if (name == NULL) {
        return PATH_NONE;
    }
    number = node_number(paths);
    if (number == PATH_NONE) {
        account_free(paths->account, name, step.len + 1);
        return PATH_NONE;
    }
    if (step.len > 0) {
        memcpy(name, step.at, step.len);
    }
    name[step.len] = '\0';
    paths->nodes[number] = (struct path_node){.name = name,
                                              .name_len = (uint32_t)step.len,
                                              .hash = step_hash(paths, parent, step),
                                              .parent = parent};
    bucket = &paths->buckets[paths->nodes[number].hash & (paths->bucket_count - 1)];
    paths->nodes[number].next = *bucket;
    *bucket = number;
    paths->nodes[parent].uses++;
    paths->live++;
    return number;
}

static void node_remove(struct paths *paths, uint32_t number)
{
    struct path_node *node = &paths->nodes[number];
    uint32_t *link = &paths->buckets[node->hash & (paths->bucket_count - 1)];

    while (*link != number) {
        link = &paths->nodes[*link].next;
    }
    *link = node->next;
    account_free(paths->account, node->name, node->name_len + 1u);
    *node = (struct path_node){.next = paths->free};
    paths->free = number;
    paths->live--;
}

void paths_release(struct paths *paths, uint32_t node)
{
    while (node >= PATH_FIRST) {
        uint32_t parent = paths->nodes[node].parent;

        if (paths->nodes[node].uses > 0 && --paths->nodes[node].uses > 0) {
            return;
        }
        node_remove(paths, node);
        node = parent;
    }
}

/* The node one step below, made if need be; gives up a node that nobody uses when it cannot. */
static uint32_t step_use(struct paths *paths, uint32_t node, struct slice step)
{
    uint32_t next = paths_step(paths, node, step);

    if (next == PATH_NONE) {
        next = node_create(paths, node, step);
    }
    if (next == PATH_NONE && node >= PATH_FIRST && paths->nodes[node].uses == 0) {
        paths_release(paths, node);
    }
    return next;
}

uint32_t paths_use(struct paths *paths, uint32_t root, struct slice dotted)
{
    uint32_t node = root;
    struct slice step;
    bool more;

    do {
        more = step_cut(&dotted, &step);
        node = step_use(paths, node, step);
    } while (more && node != PATH_NONE);
    if (node != PATH_NONE) {
        paths->nodes[node].uses++;
    }
    return node;
}

uint32_t paths_root(const struct paths *paths, uint32_t node)
{
    while (node >= PATH_FIRST) {
        node = paths->nodes[node].parent;
    }
    return node;
}

size_t paths_name(const struct paths *paths, uint32_t node, char *to)
{
    size_t len = 0;
    size_t end;

    for (uint32_t at = node; at >= PATH_FIRST; at = paths->nodes[at].parent) {
        len += paths->nodes[at].name_len + 1u;
    }
    len -= len > 0 ? 1 : 0;
    end = len;
    for (uint32_t at = node; to != NULL && at >= PATH_FIRST; at = paths->nodes[at].parent) {
        end -= paths->nodes[at].name_len;
        memcpy(to + end, paths->nodes[at].name, paths->nodes[at].name_len);
        end -= end > 0 ? 1 : 0;
        if (paths->nodes[at].parent >= PATH_FIRST) {
            to[end] = '.';
        }
    }
    return len;
}
