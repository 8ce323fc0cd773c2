/* A batch's operations in key order, the last one per key: what an engine writes. */
#ifndef STORE_ORDERED_OPS_H
#define STORE_ORDERED_OPS_H

#include "store/batch.h"

struct ordered_ops {
    const struct batch_op **ops; /* borrowed from the batch */
    size_t count;
    size_t room;
    size_t bytes; /* keys and values */
};

/* A zeroed struct is a valid empty one; it is reused from batch to batch. */
void ordered_ops_set(struct ordered_ops *ordered, const struct batch *batch);
void ordered_ops_free(struct ordered_ops *ordered);

static inline struct text op_value(const struct batch_op *op)
{
    return blob_text(op->value);
}

#endif
