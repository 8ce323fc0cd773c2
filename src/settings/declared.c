/* The file's resources: each member becomes an AWS attribute. */
#include "settings/declared.h"

#include "settings/node.h"

struct members {
    struct declared_attribute *attributes;
    size_t count;
};

const struct short_name declared_short_names[] = {
    {TEXT("raw"), TEXT("RawMessageDelivery")},
    {TEXT("filter"), TEXT("FilterPolicy")},
    {TEXT("redrive"), TEXT("RedrivePolicy")},
    {TEXT("delivery"), TEXT("DeliveryPolicy")},
    {TEXT("display_name"), TEXT("DisplayName")},
    {TEXT("signature_version"), TEXT("SignatureVersion")},
    {TEXT("visibility_timeout"), TEXT("VisibilityTimeout")},
    {TEXT("retention"), TEXT("MessageRetentionPeriod")},
    {TEXT("delay"), TEXT("DelaySeconds")},
    {TEXT("receive_wait"), TEXT("ReceiveMessageWaitTimeSeconds")},
    {TEXT("maximum_message_size"), TEXT("MaximumMessageSize")},
    {TEXT("fifo"), TEXT("FifoQueue")},
    {TEXT("content_based_deduplication"), TEXT("ContentBasedDeduplication")},
    {{0}, {0}},
};

static void attribute_add(struct members *members, struct text name, struct text value)
{
    members->attributes[members->count++] = (struct declared_attribute){name, value};
}

/* One member of a resource as an AWS attribute. */
static void member_read(struct file *file, const yaml_node_t *key, const yaml_node_t *value,
                        struct members *members)
{
    struct text name = scalar(key);
    bool is_aws_name = name.len > 0 && name.at[0] >= 'A' && name.at[0] <= 'Z';

    if (text_equal(name, T("filter_scope"))) {
        struct text scope = node_text(file, value);

        scope = text_equal(scope, T("body")) ? T("MessageBody") : scope;
        scope = text_equal(scope, T("attributes")) ? T("MessageAttributes") : scope;
        attribute_add(members, T("FilterPolicyScope"), scope);
        return;
    }
    for (const struct short_name *row = declared_short_names; row->name.len > 0; row++) {
        if (text_equal(name, row->name)) {
            attribute_add(members, row->attribute, node_text(file, value));
            return;
        }
    }
    if (!is_aws_name) {
        file_error(file, key, "unknown member \"%.*s\"", TEXT_PRINTF(name));
        return;
    }
    attribute_add(members, arena_copy(&file->settings->arena, name), node_text(file, value));
}

struct named {
    struct text name;
    struct text *ret;
};

/* Reads a mapping: members named in `named` into their texts, `skip` left to the caller, the
 * rest as attributes. */
static struct members mapping_read(struct file *file, const yaml_node_t *node,
                                   const struct named *named, struct text skip)
{
    size_t most = (size_t)(node->data.mapping.pairs.top - node->data.mapping.pairs.start);
    struct members members = {
        .attributes =
            arena_array(&file->settings->arena, most + 1, sizeof(struct declared_attribute)),
    };

    for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         pair < node->data.mapping.pairs.top; pair++) {
        const yaml_node_t *key = node_at(file, pair->key);
        const yaml_node_t *value = node_at(file, pair->value);
        const struct named *row = named;

        if (key->type != YAML_SCALAR_NODE) {
            file_error(file, key, "a member's name must be a word");
            continue;
        }
        if (text_equal(scalar(key), skip)) {
            continue;
        }
        while (row->ret != NULL && !text_equal(row->name, scalar(key))) {
            row++;
        }
        if (row->ret != NULL) {
            *row->ret = node_text(file, value);
        } else {
            member_read(file, key, value, &members);
        }
    }
    return members;
}

typedef void read_item(struct file *file, const yaml_node_t *node, void *ret_item);

/* A sequence of mappings into an array of `size`-byte items. */
static size_t sequence_read(struct file *file, const yaml_node_t *node, read_item *read,
                            size_t size, void **ret_items)
{
    if (node->type != YAML_SEQUENCE_NODE) {
        file_error(file, node, "expected a list");
        return 0;
    }
    size_t count = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
    char *items = arena_array(&file->settings->arena, count + 1, size);
    size_t taken = 0;

    for (size_t i = 0; i < count; i++) {
        const yaml_node_t *item = node_at(file, node->data.sequence.items.start[i]);

        if (item->type != YAML_MAPPING_NODE) {
            file_error(file, item, "expected members, like {name: ...}");
            continue;
        }
        read(file, item, items + taken++ * size);
    }
    *ret_items = items;
    return taken;
}

static void read_queue(struct file *file, const yaml_node_t *node, void *ret_item)
{
    struct declared_queue *queue = ret_item;
    const struct named named[] = {{TEXT("name"), &queue->name}, {{0}, NULL}};
    struct members members = mapping_read(file, node, named, (struct text){0});

    queue->attributes = members.attributes;
    queue->attribute_count = members.count;
    queue->line = node_line(node);
    if (queue->name.len == 0) {
        file_error(file, node, "a queue needs a name");
    }
}

static void read_subscription(struct file *file, const yaml_node_t *node, void *ret_item)
{
    struct declared_subscription *subscription = ret_item;
    const struct named named[] = {{TEXT("protocol"), &subscription->protocol},
                                  {TEXT("endpoint"), &subscription->endpoint},
                                  {{0}, NULL}};
    struct members members = mapping_read(file, node, named, (struct text){0});

    subscription->attributes = members.attributes;
    subscription->attribute_count = members.count;
    subscription->line = node_line(node);
    if (subscription->protocol.len == 0 || subscription->endpoint.len == 0) {
        file_error(file, node, "a subscription needs a protocol and an endpoint");
    }
}

static void read_topic(struct file *file, const yaml_node_t *node, void *ret_item)
{
    struct declared_topic *topic = ret_item;
    const struct named named[] = {{TEXT("name"), &topic->name}, {{0}, NULL}};
    struct members members = mapping_read(file, node, named, T("subscriptions"));
    const yaml_node_t *list = mapping_find(file, node, T("subscriptions"));

    topic->attributes = members.attributes;
    topic->attribute_count = members.count;
    topic->line = node_line(node);
    if (topic->name.len == 0) {
        file_error(file, node, "a topic needs a name");
    }
    if (list != NULL) {
        void *items = NULL;

        topic->subscription_count = sequence_read(file, list, read_subscription,
                                                  sizeof(struct declared_subscription), &items);
        topic->subscriptions = items;
    }
}

void queues_read(struct file *file, const yaml_node_t *node, struct declared *declared)
{
    void *items = NULL;

    declared->queue_count =
        sequence_read(file, node, read_queue, sizeof(struct declared_queue), &items);
    declared->queues = items;
}

void topics_read(struct file *file, const yaml_node_t *node, struct declared *declared)
{
    void *items = NULL;

    declared->topic_count =
        sequence_read(file, node, read_topic, sizeof(struct declared_topic), &items);
    declared->topics = items;
}
