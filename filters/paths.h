/* The paths that policies name, as a tree of steps.  A path is a key or keys joined with dots;
 * "a.b" in a policy, {"a":{"b":..}} and {"a.b":..} in a message are all the same node. */
#ifndef FILTERS_PATHS_H
#define FILTERS_PATHS_H

#include "account.h"

/* Node numbers; a leaf of a message carries the node of its path. */
#define PATH_NONE       0u
#define PATH_ATTRIBUTES 1u /* root of message attributes */
#define PATH_BODY       2u /* root of message bodies */
#define PATH_FIRST      3u

/* What the conditions on a node want to know of a string value beyond its bytes. */
enum path_need {
    PATH_NEEDS_VALUE = 1, /* some condition ends here: scan the values */
    PATH_NEEDS_FOLDED = 2,
    PATH_NEEDS_ADDRESS = 4
};

struct path_node {
    char *name; /* of the step; owned */
    uint32_t name_len;
    uint32_t hash;
    uint32_t next; /* in the same bucket, or the next free node */
    uint32_t parent;
    uint32_t uses;  /* conditions that end here plus children */
    uint32_t needs; /* bits of enum path_need */
};

struct paths {
    struct account *account;
    uint64_t seed;
    struct path_node *nodes;
    uint32_t *buckets;
    uint32_t room;
    uint32_t count; /* of nodes ever used; node numbers are below it */
    uint32_t free;
    uint32_t bucket_count; /* a power of two */
    uint32_t live;
};

/* False when out of memory; paths_free is fine in any case. */
bool paths_init(struct paths *paths, struct account *account, uint64_t seed);
void paths_free(struct paths *paths);
/* One use of the node of a dotted path; PATH_NONE when out of memory. */
uint32_t paths_use(struct paths *paths, uint32_t root, struct slice dotted);
void paths_release(struct paths *paths, uint32_t node);
/* The node one step below, or PATH_NONE.  `step` must not contain a dot. */
uint32_t paths_step(const struct paths *paths, uint32_t node, struct slice step);
/* The same for a key with dots in it. */
uint32_t paths_walk(const struct paths *paths, uint32_t node, struct slice dotted);
/* Which of the two roots a node is under. */
uint32_t paths_root(const struct paths *paths, uint32_t node);
/* Length of the dotted name; writes it when `to` is not NULL. */
size_t paths_name(const struct paths *paths, uint32_t node, char *to);

#endif
