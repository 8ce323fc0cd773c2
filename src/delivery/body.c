/* How many still need a message's body: a count kept apart from it, absent while it is one. */
#include "base/buffer.h"
#include "delivery/internal.h"

static struct key references_key(uint64_t message)
{
    return key_u64(TABLE_REFERENCES, message);
}

static enum status references_get(struct step *step, uint64_t message, uint32_t *ret_count)
{
    struct key key = references_key(message);
    struct blob *value = NULL;
    enum status status = record_get(step, &key, &value);

    if (status == STATUS_OK) {
        struct cursor cursor = cursor_over(blob_text(value));

        *ret_count = cursor_u32(&cursor);
    } else if (status == STATUS_NOT_FOUND) {
        *ret_count = 1;
        status = STATUS_OK;
    }
    return status;
}

static void references_put(struct step *step, uint64_t message, uint32_t count)
{
    struct key key = references_key(message);
    struct blob *value = blob_new(sizeof count);

    for (size_t i = 0; i < sizeof count; i++) {
        value->at[i] = (char)(count >> (24 - 8 * i));
    }
    record_put(step, &key, value);
}

enum status body_known(struct step *step, uint64_t message)
{
    uint32_t count = 0;

    return references_get(step, message, &count);
}

void body_set_references(struct step *step, uint64_t message, uint32_t count)
{
    struct key key = references_key(message);

    if (count > 1) {
        references_put(step, message, count);
    } else {
        record_learn(step, &key, NULL);
    }
}

enum status body_add_references(struct step *step, uint64_t message, uint32_t count)
{
    uint32_t now = 0;
    enum status status = references_get(step, message, &now);

    if (status == STATUS_OK) {
        references_put(step, message, now + count);
    }
    return status;
}

enum status body_release(struct step *step, uint64_t message)
{
    struct key references = references_key(message);
    struct key body = key_u64(TABLE_BODY, message);
    uint32_t count = 0;
    enum status status = references_get(step, message, &count);

    if (status != STATUS_OK) {
        return status;
    }
    if (count > 1) {
        references_put(step, message, count - 1);
        return STATUS_OK;
    }
    struct blob *value = NULL;

    /* A row that says one is only there after it said more. */
    if (record_get(step, &references, &value) == STATUS_OK) {
        record_delete(step, &references);
    }
    record_delete(step, &body);
    return STATUS_OK;
}
