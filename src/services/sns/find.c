/* Topics and subscriptions by their ARNs. */
#include "base/encoding.h"
#include "services/sns/internal.h"

static enum status arn_take(struct request *request, struct text text, const char *parameter,
                            struct arn *ret_arn)
{
    size_t elements = 0;

    if (arn_parse(text, ret_arn, &elements)) {
        return STATUS_OK;
    }
    if (elements < ARN_ELEMENTS) {
        return request_fail(request, &sns_invalid_parameter,
                            "Invalid parameter: %s Reason: An ARN must have at least %d "
                            "elements, not %zu",
                            parameter, ARN_ELEMENTS, elements);
    }
    return request_fail(request, &sns_invalid_parameter, "Invalid parameter: %s", parameter);
}

enum status sns_topic(struct request *request, struct step *step, struct text arn,
                      const char *parameter, struct topic **ret_topic)
{
    struct arn parts;
    enum status status = arn_take(request, arn, parameter, &parts);

    if (status != STATUS_OK) {
        return status;
    }
    if (!text_equal(parts.service, T("sns")) || !text_equal(parts.region, request->region)) {
        return request_fail(request, &sns_invalid_parameter, "Invalid parameter: %s",
                            parameter);
    }
    struct topic_name name = {parts.account, parts.region, parts.resource};
    struct topic *topic =
        topic_is_hidden(parts.resource) ? NULL : topic_find(router_of(step), &name);

    if (topic == NULL) {
        return request_fail(request, &sns_not_found, "Topic does not exist");
    }
    *ret_topic = topic;
    return STATUS_OK;
}

/* "<topic>:<uuid>" */
static bool resource_split(struct text resource, struct text *ret_topic, uint8_t ret_id[16])
{
    *ret_topic = text_cut(&resource, ':');
    return uuid_parse(resource, ret_id);
}

enum status sns_subscription_id(struct request *request, struct text arn, uint8_t ret_id[16])
{
    struct arn parts;
    struct text topic;
    enum status status = arn_take(request, arn, "SubscriptionArn", &parts);

    if (status != STATUS_OK) {
        return status;
    }
    return resource_split(parts.resource, &topic, ret_id) && !topic_is_hidden(topic)
               ? STATUS_OK
               : STATUS_NOT_FOUND;
}

/* The ARN must be this subscription's to the last letter, not only end in its id. */
static bool is_of_topic(struct text arn, const struct topic *topic)
{
    return topic != NULL && text_starts_with(arn, topic->arn) && arn.len > topic->arn.len
           && arn.at[topic->arn.len] == ':';
}

enum status sns_subscription(struct request *request, struct step *step, struct text arn,
                             struct subscription *ret_subscription, struct topic **ret_topic)
{
    uint8_t id[16];
    struct topic *topic = NULL;
    enum status status = sns_subscription_id(request, arn, id);

    if (status == STATUS_OK) {
        status = subscription_find(step, id, request->arena, ret_subscription);
    }
    if (status == STATUS_OK) {
        topic = topic_find_number(router_of(step), ret_subscription->topic);
        status = is_of_topic(arn, topic) ? STATUS_OK : STATUS_NOT_FOUND;
    }
    if (status == STATUS_NOT_FOUND) {
        return request_fail(request, &sns_not_found, "Subscription does not exist");
    }
    *ret_topic = topic;
    return status;
}
