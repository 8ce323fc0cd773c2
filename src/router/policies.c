/* How a subscription's endpoint is to be treated: by its own attributes and its topic's. */
#include "router/internal.h"

static bool is_web(const struct subscription *subscription)
{
    return subscription->protocol == PROTOCOL_HTTP || subscription->protocol == PROTOCOL_HTTPS;
}

/* AWS's policies are those of http and https alone. */
static void policies_join(const struct router *router, const struct subscription *subscription,
                          struct retry_policy *ret_policy, uint32_t *ret_per_second)
{
    const struct topic *topic = topic_find_number(router, subscription->topic);

    if (!is_web(subscription)) {
        *ret_policy = retry_policy_messaging;
        *ret_per_second = 0;
        return;
    }
    delivery_policy_join(
        topic == NULL ? (struct text){0} : topic_attribute(topic, T("DeliveryPolicy")),
        subscription_attribute(subscription, T("DeliveryPolicy")), ret_policy, ret_per_second);
}

void router_retry_policy(struct step *step, struct text subscription_record,
                         struct retry_policy *ret_policy)
{
    struct subscription subscription;
    struct arena arena = {0};
    const char *reason = NULL;
    uint32_t per_second = 0;

    *ret_policy = retry_policy_http;
    if (subscription_decode(subscription_record, &arena, &subscription)) {
        struct text schedule =
            subscription_attribute(&subscription, T("Fanfare.RetrySchedule"));

        policies_join(router_of(step), &subscription, ret_policy, &per_second);
        bool is_read = retry_schedule_parse(schedule, ret_policy, &reason);

        (void)is_read; /* Subscribe refused what is not: the policy stays as it is */
    }
    arena_free(&arena);
}
