/* The access ranges of one field, ordered by lower bound, in buckets of some dozens.  The
 * buckets hang in a treap of small nodes; each knows the highest upper bound at and below it,
 * so that a look-up passes by what ends too early and stops at what begins too late. */
#include "decimal.h"
#include "hash.h"

#include "index/buckets.h"
#include "index/index.h"
#include "operators/range.h"

/* Units of a node. */
enum node_unit {
    NODE_LEFT,
    NODE_RIGHT,
    NODE_PRIORITY, /* heap order: random, so that no order of insertion makes a deep tree */
    NODE_BUCKET,
    NODE_TOP,                  /* key: highest upper bound of the subtree */
    NODE_OWN = NODE_TOP + 2,   /* key: highest upper bound of the bucket */
    NODE_FIRST = NODE_OWN + 2, /* key: lowest lower bound of the bucket */
    NODE_UNITS = NODE_FIRST + 2
};

#define LINE_UNITS 16u /* of a cache line */

static uint32_t *node_bucket(const struct filter_index *index, uint32_t node)
{
    return pool_at(&index->pool, pool_at(&index->pool, node)[NODE_BUCKET]);
}

/* A node is told apart by the first entry of its bucket. */
static struct entry node_first(const struct filter_index *index, uint32_t node)
{
    return bucket_entry(node_bucket(index, node), 0);
}

static bool node_before(const struct filter_index *index, uint32_t node,
                        const struct entry *entry)
{
    uint64_t low = key_read(pool_at(&index->pool, node) + NODE_FIRST);
    struct entry first;

    if (low != entry->low) {
        return low < entry->low;
    }
    first = node_first(index, node);
    return entry_before(&first, entry);
}

/* The children have changed. */
static void top_update(const struct filter_index *index, uint32_t node)
{
    uint32_t *units = pool_at(&index->pool, node);
    uint64_t top = key_read(units + NODE_OWN);

    for (uint32_t side = NODE_LEFT; side <= NODE_RIGHT; side++) {
        if (units[side] != 0) {
            uint64_t below = key_read(pool_at(&index->pool, units[side]) + NODE_TOP);

            top = below > top ? below : top;
        }
    }
    key_write(units + NODE_TOP, top);
}

/* The bucket has changed; it is not empty. */
static void own_update(const struct filter_index *index, uint32_t node)
{
    uint32_t *units = pool_at(&index->pool, node);
    const uint32_t *bucket = node_bucket(index, node);

    key_write(units + NODE_OWN, bucket_highest(bucket));
    key_write(units + NODE_FIRST, bucket_low(bucket, 0));
}

/* Cuts a tree in two: what begins before the entry, and the rest. */
static void tree_split(const struct filter_index *index, uint32_t tree,
                       const struct entry *entry, uint32_t *ret_before, uint32_t *ret_after)
{
    uint32_t *units;

    if (tree == 0) {
        *ret_before = 0;
        *ret_after = 0;
        return;
    }
    units = pool_at(&index->pool, tree);
    if (node_before(index, tree, entry)) {
        tree_split(index, units[NODE_RIGHT], entry, &units[NODE_RIGHT], ret_after);
        *ret_before = tree;
    } else {
        tree_split(index, units[NODE_LEFT], entry, ret_before, &units[NODE_LEFT]);
        *ret_after = tree;
    }
    top_update(index, tree);
}

static uint32_t tree_join(const struct filter_index *index, uint32_t before, uint32_t after)
{
    uint32_t *left = before == 0 ? NULL : pool_at(&index->pool, before);
    uint32_t *right = after == 0 ? NULL : pool_at(&index->pool, after);

    if (left == NULL || right == NULL) {
        return left == NULL ? after : before;
    }
    if (left[NODE_PRIORITY] > right[NODE_PRIORITY]) {
        left[NODE_RIGHT] = tree_join(index, left[NODE_RIGHT], after);
        top_update(index, before);
        return before;
    }
    right[NODE_LEFT] = tree_join(index, before, right[NODE_LEFT]);
    top_update(index, after);
    return after;
}

static uint32_t tree_insert(const struct filter_index *index, uint32_t tree, uint32_t node,
                            const struct entry *first)
{
    uint32_t *units = pool_at(&index->pool, node);
    uint32_t *at = tree == 0 ? NULL : pool_at(&index->pool, tree);

    if (at == NULL || units[NODE_PRIORITY] > at[NODE_PRIORITY]) {
        tree_split(index, tree, first, &units[NODE_LEFT], &units[NODE_RIGHT]);
        top_update(index, node);
        return node;
    }
    if (node_before(index, tree, first)) {
        at[NODE_RIGHT] = tree_insert(index, at[NODE_RIGHT], node, first);
    } else {
        at[NODE_LEFT] = tree_insert(index, at[NODE_LEFT], node, first);
    }
    top_update(index, tree);
    return tree;
}

/* Brings the way down to a changed node up to date, or takes the node out.  `first` was the
 * first entry of its bucket. */
static uint32_t tree_change(const struct filter_index *index, uint32_t tree, uint32_t node,
                            const struct entry *first, bool removes)
{
    uint32_t *units = pool_at(&index->pool, tree);

    if (tree == node && removes) {
        return tree_join(index, units[NODE_LEFT], units[NODE_RIGHT]);
    }
    if (tree == node) {
        own_update(index, node);
    } else if (node_before(index, tree, first)) {
        units[NODE_RIGHT] = tree_change(index, units[NODE_RIGHT], node, first, removes);
    } else {
        units[NODE_LEFT] = tree_change(index, units[NODE_LEFT], node, first, removes);
    }
    top_update(index, tree);
    return tree;
}

/* The node whose bucket an entry is in or belongs to: the last that begins before it or with
 * it, else the first; 0 only for an empty tree. */
static uint32_t tree_find(const struct filter_index *index, uint32_t tree,
                          const struct entry *entry)
{
    uint32_t found = 0;
    uint32_t lowest = 0;

    while (tree != 0) {
        struct entry first = node_first(index, tree);
        bool reaches = !entry_before(entry, &first);

        found = reaches ? tree : found;
        lowest = tree;
        tree = pool_at(&index->pool, tree)[reaches ? NODE_RIGHT : NODE_LEFT];
    }
    return found == 0 ? lowest : found;
}

/* A node for a bucket that is not empty; 0 when out of memory. */
static uint32_t node_create(struct filter_index *index, uint32_t bucket)
{
    uint32_t node = pool_take(&index->pool, NODE_UNITS);

    if (node != 0) {
        uint32_t *units = pool_at(&index->pool, node);

        memset(units, 0, NODE_UNITS * sizeof *units);
        units[NODE_PRIORITY] = (uint32_t)hash_mix(index->seed, node);
        units[NODE_BUCKET] = bucket;
        own_update(index, node);
    }
    return node;
}

/* The upper half of a full bucket becomes a bucket with a node of its own. */
static bool node_split(struct filter_index *index, struct field *field, uint32_t node)
{
    uint32_t *units = node_bucket(index, node);
    struct entry first = bucket_entry(units, 0);
    uint32_t half = bucket_count(units) / 2;
    struct entry middle = bucket_entry(units, half);
    uint32_t bucket = bucket_create(&index->pool, bucket_room(units) - 1);
    uint32_t upper;

    if (bucket == 0) {
        return false;
    }
    bucket_insert(pool_at(&index->pool, bucket), &middle);
    upper = node_create(index, bucket);
    if (upper == 0) {
        pool_give(&index->pool, bucket);
        return false;
    }
    bucket_move(units, half + 1, pool_at(&index->pool, bucket));
    bucket_remove(units, middle.predicate);
    own_update(index, upper);
    field->ranges = tree_change(index, field->ranges, node, &first, false);
    field->ranges = tree_insert(index, field->ranges, upper, &middle);
    return true;
}

static bool node_grow(struct filter_index *index, uint32_t node)
{
    uint32_t old = pool_at(&index->pool, node)[NODE_BUCKET];
    uint32_t *units = pool_at(&index->pool, old);
    uint32_t bucket = bucket_create(&index->pool, bucket_room(units));

    if (bucket == 0) {
        return false;
    }
    bucket_move(units, 0, pool_at(&index->pool, bucket));
    pool_at(&index->pool, node)[NODE_BUCKET] = bucket;
    pool_give(&index->pool, old);
    return true;
}

static struct entry entry_of(const struct filter_index *index, uint32_t predicate)
{
    struct range range = range_decode(predicate_bytes(index, predicate));

    return (struct entry){
        (range.flags & RANGE_HAS_LOW) != 0 ? decimal_key(range.low) : 0,
        (range.flags & RANGE_HAS_HIGH) != 0 ? decimal_key(range.high) : UINT64_MAX, predicate};
}

/* The first range of a field. */
static bool tree_begin(struct filter_index *index, struct field *field,
                       const struct entry *entry)
{
    uint32_t bucket = bucket_create(&index->pool, 0);

    if (bucket == 0) {
        return false;
    }
    bucket_insert(pool_at(&index->pool, bucket), entry);
    field->ranges = node_create(index, bucket);
    if (field->ranges == 0) {
        pool_give(&index->pool, bucket);
        return false;
    }
    top_update(index, field->ranges);
    return true;
}

/* The node for one more entry, with room; 0 when out of memory. */
static uint32_t node_with_room(struct filter_index *index, struct field *field,
                               const struct entry *entry)
{
    uint32_t node = tree_find(index, field->ranges, entry);
    const uint32_t *units = node_bucket(index, node);

    if (bucket_count(units) < bucket_room(units)) {
        return node;
    }
    if (!bucket_is_largest(units)) {
        return node_grow(index, node) ? node : 0;
    }
    return node_split(index, field, node) ? tree_find(index, field->ranges, entry) : 0;
}

bool ranges_insert(struct filter_index *index, struct field *field, uint32_t predicate)
{
    struct entry entry = entry_of(index, predicate);
    struct entry first;
    uint32_t node;

    if (field->ranges == 0) {
        return tree_begin(index, field, &entry);
    }
    node = node_with_room(index, field, &entry);
    if (node == 0) {
        return false;
    }
    first = node_first(index, node);
    bucket_insert(node_bucket(index, node), &entry);
    field->ranges = tree_change(index, field->ranges, node, &first, false);
    return true;
}

void ranges_remove(struct filter_index *index, struct field *field, uint32_t predicate)
{
    struct entry entry = entry_of(index, predicate);
    uint32_t node = tree_find(index, field->ranges, &entry);
    uint32_t bucket = pool_at(&index->pool, node)[NODE_BUCKET];
    struct entry first = node_first(index, node);
    bool is_last = bucket_count(pool_at(&index->pool, bucket)) == 1;

    if (!is_last) {
        bucket_remove(pool_at(&index->pool, bucket), predicate);
    }
    field->ranges = tree_change(index, field->ranges, node, &first, is_last);
    if (is_last) {
        pool_give(&index->pool, bucket);
        pool_give(&index->pool, node);
    }
}

/* Announces the bounds of a bucket to the memory; they lie on up to a dozen cache lines. */
static void bucket_announce(const uint32_t *units)
{
    uint32_t count = bucket_count(units);
    const uint32_t *lows = units + BUCKET_LOWS;
    const uint32_t *highs = lows + (size_t)2 * bucket_room(units);

    for (uint32_t i = 0; i < 2 * count; i += LINE_UNITS) {
        __builtin_prefetch(lows + i);
        __builtin_prefetch(highs + i);
    }
}

static bool bucket_list(struct filter_index *index, uint32_t bucket)
{
    pool_prefetch(&index->pool, bucket);
    return numbers_add(index, &index->buckets, bucket);
}

/* Lists the buckets that may have ranges around the number. */
static bool tree_stab(struct filter_index *index, uint32_t tree, uint64_t key)
{
    while (tree != 0) {
        const uint32_t *units = pool_at(&index->pool, tree);

        if (key_read(units + NODE_TOP) < key) {
            return true;
        }
        if (!tree_stab(index, units[NODE_LEFT], key)) {
            return false;
        }
        if (key_read(units + NODE_FIRST) > key) {
            return true;
        }
        if (key_read(units + NODE_OWN) >= key && !bucket_list(index, units[NODE_BUCKET])) {
            return false;
        }
        tree = units[NODE_RIGHT];
    }
    return true;
}

/* Ranges of one bucket around the leaf's number. */
static bool bucket_stab(struct filter_index *index, const uint32_t *units, uint64_t key,
                        const struct leaf *leaf)
{
    uint32_t count = bucket_count(units);

    for (uint32_t i = 0; i < count && bucket_low(units, i) <= key; i++) {
        uint64_t high = bucket_high(units, i);
        bool at_bound = high == key || bucket_low(units, i) == key;
        uint32_t predicate = bucket_predicate(units, i);

        if (high < key || (at_bound && !predicate_accepts(index, predicate, leaf))) {
            continue;
        }
        predicate_prefetch(index, predicate);
        if (!numbers_add(index, &index->candidates, predicate)) {
            return false;
        }
    }
    return true;
}

bool ranges_stab(struct filter_index *index, const struct field *field, const struct leaf *leaf)
{
    uint64_t key = decimal_key(leaf->canonical);
    const struct numbers *buckets = &index->buckets;

    index->buckets.count = 0;
    if (!tree_stab(index, field->ranges, key)) {
        return false;
    }
    for (uint32_t i = 0; i < buckets->count; i++) {
        bucket_announce(pool_at(&index->pool, buckets->list[i]));
    }
    for (uint32_t i = 0; i < buckets->count; i++) {
        if (!bucket_stab(index, pool_at(&index->pool, buckets->list[i]), key, leaf)) {
            return false;
        }
    }
    return true;
}
