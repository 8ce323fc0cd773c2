/* The engine "memory": nothing survives, everything else is as the others do it.  For tests and
 * for running without a disk. */
#include "base/memory.h"
#include "store/engines.h"
#include "store/ordered_ops.h"

#include <pthread.h>
#include <string.h>

#define DEFAULT_BYTES ((uint64_t)1 << 40)

/* A treap: a search tree by key, a heap by a random weight, so that it stays balanced. */
struct tree_node {
    struct tree_node *left;
    struct tree_node *right;
    uint64_t weight;
    struct text value; /* behind the node, like the key */
    uint8_t key_len;
    char at[];
};

struct memory_engine {
    pthread_mutex_t lock;
    struct tree_node *root;
    struct ordered_ops ordered; /* the commit thread's */
    uint64_t random;
    uint64_t used;
    uint64_t limit;
};

static struct text node_key(const struct tree_node *node)
{
    return text_make(node->at, node->key_len);
}

static uint64_t node_bytes(struct text key, struct text value)
{
    return sizeof(struct tree_node) + key.len + value.len;
}

static struct tree_node *node_create(struct memory_engine *engine, struct text key,
                                     struct text value)
{
    struct tree_node *node = memory_take(sizeof *node + key.len + value.len);

    engine->random = engine->random * 6364136223846793005U + 1442695040888963407U;
    *node = (struct tree_node){.weight = engine->random >> 16,
                               .key_len = (uint8_t)key.len,
                               .value = text_make(node->at + key.len, value.len)};
    memcpy(node->at, key.at, key.len);
    if (value.len > 0) {
        memcpy(node->at + key.len, value.at, value.len);
    }
    engine->used += node_bytes(key, value);
    return node;
}

/* Where the pointer to `key` is, or would be. */
static struct tree_node **find_place(struct memory_engine *engine, struct text key)
{
    struct tree_node **place = &engine->root;

    while (*place != NULL) {
        int order = text_compare(key, node_key(*place));

        if (order == 0) {
            break;
        }
        place = order < 0 ? &(*place)->left : &(*place)->right;
    }
    return place;
}

/* Everything in `left` is before everything in `right`. */
static struct tree_node *join(struct tree_node *left, struct tree_node *right)
{
    struct tree_node *root = NULL;
    struct tree_node **place = &root;

    while (left != NULL && right != NULL) {
        if (left->weight > right->weight) {
            *place = left;
            place = &left->right;
            left = left->right;
        } else {
            *place = right;
            place = &right->left;
            right = right->left;
        }
    }
    *place = left != NULL ? left : right;
    return root;
}

static void split(struct tree_node *tree, struct text key, struct tree_node **ret_left,
                  struct tree_node **ret_right)
{
    while (tree != NULL) {
        if (text_compare(node_key(tree), key) < 0) {
            *ret_left = tree;
            ret_left = &tree->right;
            tree = tree->right;
        } else {
            *ret_right = tree;
            ret_right = &tree->left;
            tree = tree->left;
        }
    }
    *ret_left = NULL;
    *ret_right = NULL;
}

static void remove_key(struct memory_engine *engine, struct text key)
{
    struct tree_node **place = find_place(engine, key);
    struct tree_node *node = *place;

    if (node == NULL) {
        return;
    }
    *place = join(node->left, node->right);
    engine->used -= node_bytes(node_key(node), node->value);
    memory_free(node);
}

/* The key is not there. */
static void insert_key(struct memory_engine *engine, struct text key, struct text value)
{
    struct tree_node *node = node_create(engine, key, value);
    struct tree_node **place = &engine->root;

    while (*place != NULL && (*place)->weight >= node->weight) {
        place = text_compare(key, node_key(*place)) < 0 ? &(*place)->left : &(*place)->right;
    }
    split(*place, key, &node->left, &node->right);
    *place = node;
}

static enum status memory_open(const char *location, uint64_t map_bytes, void **ret_self,
                               struct why *why)
{
    struct memory_engine *engine = memory_zero(sizeof *engine);

    (void)location;
    (void)why;
    (void)pthread_mutex_init(&engine->lock, NULL);
    engine->limit = map_bytes == 0 ? DEFAULT_BYTES : map_bytes;
    *ret_self = engine;
    return STATUS_OK;
}

static void memory_close(void *self)
{
    struct memory_engine *engine = self;

    while (engine->root != NULL) {
        struct tree_node *node = engine->root;

        engine->root = join(node->left, node->right);
        memory_free(node);
    }
    ordered_ops_free(&engine->ordered);
    (void)pthread_mutex_destroy(&engine->lock);
    memory_free(engine);
}

static enum status memory_commit(void *self, const struct batch *batch, bool *ret_fatal,
                                 struct why *why)
{
    struct memory_engine *engine = self;

    *ret_fatal = false;
    ordered_ops_set(&engine->ordered, batch);
    (void)pthread_mutex_lock(&engine->lock);
    bool is_full = engine->ordered.bytes > engine->limit - engine->used;

    for (size_t i = 0; i < engine->ordered.count && !is_full; i++) {
        const struct batch_op *op = engine->ordered.ops[i];

        remove_key(engine, key_text(op->key));
        if (op->value != NULL) {
            insert_key(engine, key_text(op->key), blob_text(op->value));
        }
    }
    (void)pthread_mutex_unlock(&engine->lock);
    return is_full ? fail(why, STATUS_FULL, "no room to commit in memory") : STATUS_OK;
}

/* The first node (the last in reverse) on the far side of `key`, or at it when `at` is set. */
static const struct tree_node *find_next(const struct memory_engine *engine, struct text key,
                                         bool at, bool reverse)
{
    const struct tree_node *found = NULL;
    const struct tree_node *node = engine->root;

    while (node != NULL) {
        int order = text_compare(node_key(node), key);
        bool qualifies = (at && order == 0) || (reverse ? order < 0 : order > 0);

        if (qualifies) {
            found = node;
        }
        node = qualifies == reverse ? node->right : node->left;
    }
    return found;
}

static const struct tree_node *find_last(const struct memory_engine *engine)
{
    const struct tree_node *node = engine->root;

    while (node != NULL && node->right != NULL) {
        node = node->right;
    }
    return node;
}

static bool is_inside(struct text from, struct text to, struct text key)
{
    return text_compare(key, from) >= 0 && (to.len == 0 || text_compare(key, to) < 0);
}

static enum status memory_scan(void *self, struct text from, struct text to, bool reverse,
                               engine_visit *visit, void *context)
{
    struct memory_engine *engine = self;
    const struct tree_node *node = NULL;

    (void)pthread_mutex_lock(&engine->lock);
    if (!reverse) {
        node = find_next(engine, from, true, false);
    } else {
        node = to.len == 0 ? find_last(engine) : find_next(engine, to, false, true);
    }
    while (
        node != NULL && is_inside(from, to, node_key(node))
        && visit(context, &(struct engine_row){.key = node_key(node), .value = node->value})) {
        node = find_next(engine, node_key(node), false, reverse);
    }
    (void)pthread_mutex_unlock(&engine->lock);
    return STATUS_OK;
}

static uint64_t memory_free_bytes(void *self)
{
    struct memory_engine *engine = self;

    (void)pthread_mutex_lock(&engine->lock);
    uint64_t used = engine->used;

    (void)pthread_mutex_unlock(&engine->lock);
    return engine->limit > used ? engine->limit - used : 0;
}

const struct engine engine_memory = {
    .name = "memory",
    .open = memory_open,
    .commit = memory_commit,
    .scan = memory_scan,
    .free_bytes = memory_free_bytes,
    .close = memory_close,
};
