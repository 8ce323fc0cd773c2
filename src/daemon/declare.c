/* Makes the configuration's resources true: looks what is there, then runs the same operations
 * a client would, one after the other.  Nothing is ever deleted. */
#include "base/log.h"
#include "base/memory.h"
#include "daemon/server.h"
#include "settings/declared.h"

#include <stdio.h>

/* One operation to be run, as a form; several may follow from one look. */
struct wish {
    struct list_node node;
    struct text service;
    struct buffer form;
};

struct declaration {
    struct server *server;
    struct call look; /* the look at one resource, inside the cell */
    struct own_call own;
    struct arena arena; /* of one look */
    struct list wishes;
    struct wish *wish;                 /* under way */
    size_t queue, topic, subscription; /* next to be looked at */
    bool is_topic_made;
    bool is_looking;
    int line; /* of the resource */
};

/* --- Wishes. */

#define FORM_MAX ((size_t)2 * 1024 * 1024)

static struct wish *wish_add(struct declaration *declaration, const char *service,
                             const char *action)
{
    struct wish *wish = memory_zero(sizeof *wish);

    wish->service = text_from(service);
    buffer_init(&wish->form, FORM_MAX);
    buffer_printf(&wish->form, "Action=%s", action);
    list_push(&declaration->wishes, &wish->node);
    return wish;
}

static void wish_say(struct wish *wish, const char *name, struct text value)
{
    buffer_printf(&wish->form, "&%s=", name);
    percent_encode(&wish->form, value);
}

static void wish_free(struct wish *wish)
{
    if (wish != NULL) {
        list_remove(&wish->node);
        buffer_free(&wish->form);
        memory_free(wish);
    }
}

/* "Attributes.entry.3.key", "Attribute.3.Name" */
static void wish_attribute(struct wish *wish, bool is_sqs, size_t number,
                           const struct declared_attribute *attribute)
{
    char name[64];

    (void)snprintf(name, sizeof name,
                   is_sqs ? "Attribute.%zu.Name" : "Attributes.entry.%zu.key", number);
    wish_say(wish, name, attribute->name);
    (void)snprintf(name, sizeof name,
                   is_sqs ? "Attribute.%zu.Value" : "Attributes.entry.%zu.value", number);
    wish_say(wish, name, attribute->value);
}

static void drift_log(const struct declaration *declaration, const char *kind, struct text name,
                      struct text attribute)
{
    log_warn("declared_drift", "%s=%.*s attribute=%.*s line=%d brought_back=1", kind,
             TEXT_PRINTF(name), TEXT_PRINTF(attribute), declaration->line);
}

/* --- A queue's name may stand where AWS wants its ARN. */

static struct text arn_of_queue(struct declaration *declaration, struct text name)
{
    const struct settings *settings = declaration->server->settings;

    if (text_starts_with(name, T("arn:")) || text_find(name, '/') < name.len) {
        return name; /* or the URL of another server's queue */
    }
    return arena_printf(&declaration->arena, "arn:aws:sqs:%.*s:%.*s:%.*s",
                        TEXT_PRINTF(settings->region), TEXT_PRINTF(settings->account),
                        TEXT_PRINTF(name));
}

/* RedrivePolicy of a subscription: a queue's name or ARN becomes the policy's JSON. */
static struct declared_attribute attribute_resolve(struct declaration *declaration,
                                                   const struct declared_attribute *attribute)
{
    struct declared_attribute resolved = *attribute;
    bool is_bare = text_equal(attribute->name, T("RedrivePolicy")) && attribute->value.len > 0
                   && attribute->value.at[0] != '{';

    if (is_bare) {
        struct text arn = arn_of_queue(declaration, attribute->value);

        resolved.value = arena_printf(&declaration->arena, "{\"deadLetterTargetArn\":\"%.*s\"}",
                                      TEXT_PRINTF(arn));
    }
    return resolved;
}

/* --- Looks: what is there, and what must be run so that it is as declared. */

static void create_queue_wish(struct declaration *declaration,
                              const struct declared_queue *declared)
{
    struct wish *wish = wish_add(declaration, "sqs", "CreateQueue");

    wish_say(wish, "QueueName", declared->name);
    for (size_t i = 0; i < declared->attribute_count; i++) {
        wish_attribute(wish, true, i + 1, &declared->attributes[i]);
    }
}

static void look_queue(struct declaration *declaration, struct step *step)
{
    const struct settings *settings = declaration->server->settings;
    const struct declared_queue *declared = &settings->declared->queues[declaration->queue];
    struct queue_name name = {settings->account, settings->region, declared->name};
    struct queue *queue = queue_find(queues_of(step), &name);

    if (queue == NULL) {
        create_queue_wish(declaration, declared);
        return;
    }
    for (size_t i = 0; i < declared->attribute_count; i++) {
        const struct declared_attribute *attribute = &declared->attributes[i];

        if (!text_equal(queue_attribute(queue, attribute->name), attribute->value)) {
            struct wish *wish = wish_add(declaration, "sqs", "SetQueueAttributes");

            drift_log(declaration, "queue", declared->name, attribute->name);
            wish_say(wish, "QueueUrl",
                     arena_printf(&declaration->arena, "http://localhost/%.*s/%.*s",
                                  TEXT_PRINTF(settings->account), TEXT_PRINTF(declared->name)));
            wish_attribute(wish, true, 1, attribute);
        }
    }
}

static struct text topic_arn_of(struct declaration *declaration,
                                const struct declared_topic *declared)
{
    const struct settings *settings = declaration->server->settings;

    return arena_printf(&declaration->arena, "arn:aws:sns:%.*s:%.*s:%.*s",
                        TEXT_PRINTF(settings->region), TEXT_PRINTF(settings->account),
                        TEXT_PRINTF(declared->name));
}

static struct topic *topic_of(const struct declaration *declaration, struct step *step,
                              const struct declared_topic *declared)
{
    const struct settings *settings = declaration->server->settings;
    struct topic_name name = {settings->account, settings->region, declared->name};

    return topic_find(router_of(step), &name);
}

static void look_topic(struct declaration *declaration, struct step *step)
{
    const struct declared_topic *declared =
        &declaration->server->settings->declared->topics[declaration->topic];
    struct topic *topic = topic_of(declaration, step, declared);

    if (topic == NULL) {
        struct wish *wish = wish_add(declaration, "sns", "CreateTopic");

        wish_say(wish, "Name", declared->name);
        for (size_t i = 0; i < declared->attribute_count; i++) {
            wish_attribute(wish, false, i + 1, &declared->attributes[i]);
        }
        return;
    }
    for (size_t i = 0; i < declared->attribute_count; i++) {
        const struct declared_attribute *attribute = &declared->attributes[i];

        if (!text_equal(topic_attribute(topic, attribute->name), attribute->value)) {
            struct wish *wish = wish_add(declaration, "sns", "SetTopicAttributes");

            drift_log(declaration, "topic", declared->name, attribute->name);
            wish_say(wish, "TopicArn", topic->arn);
            wish_say(wish, "AttributeName", attribute->name);
            wish_say(wish, "AttributeValue", attribute->value);
        }
    }
}

static void subscribe_wish(struct declaration *declaration, const struct declared_topic *topic,
                           const struct declared_subscription *declared, struct text endpoint)
{
    static const struct declared_attribute confirmed = {TEXT("Fanfare.Confirmed"),
                                                        TEXT("true")};
    struct wish *wish = wish_add(declaration, "sns", "Subscribe");
    size_t number = 0;

    wish_say(wish, "TopicArn", topic_arn_of(declaration, topic));
    wish_say(wish, "Protocol", declared->protocol);
    wish_say(wish, "Endpoint", endpoint);
    wish_say(wish, "ReturnSubscriptionArn", T("true"));
    wish_attribute(wish, false, ++number, &confirmed);
    for (size_t i = 0; i < declared->attribute_count; i++) {
        struct declared_attribute attribute =
            attribute_resolve(declaration, &declared->attributes[i]);

        wish_attribute(wish, false, ++number, &attribute);
    }
}

static enum status look_subscription(struct declaration *declaration, struct step *step)
{
    const struct declared_topic *declared_topic =
        &declaration->server->settings->declared->topics[declaration->topic];
    const struct declared_subscription *declared =
        &declared_topic->subscriptions[declaration->subscription];
    struct topic *topic = topic_of(declaration, step, declared_topic);
    struct text endpoint = text_equal(declared->protocol, T("sqs"))
                               ? arn_of_queue(declaration, declared->endpoint)
                               : declared->endpoint;
    struct subscription found;
    enum status status = STATUS_NOT_FOUND;

    if (topic != NULL) {
        status = subscription_find_endpoint(step, topic, declared->protocol, endpoint,
                                            &declaration->arena, &found);
    }
    if (status == STATUS_WAIT) {
        return status;
    }
    if (status != STATUS_OK) {
        subscribe_wish(declaration, declared_topic, declared, endpoint);
        return STATUS_OK;
    }
    for (size_t i = 0; i < declared->attribute_count; i++) {
        struct declared_attribute attribute =
            attribute_resolve(declaration, &declared->attributes[i]);

        if (!text_equal(subscription_attribute(&found, attribute.name), attribute.value)) {
            struct wish *wish = wish_add(declaration, "sns", "SetSubscriptionAttributes");

            drift_log(declaration, "subscription", declared->endpoint, attribute.name);
            wish_say(wish, "SubscriptionArn",
                     subscription_arn(&declaration->arena, topic, found.id));
            wish_say(wish, "AttributeName", attribute.name);
            wish_say(wish, "AttributeValue", attribute.value);
        }
    }
    return STATUS_OK;
}

static enum status look_run(struct call *call, struct step *step)
{
    struct declaration *declaration = container_of(call, struct declaration, look);
    const struct declared *declared = declaration->server->settings->declared;

    if (declaration->queue < declared->queue_count) {
        look_queue(declaration, step);
        return STATUS_OK;
    }
    if (!declaration->is_topic_made) {
        look_topic(declaration, step);
        return STATUS_OK;
    }
    return look_subscription(declaration, step);
}

static void look_done(struct call *call, enum status status)
{
    struct declaration *declaration = container_of(call, struct declaration, look);
    const struct declared *declared = declaration->server->settings->declared;

    (void)status;
    if (declaration->queue < declared->queue_count) {
        declaration->queue++;
    } else if (!declaration->is_topic_made) {
        declaration->is_topic_made = true;
    } else {
        declaration->subscription++;
    }
    declaration->is_looking = false;
}

/* --- One after the other. */

static void on_wish_done(struct own_call *call, int http_status, struct text body)
{
    struct declaration *declaration = container_of(call, struct declaration, own);

    if (http_status != 200) {
        log_error("declared_refused", "file=%.*s line=%d answer=\"%.*s\"",
                  TEXT_PRINTF(declaration->server->settings->file), declaration->line,
                  TEXT_PRINTF(body));
    }
    wish_free(declaration->wish);
    declaration->wish = NULL;
}

/* The next resource to look at; 0: there is none. */
static int next_line(struct declaration *declaration)
{
    const struct declared *declared = declaration->server->settings->declared;

    if (declaration->queue < declared->queue_count) {
        return declared->queues[declaration->queue].line;
    }
    while (declaration->topic < declared->topic_count) {
        const struct declared_topic *topic = &declared->topics[declaration->topic];

        if (!declaration->is_topic_made) {
            return topic->line;
        }
        if (declaration->subscription < topic->subscription_count) {
            return topic->subscriptions[declaration->subscription].line;
        }
        declaration->topic++;
        declaration->subscription = 0;
        declaration->is_topic_made = false;
    }
    return 0;
}

static void look_start(struct declaration *declaration)
{
    arena_reset(&declaration->arena);
    declaration->look = (struct call){.run = look_run, .done = look_done, .only_reads = true};
    declaration->is_looking = true;
    cell_call(declaration->server->cell, server_now_ms(declaration->server),
              &declaration->look);
}

static void declare_next(struct declaration *declaration)
{
    struct server *server = declaration->server;

    if (declaration->wish != NULL || declaration->is_looking || server->has_announced) {
        return;
    }
    struct list_node *node = list_pop(&declaration->wishes);

    if (node != NULL) {
        declaration->wish = container_of(node, struct wish, node);
        declaration->own = (struct own_call){
            .service = declaration->wish->service,
            .form = buffer_text(&declaration->wish->form),
            .done = on_wish_done,
        };
        api_own_call(server->api, &declaration->own);
        return;
    }
    declaration->line = next_line(declaration);
    if (declaration->line != 0) {
        look_start(declaration);
        return;
    }
    server->has_announced = true;
    server_announce(server);
}

void declare_turn(struct server *server)
{
    struct declaration *declaration = server->declaration;

    if (declaration == NULL) {
        return;
    }
    for (int i = 0; i < 64 && !server->has_announced; i++) { /* many are done at once */
        bool was_busy = declaration->wish != NULL || declaration->is_looking;

        declare_next(declaration);
        if (was_busy && (declaration->wish != NULL || declaration->is_looking)) {
            return;
        }
    }
}

void declare_start(struct server *server)
{
    struct declaration *declaration = memory_zero(sizeof *declaration);

    if (server->settings->declared == NULL) {
        server->settings->declared =
            arena_take(&server->settings->arena, sizeof *server->settings->declared);
    }
    declaration->server = server;
    list_init(&declaration->wishes);
    server->declaration = declaration;
    declare_turn(server);
}

void declare_free(struct server *server)
{
    struct declaration *declaration = server->declaration;
    struct list_node *node = NULL;

    if (declaration == NULL) {
        return;
    }
    wish_free(declaration->wish);
    while ((node = list_pop(&declaration->wishes)) != NULL) {
        wish_free(container_of(node, struct wish, node));
    }
    arena_free(&declaration->arena);
    memory_free(declaration);
    server->declaration = NULL;
}
