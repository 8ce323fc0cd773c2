/* Topics and subscriptions by the ARNs that clients send. */
#include "services/common/arn.h"
#include "services/sns/internal.h"

static enum status arn_fail(struct request *request, const char *name, size_t elements)
{
    return request_fail(request, &sns_invalid_parameter,
                        "Invalid parameter: %s Reason: An ARN must have at least 6 elements, "
                        "not %zu",
                        name, elements);
}

/* An unsigned GET (SubscribeURL) claims nothing: the ARN itself says where it belongs. */
static bool is_elsewhere(const struct request *request, const struct arn *arn)
{
    return request->is_signed && !text_equal(arn->region, request->region);
}

enum status sns_topic(struct request *request, struct step *step, struct text arn_text,
                      const char *name, struct topic **ret_topic)
{
    struct arn arn;
    size_t elements = 0;

    if (!arn_parse(arn_text, &arn, &elements)) {
        return arn_fail(request, name, elements);
    }
    if (!text_equal(arn.service, T("sns")) || is_elsewhere(request, &arn)) {
        return request_fail(request, &sns_invalid_parameter, "Invalid parameter: %s", name);
    }
    if (request->is_signed && !text_equal(arn.account, request->account)) {
        return request_fail(request, &sns_authorization,
                            "User: arn:aws:iam::%.*s:root is not authorized to perform: %s on "
                            "resource: %.*s",
                            TEXT_PRINTF(request->account), request->operation->permission,
                            TEXT_PRINTF(arn_text));
    }
    struct topic_name topic_name = {arn.account, arn.region, arn.resource};

    *ret_topic = topic_find(router_of(step), &topic_name);
    return *ret_topic != NULL ? STATUS_OK
                              : request_fail(request, &sns_not_found, "Topic does not exist");
}

enum status sns_subscription(struct request *request, struct step *step, struct text arn_text,
                             struct subscription *ret)
{
    struct arn arn;
    size_t elements = 0;
    uint8_t id[16];

    if (!arn_parse(arn_text, &arn, &elements)) {
        return arn_fail(request, "SubscriptionArn", elements);
    }
    struct text rest = arn.resource;
    struct text topic = text_cut(&rest, ':');

    if (!text_equal(arn.service, T("sns")) || topic.len == 0 || is_elsewhere(request, &arn)) {
        return request_fail(request, &sns_invalid_parameter,
                            "Invalid parameter: SubscriptionArn");
    }
    if (!uuid_parse(rest, id)) {
        return request_fail(request, &sns_invalid_parameter,
                            "Invalid parameter: SubscriptionId");
    }
    return subscription_find(step, id, request->arena, ret);
}

/* The same two texts under two names: a set can be handed to the router as it is. */
_Static_assert(sizeof(struct attribute) == sizeof(struct string_pair)
                   && offsetof(struct attribute, value) == offsetof(struct string_pair, value),
               "attributes and pairs are laid out alike");

const struct attribute *set_attributes(const struct attribute_set *set)
{
    return (const void *)set->items;
}

void set_from_attributes(struct attribute_set *set, struct arena *arena,
                         const struct attribute *attributes, size_t count)
{
    attribute_set_init(set, arena, (const void *)attributes, count);
}
