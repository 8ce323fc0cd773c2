/* How many still need a message's body: a count kept apart from it, absent while it is one,
 * zero when only the history has it. */
#include "base/buffer.h"
#include "base/mutants.h"
#include "history/internal.h"

static struct key references_key(uint64_t message)
{
    return key_u64(TABLE_REFERENCES, message);
}

enum status body_references(struct step *step, uint64_t message, uint32_t *ret_count)
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

    return body_references(step, message, &count);
}

static void body_count(struct step *step, uint64_t message)
{
    struct key key = key_u64(TABLE_BODY, message);
    struct blob *body = NULL;

    if (history_keeps(step, message) && record_peek(step, &key, &body) == STATUS_OK) {
        step_count(step, COUNTER_HISTORY_BYTES, body->len);
        sweep_wake(step, history_of(step));
    }
}

void body_set_references(struct step *step, uint64_t message, uint32_t count)
{
    struct key references = references_key(message);
    struct key body = key_u64(TABLE_BODY, message);

    if (count == 0 && !history_keeps(step, message)) {
        record_delete(step, &body);
        return;
    }
    if (count != 1) {
        references_put(step, message, count);
    } else {
        record_learn(step, &references, NULL);
    }
    body_count(step, message);
}

enum status body_add_references(struct step *step, uint64_t message, uint32_t count)
{
    uint32_t now = 0;
    enum status status = body_references(step, message, &now);

    if (status == STATUS_OK) {
        references_put(step, message, now + count);
    }
    return status;
}

void body_expect_release(struct step *step, uint64_t message)
{
    struct key references = references_key(message);

    record_prefetch(step, &references);
}

enum status body_release(struct step *step, uint64_t message)
{
    struct key references = references_key(message);
    struct key body = key_u64(TABLE_BODY, message);
    uint32_t count = 0;
    enum status status = body_references(step, message, &count);

    if (status != STATUS_OK) {
        return status;
    }
    if ((count > 1 && !mutant("history.released-too-soon"))
        || (count == 1 && history_keeps(step, message))) {
        references_put(step, message, count - 1);
        return STATUS_OK;
    }
    struct blob *value = NULL;

    /* A row that says one is only there after it said something else. */
    if (record_get(step, &references, &value) == STATUS_OK) {
        record_delete(step, &references);
    }
    record_delete(step, &body);
    return STATUS_OK;
}

enum status body_lose(struct step *step, uint64_t message, const struct blob *body,
                      const char *what)
{
    struct key references = references_key(message);
    struct key key = key_u64(TABLE_BODY, message);
    uint32_t count = 0;
    enum status status = body_references(step, message, &count);

    if (status != STATUS_OK) {
        return status;
    }
    record_set_aside(step, &key, body, what);
    if (count == 0) {
        record_delete(step, &references);
    }
    return STATUS_OK;
}
