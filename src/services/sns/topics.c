/* CreateTopic, DeleteTopic, ListTopics. */
#include "services/common/names.h"
#include "services/common/page_token.h"
#include "services/sns/internal.h"

#define TOPIC_NAME_MAX 256
#define TAGS_MAX       50

struct tag {
    struct text key;
    struct text value;
};

struct create_topic_input {
    struct text name;
    struct string_map attributes;
    struct struct_list tags;
    struct text data_protection_policy;
};

struct topic_output {
    struct text topic_arn;
};

static const struct field tag_fields[] = {
    {.name = "Key", .type = FIELD_STRING, .required = true, AT(struct tag, key)},
    {.name = "Value", .type = FIELD_STRING, .required = true, AT(struct tag, value)},
    FIELDS_END,
};

static const struct field create_topic_input_fields[] = {
    {.name = "Name",
     .type = FIELD_STRING,
     .required = true,
     AT(struct create_topic_input, name)},
    {.name = "Attributes", .type = FIELD_STRING_MAP, AT(struct create_topic_input, attributes)},
    {.name = "Tags",
     .type = FIELD_STRUCT_LIST,
     AT(struct create_topic_input, tags),
     .of = tag_fields,
     .of_size = sizeof(struct tag)},
    {.name = "DataProtectionPolicy",
     .type = FIELD_STRING,
     AT(struct create_topic_input, data_protection_policy)},
    FIELDS_END,
};

static const struct field topic_output_fields[] = {
    {.name = "TopicArn", .type = FIELD_STRING, AT(struct topic_output, topic_arn)},
    FIELDS_END,
};

static bool wants_fifo(const struct create_topic_input *in)
{
    for (size_t i = 0; i < in->attributes.count; i++) {
        if (text_equal(in->attributes.items[i].name, T("FifoTopic"))) {
            return text_equal(in->attributes.items[i].value, T("true"));
        }
    }
    return text_ends_with(in->name, T(".fifo"));
}

static enum status attributes_gather(struct request *request,
                                     const struct create_topic_input *in,
                                     struct attribute_set *set)
{
    attribute_set_init(set, request->arena, NULL, 0);
    for (size_t i = 0; i < in->attributes.count; i++) {
        const struct string_pair *pair = &in->attributes.items[i];

        if (text_equal(pair->name, T("FifoTopic"))) {
            continue; /* "false": any other is refused before */
        }
        enum status status = topic_rule_apply(request, set, pair->name, pair->value);

        if (status != STATUS_OK) {
            return status;
        }
    }
    if (in->data_protection_policy.len > 0) {
        attribute_set_put(set, T("DataProtectionPolicy"), in->data_protection_policy);
    }
    return STATUS_OK;
}

static enum status tags_gather(struct request *request, const struct create_topic_input *in,
                               struct attribute_set *set)
{
    const struct tag *tags = in->tags.items;

    if (in->tags.count > TAGS_MAX) {
        return request_fail(request, &sns_tag_limit,
                            "Could not complete request: tag quota of "
                            "per resource exceeded");
    }
    for (size_t i = 0; i < in->tags.count; i++) {
        if (!tag_is_valid(tags[i].key, tags[i].value)) {
            return request_fail(request, &sns_invalid_parameter, "Invalid parameter: Tags");
        }
        tag_put(set, tags[i].key, tags[i].value);
    }
    if (tag_count(set) != in->tags.count) {
        return request_fail(request, &sns_invalid_parameter,
                            "Invalid parameter: Duplicated keys are not allowed.");
    }
    return STATUS_OK;
}

/* It exists: what is given must be what it has (sns-sqs-api.md section 1). */
static enum status compare_existing(struct request *request, const struct topic *topic,
                                    const struct attribute_set *given)
{
    struct attribute_set has;

    set_from_attributes(&has, request->arena, topic->attributes, topic->attribute_count);
    for (size_t i = 0; i < given->count; i++) {
        struct text value = attribute_set_get(&has, given->items[i].name);

        if (!text_equal(value, given->items[i].value)) {
            bool is_tag = tag_key_of(given->items[i].name).at != NULL;

            return request_fail(request, &sns_invalid_parameter,
                                is_tag ? "Invalid parameter: Tags Reason: Topic already exists "
                                         "with different tags"
                                       : "Invalid parameter: Attributes Reason: Topic already "
                                         "exists with different attributes");
        }
    }
    if (tag_count(given) > 0 && tag_count(given) != tag_count(&has)) {
        return request_fail(
            request, &sns_invalid_parameter,
            "Invalid parameter: Tags Reason: Topic already exists with different "
            "tags");
    }
    return STATUS_OK;
}

static enum status quota_check(struct request *request, struct router *router)
{
    uint32_t most = router_limits(router)->topics_per_account;

    if (most != 0 && router_topic_count(router) >= most) {
        return request_fail(request, &sns_topic_limit, "Topic limit exceeded: %u", most);
    }
    return STATUS_OK;
}

static enum status create_topic(struct request *request, struct step *step, const void *input,
                                void *output)
{
    const struct create_topic_input *in = input;
    struct topic_output *out = output;
    struct topic_name name = {request->account, request->region, in->name};
    struct topic *topic = topic_find(router_of(step), &name);
    struct attribute_set set;
    struct why why;

    if (wants_fifo(in)) {
        return request_fail(
            request, &sns_invalid_parameter,
            "Invalid parameter: FifoTopic Reason: this server has no FIFO topics "
            "yet; FIFO queues it has");
    }
    if (!name_is_plain(in->name, TOPIC_NAME_MAX)) {
        return request_fail(request, &sns_invalid_parameter, "Invalid parameter: Topic Name");
    }
    enum status status = attributes_gather(request, in, &set);

    status = status != STATUS_OK ? status : tags_gather(request, in, &set);
    if (status == STATUS_OK && topic != NULL) {
        status = compare_existing(request, topic, &set);
    } else if (status == STATUS_OK) {
        status = quota_check(request, router_of(step));
        if (status == STATUS_OK) {
            status = topic_create(step, &name, set_attributes(&set), set.count, &topic, &why);
            status = sns_fail_status(request, status, &why);
        }
    }
    if (status == STATUS_OK) {
        out->topic_arn = arena_copy(request->arena, topic->arn);
    }
    return status;
}

/* --- DeleteTopic: no complaint when it is not there. */

struct topic_input {
    struct text topic_arn;
};

static const struct field topic_input_fields[] = {
    {.name = "TopicArn",
     .type = FIELD_STRING,
     .required = true,
     AT(struct topic_input, topic_arn)},
    FIELDS_END,
};

static enum status delete_topic(struct request *request, struct step *step, const void *input,
                                void *output)
{
    const struct topic_input *in = input;
    struct topic *topic = NULL;
    enum status status = sns_topic(request, step, in->topic_arn, "TopicArn", &topic);

    (void)output;
    if (status != STATUS_OK && request->error == &sns_not_found) {
        request->error = NULL;
        return STATUS_OK;
    }
    if (status == STATUS_OK) {
        topic_delete(step, topic);
    }
    return status;
}

/* --- ListTopics. */

struct list_topics_input {
    struct text next_token;
};

struct list_topics_output {
    struct struct_list topics;
    struct text next_token;
};

static const struct field list_topics_input_fields[] = {
    {.name = "NextToken", .type = FIELD_STRING, AT(struct list_topics_input, next_token)},
    FIELDS_END,
};

static const struct field list_topics_output_fields[] = {
    {.name = "Topics",
     .type = FIELD_STRUCT_LIST,
     AT(struct list_topics_output, topics),
     .of = topic_output_fields,
     .of_size = sizeof(struct topic_output)},
    {.name = "NextToken", .type = FIELD_STRING, AT(struct list_topics_output, next_token)},
    FIELDS_END,
};

static enum status list_topics(struct request *request, struct step *step, const void *input,
                               void *output)
{
    const struct list_topics_input *in = input;
    struct list_topics_output *out = output;
    struct topic_name after = {request->account, request->region, {0}};
    struct topic_output *rows = arena_array(request->arena, PAGE_ROWS, sizeof *rows);
    struct topic *topic = NULL;

    if (in->next_token.len > 0
        && !page_token_decode(request->arena, in->next_token, &after.name)) {
        return request_fail(request, &sns_invalid_parameter, "Invalid parameter: NextToken");
    }
    out->topics = (struct struct_list){.items = rows, .is_set = true};
    while ((topic = topic_after(router_of(step), &after)) != NULL) {
        if (out->topics.count == PAGE_ROWS) {
            out->next_token = page_token_encode(request->arena, after.name);
            break;
        }
        after.name = topic->name;
        rows[out->topics.count++].topic_arn = arena_copy(request->arena, topic->arn);
    }
    return STATUS_OK;
}

const struct operation sns_topic_operations[] = {
    {.name = "CreateTopic",
     .permission = "SNS:CreateTopic",
     .input = create_topic_input_fields,
     .input_size = sizeof(struct create_topic_input),
     .output = topic_output_fields,
     .output_size = sizeof(struct topic_output),
     .handle = create_topic},
    {.name = "DeleteTopic",
     .permission = "SNS:DeleteTopic",
     .input = topic_input_fields,
     .input_size = sizeof(struct topic_input),
     .handle = delete_topic},
    {.name = "ListTopics",
     .permission = "SNS:ListTopics",
     .input = list_topics_input_fields,
     .input_size = sizeof(struct list_topics_input),
     .output = list_topics_output_fields,
     .output_size = sizeof(struct list_topics_output),
     .only_reads = true,
     .handle = list_topics},
    OPERATIONS_END,
};
