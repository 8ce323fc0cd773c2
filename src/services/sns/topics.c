/* CreateTopic, DeleteTopic and ListTopics. */
#include "services/common/encryption.h"
#include "services/common/names.h"
#include "services/common/page_token.h"
#include "services/sns/tags.h"

#define TOPIC_NAME_MAX 256

struct create_topic_input {
    struct text name;
    struct string_map attributes;
    struct struct_list tags;
    struct text data_protection;
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
     AT(struct create_topic_input, data_protection)},
    FIELDS_END,
};

struct topic_arn {
    struct text arn;
};

static const struct field topic_arn_output_fields[] = {
    {.name = "TopicArn", .type = FIELD_STRING, AT(struct topic_arn, arn)},
    FIELDS_END,
};

static const struct field topic_arn_input_fields[] = {
    {.name = "TopicArn", .type = FIELD_STRING, .required = true, AT(struct topic_arn, arn)},
    FIELDS_END,
};

/* --- CreateTopic. */

static bool wants_fifo(const struct string_map *attributes)
{
    for (size_t i = 0; i < attributes->count; i++) {
        if (text_equal(attributes->items[i].name, T("FifoTopic"))) {
            return text_equal_ignore_case(attributes->items[i].value, T("true"));
        }
    }
    return false;
}

static enum status topic_name_check(struct request *request, struct text name, bool is_fifo)
{
    struct text suffix = is_fifo ? T(".fifo") : T("");
    struct text stem = text_first(name, name.len - suffix.len);

    return text_ends_with(name, suffix) && name_is_plain(stem, TOPIC_NAME_MAX - suffix.len)
               ? STATUS_OK
               : request_fail(request, &sns_invalid_parameter, "Invalid parameter: Topic Name");
}

static enum status attributes_take(struct request *request, const struct create_topic_input *in,
                                   struct attribute_set *set)
{
    struct attribute_check check = {
        .request = request,
        .prefix = "Invalid parameter: Attributes Reason: ",
        .is_new = true,
        .is_fifo = wants_fifo(&in->attributes),
    };
    enum status status = topic_name_check(request, in->name, check.is_fifo);

    for (size_t i = 0; i < in->attributes.count && status == STATUS_OK; i++) {
        status = topic_rules_apply(&check, set, in->attributes.items[i].name,
                                   in->attributes.items[i].value);
    }
    if (status == STATUS_OK && in->data_protection.len > POLICY_MAX) {
        return request_fail(request, &sns_invalid_parameter,
                            "Invalid parameter: DataProtectionPolicy Reason: must be at most "
                            "%d characters long",
                            POLICY_MAX);
    }
    if (in->data_protection.len > 0) {
        attribute_set_put(set, T(DATA_PROTECTION), in->data_protection);
    }
    return status;
}

/* It exists: what is given must be what it has. */
static enum status topic_compare(struct request *request, const struct topic *topic,
                                 const struct create_topic_input *in,
                                 const struct attribute_set *wanted)
{
    const struct tag *tags = in->tags.items;

    for (size_t i = 0; i < in->attributes.count; i++) {
        if (!topic_rules_equal(request, topic, wanted, in->attributes.items[i].name)) {
            return request_fail(request, &sns_invalid_parameter,
                                "Invalid parameter: Attributes Reason: Topic already exists "
                                "with different attributes");
        }
    }
    for (size_t i = 0; i < in->tags.count; i++) {
        struct text name = arena_printf(request->arena, "tag:%.*s", TEXT_PRINTF(tags[i].key));

        if (!text_equal(topic_attribute(topic, name), tags[i].value)) {
            return request_fail(request, &sns_invalid_parameter,
                                "Invalid parameter: Tags Reason: Topic already exists with "
                                "different tags");
        }
    }
    return STATUS_OK;
}

static enum status limit_check(struct request *request, struct step *step)
{
    uint32_t max = router_limits(router_of(step))->topics_per_account;
    struct topic_name after = {request->account, request->region, (struct text){0}};
    struct topic *topic = NULL;

    for (uint32_t count = 0; max > 0; count++) {
        if (count == max) {
            return request_fail(request, &sns_topic_limit_exceeded,
                                "Topic limit exceeded for account");
        }
        topic = topic_after(router_of(step), &after);
        if (topic == NULL) {
            break;
        }
        after.name = topic->name;
    }
    return STATUS_OK;
}

static enum status topic_make(struct request *request, struct step *step,
                              const struct create_topic_input *in, struct attribute_set *set,
                              struct topic **ret_topic)
{
    struct topic_name name = {request->account, request->region, in->name};
    struct why why = {""};
    enum status status = tags_take(request, &in->tags, set);

    status = status != STATUS_OK ? status : limit_check(request, step);
    if (status != STATUS_OK) {
        return status;
    }
    status = topic_create(step, &name, attributes_of(set), set->count, ret_topic, &why);
    return status == STATUS_OK ? status : sns_fail_status(request, status, &why);
}

static enum status create_topic(struct request *request, struct step *step, const void *input,
                                void *output)
{
    const struct create_topic_input *in = input;
    struct topic_arn *out = output;
    struct topic_name name = {request->account, request->region, in->name};
    struct topic *topic = NULL;
    struct attribute_set set;

    attribute_set_init(&set, request->arena, NULL, 0);
    enum status status = attributes_take(request, in, &set);

    if (status != STATUS_OK) {
        return status;
    }
    topic = topic_find(router_of(step), &name);
    status = topic != NULL ? topic_compare(request, topic, in, &set)
                           : topic_make(request, step, in, &set, &topic);
    if (status == STATUS_OK) {
        encryption_warn(step, topic->arn, &in->attributes);
        out->arn = arena_copy(request->arena, topic->arn);
    }
    return status;
}

/* --- DeleteTopic: one that is not there is as good as deleted. */

static enum status delete_topic(struct request *request, struct step *step, const void *input,
                                void *output)
{
    const struct topic_arn *in = input;
    struct topic *topic = NULL;
    enum status status = sns_topic(request, step, in->arn, "TopicArn", &topic);

    (void)output;
    if (status == STATUS_OK) {
        topic_delete(step, topic);
    } else if (request->error == &sns_not_found) {
        request->error = NULL;
        status = STATUS_OK;
    }
    return status;
}

/* --- ListTopics. */

struct list_topics_input {
    struct text next_token;
};

static const struct field list_topics_input_fields[] = {
    {.name = "NextToken", .type = FIELD_STRING, AT(struct list_topics_input, next_token)},
    FIELDS_END,
};

struct list_topics_output {
    struct struct_list topics;
    struct text next_token;
};

static const struct field list_topics_output_fields[] = {
    {.name = "Topics",
     .type = FIELD_STRUCT_LIST,
     AT(struct list_topics_output, topics),
     .of = topic_arn_output_fields,
     .of_size = sizeof(struct topic_arn)},
    {.name = "NextToken", .type = FIELD_STRING, AT(struct list_topics_output, next_token)},
    FIELDS_END,
};

static enum status list_topics(struct request *request, struct step *step, const void *input,
                               void *output)
{
    const struct list_topics_input *in = input;
    struct list_topics_output *out = output;
    struct topic_name after = {request->account, request->region, (struct text){0}};
    struct topic_arn *arns = arena_array(request->arena, PAGE_SIZE_MAX, sizeof *arns);
    struct topic *topic = NULL;

    if (in->next_token.len > 0
        && !page_token_decode(request->arena, in->next_token, &after.name)) {
        return request_fail(request, &sns_invalid_parameter,
                            "Invalid parameter: NextToken Reason: Invalid token");
    }
    out->topics = (struct struct_list){.items = arns, .is_set = true};
    while ((topic = topic_after(router_of(step), &after)) != NULL) {
        if (out->topics.count == PAGE_SIZE_MAX) {
            out->next_token = page_token_encode(request->arena, after.name);
            break;
        }
        arns[out->topics.count++].arn = arena_copy(request->arena, topic->arn);
        after.name = topic->name;
    }
    return STATUS_OK;
}

const struct operation sns_topic_operations[] = {
    {.name = "CreateTopic",
     .permission = "sns:CreateTopic",
     .handle = create_topic,
     .input = create_topic_input_fields,
     .input_size = sizeof(struct create_topic_input),
     .output = topic_arn_output_fields,
     .output_size = sizeof(struct topic_arn)},
    {.name = "DeleteTopic",
     .permission = "sns:DeleteTopic",
     .handle = delete_topic,
     .input = topic_arn_input_fields,
     .input_size = sizeof(struct topic_arn)},
    {.name = "ListTopics",
     .permission = "sns:ListTopics",
     .only_reads = true,
     .handle = list_topics,
     .input = list_topics_input_fields,
     .input_size = sizeof(struct list_topics_input),
     .output = list_topics_output_fields,
     .output_size = sizeof(struct list_topics_output)},
    OPERATIONS_END,
};
