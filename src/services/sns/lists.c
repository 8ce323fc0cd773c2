/* ListSubscriptions, ListSubscriptionsByTopic: pages straight from the store. */
#include "services/common/page_token.h"
#include "services/sns/internal.h"

struct list_input {
    struct text topic_arn; /* of ByTopic */
    struct text next_token;
    /* Kept from run to run. */
    bool is_started;
    struct text topic_name; /* of the topic being read */
    struct subscription_page page;
};

struct list_row {
    struct text subscription_arn, owner, protocol, endpoint, topic_arn;
};

struct list_output {
    struct struct_list subscriptions;
    struct text next_token;
};

static const struct field list_input_fields[] = {
    {.name = "NextToken", .type = FIELD_STRING, AT(struct list_input, next_token)},
    FIELDS_END,
};

static const struct field by_topic_input_fields[] = {
    {.name = "TopicArn",
     .type = FIELD_STRING,
     .required = true,
     AT(struct list_input, topic_arn)},
    {.name = "NextToken", .type = FIELD_STRING, AT(struct list_input, next_token)},
    FIELDS_END,
};

static const struct field row_fields[] = {
    {.name = "SubscriptionArn", .type = FIELD_STRING, AT(struct list_row, subscription_arn)},
    {.name = "Owner", .type = FIELD_STRING, AT(struct list_row, owner)},
    {.name = "Protocol", .type = FIELD_STRING, AT(struct list_row, protocol)},
    {.name = "Endpoint", .type = FIELD_STRING, AT(struct list_row, endpoint)},
    {.name = "TopicArn", .type = FIELD_STRING, AT(struct list_row, topic_arn)},
    FIELDS_END,
};

static const struct field list_output_fields[] = {
    {.name = "Subscriptions",
     .type = FIELD_STRUCT_LIST,
     AT(struct list_output, subscriptions),
     .of = row_fields,
     .of_size = sizeof(struct list_row)},
    {.name = "NextToken", .type = FIELD_STRING, AT(struct list_output, next_token)},
    FIELDS_END,
};

/* A token is "<number> <topic name>". */
static enum status start(struct request *request, struct list_input *in,
                         struct list_output *out)
{
    struct text place = {0};
    int64_t after = 0;

    if (in->next_token.len > 0) {
        if (!page_token_decode(request->arena, in->next_token, &place)
            || !text_to_int64(text_cut(&place, ' '), &after) || after < 0
            || after > UINT32_MAX) {
            return request_fail(request, &sns_invalid_parameter,
                                "Invalid parameter: NextToken");
        }
        in->topic_name = place;
    }
    in->is_started = true;
    in->page = (struct subscription_page){
        .after = (uint32_t)after, .max = PAGE_ROWS, .arena = request->arena};
    out->subscriptions = (struct struct_list){
        .items = arena_array(request->arena, PAGE_ROWS, sizeof(struct list_row)),
        .is_set = true};
    return STATUS_OK;
}

static void take_rows(struct request *request, const struct topic *topic,
                      const struct list_input *in, struct list_output *out)
{
    struct list_row *rows = out->subscriptions.items;

    for (size_t i = 0; i < in->page.count; i++) {
        const struct subscription *subscription = &in->page.rows[i];

        rows[out->subscriptions.count++] = (struct list_row){
            .subscription_arn = subscription->is_confirmed
                                    ? subscription_arn(request->arena, topic, subscription->id)
                                    : T("PendingConfirmation"),
            .owner = subscription->owner,
            .protocol = text_from(protocol_name(subscription->protocol)),
            .endpoint = subscription->endpoint,
            .topic_arn = arena_copy(request->arena, topic->arn),
        };
    }
}

/* The topic's next rows; NextToken is set when there are more behind them. */
static enum status read_topic(struct request *request, struct step *step,
                              const struct topic *topic, struct list_input *in,
                              struct list_output *out)
{
    in->page.topic = topic->number;
    in->page.max = (uint32_t)(PAGE_ROWS - out->subscriptions.count);
    enum status status = subscription_page_read(step, &in->page);

    if (status != STATUS_OK) {
        return status;
    }
    take_rows(request, topic, in, out);
    if (!in->page.is_last) {
        out->next_token = page_token_encode(
            request->arena,
            arena_printf(request->arena, "%u %.*s", in->page.after, TEXT_PRINTF(topic->name)));
    }
    return STATUS_OK;
}

static enum status list_by_topic(struct request *request, struct step *step, const void *input,
                                 void *output)
{
    struct list_input *in = request->input; /* what is kept from run to run is in it */
    struct list_output *out = output;
    struct topic *topic = NULL;
    enum status status = sns_topic(request, step, in->topic_arn, "TopicArn", &topic);

    (void)input;
    if (status == STATUS_OK && !in->is_started) {
        status = start(request, in, out);
    }
    return status != STATUS_OK ? status : read_topic(request, step, topic, in, out);
}

/* The topic that is being read, or the next one. */
static struct topic *current_topic(const struct request *request, struct step *step,
                                   const struct list_input *in)
{
    struct topic_name name = {request->account, request->region, in->topic_name};
    struct topic *topic = in->topic_name.len > 0 ? topic_find(router_of(step), &name) : NULL;

    return topic != NULL ? topic : topic_after(router_of(step), &name);
}

static enum status list_all(struct request *request, struct step *step, const void *input,
                            void *output)
{
    struct list_input *in = request->input;
    struct list_output *out = output;
    enum status status = in->is_started ? STATUS_OK : start(request, in, out);

    (void)input;
    while (status == STATUS_OK && out->next_token.len == 0
           && out->subscriptions.count < PAGE_ROWS) {
        const struct topic *topic = current_topic(request, step, in);

        if (topic == NULL) {
            break;
        }
        if (!text_equal(topic->name, in->topic_name)) {
            in->topic_name = arena_copy(request->arena, topic->name);
            in->page.after = 0;
        }
        status = read_topic(request, step, topic, in, out);
        if (status == STATUS_OK && out->next_token.len == 0) {
            struct topic_name name = {request->account, request->region, in->topic_name};
            const struct topic *next = topic_after(router_of(step), &name);

            if (next == NULL) {
                break;
            }
            in->topic_name = arena_copy(request->arena, next->name);
            in->page.after = 0;
        }
    }
    if (status == STATUS_OK && out->next_token.len == 0 && out->subscriptions.count == PAGE_ROWS
        && in->page.after == 0) {
        out->next_token =
            page_token_encode(request->arena, arena_printf(request->arena, "0 %.*s",
                                                           TEXT_PRINTF(in->topic_name)));
    }
    return status;
}

static void list_leave(struct request *request, struct step *step, void *input, void *output)
{
    struct list_input *in = input;

    (void)request;
    (void)step;
    (void)output;
    subscription_page_end(&in->page);
}

const struct operation sns_list_operations[] = {
    {.name = "ListSubscriptions",
     .permission = "SNS:ListSubscriptions",
     .input = list_input_fields,
     .input_size = sizeof(struct list_input),
     .output = list_output_fields,
     .output_size = sizeof(struct list_output),
     .only_reads = true,
     .handle = list_all,
     .leave = list_leave},
    {.name = "ListSubscriptionsByTopic",
     .permission = "SNS:ListSubscriptionsByTopic",
     .input = by_topic_input_fields,
     .input_size = sizeof(struct list_input),
     .output = list_output_fields,
     .output_size = sizeof(struct list_output),
     .only_reads = true,
     .handle = list_by_topic,
     .leave = list_leave},
    OPERATIONS_END,
};
