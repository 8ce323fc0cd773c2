/* The configuration file: YAML, read whole, every mistake reported with its line. */
#include "base/json.h"
#include "daemon/declared.h"
#include "daemon/settings_table.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

struct file {
    const char *path;
    yaml_document_t document;
    struct settings *settings;
    struct buffer *errors;
};

PRINTF_LIKE(3, 4)

static void file_error(struct file *file, const yaml_node_t *node, const char *format, ...)
{
    va_list arguments;
    char text[512];

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    buffer_printf(file->errors, "%s:%zu: %s\n", file->path, node->start_mark.line + 1, text);
}

static yaml_node_t *node_at(struct file *file, int index)
{
    return yaml_document_get_node(&file->document, index);
}

static struct text scalar(const yaml_node_t *node)
{
    return text_make(node->data.scalar.value, node->data.scalar.length);
}

/* --- YAML values as JSON, for filter policies and the like. */

static bool is_plain_literal(const yaml_node_t *node)
{
    struct text text = scalar(node);

    return node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE
           && (text_equal(text, T("true")) || text_equal(text, T("false"))
               || text_equal(text, T("null")) || json_is_valid(text));
}

/* What the frames of a nesting that YAML allows and JSON texts do not need. */
#define JSON_DEPTH 64

static void write_json(struct file *file, const yaml_node_t *node, struct buffer *to,
                       int depth);

static void write_scalar(const yaml_node_t *node, struct buffer *to)
{
    if (is_plain_literal(node)) {
        buffer_add(to, scalar(node));
    } else {
        json_write_string(to, scalar(node));
    }
}

static void write_sequence(struct file *file, const yaml_node_t *node, struct buffer *to,
                           int depth)
{
    const yaml_node_item_t *first = node->data.sequence.items.start;

    buffer_add_byte(to, '[');
    for (const yaml_node_item_t *item = first; item < node->data.sequence.items.top; item++) {
        buffer_add_string(to, item > first ? "," : "");
        write_json(file, node_at(file, *item), to, depth + 1);
    }
    buffer_add_byte(to, ']');
}

static void write_mapping(struct file *file, const yaml_node_t *node, struct buffer *to,
                          int depth)
{
    const yaml_node_pair_t *first = node->data.mapping.pairs.start;

    buffer_add_byte(to, '{');
    for (const yaml_node_pair_t *pair = first; pair < node->data.mapping.pairs.top; pair++) {
        const yaml_node_t *key = node_at(file, pair->key);

        if (key->type != YAML_SCALAR_NODE) {
            file_error(file, key, "a member's name must be a word");
            continue;
        }
        buffer_add_string(to, pair > first ? "," : "");
        json_write_string(to, scalar(key));
        buffer_add_byte(to, ':');
        write_json(file, node_at(file, pair->value), to, depth + 1);
    }
    buffer_add_byte(to, '}');
}

static void write_json(struct file *file, const yaml_node_t *node, struct buffer *to, int depth)
{
    if (depth > JSON_DEPTH) {
        file_error(file, node, "nested too deeply");
        return;
    }
    switch (node->type) {
    case YAML_NO_NODE: buffer_add_string(to, "null"); break;
    case YAML_SCALAR_NODE: write_scalar(node, to); break;
    case YAML_SEQUENCE_NODE: write_sequence(file, node, to, depth); break;
    case YAML_MAPPING_NODE: write_mapping(file, node, to, depth); break;
    }
}

static struct text node_json(struct file *file, const yaml_node_t *node)
{
    struct buffer buffer;

    buffer_init(&buffer, (size_t)1024 * 1024);
    write_json(file, node, &buffer, 0);
    struct text text = arena_copy(&file->settings->arena, buffer_text(&buffer));

    buffer_free(&buffer);
    return text;
}

/* Scalars as they stand, everything else as JSON. */
static struct text node_text(struct file *file, const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE ? arena_copy(&file->settings->arena, scalar(node))
                                          : node_json(file, node);
}

/* --- Resources. */

struct members {
    struct declared_attribute *attributes;
    size_t count;
};

/* Short names of the file and the AWS attribute each stands for. */
static const struct {
    struct text name;
    struct text attribute;
} short_names[] = {
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
    for (size_t i = 0; i < countof(short_names); i++) {
        if (text_equal(name, short_names[i].name)) {
            attribute_add(members, short_names[i].attribute, node_text(file, value));
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

static const yaml_node_t *mapping_find(struct file *file, const yaml_node_t *node,
                                       struct text name)
{
    for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         pair < node->data.mapping.pairs.top; pair++) {
        const yaml_node_t *key = node_at(file, pair->key);

        if (key->type == YAML_SCALAR_NODE && text_equal(scalar(key), name)) {
            return node_at(file, pair->value);
        }
    }
    return NULL;
}

static int node_line(const yaml_node_t *node)
{
    return (int)node->start_mark.line + 1;
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

/* --- The top level. */

static void list_read(struct file *file, const struct setting *setting, const yaml_node_t *node)
{
    struct text_list *list = (void *)((char *)file->settings + setting->offset);
    size_t count = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);

    *list = (struct text_list){
        .items = arena_array(&file->settings->arena, count + 1, sizeof(struct text))};
    for (size_t i = 0; i < count; i++) {
        list->items[list->count++] =
            node_text(file, node_at(file, node->data.sequence.items.start[i]));
    }
}

/* A transport's section: whether it has such options is asked when plug-ins are known, too. */
static void transport_node(struct file *file, const yaml_node_t *key, const yaml_node_t *value)
{
    for (const yaml_node_pair_t *pair = value->data.mapping.pairs.start;
         pair < value->data.mapping.pairs.top; pair++) {
        const yaml_node_t *name = node_at(file, pair->key);
        const yaml_node_t *option = node_at(file, pair->value);

        if (name->type != YAML_SCALAR_NODE) {
            file_error(file, name, "an option's name must be a word");
            continue;
        }
        const struct option_given given = {.transport = scalar(key),
                                           .name = scalar(name),
                                           .value = node_text(file, option),
                                           .is_nested = option->type != YAML_SCALAR_NODE,
                                           .line = node_line(name)};

        option_give(file->settings, &given);
    }
}

static void setting_node(struct file *file, const yaml_node_t *key, const yaml_node_t *value)
{
    const struct setting *setting = setting_find(scalar(key));
    struct why why;

    if (setting == NULL && value->type == YAML_MAPPING_NODE) {
        transport_node(file, key, value);
    } else if (setting == NULL) {
        file_error(file, key, "there is no setting \"%.*s\"", TEXT_PRINTF(scalar(key)));
    } else if (setting->type == SETTING_LIST && value->type == YAML_SEQUENCE_NODE) {
        list_read(file, setting, value);
    } else if (value->type != YAML_SCALAR_NODE) {
        file_error(file, value, "\"%s\" takes one value", setting->name);
    } else if (setting_read(file->settings, setting, scalar(value), &why) != STATUS_OK) {
        file_error(file, value, "%s: %s", setting->name, why.text);
    }
}

static void top_read(struct file *file, const yaml_node_t *root)
{
    struct declared *declared = arena_take(&file->settings->arena, sizeof *declared);

    file->settings->declared = declared;
    for (const yaml_node_pair_t *pair = root->data.mapping.pairs.start;
         pair < root->data.mapping.pairs.top; pair++) {
        const yaml_node_t *key = node_at(file, pair->key);
        const yaml_node_t *value = node_at(file, pair->value);
        void *items = NULL;

        if (key->type == YAML_SCALAR_NODE && text_equal(scalar(key), T("queues"))) {
            declared->queue_count =
                sequence_read(file, value, read_queue, sizeof(struct declared_queue), &items);
            declared->queues = items;
        } else if (key->type == YAML_SCALAR_NODE && text_equal(scalar(key), T("topics"))) {
            declared->topic_count =
                sequence_read(file, value, read_topic, sizeof(struct declared_topic), &items);
            declared->topics = items;
        } else if (key->type == YAML_SCALAR_NODE) {
            setting_node(file, key, value);
        } else {
            file_error(file, key, "a setting's name must be a word");
        }
    }
}

void settings_read_file(struct settings *settings, const char *path, struct buffer *errors)
{
    struct file file = {.path = path, .settings = settings, .errors = errors};
    FILE *stream = fopen(path, "rbe");
    yaml_parser_t parser;

    if (stream == NULL) {
        /* NOLINTNEXTLINE(concurrency-mt-unsafe): before any thread */
        buffer_printf(errors, "%s: %s\n", path, strerror(errno));
        return;
    }
    if (yaml_parser_initialize(&parser) == 0) {
        buffer_printf(errors, "%s: out of memory\n", path);
        (void)fclose(stream);
        return;
    }
    yaml_parser_set_input_file(&parser, stream);
    if (yaml_parser_load(&parser, &file.document) == 0) {
        buffer_printf(errors, "%s:%zu: %s\n", path, parser.problem_mark.line + 1,
                      parser.problem != NULL ? parser.problem : "not YAML");
    } else {
        const yaml_node_t *root = yaml_document_get_root_node(&file.document);

        if (root != NULL && root->type == YAML_MAPPING_NODE) {
            top_read(&file, root);
        } else if (root != NULL) {
            file_error(&file, root, "expected settings, like \"listen: 127.0.0.1:4566\"");
        }
        yaml_document_delete(&file.document);
    }
    yaml_parser_delete(&parser);
    (void)fclose(stream);
}
