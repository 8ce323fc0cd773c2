/* CreateQueue, DeleteQueue, GetQueueUrl, ListQueues, ListDeadLetterSourceQueues, PurgeQueue. */
#include "services/common/encryption.h"
#include "services/common/names.h"
#include "services/common/page_token.h"
#include "services/sqs/internal.h"

#define PAGE_MAX          1000
#define PURGE_INTERVAL_MS 60000
/* When it was purged last; not one of AWS's attributes, so that nobody sees it. */
#define PURGED_AT "fanfare.PurgedAt"

/* --- CreateQueue. */

struct create_queue_input {
    struct text name;
    struct string_map attributes;
    struct string_map tags;
};

static const struct field create_queue_input_fields[] = {
    {.name = "QueueName",
     .type = FIELD_STRING,
     .required = true,
     AT(struct create_queue_input, name)},
    {.name = "Attributes",
     .query = "Attribute",
     .query_key = "Name",
     .query_value = "Value",
     .type = FIELD_STRING_MAP,
     .shape = QUERY_FLAT,
     AT(struct create_queue_input, attributes)},
    {.name = "tags",
     .query = "Tag",
     .query_key = "Key",
     .query_value = "Value",
     .type = FIELD_STRING_MAP,
     .shape = QUERY_FLAT,
     AT(struct create_queue_input, tags)},
    FIELDS_END,
};

struct queue_url_output {
    struct text url;
};

static const struct field queue_url_output_fields[] = {
    {.name = "QueueUrl", .type = FIELD_STRING, AT(struct queue_url_output, url)},
    FIELDS_END,
};

static struct text map_get(const struct string_map *map, struct text name)
{
    for (size_t i = 0; i < map->count; i++) {
        if (text_equal(map->items[i].name, name)) {
            return map->items[i].value;
        }
    }
    return (struct text){0};
}

static enum status queue_name_check(struct request *request, struct text name, bool is_fifo)
{
    struct text suffix = T(".fifo");
    bool has_suffix = text_ends_with(name, suffix);
    struct text stem = text_first(name, name.len - (has_suffix ? suffix.len : 0));

    if (is_fifo && (!has_suffix || !name_is_plain(stem, QUEUE_NAME_MAX - suffix.len))) {
        return request_fail(request, &sqs_invalid_parameter_value,
                            "The name of a FIFO queue can only include alphanumeric "
                            "characters, hyphens, or underscores, must end with .fifo suffix "
                            "and be 1 to 80 in length.");
    }
    if (!is_fifo && !name_is_plain(name, QUEUE_NAME_MAX)) {
        return request_fail(request, &sqs_invalid_parameter_value,
                            "Can only include alphanumeric characters, hyphens, or "
                            "underscores. 1 to 80 in length");
    }
    return STATUS_OK;
}

/* It exists: what was given must be what it has; an empty policy is no policy. */
static enum status queue_compare(struct request *request, const struct queue *queue,
                                 const struct attribute_set *wanted,
                                 const struct string_map *given)
{
    for (size_t i = 0; i < given->count; i++) {
        struct text name = given->items[i].name;

        if (!attribute_rules_equal(request, queue, name, attribute_set_get(wanted, name))) {
            return request_fail(request, &sqs_queue_name_exists,
                                "A queue already exists with the same name and a different "
                                "value for attribute %.*s",
                                TEXT_PRINTF(name));
        }
    }
    return STATUS_OK;
}

enum status queue_tags_take(struct request *request, struct attribute_set *set,
                            const struct string_map *tags)
{
    for (size_t i = 0; i < tags->count; i++) {
        if (!tag_is_valid(tags->items[i].name, tags->items[i].value)) {
            return request_fail(request, &sqs_invalid_parameter_value,
                                "Tag keys must be between 1 and 128 characters in length, tag "
                                "values at most 256, and keys must not begin with aws:.");
        }
        tag_put(set, tags->items[i].name, tags->items[i].value);
    }
    if (tag_count(set) > TAGS_MAX) {
        return request_fail(request, &sqs_invalid_parameter_value, "Too many tags added.");
    }
    return STATUS_OK;
}

static enum status queue_make(struct request *request, struct step *step,
                              const struct attribute_change *change, struct queue **ret_queue)
{
    const struct attribute_set *set = change->set;
    struct queue_attribute *attributes =
        arena_array(set->arena, set->count, sizeof *attributes);
    struct why why = {""};

    if (queue_name_rests(queues_of(step), &change->name, step->now_ms)) {
        return request_fail(
            request, &sqs_queue_deleted_recently,
            "You must wait %lld seconds after deleting a queue before you can create another "
            "with the same name.",
            (long long)(queues_limits(queues_of(step))->name_pause_ms + 999) / 1000);
    }
    for (size_t i = 0; i < set->count; i++) {
        attributes[i] = (struct queue_attribute){set->items[i].name, set->items[i].value};
    }
    enum status status = queue_create(step, &change->name, change->settings, attributes,
                                      set->count, ret_queue, &why);

    return status == STATUS_OK ? status : sqs_fail_status(request, status, &why);
}

static enum status create_queue(struct request *request, struct step *step, const void *input,
                                void *output)
{
    const struct create_queue_input *in = input;
    struct queue_url_output *out = output;
    struct queue_settings settings = queue_settings_default;
    struct attribute_set set;
    struct attribute_change change = {
        .request = request,
        .step = step,
        .name = {request->account, request->region, in->name},
        .is_new = true,
        .set = &set,
        .settings = &settings,
    };
    struct queue *queue = queue_find(queues_of(step), &change.name);

    settings.maximum_message_size = queues_limits(queues_of(step))->message_size_max;
    settings.is_fifo =
        text_equal_ignore_case(map_get(&in->attributes, T("FifoQueue")), T("true"));
    attribute_set_init(&set, request->arena, NULL, 0);
    enum status status = queue_name_check(request, in->name, settings.is_fifo);

    status = status != STATUS_OK ? status : attribute_rules_apply(&change, &in->attributes);
    if (status == STATUS_OK && queue != NULL) {
        status = queue_compare(request, queue, &set, &in->attributes);
    } else if (status == STATUS_OK) {
        status = queue_tags_take(request, &set, &in->tags);
        status = status != STATUS_OK ? status : queue_make(request, step, &change, &queue);
        if (status == STATUS_OK && queue != NULL) {
            redrive_retention_warn(step, queue, &in->attributes);
            encryption_warn(step, queue->arn, &in->attributes);
        }
    }
    if (status == STATUS_OK) {
        out->url = sqs_queue_url(request, queue);
    }
    return status;
}

/* --- DeleteQueue, PurgeQueue, GetQueueUrl. */

struct queue_input {
    struct text url;
};

static const struct field queue_input_fields[] = {
    {.name = "QueueUrl", .type = FIELD_STRING, AT(struct queue_input, url)},
    FIELDS_END,
};

static enum status delete_queue(struct request *request, struct step *step, const void *input,
                                void *output)
{
    const struct queue_input *in = input;
    struct queue *queue = NULL;
    enum status status = sqs_queue(request, step, in->url, &queue);

    (void)output;
    if (status == STATUS_OK) {
        queue_delete(step, queue);
    }
    return status;
}

static enum status purge_queue(struct request *request, struct step *step, const void *input,
                               void *output)
{
    const struct queue_input *in = input;
    struct queue *queue = NULL;
    struct attribute_set set;
    int64_t purged_ms = 0;
    enum status status = sqs_queue(request, step, in->url, &queue);

    (void)output;
    if (status != STATUS_OK) {
        return status;
    }
    if (text_to_int64(queue_attribute(queue, T(PURGED_AT)), &purged_ms)
        && step->now_ms - purged_ms < PURGE_INTERVAL_MS) {
        return request_fail(request, &sqs_purge_in_progress,
                            "Only one PurgeQueue operation on %.*s is allowed every 60 "
                            "seconds.",
                            TEXT_PRINTF(queue->name));
    }
    queue_set_open(request, queue, &set);
    attribute_set_put(&set, T(PURGED_AT),
                      arena_printf(request->arena, "%lld", (long long)step->now_ms));
    queue_set_store(step, queue, &queue->settings, &set);
    queue_purge(step, queue);
    return STATUS_OK;
}

struct get_queue_url_input {
    struct text name;
    struct text account;
};

static const struct field get_queue_url_input_fields[] = {
    {.name = "QueueName",
     .type = FIELD_STRING,
     .required = true,
     AT(struct get_queue_url_input, name)},
    {.name = "QueueOwnerAWSAccountId",
     .type = FIELD_STRING,
     AT(struct get_queue_url_input, account)},
    FIELDS_END,
};

static enum status get_queue_url(struct request *request, struct step *step, const void *input,
                                 void *output)
{
    const struct get_queue_url_input *in = input;
    struct queue_url_output *out = output;
    struct queue_name name = {
        .account = in->account.len > 0 ? in->account : request->account,
        .region = request->region,
        .name = in->name,
    };
    struct queue *queue = queue_find(queues_of(step), &name);

    if (queue == NULL) {
        return sqs_no_queue(request);
    }
    out->url = sqs_queue_url(request, queue);
    return STATUS_OK;
}

/* --- Lists. */

struct list_queues_input {
    struct text url; /* ListDeadLetterSourceQueues */
    struct text prefix;
    struct text next_token;
    struct optional_integer max_results;
};

static const struct field list_queues_input_fields[] = {
    {.name = "QueueNamePrefix", .type = FIELD_STRING, AT(struct list_queues_input, prefix)},
    {.name = "NextToken", .type = FIELD_STRING, AT(struct list_queues_input, next_token)},
    {.name = "MaxResults", .type = FIELD_INTEGER, AT(struct list_queues_input, max_results)},
    FIELDS_END,
};

static const struct field list_sources_input_fields[] = {
    {.name = "QueueUrl", .type = FIELD_STRING, AT(struct list_queues_input, url)},
    {.name = "NextToken", .type = FIELD_STRING, AT(struct list_queues_input, next_token)},
    {.name = "MaxResults", .type = FIELD_INTEGER, AT(struct list_queues_input, max_results)},
    FIELDS_END,
};

struct list_queues_output {
    struct string_list urls;
    struct text next_token;
};

static const struct field list_queues_output_fields[] = {
    {.name = "QueueUrls",
     .query = "QueueUrl",
     .query_json = "queueUrls",
     .type = FIELD_STRING_LIST,
     .shape = QUERY_FLAT,
     AT(struct list_queues_output, urls)},
    {.name = "NextToken", .type = FIELD_STRING, AT(struct list_queues_output, next_token)},
    FIELDS_END,
};

static const struct field list_sources_output_fields[] = {
    {.name = "queueUrls",
     .query = "QueueUrl",
     .type = FIELD_STRING_LIST,
     .shape = QUERY_FLAT,
     AT(struct list_queues_output, urls)},
    {.name = "NextToken", .type = FIELD_STRING, AT(struct list_queues_output, next_token)},
    FIELDS_END,
};

/* One page of queues; without MaxResults up to 1,000 and no token. */
static enum status queues_page(struct request *request, struct step *step,
                               const struct list_queues_input *in, struct text target_arn,
                               struct list_queues_output *out)
{
    int64_t max = in->max_results.is_set ? in->max_results.value : PAGE_MAX;
    struct queue_name after = {request->account, request->region, (struct text){0}};
    struct queue *queue = NULL;

    if (max < 1 || max > PAGE_MAX) {
        return request_fail(request, &sqs_invalid_parameter_value,
                            "Value %lld for parameter MaxResults is invalid. Reason: "
                            "MaxResults must be an integer between 1 and 1000.",
                            (long long)max);
    }
    if (in->next_token.len > 0
        && !page_token_decode(request->arena, in->next_token, &after.name)) {
        return request_fail(request, &sqs_invalid_parameter_value,
                            "Invalid or expired next token.");
    }
    out->urls.items = arena_array(request->arena, (size_t)max, sizeof *out->urls.items);
    while ((queue = queue_after(queues_of(step), &after, in->prefix)) != NULL) {
        bool is_wanted = target_arn.len == 0 || text_equal(queue->dead_letter_arn, target_arn);

        if (is_wanted && out->urls.count == (size_t)max) {
            break;
        }
        if (is_wanted) {
            out->urls.items[out->urls.count++] = sqs_queue_url(request, queue);
        }
        after.name = queue->name;
    }
    if (queue != NULL && in->max_results.is_set) {
        out->next_token = page_token_encode(request->arena, after.name);
    }
    return STATUS_OK;
}

static enum status list_queues(struct request *request, struct step *step, const void *input,
                               void *output)
{
    struct list_queues_output *out = output;
    enum status status = queues_page(request, step, input, (struct text){0}, out);

    out->urls.is_set = out->urls.count > 0;
    return status;
}

static enum status list_dead_letter_source_queues(struct request *request, struct step *step,
                                                  const void *input, void *output)
{
    const struct list_queues_input *in = input;
    struct list_queues_output *out = output;
    struct queue *queue = NULL;
    enum status status = sqs_queue(request, step, in->url, &queue);

    status = status != STATUS_OK ? status : queues_page(request, step, in, queue->arn, out);
    out->urls.is_set = true;
    return status;
}

const struct operation sqs_queue_operations[] = {
    {.name = "CreateQueue",
     .permission = "sqs:CreateQueue",
     .only_at_root = true,
     .handle = create_queue,
     .input = create_queue_input_fields,
     .input_size = sizeof(struct create_queue_input),
     .output = queue_url_output_fields,
     .output_size = sizeof(struct queue_url_output)},
    {.name = "DeleteQueue",
     .permission = "sqs:DeleteQueue",
     .handle = delete_queue,
     .input = queue_input_fields,
     .input_size = sizeof(struct queue_input)},
    {.name = "PurgeQueue",
     .permission = "sqs:PurgeQueue",
     .handle = purge_queue,
     .input = queue_input_fields,
     .input_size = sizeof(struct queue_input)},
    {.name = "GetQueueUrl",
     .permission = "sqs:GetQueueUrl",
     .only_reads = true,
     .handle = get_queue_url,
     .input = get_queue_url_input_fields,
     .input_size = sizeof(struct get_queue_url_input),
     .output = queue_url_output_fields,
     .output_size = sizeof(struct queue_url_output)},
    {.name = "ListQueues",
     .permission = "sqs:ListQueues",
     .only_at_root = true,
     .only_reads = true,
     .handle = list_queues,
     .input = list_queues_input_fields,
     .input_size = sizeof(struct list_queues_input),
     .output = list_queues_output_fields,
     .output_size = sizeof(struct list_queues_output)},
    {.name = "ListDeadLetterSourceQueues",
     .permission = "sqs:ListDeadLetterSourceQueues",
     .only_reads = true,
     .handle = list_dead_letter_source_queues,
     .input = list_sources_input_fields,
     .input_size = sizeof(struct list_queues_input),
     .output = list_sources_output_fields,
     .output_size = sizeof(struct list_queues_output)},
    OPERATIONS_END,
};
