/* ListSubscriptions and ListSubscriptionsByTopic: pages of 100, read from the store. */
#include "base/url.h"
#include "services/common/page_token.h"
#include "services/sns/internal.h"

struct list_input {
    struct text topic_arn;
    struct text next_token;
};

static const struct field list_input_fields[] = {
    {.name = "NextToken", .type = FIELD_STRING, AT(struct list_input, next_token)},
    FIELDS_END,
};

static const struct field list_by_topic_input_fields[] = {
    {.name = "TopicArn",
     .type = FIELD_STRING,
     .required = true,
     AT(struct list_input, topic_arn)},
    {.name = "NextToken", .type = FIELD_STRING, AT(struct list_input, next_token)},
    FIELDS_END,
};

struct listed {
    struct text arn;
    struct text owner;
    struct text protocol;
    struct text endpoint;
    struct text topic_arn;
};

static const struct field listed_fields[] = {
    {.name = "SubscriptionArn", .type = FIELD_STRING, AT(struct listed, arn)},
    {.name = "Owner", .type = FIELD_STRING, AT(struct listed, owner)},
    {.name = "Protocol", .type = FIELD_STRING, AT(struct listed, protocol)},
    {.name = "Endpoint", .type = FIELD_STRING, AT(struct listed, endpoint)},
    {.name = "TopicArn", .type = FIELD_STRING, AT(struct listed, topic_arn)},
    FIELDS_END,
};

struct list_output {
    struct struct_list subscriptions;
    struct text next_token;
    /* Where the walk stands, across runs: this topic, behind page.after. */
    bool is_begun;
    struct text topic_name; /* in the arena: the topic may go in between */
    struct subscription_page page;
    struct listed rows[PAGE_SIZE_MAX];
};

static const struct field list_output_fields[] = {
    {.name = "Subscriptions",
     .type = FIELD_STRUCT_LIST,
     AT(struct list_output, subscriptions),
     .of = listed_fields,
     .of_size = sizeof(struct listed)},
    {.name = "NextToken", .type = FIELD_STRING, AT(struct list_output, next_token)},
    FIELDS_END,
};

/* --- Where a page begins: "<number>:<topic's name>". */

static void place_write(struct request *request, struct list_output *out)
{
    out->next_token = page_token_encode(
        request->arena,
        arena_printf(request->arena, "%u:%.*s", out->page.after, TEXT_PRINTF(out->topic_name)));
}

static bool place_read(struct request *request, struct text token, struct list_output *out)
{
    struct text place = {0};
    int64_t after = 0;

    if (token.len == 0) {
        return true;
    }
    if (!page_token_decode(request->arena, token, &place)
        || !text_to_int64(text_cut(&place, ':'), &after) || after < 0 || after > UINT32_MAX) {
        return false;
    }
    out->page.after = (uint32_t)after;
    out->topic_name = place;
    return true;
}

static enum status list_begin(struct request *request, const struct list_input *in,
                              struct list_output *out)
{
    out->is_begun = true;
    out->subscriptions = (struct struct_list){.items = out->rows, .is_set = true};
    out->page.arena = request->arena;
    if (!place_read(request, in->next_token, out)) {
        return request_fail(request, &sns_invalid_parameter,
                            "Invalid parameter: NextToken Reason: Invalid token");
    }
    return STATUS_OK;
}

/* --- One topic. */

static void rows_take(struct request *request, const struct topic *topic,
                      struct list_output *out)
{
    for (size_t i = 0; i < out->page.count; i++) {
        const struct subscription *row = &out->page.rows[i];

        out->rows[out->subscriptions.count++] = (struct listed){
            .arn = row->is_confirmed ? subscription_arn(request->arena, topic, row->id)
                                     : T("PendingConfirmation"),
            .owner = row->owner,
            .protocol = subscription_protocol(row),
            .endpoint = url_without_password(request->arena, row->endpoint),
            .topic_arn = arena_copy(request->arena, topic->arn),
        };
    }
}

/* Until the topic's rows, or the page, are through. */
static enum status topic_read(struct request *request, struct step *step,
                              const struct topic *topic, struct list_output *out)
{
    bool is_last = false;

    while (!is_last && out->subscriptions.count < PAGE_SIZE_MAX) {
        if (out->page.range.read == NULL) {
            out->page.topic = topic->number;
            out->page.max = (uint32_t)(PAGE_SIZE_MAX - out->subscriptions.count);
        }
        enum status status = subscription_page_read(step, &out->page);

        if (status != STATUS_OK) {
            return status;
        }
        rows_take(request, topic, out);
        is_last = out->page.is_last;
    }
    if (!is_last) {
        place_write(request, out);
    }
    return STATUS_OK;
}

static void list_leave(struct request *request, struct step *step, void *input, void *output)
{
    struct list_output *out = output;

    (void)request;
    (void)step;
    (void)input;
    subscription_page_end(&out->page);
}

static enum status list_subscriptions_by_topic(struct request *request, struct step *step,
                                               const void *input, void *output)
{
    const struct list_input *in = input;
    struct list_output *out = output;
    struct topic *topic = NULL;
    enum status status = sns_topic(request, step, in->topic_arn, "TopicArn", &topic);

    if (status == STATUS_OK && !out->is_begun) {
        status = list_begin(request, in, out);
        out->topic_name = arena_copy(request->arena, topic->name);
    }
    return status != STATUS_OK ? status : topic_read(request, step, topic, out);
}

/* --- All topics. */

/* The topic the walk stands at, or the next one that has anything; NULL at the end. */
static struct topic *topic_at(struct request *request, struct step *step,
                              struct list_output *out)
{
    struct router *router = router_of(step);
    struct topic_name name = {request->account, request->region, out->topic_name};
    bool is_loaded = router_progress(router).done;
    struct topic *topic = out->topic_name.len > 0 ? topic_find(router, &name) : NULL;

    if (topic != NULL) {
        return topic;
    }
    subscription_page_end(&out->page);
    topic = topic_after(router, &name);
    while (topic != NULL && is_loaded && topic->confirmed + topic->pending == 0) {
        name.name = topic->name;
        topic = topic_after(router, &name);
    }
    if (topic != NULL) {
        out->topic_name = arena_copy(request->arena, topic->name);
        out->page.after = 0;
    }
    return topic;
}

/* On to the next: a name that no topic has and that sorts right behind. */
static void topic_leave(struct request *request, struct list_output *out)
{
    out->topic_name = arena_printf(request->arena, "%.*s ", TEXT_PRINTF(out->topic_name));
    out->page.after = 0;
    if (out->subscriptions.count == PAGE_SIZE_MAX) {
        place_write(request, out); /* full at the end of a topic: the rest is behind it */
    }
}

static enum status list_subscriptions(struct request *request, struct step *step,
                                      const void *input, void *output)
{
    struct list_output *out = output;
    struct topic *topic = NULL;
    enum status status = out->is_begun ? STATUS_OK : list_begin(request, input, out);

    while (status == STATUS_OK && out->next_token.len == 0
           && (topic = topic_at(request, step, out)) != NULL) {
        status = topic_read(request, step, topic, out);
        if (status == STATUS_OK && out->next_token.len == 0) {
            topic_leave(request, out);
        }
    }
    return status;
}

const struct operation sns_subscription_list_operations[] = {
    {.name = "ListSubscriptions",
     .permission = "sns:ListSubscriptions",
     .only_reads = true,
     .handle = list_subscriptions,
     .leave = list_leave,
     .input = list_input_fields,
     .input_size = sizeof(struct list_input),
     .output = list_output_fields,
     .output_size = sizeof(struct list_output)},
    {.name = "ListSubscriptionsByTopic",
     .permission = "sns:ListSubscriptionsByTopic",
     .only_reads = true,
     .handle = list_subscriptions_by_topic,
     .leave = list_leave,
     .input = list_by_topic_input_fields,
     .input_size = sizeof(struct list_input),
     .output = list_output_fields,
     .output_size = sizeof(struct list_output)},
    OPERATIONS_END,
};
