/* TagQueue, UntagQueue and ListQueueTags. */
#include "services/sqs/internal.h"

struct tag_input {
    struct text url;
    struct string_map tags;
    struct string_list keys;
};

static const struct field tag_input_fields[] = {
    {.name = "QueueUrl", .type = FIELD_STRING, AT(struct tag_input, url)},
    {.name = "Tags",
     .query = "Tag",
     .query_key = "Key",
     .query_value = "Value",
     .type = FIELD_STRING_MAP,
     .shape = QUERY_FLAT,
     .required = true,
     AT(struct tag_input, tags)},
    FIELDS_END,
};

static const struct field untag_input_fields[] = {
    {.name = "QueueUrl", .type = FIELD_STRING, AT(struct tag_input, url)},
    {.name = "TagKeys",
     .query = "TagKey",
     .type = FIELD_STRING_LIST,
     .shape = QUERY_FLAT,
     .required = true,
     AT(struct tag_input, keys)},
    FIELDS_END,
};

static const struct field list_tags_input_fields[] = {
    {.name = "QueueUrl", .type = FIELD_STRING, AT(struct tag_input, url)},
    FIELDS_END,
};

struct tags_output {
    struct string_map tags;
};

static const struct field tags_output_fields[] = {
    {.name = "Tags",
     .query = "Tag",
     .query_key = "Key",
     .query_value = "Value",
     .type = FIELD_STRING_MAP,
     .shape = QUERY_FLAT,
     AT(struct tags_output, tags)},
    FIELDS_END,
};

static enum status tag_queue(struct request *request, struct step *step, const void *input,
                             void *output)
{
    const struct tag_input *in = input;
    struct queue *queue = NULL;
    struct attribute_set set;
    enum status status = sqs_queue(request, step, in->url, &queue);

    (void)output;
    if (status != STATUS_OK) {
        return status;
    }
    queue_set_open(request, queue, &set);
    status = queue_tags_take(request, &set, &in->tags);
    if (status == STATUS_OK) {
        queue_set_store(step, queue, &queue->settings, &set);
    }
    return status;
}

static enum status untag_queue(struct request *request, struct step *step, const void *input,
                               void *output)
{
    const struct tag_input *in = input;
    struct queue *queue = NULL;
    struct attribute_set set;
    enum status status = sqs_queue(request, step, in->url, &queue);

    (void)output;
    if (status != STATUS_OK) {
        return status;
    }
    queue_set_open(request, queue, &set);
    for (size_t i = 0; i < in->keys.count; i++) {
        tag_remove(&set, in->keys.items[i]);
    }
    queue_set_store(step, queue, &queue->settings, &set);
    return STATUS_OK;
}

static enum status list_queue_tags(struct request *request, struct step *step,
                                   const void *input, void *output)
{
    const struct tag_input *in = input;
    struct tags_output *out = output;
    struct queue *queue = NULL;
    struct attribute_set set;
    enum status status = sqs_queue(request, step, in->url, &queue);

    if (status != STATUS_OK) {
        return status;
    }
    queue_set_open(request, queue, &set);
    out->tags.items = tags_list(&set, &out->tags.count);
    out->tags.is_set = out->tags.count > 0;
    return STATUS_OK;
}

const struct operation sqs_tag_operations[] = {
    {.name = "TagQueue",
     .permission = "sqs:TagQueue",
     .handle = tag_queue,
     .input = tag_input_fields,
     .input_size = sizeof(struct tag_input)},
    {.name = "UntagQueue",
     .permission = "sqs:UntagQueue",
     .handle = untag_queue,
     .input = untag_input_fields,
     .input_size = sizeof(struct tag_input)},
    {.name = "ListQueueTags",
     .permission = "sqs:ListQueueTags",
     .only_reads = true,
     .handle = list_queue_tags,
     .input = list_tags_input_fields,
     .input_size = sizeof(struct tag_input),
     .output = tags_output_fields,
     .output_size = sizeof(struct tags_output)},
    OPERATIONS_END,
};
