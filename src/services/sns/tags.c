/* TagResource, UntagResource, ListTagsForResource: topics only. */
#include "services/sns/internal.h"

#define TAGS_MAX 50

struct tag {
    struct text key;
    struct text value;
};

struct tag_input {
    struct text resource_arn;
    struct struct_list tags;
    struct string_list keys;
};

struct list_output {
    struct struct_list tags;
};

static const struct field tag_fields[] = {
    {.name = "Key", .type = FIELD_STRING, .required = true, AT(struct tag, key)},
    {.name = "Value", .type = FIELD_STRING, .required = true, AT(struct tag, value)},
    FIELDS_END,
};

static const struct field tag_input_fields[] = {
    {.name = "ResourceArn",
     .type = FIELD_STRING,
     .required = true,
     AT(struct tag_input, resource_arn)},
    {.name = "Tags",
     .type = FIELD_STRUCT_LIST,
     .required = true,
     AT(struct tag_input, tags),
     .of = tag_fields,
     .of_size = sizeof(struct tag)},
    FIELDS_END,
};

static const struct field untag_input_fields[] = {
    {.name = "ResourceArn",
     .type = FIELD_STRING,
     .required = true,
     AT(struct tag_input, resource_arn)},
    {.name = "TagKeys",
     .type = FIELD_STRING_LIST,
     .required = true,
     AT(struct tag_input, keys)},
    FIELDS_END,
};

static const struct field list_input_fields[] = {
    {.name = "ResourceArn",
     .type = FIELD_STRING,
     .required = true,
     AT(struct tag_input, resource_arn)},
    FIELDS_END,
};

static const struct field no_fields[] = {FIELDS_END}; /* an empty result, as AWS sends */

static const struct field list_output_fields[] = {
    {.name = "Tags",
     .type = FIELD_STRUCT_LIST,
     AT(struct list_output, tags),
     .of = tag_fields,
     .of_size = sizeof(struct tag)},
    FIELDS_END,
};

/* The tag calls say ResourceNotFound where the others say NotFound. */
static enum status tagged_topic(struct request *request, struct step *step, struct text arn,
                                struct topic **ret_topic)
{
    enum status status = sns_topic(request, step, arn, "ResourceArn", ret_topic);

    if (status != STATUS_OK && request->error == &sns_not_found) {
        return request_fail(request, &sns_resource_not_found, "Resource does not exist");
    }
    return status;
}

static enum status tag_resource(struct request *request, struct step *step, const void *input,
                                void *output)
{
    const struct tag_input *in = input;
    const struct tag *tags = in->tags.items;
    struct attribute_set set;
    struct attribute_set given;
    struct topic *topic = NULL;
    enum status status = tagged_topic(request, step, in->resource_arn, &topic);

    (void)output;
    if (status != STATUS_OK) {
        return status;
    }
    set_from_attributes(&set, request->arena, topic->attributes, topic->attribute_count);
    attribute_set_init(&given, request->arena, NULL, 0);
    for (size_t i = 0; i < in->tags.count; i++) {
        if (!tag_is_valid(tags[i].key, tags[i].value)) {
            return request_fail(request, &sns_invalid_parameter, "Invalid parameter: Tags");
        }
        tag_put(&given, tags[i].key, tags[i].value);
        tag_put(&set, tags[i].key, tags[i].value);
    }
    if (given.count != in->tags.count) {
        return request_fail(request, &sns_invalid_parameter,
                            "Invalid parameter: Duplicated keys are not allowed.");
    }
    if (tag_count(&set) > TAGS_MAX) {
        return request_fail(request, &sns_tag_limit,
                            "Could not complete request: tag quota of per resource exceeded");
    }
    topic_update(step, topic, set_attributes(&set), set.count);
    return STATUS_OK;
}

static enum status untag_resource(struct request *request, struct step *step, const void *input,
                                  void *output)
{
    const struct tag_input *in = input;
    struct attribute_set set;
    struct topic *topic = NULL;
    enum status status = tagged_topic(request, step, in->resource_arn, &topic);

    (void)output;
    if (status != STATUS_OK) {
        return status;
    }
    set_from_attributes(&set, request->arena, topic->attributes, topic->attribute_count);
    for (size_t i = 0; i < in->keys.count; i++) {
        tag_remove(&set, in->keys.items[i]);
    }
    topic_update(step, topic, set_attributes(&set), set.count);
    return STATUS_OK;
}

static enum status list_tags(struct request *request, struct step *step, const void *input,
                             void *output)
{
    const struct tag_input *in = input;
    struct list_output *out = output;
    struct attribute_set set;
    struct topic *topic = NULL;
    size_t count = 0;
    enum status status = tagged_topic(request, step, in->resource_arn, &topic);

    if (status != STATUS_OK) {
        return status;
    }
    set_from_attributes(&set, request->arena, topic->attributes, topic->attribute_count);
    const struct string_pair *pairs = tags_list(&set, &count);
    struct tag *tags = arena_array(request->arena, count, sizeof *tags);

    for (size_t i = 0; i < count; i++) {
        tags[i] = (struct tag){arena_copy(request->arena, pairs[i].name),
                               arena_copy(request->arena, pairs[i].value)};
    }
    out->tags = (struct struct_list){tags, count, true};
    return STATUS_OK;
}

const struct operation sns_tag_operations[] = {
    {.name = "TagResource",
     .permission = "SNS:TagResource",
     .input = tag_input_fields,
     .input_size = sizeof(struct tag_input),
     .output = no_fields,
     .handle = tag_resource},
    {.name = "UntagResource",
     .permission = "SNS:UntagResource",
     .input = untag_input_fields,
     .input_size = sizeof(struct tag_input),
     .output = no_fields,
     .handle = untag_resource},
    {.name = "ListTagsForResource",
     .permission = "SNS:ListTagsForResource",
     .input = list_input_fields,
     .input_size = sizeof(struct tag_input),
     .output = list_output_fields,
     .output_size = sizeof(struct list_output),
     .only_reads = true,
     .handle = list_tags},
    OPERATIONS_END,
};
