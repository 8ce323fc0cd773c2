/* Batches: a growing array of puts and deletes that share their values with the core. */
#include "store/batch.h"

#include "base/memory.h"

#define FIRST_ROOM 16

static size_t op_bytes(const struct batch_op *op)
{
    return op->key->len + (op->value == NULL ? 0 : op->value->len);
}

struct batch *batch_create(uint64_t number)
{
    struct batch *batch = memory_zero(sizeof *batch);

    batch->number = number;
    list_init(&batch->hooks);
    return batch;
}

void batch_free(struct batch *batch)
{
    if (batch == NULL) {
        return;
    }
    for (size_t i = 0; i < batch->count; i++) {
        blob_unref(batch->ops[i].value);
    }
    memory_free(batch->ops);
    memory_free(batch);
}

size_t batch_add(struct batch *batch, const struct key *key, struct blob *value, void *owner)
{
    if (batch->count == batch->room) {
        batch->room = batch->room == 0 ? FIRST_ROOM : batch->room * 2;
        batch->ops = memory_resize(batch->ops, batch->room * sizeof *batch->ops);
    }
    struct batch_op *op = &batch->ops[batch->count];

    *op = (struct batch_op){.key = key, .value = blob_ref(value), .owner = owner};
    batch->bytes += op_bytes(op);
    return batch->count++;
}

void batch_replace(struct batch *batch, size_t index, struct blob *value)
{
    struct batch_op *op = &batch->ops[index];
    struct blob *old = op->value;

    batch->bytes -= op_bytes(op);
    op->value = blob_ref(value);
    batch->bytes += op_bytes(op);
    blob_unref(old);
}
