/* Batches: what is checked before any entry is looked at, and what a failed entry says. */
#include "services/common/names.h"
#include "services/sqs/internal.h"

#define BATCH_ID_MAX 80

const struct field batch_failure_fields[] = {
    {.name = "Id", .type = FIELD_STRING, AT(struct batch_failure, id)},
    {.name = "SenderFault", .type = FIELD_BOOLEAN, AT(struct batch_failure, sender_fault)},
    {.name = "Code", .type = FIELD_STRING, AT(struct batch_failure, code)},
    {.name = "Message", .type = FIELD_STRING, AT(struct batch_failure, message)},
    FIELDS_END,
};

const struct field batch_id_fields[] = {
    {.name = "Id", .type = FIELD_STRING, .offset = 0},
    FIELDS_END,
};

static bool id_is_repeated(const struct text *ids, size_t place)
{
    for (size_t before = 0; before < place; before++) {
        if (text_equal(ids[before], ids[place])) {
            return true;
        }
    }
    return false;
}

enum status batch_check(struct request *request, const char *name, const struct text *ids,
                        size_t count)
{
    if (count == 0) {
        return request_fail(request, &sqs_empty_batch,
                            "There should be at least one %s in the request.", name);
    }
    if (count > BATCH_MAX) {
        return request_fail(request, &sqs_too_many_entries,
                            "Maximum number of entries per request are %d. You have sent %zu.",
                            BATCH_MAX, count);
    }
    for (size_t i = 0; i < count; i++) {
        if (!name_is_plain(ids[i], BATCH_ID_MAX)) {
            return request_fail(request, &sqs_invalid_batch_id,
                                "A batch entry id can only contain alphanumeric characters, "
                                "hyphens and underscores. It can be at most 80 letters long.");
        }
        if (id_is_repeated(ids, i)) {
            return request_fail(request, &sqs_ids_not_distinct, "Id %.*s repeated.",
                                TEXT_PRINTF(ids[i]));
        }
    }
    return STATUS_OK;
}

void batch_failure_fill(struct batch_failure *failure, struct request *request, struct text id,
                        const struct sqs_fault *fault)
{
    *failure = (struct batch_failure){
        .id = id,
        .sender_fault = {.is_set = true, .value = !fault->kind->is_receiver},
        .code = text_from(request->wire == WIRE_JSON && !fault->kind->is_generic
                              ? fault->kind->type
                              : fault->kind->query),
        .message = fault->message,
    };
}
