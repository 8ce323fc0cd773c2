/* The access ranges of one field: a treap ordered by lower bound, every node knowing the
 * highest upper bound below it, so that a look-up visits what it finds and a logarithm more. */
#include "decimal.h"
#include "hash.h"

#include "index/index.h"
#include "operators/range.h"

/* Units of a node.  Bounds are decimal keys: monotone, and checked exactly afterwards. */
enum range_unit {
    NODE_PREDICATE,
    NODE_LEFT,
    NODE_RIGHT,
    NODE_LOW,
    NODE_HIGH = NODE_LOW + 2,
    NODE_TOP = NODE_HIGH + 2, /* highest upper bound in the subtree */
    NODE_UNITS = NODE_TOP + 2
};

static uint64_t key_read(const uint32_t *units, uint32_t at)
{
    return (uint64_t)units[at + 1] << 32 | units[at];
}

static void key_write(uint32_t *units, uint32_t at, uint64_t key)
{
    units[at] = (uint32_t)key;
    units[at + 1] = (uint32_t)(key >> 32);
}

/* Heap order of the treap: a hash, so that no order of insertion makes it deep. */
static uint64_t priority(const struct filter_index *index, uint32_t node)
{
    return hash_mix(index->seed, node);
}

static void top_update(const struct filter_index *index, uint32_t node)
{
    uint32_t *units = pool_at(&index->pool, node);
    uint64_t top = key_read(units, NODE_HIGH);

    for (uint32_t side = NODE_LEFT; side <= NODE_RIGHT; side++) {
        uint64_t below =
            units[side] == 0 ? 0 : key_read(pool_at(&index->pool, units[side]), NODE_TOP);

        top = below > top ? below : top;
    }
    key_write(units, NODE_TOP, top);
}

static bool comes_before(const struct filter_index *index, uint32_t a, uint32_t b)
{
    uint64_t low_a = key_read(pool_at(&index->pool, a), NODE_LOW);
    uint64_t low_b = key_read(pool_at(&index->pool, b), NODE_LOW);

    return low_a != low_b ? low_a < low_b : a < b;
}

/* Cuts a tree in two: what comes before `node`, and the rest. */
static void tree_split(const struct filter_index *index, uint32_t tree, uint32_t node,
                       uint32_t *ret_before, uint32_t *ret_after)
{
    uint32_t *units;

    if (tree == 0) {
        *ret_before = 0;
        *ret_after = 0;
        return;
    }
    units = pool_at(&index->pool, tree);
    if (comes_before(index, tree, node)) {
        tree_split(index, units[NODE_RIGHT], node, &units[NODE_RIGHT], ret_after);
        *ret_before = tree;
    } else {
        tree_split(index, units[NODE_LEFT], node, ret_before, &units[NODE_LEFT]);
        *ret_after = tree;
    }
    top_update(index, tree);
}

static uint32_t tree_join(const struct filter_index *index, uint32_t before, uint32_t after)
{
    uint32_t *units;

    if (before == 0 || after == 0) {
        return before == 0 ? after : before;
    }
    if (priority(index, before) > priority(index, after)) {
        units = pool_at(&index->pool, before);
        units[NODE_RIGHT] = tree_join(index, units[NODE_RIGHT], after);
        top_update(index, before);
        return before;
    }
    units = pool_at(&index->pool, after);
    units[NODE_LEFT] = tree_join(index, before, units[NODE_LEFT]);
    top_update(index, after);
    return after;
}

static uint32_t tree_insert(const struct filter_index *index, uint32_t tree, uint32_t node)
{
    uint32_t *units;

    if (tree == 0 || priority(index, node) > priority(index, tree)) {
        units = pool_at(&index->pool, node);
        tree_split(index, tree, node, &units[NODE_LEFT], &units[NODE_RIGHT]);
        top_update(index, node);
        return node;
    }
    units = pool_at(&index->pool, tree);
    if (comes_before(index, node, tree)) {
        units[NODE_LEFT] = tree_insert(index, units[NODE_LEFT], node);
    } else {
        units[NODE_RIGHT] = tree_insert(index, units[NODE_RIGHT], node);
    }
    top_update(index, tree);
    return tree;
}

static uint32_t tree_remove(const struct filter_index *index, uint32_t tree, uint32_t node)
{
    uint32_t *units = pool_at(&index->pool, tree);

    if (tree == node) {
        return tree_join(index, units[NODE_LEFT], units[NODE_RIGHT]);
    }
    if (comes_before(index, node, tree)) {
        units[NODE_LEFT] = tree_remove(index, units[NODE_LEFT], node);
    } else {
        units[NODE_RIGHT] = tree_remove(index, units[NODE_RIGHT], node);
    }
    top_update(index, tree);
    return tree;
}

bool ranges_insert(struct filter_index *index, struct field *field, uint32_t predicate)
{
    struct range range = range_decode(predicate_bytes(index, predicate));
    uint32_t node = pool_take(&index->pool, NODE_UNITS);
    uint32_t *units;

    if (node == 0) {
        return false;
    }
    units = pool_at(&index->pool, node);
    units[NODE_PREDICATE] = predicate;
    key_write(units, NODE_LOW, (range.flags & RANGE_HAS_LOW) != 0 ? decimal_key(range.low) : 0);
    key_write(units, NODE_HIGH,
              (range.flags & RANGE_HAS_HIGH) != 0 ? decimal_key(range.high) : UINT64_MAX);
    field->ranges = tree_insert(index, field->ranges, node);
    pool_at(&index->pool, predicate)[PREDICATE_EXTRA] = node;
    return true;
}

void ranges_remove(struct filter_index *index, struct field *field, uint32_t predicate)
{
    uint32_t node = pool_at(&index->pool, predicate)[PREDICATE_EXTRA];

    field->ranges = tree_remove(index, field->ranges, node);
    pool_give(&index->pool, node);
}

static bool tree_stab(struct filter_index *index, uint32_t tree, uint64_t key)
{
    while (tree != 0) {
        const uint32_t *units = pool_at(&index->pool, tree);

        if (key_read(units, NODE_TOP) < key) {
            return true;
        }
        if (!tree_stab(index, units[NODE_LEFT], key)) {
            return false;
        }
        if (key < key_read(units, NODE_LOW)) {
            return true;
        }
        if (key <= key_read(units, NODE_HIGH)
            && !numbers_add(index, &index->candidates, units[NODE_PREDICATE])) {
            return false;
        }
        tree = units[NODE_RIGHT];
    }
    return true;
}

bool ranges_stab(struct filter_index *index, const struct field *field, uint64_t key)
{
    return tree_stab(index, field->ranges, key);
}
