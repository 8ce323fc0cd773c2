/* What the configuration's resources are like, and which operations make them as declared. */
#include "base/encoding.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/url.h"
#include "daemon/declare.h"

#include <stdio.h>

/* --- Wishes. */

#define FORM_MAX ((size_t)16 * 1024 * 1024)

static struct wish *wish_add(struct errand *errand, const char *service, const char *action)
{
    struct wish *wish = memory_zero(sizeof *wish);

    wish->service = text_from(service);
    buffer_init(&wish->form, FORM_MAX);
    buffer_printf(&wish->form, "Action=%s", action);
    list_push(&errand->wishes, &wish->node);
    return wish;
}

static void wish_say(struct wish *wish, const char *name, struct text value)
{
    buffer_printf(&wish->form, "&%s=", name);
    percent_encode(&wish->form, value);
}

void wish_free(struct wish *wish)
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

static void drift_log(const struct errand *errand, const char *kind, struct text name,
                      struct text attribute)
{
    log_warn("declared_drift", "%s=%.*s attribute=%.*s line=%d brought_back=1", kind,
             TEXT_PRINTF(name), TEXT_PRINTF(attribute), errand->item->line);
}

/* --- A queue's name may stand where AWS wants its ARN. */

static struct text arn_of_queue(struct errand *errand, struct text name)
{
    const struct settings *settings = errand->server->settings;

    if (text_starts_with(name, T("arn:")) || text_find(name, '/') < name.len) {
        return name; /* or the URL of another server's queue */
    }
    return arena_printf(&errand->arena, "arn:aws:sqs:%.*s:%.*s:%.*s",
                        TEXT_PRINTF(settings->region), TEXT_PRINTF(settings->account),
                        TEXT_PRINTF(name));
}

/* RedrivePolicy of a subscription: a queue's name or ARN becomes the policy's JSON. */
static struct declared_attribute attribute_resolve(struct errand *errand,
                                                   const struct declared_attribute *attribute)
{
    struct declared_attribute resolved = *attribute;
    bool is_bare = text_equal(attribute->name, T("RedrivePolicy")) && attribute->value.len > 0
                   && attribute->value.at[0] != '{';

    if (is_bare) {
        struct text arn = arn_of_queue(errand, attribute->value);

        resolved.value = arena_printf(&errand->arena, "{\"deadLetterTargetArn\":\"%.*s\"}",
                                      TEXT_PRINTF(arn));
    }
    return resolved;
}

/* --- Looks: what is there, and what must be run so that it is as declared. */

static void create_queue_wish(struct errand *errand, const struct declared_queue *declared)
{
    struct wish *wish = wish_add(errand, "sqs", "CreateQueue");

    wish_say(wish, "QueueName", declared->name);
    for (size_t i = 0; i < declared->attribute_count; i++) {
        wish_attribute(wish, true, i + 1, &declared->attributes[i]);
    }
}

static void look_queue(struct errand *errand, struct step *step)
{
    const struct settings *settings = errand->server->settings;
    const struct declared_queue *declared = errand->item->queue;
    struct queue_name name = {settings->account, settings->region, declared->name};
    struct queue *queue = queue_find(queues_of(step), &name);

    if (queue == NULL) {
        create_queue_wish(errand, declared);
        return;
    }
    for (size_t i = 0; i < declared->attribute_count; i++) {
        const struct declared_attribute *attribute = &declared->attributes[i];

        if (!text_equal(queue_attribute(queue, attribute->name), attribute->value)) {
            struct wish *wish = wish_add(errand, "sqs", "SetQueueAttributes");

            drift_log(errand, "queue", declared->name, attribute->name);
            wish_say(wish, "QueueUrl",
                     arena_printf(&errand->arena, "http://localhost/%.*s/%.*s",
                                  TEXT_PRINTF(settings->account), TEXT_PRINTF(declared->name)));
            wish_attribute(wish, true, 1, attribute);
        }
    }
}

static struct text topic_arn_of(struct errand *errand, const struct declared_topic *declared)
{
    const struct settings *settings = errand->server->settings;

    return arena_printf(&errand->arena, "arn:aws:sns:%.*s:%.*s:%.*s",
                        TEXT_PRINTF(settings->region), TEXT_PRINTF(settings->account),
                        TEXT_PRINTF(declared->name));
}

static struct topic *topic_of(const struct errand *errand, struct step *step,
                              const struct declared_topic *declared)
{
    const struct settings *settings = errand->server->settings;
    struct topic_name name = {settings->account, settings->region, declared->name};

    return topic_find(router_of(step), &name);
}

static void look_topic(struct errand *errand, struct step *step)
{
    const struct declared_topic *declared = errand->item->topic;
    struct topic *topic = topic_of(errand, step, declared);

    if (topic == NULL) {
        struct wish *wish = wish_add(errand, "sns", "CreateTopic");

        wish_say(wish, "Name", declared->name);
        for (size_t i = 0; i < declared->attribute_count; i++) {
            wish_attribute(wish, false, i + 1, &declared->attributes[i]);
        }
        return;
    }
    for (size_t i = 0; i < declared->attribute_count; i++) {
        const struct declared_attribute *attribute = &declared->attributes[i];

        if (!text_equal(topic_attribute(topic, attribute->name), attribute->value)) {
            struct wish *wish = wish_add(errand, "sns", "SetTopicAttributes");

            drift_log(errand, "topic", declared->name, attribute->name);
            wish_say(wish, "TopicArn", topic->arn);
            wish_say(wish, "AttributeName", attribute->name);
            wish_say(wish, "AttributeValue", attribute->value);
        }
    }
}

static void subscribe_wish(struct errand *errand, const struct declared_topic *topic,
                           const struct declared_subscription *declared, struct text endpoint)
{
    static const struct declared_attribute confirmed = {TEXT("Fanfare.Confirmed"),
                                                        TEXT("true")};
    struct wish *wish = wish_add(errand, "sns", "Subscribe");
    size_t number = 0;

    wish_say(wish, "TopicArn", topic_arn_of(errand, topic));
    wish_say(wish, "Protocol", declared->protocol);
    wish_say(wish, "Endpoint", endpoint);
    wish_say(wish, "ReturnSubscriptionArn", T("true"));
    wish_attribute(wish, false, ++number, &confirmed);
    for (size_t i = 0; i < declared->attribute_count; i++) {
        struct declared_attribute attribute =
            attribute_resolve(errand, &declared->attributes[i]);

        wish_attribute(wish, false, ++number, &attribute);
    }
}

static enum status look_subscription(struct errand *errand, struct step *step)
{
    const struct declared_topic *declared_topic = errand->item->topic;
    const struct declared_subscription *declared = errand->item->subscription;
    struct topic *topic = topic_of(errand, step, declared_topic);
    struct text endpoint = text_equal(declared->protocol, T("sqs"))
                               ? arn_of_queue(errand, declared->endpoint)
                               : declared->endpoint;
    struct subscription found;
    enum status status = STATUS_NOT_FOUND;

    if (topic != NULL) {
        status = subscription_find_endpoint(step, topic, declared->protocol, endpoint,
                                            &errand->arena, &found);
    }
    if (status == STATUS_WAIT) {
        return status;
    }
    if (status != STATUS_OK) {
        subscribe_wish(errand, declared_topic, declared, endpoint);
        return STATUS_OK;
    }
    for (size_t i = 0; i < declared->attribute_count; i++) {
        struct declared_attribute attribute =
            attribute_resolve(errand, &declared->attributes[i]);

        if (!text_equal(subscription_attribute(&found, attribute.name), attribute.value)) {
            struct wish *wish = wish_add(errand, "sns", "SetSubscriptionAttributes");

            drift_log(errand, "subscription",
                      url_without_secrets(&errand->arena, declared->endpoint), attribute.name);
            wish_say(wish, "SubscriptionArn",
                     subscription_arn(&errand->arena, topic, found.id));
            wish_say(wish, "AttributeName", attribute.name);
            wish_say(wish, "AttributeValue", attribute.value);
        }
    }
    return STATUS_OK;
}

enum status errand_look(struct errand *errand, struct step *step)
{
    switch (errand->item->kind) {
    case DECLARED_QUEUE: look_queue(errand, step); return STATUS_OK;
    case DECLARED_TOPIC: look_topic(errand, step); return STATUS_OK;
    case DECLARED_SUBSCRIPTION: break;
    }
    return look_subscription(errand, step);
}
