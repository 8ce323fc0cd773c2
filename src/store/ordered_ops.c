/* Sorting a batch, so that an engine touches each page once and every key at most once. */
#include "store/ordered_ops.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

static int compare_keys(const struct batch_op *a, const struct batch_op *b)
{
    size_t len = a->key->len < b->key->len ? a->key->len : b->key->len;
    int order = memcmp(a->key->at, b->key->at, len);

    return order != 0 ? order : (int)a->key->len - (int)b->key->len;
}

/* Equal keys stay in batch order: the ops lie in one array. */
static int compare_ops(const void *a, const void *b)
{
    const struct batch_op *first = *(const struct batch_op *const *)a;
    const struct batch_op *second = *(const struct batch_op *const *)b;
    int order = compare_keys(first, second);

    return order != 0 ? order : (first > second) - (first < second);
}

static void keep_last_per_key(struct ordered_ops *ordered)
{
    size_t kept = 0;

    for (size_t i = 0; i < ordered->count; i++) {
        bool is_last =
            i + 1 == ordered->count || compare_keys(ordered->ops[i], ordered->ops[i + 1]) != 0;

        if (is_last) {
            ordered->ops[kept++] = ordered->ops[i];
            ordered->bytes += ordered->ops[i]->key->len + op_value(ordered->ops[i]).len;
        }
    }
    ordered->count = kept;
}

void ordered_ops_set(struct ordered_ops *ordered, const struct batch *batch)
{
    bool is_sorted = true;

    if (ordered->room < batch->count) {
        memory_free((void *)ordered->ops);
        ordered->ops = memory_array(batch->count, sizeof(struct batch_op *));
        ordered->room = batch->count;
    }
    for (size_t i = 0; i < batch->count; i++) {
        ordered->ops[i] = &batch->ops[i];
        is_sorted =
            is_sorted && (i == 0 || compare_keys(&batch->ops[i - 1], &batch->ops[i]) < 0);
    }
    ordered->count = batch->count;
    ordered->bytes = 0;
    if (!is_sorted) {
        qsort((void *)ordered->ops, ordered->count, sizeof(struct batch_op *), compare_ops);
    }
    keep_last_per_key(ordered);
}

void ordered_ops_free(struct ordered_ops *ordered)
{
    memory_free((void *)ordered->ops);
    *ordered = (struct ordered_ops){0};
}
