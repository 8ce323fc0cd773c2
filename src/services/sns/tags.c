/* TagResource, UntagResource and ListTagsForResource. */
#include "services/sns/tags.h"

const struct field tag_fields[] = {
    {.name = "Key", .type = FIELD_STRING, .required = true, AT(struct tag, key)},
    {.name = "Value", .type = FIELD_STRING, .required = true, AT(struct tag, value)},
    FIELDS_END,
};

struct tag_input {
    struct text arn;
    struct struct_list tags;
    struct string_list keys;
};

static const struct field tag_input_fields[] = {
    {.name = "ResourceArn", .type = FIELD_STRING, .required = true, AT(struct tag_input, arn)},
    {.name = "Tags",
     .type = FIELD_STRUCT_LIST,
     .required = true,
     AT(struct tag_input, tags),
     .of = tag_fields,
     .of_size = sizeof(struct tag)},
    FIELDS_END,
};

static const struct field untag_input_fields[] = {
    {.name = "ResourceArn", .type = FIELD_STRING, .required = true, AT(struct tag_input, arn)},
    {.name = "TagKeys",
     .type = FIELD_STRING_LIST,
     .required = true,
     AT(struct tag_input, keys)},
    FIELDS_END,
};

static const struct field list_tags_input_fields[] = {
    {.name = "ResourceArn", .type = FIELD_STRING, .required = true, AT(struct tag_input, arn)},
    FIELDS_END,
};

/* TagResource and UntagResource answer an empty result. */
static const struct field nothing_fields[] = {FIELDS_END};

struct tags_output {
    struct struct_list tags;
};

static const struct field tags_output_fields[] = {
    {.name = "Tags",
     .type = FIELD_STRUCT_LIST,
     AT(struct tags_output, tags),
     .of = tag_fields,
     .of_size = sizeof(struct tag)},
    FIELDS_END,
};

static size_t distinct_keys(const struct struct_list *given, struct arena *arena)
{
    const struct tag *tags = given->items;
    struct attribute_set keys;

    attribute_set_init(&keys, arena, NULL, 0);
    for (size_t i = 0; i < given->count; i++) {
        attribute_set_put(&keys, tags[i].key, tags[i].value);
    }
    return keys.count;
}

enum status tags_take(struct request *request, const struct struct_list *given,
                      struct attribute_set *set)
{
    const struct tag *tags = given->items;

    if (distinct_keys(given, request->arena) != given->count) {
        return request_fail(request, &sns_invalid_parameter,
                            "Invalid parameter: Duplicated keys are not allowed.");
    }
    for (size_t i = 0; i < given->count; i++) {
        if (!tag_is_valid(tags[i].key, tags[i].value)) {
            return request_fail(request, &sns_invalid_parameter,
                                "Invalid parameter: Tags Reason: a key must have 1 to 128 and "
                                "a value at most 256 characters, and no key begins with aws:");
        }
        tag_put(set, tags[i].key, tags[i].value);
    }
    if (tag_count(set) > TAGS_MAX) {
        return request_fail(request, &sns_tag_limit_exceeded,
                            "Could not complete request: tag quota of per resource exceeded");
    }
    return STATUS_OK;
}

/* Here an absent topic is a ResourceNotFound. */
static enum status resource_find(struct request *request, struct step *step, struct text arn,
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
    struct topic *topic = NULL;
    struct attribute_set set;
    enum status status = resource_find(request, step, in->arn, &topic);

    (void)output;
    if (status != STATUS_OK) {
        return status;
    }
    topic_set_open(request, topic, &set);
    status = tags_take(request, &in->tags, &set);
    if (status == STATUS_OK) {
        topic_set_store(step, topic, &set);
    }
    return status;
}

static enum status untag_resource(struct request *request, struct step *step, const void *input,
                                  void *output)
{
    const struct tag_input *in = input;
    struct topic *topic = NULL;
    struct attribute_set set;
    enum status status = resource_find(request, step, in->arn, &topic);

    (void)output;
    if (status != STATUS_OK) {
        return status;
    }
    topic_set_open(request, topic, &set);
    for (size_t i = 0; i < in->keys.count; i++) {
        tag_remove(&set, in->keys.items[i]);
    }
    topic_set_store(step, topic, &set);
    return STATUS_OK;
}

static enum status list_tags_for_resource(struct request *request, struct step *step,
                                          const void *input, void *output)
{
    const struct tag_input *in = input;
    struct tags_output *out = output;
    struct topic *topic = NULL;
    struct attribute_set set;
    size_t count = 0;
    enum status status = resource_find(request, step, in->arn, &topic);

    if (status != STATUS_OK) {
        return status;
    }
    topic_set_open(request, topic, &set);
    const struct string_pair *pairs = tags_list(&set, &count);
    struct tag *tags = arena_array(request->arena, count, sizeof *tags);

    for (size_t i = 0; i < count; i++) {
        tags[i] = (struct tag){pairs[i].name, pairs[i].value};
    }
    out->tags = (struct struct_list){tags, count, true};
    return STATUS_OK;
}

const struct operation sns_tag_operations[] = {
    {.name = "TagResource",
     .permission = "sns:TagResource",
     .handle = tag_resource,
     .input = tag_input_fields,
     .input_size = sizeof(struct tag_input),
     .output = nothing_fields},
    {.name = "UntagResource",
     .permission = "sns:UntagResource",
     .handle = untag_resource,
     .input = untag_input_fields,
     .input_size = sizeof(struct tag_input),
     .output = nothing_fields},
    {.name = "ListTagsForResource",
     .permission = "sns:ListTagsForResource",
     .only_reads = true,
     .handle = list_tags_for_resource,
     .input = list_tags_input_fields,
     .input_size = sizeof(struct tag_input),
     .output = tags_output_fields,
     .output_size = sizeof(struct tags_output)},
    OPERATIONS_END,
};
